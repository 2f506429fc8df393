# SPDX-License-Identifier: BSD-2-Clause
#
# lostsock: every verb a person types. Sources are discovered, so a new file needs no line here;
# everything that is made goes below build/. `make help` lists the verbs and the variables.

VERSION := 0.1.0

MAKEFLAGS += --no-print-directory --no-builtin-rules
.DELETE_ON_ERROR:
.SUFFIXES:
.SECONDARY:
.DEFAULT_GOAL := all

# bpftool and friends live in sbin, which is not in everybody's PATH.
export PATH := $(PATH):/usr/sbin:/sbin

# ---- what a caller may set -------------------------------------------------------------------

ifneq ($(filter default undefined,$(origin CC)),)
CC := gcc
endif
ifneq ($(filter default undefined,$(origin AR)),)
AR := ar
endif
CLANG        ?= clang
CLANG_FORMAT ?= clang-format
BPFTOOL      ?= bpftool
CFLAGS       ?= -O2 -g
PREFIX       ?= /usr/local
LIBDIR       ?= $(PREFIX)/lib
UNITDIR      ?= $(PREFIX)/lib/systemd/system
FUZZ_SECONDS ?= 20
HEALTHY_SECONDS ?= 60
VMLINUX      ?= committed
SANITIZE     ?= 0
V            ?= 0
WERROR       ?= $(if $(filter true,$(CI)),1,0)

Q   := $(if $(filter 1,$(V)),,@)
say  = @$(if $(filter 1,$(V)),:,printf '  %-5s %s\n' '$1' '$2')

# ---- sources ---------------------------------------------------------------------------------

# The directories of src/ that make up the program. src/tether is a library of its own.
parts := verb export source ledger verdict view symbol base

src       := $(foreach p,$(parts),$(wildcard src/$p/*.c))
edge_src  := $(wildcard src/verb/*.c src/source/live*.c src/source/bpf*.c)
pure_src  := $(filter-out $(edge_src),$(src))
main_src  := src/lostsock.c
bpf_src   := $(wildcard bpf/*.bpf.c)

unit_src  := $(wildcard tests/unit/*.c)
unit_all  := $(filter tests/unit/test_%,$(unit_src))
unit_help := $(filter-out $(unit_all),$(unit_src))
unit_oom  := $(filter %_oom.c,$(unit_all))
unit_san  := $(filter-out $(unit_oom),$(unit_all))
bpft_skel := $(patsubst tests/bpf/%.bpf.c,build/gen/%.skel.h,$(wildcard tests/bpf/*.bpf.c))
bpft_src  := $(filter-out %.bpf.c,$(wildcard tests/bpf/*.c))
load_src  := $(wildcard tests/e2e/load/*.c)
fuzz_src  := $(wildcard tests/fuzz/fuzz_*.c)
bench_src := $(filter-out tests/bench/tether_%,$(wildcard tests/bench/*.c))

c_files := $(shell find src bpf include tests -name '*.[ch]' 2>/dev/null | LC_ALL=C sort)

# ---- flags -----------------------------------------------------------------------------------

machine  := $(shell uname -m)
bpf_arch := $(or $(patsubst %,x86,$(filter x86_64 i%86,$(machine))),\
                 $(patsubst %,arm64,$(filter aarch64,$(machine))),\
                 $(patsubst %,arm,$(filter arm%,$(machine))),\
                 $(patsubst %,powerpc,$(filter ppc%,$(machine))),\
                 $(patsubst %,riscv,$(filter riscv%,$(machine))),\
                 $(patsubst %,s390,$(filter s390%,$(machine))),\
                 $(patsubst %,loongarch,$(filter loongarch%,$(machine))),$(machine))

werror   := $(if $(filter 1,$(WERROR)),-Werror)
warnings := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 -Wvla $(werror)
dialect  := -std=gnu11 -D_GNU_SOURCE -DLOSTSOCK_VERSION='"$(VERSION)"'
includes := -Iinclude -Isrc -Ibuild/gen
common   := $(dialect) $(includes) $(warnings) -fno-omit-frame-pointer -fPIE $(CPPFLAGS)
harden   := -fstack-protector-strong -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
# No _FORTIFY_SOURCE here: its wrappers hide string functions from the sanitizers.
sanitize := -fsanitize=address,undefined -fno-sanitize-recover=all
ldflags  := -pie -Wl,-z,relro,-z,now -Wl,--as-needed $(LDFLAGS)
ldlibs   := -lbpf -ldw -lelf -llzma -lz -liberty -lncursesw -ljansson -lJudy -lcap -lyaml -lcrypt \
            -lseccomp $(LDLIBS)

# A test is called by cmocka, libFuzzer or the linker's --wrap: the signature is theirs, and there is
# no header to declare it in.
test_warn  := -Wno-unused-parameter -Wno-missing-prototypes
test_flags = -I$(<D) -Itests $(test_warn)

bpf_vmlinux := $(if $(filter generated,$(VMLINUX)),build/gen/vmlinux.h,vmlinux/vmlinux.h)
# The libc headers of the machine come last: only linux/*.h and their asm/ may be found there.
# Their BTF names the sources; not where they lay.
bpf_flags := -target bpf -mcpu=v3 -O2 -g -std=gnu11 -D__TARGET_ARCH_$(bpf_arch) \
             -ffile-prefix-map=$(CURDIR)=. \
             -Wall -Wextra -Wshadow -Wno-unused-parameter -Wno-missing-declarations $(werror) \
             -Iinclude -I$(patsubst %/,%,$(dir $(bpf_vmlinux))) -Ibpf \
             -idirafter /usr/include/$(machine)-linux-gnu

# ---- stamps: what was built with other flags, or from other files, is built again -------------

comma := ,
quote = '$(subst ','\'',$1)'

define stamp
$1: FORCE
	@mkdir -p $$(@D)
	@printf '%s\n' $$(call quote,$2) | cmp -s - $$@ || printf '%s\n' $$(call quote,$2) >$$@
endef

# ---- flavours: the same sources as plain, sanitized and fuzzed objects -----------------------

obj_plain := build/obj
obj_san   := build/sanitized/obj
obj_fuzz  := build/fuzz/obj

cc_plain := $(CC) $(common) $(CFLAGS) $(harden)
cc_san   := $(CC) $(common) $(CFLAGS) $(sanitize)
cc_fuzz  := $(CLANG) $(common) $(CFLAGS) $(sanitize) -fsanitize=fuzzer-no-link

# $1 = plain, san or fuzz
define flavour
$(call stamp,$(obj_$1)/.flags,$(cc_$1) / $(test_warn))
$(call stamp,$(obj_$1)/.files,$(src))

$(obj_$1)/src/%.o: src/%.c $(obj_$1)/.flags
	@mkdir -p $$(@D)
	$$(call say,CC,$$<)
	$$(Q)$$(cc_$1) -MMD -MP -c -o $$@ $$<

$(obj_$1)/tests/%.o: tests/%.c $(obj_$1)/.flags
	@mkdir -p $$(@D)
	$$(call say,CC,$$<)
	$$(Q)$$(cc_$1) $$(test_flags) -MMD -MP -c -o $$@ $$<

# Only the edges may know of the skeleton; the pure parts build without clang and bpftool.
$(patsubst %.c,$(obj_$1)/%.o,$(edge_src) $(main_src)): | build/gen/lostsock.skel.h

# Archives, so that a test pulls in only what it names and may put a fake in a module's place.
$(obj_$1)/pure.a: $(pure_src:%.c=$(obj_$1)/%.o) $(obj_$1)/.files
	$$(call say,AR,$$@)
	$$(Q)rm -f $$@ && $(AR) rcs $$@ $$(filter %.o,$$^)

$(obj_$1)/edge.a: $(edge_src:%.c=$(obj_$1)/%.o) $(obj_$1)/.files
	$$(call say,AR,$$@)
	$$(Q)rm -f $$@ && $(AR) rcs $$@ $$(filter %.o,$$^)
endef

$(foreach f,plain san fuzz,$(eval $(call flavour,$f)))

# ---- the program -----------------------------------------------------------------------------

flavour  := $(if $(filter 1,$(SANITIZE)),san,plain)
out      := $(if $(filter 1,$(SANITIZE)),build/sanitized,build)
program  := $(out)/lostsock
main_obj := $(patsubst %.c,$(obj_$(flavour))/%.o,$(main_src) $(src))

all: $(program) tether ## build lostsock, libtether and its tools (the default)

# What serves HTTP, in the library below and here.
tether_libs  := -luv -lgnutls -lngtcp2_crypto_gnutls -lngtcp2 -lnghttp3 -lpthread

$(eval $(call stamp,$(out)/.link,$(cc_$(flavour)) $(ldflags) $(ldlibs) $(tether_libs)))

$(program): $(main_obj) $(obj_$(flavour))/.files $(out)/.link build/libtether.a
	$(call say,LD,$@)
	$(Q)$(cc_$(flavour)) $(ldflags) -o $@ $(filter %.o,$^) build/libtether.a $(ldlibs) $(tether_libs)

# The page is taken in by the assembler, which says nothing of it.
$(foreach f,plain san fuzz,$(obj_$f)/src/export/page.o): src/export/page.html

# ---- rules that stand where their sources do --------------------------------------------------

include src/tether/tether.mk bpf/bpf.mk deploy/static.mk tests/tests.mk tests/vm/vm.mk deploy/install.mk

# ---- other verbs -----------------------------------------------------------------------------

deps: ## install the packages that are missing to build
	@scripts/deps.sh build

# Its own make: compilers that deps has only just installed must be seen.
top: ## install what is missing, build, and run lostsock top (root; ARGS="...")
	@scripts/deps.sh build
	@$(MAKE) $(jobs) all; status=$$?; $(give_back); exit $$status
	@exec $(program) top $(ARGS)

format: ## apply clang-format
	$(Q)$(if $(c_files),$(CLANG_FORMAT) -i $(c_files))

clean: ## remove build/
	$(Q)rm -rf build

help: ## this list
	@echo 'make VERB [VARIABLE=VALUE]'; echo
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/  \1|\2/p' $(filter Makefile %.mk,$(MAKEFILE_LIST)) | \
		awk -F'|' '{ printf "%-16s%s\n", $$1, $$2 }'
	@echo
	@echo '  V=1                show the commands, and the output of passing tests'
	@echo '  T=WORD             only the tests whose name has WORD in it'
	@echo '  ARGS="..."         options for lostsock top'
	@echo '  SANITIZE=1         build/sanitized/lostsock, with ASan and UBSan'
	@echo '  WERROR=1           warnings are errors (the default where CI=true)'
	@echo '  VMLINUX=generated  kernel types from the running kernel instead of vmlinux/'
	@echo '  FUZZ_SECONDS=20    for each fuzz target'
	@echo '  RESUME=1           the rows of the proof that this very program has not answered yet'
	@echo '  HEALTHY_SECONDS=60 how long proof-healthy watches'
	@echo '  DESTDIR= PREFIX=/usr/local LIBDIR=PREFIX/lib UNITDIR=PREFIX/lib/systemd/system'

FORCE:
.PHONY: FORCE all static static-arm64 tether tether-test load unit bpftest golden e2e faults proof proof-healthy \
        proof-programs bench fuzz lint vm vm-fetch test test-all deps top format install uninstall deb \
        clean help

-include $(shell find build -path build/vm -prune -o -name '*.d' -type f -print 2>/dev/null)
