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

# ---- tether: a library of its own, with flags of its own ---------------------------------------

tether_so    := libtether.so.1
tether_src   := $(wildcard src/tether/*.c)
tether_tools := tether-serve tether-get
serve_src    := src/tools/tether-serve.c src/tools/serve_options.c src/tools/files.c
get_src      := src/tools/tether-get.c src/tools/get_report.c
tether_all   := $(wildcard tests/tether/test_*.c)
tether_help  := $(filter-out $(tether_all),$(wildcard tests/tether/*.c))
# Debian's node-llhttp ships the parser as sources; they are compiled where they lie.
llhttp_dir   := /usr/share/llhttp
llhttp_inc   := /usr/share/include/llhttp
llhttp_obj   := llhttp/llhttp.o llhttp/api.o llhttp/http.o

tether_common := -std=gnu11 -D_GNU_SOURCE -Iinclude -isystem $(llhttp_inc) $(warnings) \
                 -fno-omit-frame-pointer -fvisibility=hidden $(CPPFLAGS)

obj_tether        := build/tether/obj
obj_tether_faulty := build/tether/faulty
obj_tether_san    := build/tether/sanitized
obj_tether_tsan   := build/tether/tsan
obj_tether_fuzz   := build/tether/fuzz
obj_tether_bare   := build/tether/bare

cc_tether        := $(CC) $(tether_common) -fPIC $(CFLAGS) $(harden)
cc_tether_faulty := $(cc_tether) -DTETHER_FAULTS
cc_tether_san    := $(CC) $(tether_common) -fPIE $(CFLAGS) $(sanitize)
cc_tether_tsan   := $(CC) $(tether_common) -fPIE $(CFLAGS) -fsanitize=thread
cc_tether_bare   := $(cc_tether) -DTETHER_NO_PROBES
cc_tether_fuzz   := $(CLANG) $(tether_common) -fPIE $(CFLAGS) $(sanitize) -fsanitize=fuzzer-no-link

# $1 = tether, tether_faulty, tether_san, tether_tsan, tether_fuzz or tether_bare
define tether_flavour
$(call stamp,$(obj_$1)/.flags,$(cc_$1) / $(test_warn))
$(call stamp,$(obj_$1)/.files,$(tether_src))

$(obj_$1)/src/%.o: src/%.c $(obj_$1)/.flags
	@mkdir -p $$(@D)
	$$(call say,CC,$$<)
	$$(Q)$$(cc_$1) -MMD -MP -c -o $$@ $$<

$(obj_$1)/tests/%.o: tests/%.c $(obj_$1)/.flags
	@mkdir -p $$(@D)
	$$(call say,CC,$$<)
	$$(Q)$$(cc_$1) -Isrc -Itests/tether $(test_warn) -MMD -MP -c -o $$@ $$<

$(obj_$1)/llhttp/%.o: $(llhttp_dir)/%.c $(obj_$1)/.flags
	@mkdir -p $$(@D)
	$$(call say,CC,$$<)
	$$(Q)$$(cc_$1) -w -c -o $$@ $$<

$(obj_$1)/tether.a: $(tether_src:%.c=$(obj_$1)/%.o) $(llhttp_obj:%=$(obj_$1)/%) $(obj_$1)/.files
	$$(call say,AR,$$@)
	$$(Q)rm -f $$@ && $(AR) rcs $$@ $$(filter %.o,$$^)
endef

$(foreach f,tether tether_faulty tether_san tether_tsan tether_fuzz tether_bare,$(eval $(call tether_flavour,$f)))

tether_so_link = $(cc_$1) -shared -Wl,-soname,$(tether_so) -Wl,-z,relro,-z,now -Wl,-z,defs \
                 -Wl,--as-needed $(LDFLAGS) -o $@ -Wl,--whole-archive $< -Wl,--no-whole-archive $(tether_libs)

build/$(tether_so): $(obj_tether)/tether.a
	$(call say,LD,$@)
	$(Q)$(call tether_so_link,tether)
	$(Q)ln -sf $(tether_so) build/libtether.so

# The same soname: programs are not told apart, LD_PRELOAD puts it in the other's place.
build/libtether-faulty.so: $(obj_tether_faulty)/tether.a
	$(call say,LD,$@)
	$(Q)$(call tether_so_link,tether_faulty)

# One object whose hidden names are local: the parser's must not meet a program's own.
build/libtether.a: $(obj_tether)/tether.a
	$(call say,AR,$@)
	$(Q)ld -r -o $(obj_tether)/whole.o --whole-archive $<
	$(Q)objcopy --localize-hidden $(obj_tether)/whole.o
	$(Q)rm -f $@ && $(AR) rcs $@ $(obj_tether)/whole.o

build/tether.pc: src/tether/tether.pc.in FORCE
	$(Q)sed 's|@PREFIX@|$(PREFIX)|; s|@LIBDIR@|$(LIBDIR)|; s|@VERSION@|$(VERSION)|' $< >$@.new
	$(Q)cmp -s $@.new $@ && rm $@.new || mv $@.new $@

# The library is found beside the tool, in build/ and where it is installed; a distribution has it
# where the loader looks anyway, and sets RPATH to nothing.
RPATH     ?= $$ORIGIN:$$ORIGIN/../lib
tool_link = $(cc_tether) -pie -Wl,-z,relro,-z,now $(if $(RPATH),-Wl$(comma)-rpath$(comma)'$(RPATH)') \
            $(LDFLAGS) -o $@ $(filter %.o,$^) -Lbuild -l:$(tether_so) -lpthread

build/tether-serve: $(serve_src:%.c=$(obj_tether)/%.o) build/$(tether_so)
	$(call say,LD,$@)
	$(Q)$(tool_link)

build/tether-get: $(get_src:%.c=$(obj_tether)/%.o) build/$(tether_so)
	$(call say,LD,$@)
	$(Q)$(tool_link)

# What the probes cost while nobody watches is measured against a library that has none.
build/bench/bare/$(tether_so): $(obj_tether_bare)/tether.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(call tether_so_link,tether_bare)

# What measures the library is linked as programs are.
tether_bench := $(patsubst tests/bench/%.c,build/bench/%,$(wildcard tests/bench/tether_*.c))

build/bench/tether_%: $(obj_tether)/tests/bench/tether_%.o build/$(tether_so)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(cc_tether) -pie -Wl,-rpath,'$$ORIGIN/..' $(LDFLAGS) -o $@ $< -Lbuild -l:$(tether_so)

tether_bin  := $(tether_tools:%=build/%)
tether_libs_built := build/libtether.a build/$(tether_so) build/libtether-faulty.so build/tether.pc
tether: $(tether_libs_built) $(tether_bin) ## build libtether (and its faulty twin), tether-serve, tether-get

# ---- one static binary, for this machine and (static-arm64) for another -----------------------

# What export serves with is to be had as shared libraries alone.
static_src  := $(filter-out src/export/% src/verb/export.c,$(src)) $(main_src) src/static/export.c
static_libs := -lbpf -ldw -lelf -llzma -lbz2 -lz -liberty -lncursesw -ltinfo -ljansson -lJudy -lcap
static_load := $(filter-out tests/e2e/load/uring.c,$(load_src))
dev_arm64   := build/vm/arm64/dev

cc_static       = $(CC)
cc_static-arm64 = aarch64-linux-gnu-gcc -isystem $(dev_arm64)/usr/include \
                  -isystem $(dev_arm64)/usr/include/aarch64-linux-gnu -L$(dev_arm64)/usr/lib/aarch64-linux-gnu

# $1 = static or static-arm64, $2 = libbpf's name of the architecture
define static_flavour
cflags_$1 = $$(cc_$1) $(dialect) -Iinclude -Isrc -Ibuild/$1/gen $(warnings) -fno-omit-frame-pointer $(CPPFLAGS) $(CFLAGS) $(harden)
bpf_flags_$1 = $(patsubst -D__TARGET_ARCH_%,-D__TARGET_ARCH_$2,$(bpf_flags))

$(call stamp,build/$1/.flags,$$(cflags_$1) / $$(bpf_flags_$1) / $(test_warn) / $(static_libs))
$(call stamp,build/$1/.files,$(static_src))

build/$1/bpf/%.bpf.o: bpf/%.bpf.c build/$1/.flags | $(bpf_vmlinux)
	@mkdir -p $$(@D)
	$$(call say,BPF,$$<)
	$$(Q)$(CLANG) $$(bpf_flags_$1) -MMD -MP -MF $$(@:.o=.d) -c -o $$@ $$<

build/$1/lostsock.bpf.o: $(bpf_src:bpf/%.c=build/$1/bpf/%.o) build/$1/.files
	$$(call say,LINK,$$@)
	$$(Q)$(BPFTOOL) gen object $$@ $$(filter %.o,$$^)

build/$1/gen/lostsock.skel.h: build/$1/lostsock.bpf.o
	@mkdir -p $$(@D)
	$$(call say,GEN,$$@)
	$$(Q)$(BPFTOOL) gen skeleton $$< name lostsock_bpf >$$@

build/$1/obj/%.o: %.c build/$1/.flags | build/$1/gen/lostsock.skel.h
	@mkdir -p $$(@D)
	$$(call say,CC,$$<)
	$$(Q)$$(cflags_$1) $$(if $$(filter tests/%,$$<),$(test_warn)) -MMD -MP -c -o $$@ $$<

# ld warns of getpwnam(), which reads /etc/passwd all the same.
build/$1/lostsock: $(static_src:%.c=build/$1/obj/%.o) build/$1/.files
	$$(call say,LD,$$@)
	$$(Q)$$(cflags_$1) -static $(LDFLAGS) -o $$@ $$(filter %.o,$$^) $(static_libs)

build/$1/load/%: build/$1/obj/tests/e2e/load/%.o
	@mkdir -p $$(@D)
	$$(call say,LD,$$@)
	$$(Q)$$(cflags_$1) -static $(LDFLAGS) -o $$@ $$< -lpthread
endef

$(eval $(call static_flavour,static,$(bpf_arch)))
$(eval $(call static_flavour,static-arm64,arm64))

static: build/static/lostsock ## build/static/lostsock: one file for any Linux from 6.1 on, without export

# ---- the kernel's side -----------------------------------------------------------------------

$(eval $(call stamp,build/bpf/.flags,$(CLANG) $(bpf_flags)))
$(eval $(call stamp,build/bpf/.files,$(bpf_src)))

define bpf_compile
	@mkdir -p $(@D)
	$(call say,BPF,$<)
	$(Q)$(CLANG) $(bpf_flags) -MMD -MP -MF $(@:.o=.d) -c -o $@ $<
endef

build/bpf/obj/%.bpf.o: bpf/%.bpf.c build/bpf/.flags | $(bpf_vmlinux)
	$(bpf_compile)

build/bpf/tests/%.bpf.o: tests/bpf/%.bpf.c build/bpf/.flags | $(bpf_vmlinux)
	$(bpf_compile)

build/bpf/lostsock.bpf.o: $(bpf_src:bpf/%.c=build/bpf/obj/%.o) build/bpf/.files
	$(call say,LINK,$@)
	$(Q)$(BPFTOOL) gen object $@ $(filter %.o,$^)

build/gen/lostsock.skel.h: build/bpf/lostsock.bpf.o
	@mkdir -p $(@D)
	$(call say,GEN,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name lostsock_bpf >$@

# tests/bpf/NAME.bpf.c becomes NAME.skel.h with struct NAME_bpf.
$(bpft_skel): build/gen/%.skel.h: build/bpf/tests/%.bpf.o
	@mkdir -p $(@D)
	$(call say,GEN,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name $*_bpf >$@

build/gen/vmlinux.h: /sys/kernel/btf/vmlinux
	@mkdir -p $(@D)
	$(call say,BTF,$@)
	$(Q)$(BPFTOOL) btf dump file $< format c >$@

# ---- tests: each suite leaves "passed failed skipped" in build/results/SUITE ------------------

suites  := unit golden tether-test bpftest e2e
heavy   := lint fuzz peers
results := build/results

unit_bin  := $(unit_all:tests/unit/%.c=build/unit/%)
bpft_bin  := $(bpft_src:tests/bpf/%.c=build/bpftest/%)
load_bin  := $(load_src:tests/e2e/load/%.c=build/load/%)
fuzz_bin  := $(fuzz_src:tests/fuzz/%.c=build/fuzz/%)
bench_bin := $(bench_src:tests/bench/%.c=build/bench/%)
peer_bin  := $(addprefix build/peers/,curl_easy pq_session session-cpp session-cpp-stripped \
             session-go session-go-stripped quic_streams quic_streams-stripped nghttp2_streams \
             Session.class $(if $(shell command -v rustc),session-rs))

# T=WORD keeps to the test programs, or the scenarios, whose name has WORD in it.
pick = $(if $(T),$(foreach b,$1,$(if $(findstring $(T),$(notdir $b)),$b)),$1)

# What a suite's runner finds in its environment.
suite_env = LOSTSOCK='$(CURDIR)/$(program)' LOAD='$(CURDIR)/build/load' \
            RESULTS='$(CURDIR)/$(results)' T='$(T)' V='$(V)'

# $1 = the binary's flavour
test_link = $(cc_$1) $(ldflags) -o $@ $(filter %.o,$^) $(filter %/edge.a,$^) $(filter %/pure.a,$^)

$(unit_san:tests/unit/%.c=build/unit/%): build/unit/%: $(obj_san)/tests/unit/%.o \
		$(unit_help:%.c=$(obj_san)/%.o) $(obj_san)/pure.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(call test_link,san) -lcmocka $(ldlibs)

# These put their own malloc in place, which a sanitizer would do as well: plain objects.
$(unit_oom:tests/unit/%.c=build/unit/%): build/unit/%: $(obj_plain)/tests/unit/%.o \
		$(unit_help:%.c=$(obj_plain)/%.o) $(obj_plain)/pure.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(call test_link,plain) -lcmocka $(ldlibs)

$(bpft_src:%.c=$(obj_plain)/%.o): | build/gen/lostsock.skel.h $(bpft_skel)
$(bench_src:%.c=$(obj_plain)/%.o): | build/gen/lostsock.skel.h

$(bpft_bin): build/bpftest/%: $(obj_plain)/tests/bpf/%.o $(obj_plain)/edge.a $(obj_plain)/pure.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(call test_link,plain) -lcmocka $(ldlibs)

$(bench_src:tests/bench/%.c=build/bench/%): build/bench/%: $(obj_plain)/tests/bench/%.o $(obj_plain)/edge.a $(obj_plain)/pure.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(call test_link,plain) $(ldlibs) -lpthread

# A workload is one file, and knows nothing of the program that watches it.
$(load_bin): build/load/%: $(obj_plain)/tests/e2e/load/%.o
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(call test_link,plain) -luring -lpthread

$(filter-out build/fuzz/fuzz_tether_%,$(fuzz_bin)): build/fuzz/%: $(obj_fuzz)/tests/fuzz/%.o $(obj_fuzz)/pure.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(call test_link,fuzz) -fsanitize=fuzzer $(ldlibs)

$(filter build/fuzz/fuzz_tether_%,$(fuzz_bin)): build/fuzz/%: \
		$(obj_tether_fuzz)/tests/fuzz/%.o $(obj_tether_fuzz)/tether.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(cc_tether_fuzz) -pie $(LDFLAGS) -o $@ $^ -fsanitize=fuzzer $(tether_libs)

load: $(load_bin) ## build the workload programs of the end-to-end tests

unit: $(unit_bin) ## unit tests of the pure parts, under ASan and UBSan
	@tests/unit/run.sh $(results)/unit $(call pick,$(unit_bin))

# TSan judges what threads share; the other tests run under ASan and UBSan.
tether_tsan := $(filter %_threads.c,$(tether_all))
tether_tests := $(tether_all:tests/tether/%.c=build/tether/test/%)

$(tether_tsan:tests/tether/%.c=build/tether/test/%): build/tether/test/%: \
		$(obj_tether_tsan)/tests/tether/%.o $(obj_tether_tsan)/tether.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(cc_tether_tsan) -pie $(LDFLAGS) -o $@ $^ -lcmocka $(tether_libs)

# Bugs on purpose, in the library that has them.
tether_bugs := $(filter %_faulty.c,$(tether_all))

$(tether_bugs:tests/tether/%.c=build/tether/test/%): build/tether/test/%: \
		$(obj_tether_faulty)/tests/tether/%.o \
		$(tether_help:%.c=$(obj_tether_faulty)/%.o) $(obj_tether_faulty)/tether.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(cc_tether_faulty) -pie $(LDFLAGS) -o $@ $^ -lcmocka $(tether_libs)

$(patsubst tests/tether/%.c,build/tether/test/%,$(filter-out $(tether_tsan) $(tether_bugs),$(tether_all))): \
		build/tether/test/%: $(obj_tether_san)/tests/tether/%.o \
		$(tether_help:%.c=$(obj_tether_san)/%.o) $(obj_tether_san)/tether.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(cc_tether_san) -pie $(LDFLAGS) -o $@ $^ -lcmocka $(tether_libs)

tether-test: $(tether_tests) ## the library's tests, under ASan and UBSan, threads under TSan
	@tests/unit/run.sh $(results)/tether-test $(call pick,$(tether_tests))

bpftest: $(bpft_bin) ## load, attach and run the BPF programs (root)
	@tests/unit/run.sh $(results)/bpftest $(call pick,$(bpft_bin))

golden: $(program) ## replay the committed recordings and compare
	@mkdir -p $(results) && rm -f $(results)/golden
	@$(suite_env) tests/golden/run.sh

e2e: $(program) tether $(load_bin) ## one script a scenario, in network namespaces (root)
	@mkdir -p $(results) && rm -f $(results)/e2e
	@$(suite_env) tests/e2e/run.sh

# Twins in the languages of the world, built as their users build them.
twins := tests/peers/twins

build/peers/%: $(twins)/%.c $(twins)/twin.h
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) -O2 -g -fomit-frame-pointer -Wall -Wextra -isystem /usr/include/postgresql -o $@ $< \
		$(if $(findstring curl,$@),-lcurl,-lpq)

build/peers/session-cpp: $(twins)/session.cpp $(twins)/twin.h
	@mkdir -p $(@D)
	$(call say,CXX,$<)
	$(Q)g++ -O2 -g -fomit-frame-pointer -Wall -Wextra -o $@ $<

build/peers/session-go: $(twins)/session.go
	@mkdir -p $(@D)
	$(call say,GO,$<)
	$(Q)GOCACHE='$(CURDIR)/build/go' GO111MODULE=off go build -o $@ $<

# With the libraries that Debian installs as sources.
build/peers/quic_streams: $(twins)/quic_streams.go
	@mkdir -p $(@D)
	$(call say,GO,$<)
	$(Q)GOCACHE='$(CURDIR)/build/go' GOPATH=/usr/share/gocode GO111MODULE=off go build -o $@ $<

# Statically, so that the library's own functions have names.
build/peers/nghttp2_streams: $(twins)/nghttp2_streams.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) -O2 -g -Wall -Wextra -o $@ $< -l:libnghttp2.a

build/peers/session-rs: $(twins)/session.rs
	@mkdir -p $(@D)
	$(call say,RUSTC,$<)
	$(Q)env -u MAKEFLAGS -u MFLAGS rustc -O -o $@ $<

build/peers/Session.class: $(twins)/Session.java
	@mkdir -p $(@D)
	$(call say,JAVAC,$<)
	$(Q)javac -d $(@D) $<

build/peers/%-stripped: build/peers/%
	$(call say,STRIP,$@)
	$(Q)strip --strip-all -o $@ $<

peers: $(program) $(load_bin) ## leaky and mended twins in C, C++, Go, Rust, Python, Node, Java (root)
	@scripts/deps.sh peers
	@$(MAKE) $(jobs) $(peer_bin)
	@mkdir -p $(results) && rm -f $(results)/peers
	@$(suite_env) PEERS='$(CURDIR)/build/peers' tests/e2e/run.sh -d tests/peers

# The proof: real programs, leaky and mended, and healthy ones.
proof_twins := tests/proof/twins

build/proof/%: $(proof_twins)/%.c $(twins)/twin.h
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) -O2 -g -Wall -Wextra -I$(twins) -o $@ $< $(if $(findstring redis,$@),-lhiredis)

# Debian puts the sources of Go packages where GOPATH finds them.
build/proof/%: $(proof_twins)/%.go
	@mkdir -p $(@D)
	$(call say,GO,$<)
	$(Q)GOCACHE='$(CURDIR)/build/go' GO111MODULE=off GOPATH=/usr/share/gocode go build -o $@ $<

proof_bin = $(patsubst $(proof_twins)/%,build/proof/%,$(basename $(wildcard $(proof_twins)/*.c $(proof_twins)/*.go)))
proof_env = $(suite_env) PEERS='$(CURDIR)/build/peers' PROOF='$(CURDIR)/build/proof' RESUME='$(RESUME)'

proof-programs: $(program) tether $(load_bin)
	@scripts/deps.sh test peers proof
	@$(MAKE) $(jobs) $(peer_bin) $(proof_bin)
	@mkdir -p $(results)

proof: proof-programs ## programs that leak, and their mended twins: the table in docs/PROOF.md (root)
	@rm -f $(results)/proof
	@$(proof_env) tests/proof/run.sh

proof-healthy: proof-programs ## HEALTHY_SECONDS of healthy servers, none of which is accused (root)
	@$(proof_env) HEALTHY_SECONDS='$(HEALTHY_SECONDS)' tests/proof/healthy.sh

# A peer of the library that is a library, too.
build/bench/mhd: tests/bench/peers/mhd.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) -O2 -Wall -Wextra -o $@ $< -lmicrohttpd

bench: $(program) tether $(load_bin) ## measure the cost of watching, and the library (root)
	@scripts/deps.sh bench
	@$(MAKE) $(jobs) $(bench_bin) $(tether_bench) build/bench/bare/$(tether_so) build/bench/mhd
	@$(suite_env) BENCH='$(CURDIR)/build/bench' tests/bench/run.sh

fuzz: $(fuzz_bin) ## libFuzzer, FUZZ_SECONDS for each target
	@tests/fuzz/run.sh $(results)/fuzz $(FUZZ_SECONDS) $(call pick,$(fuzz_bin))

lint: ## format, static analysis, include arrows, shell, licences, man page
	@scripts/deps.sh lint
	@CLANG_FORMAT='$(CLANG_FORMAT)' tests/lint/run.sh $(results)/lint

# Suites share the machine's network and CPUs, so they run one after the other; what they need is
# built in parallel. A suite that cannot even be built has not passed: tally counts it as failed.
jobs = $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(shell nproc))
run_suites = rm -rf $(results); $(foreach s,$1,$(MAKE) $(jobs) $s || :;) $(give_back); \
             tests/tally.sh $(results) $1

# Under sudo, build/ goes back to the person who called, or their next plain `make` would fail.
give_back = [ -z "$$SUDO_UID" ] || chown -R "$$SUDO_UID:$$SUDO_GID" build

test: ## install what is missing, then unit, golden, bpftest and e2e (root)
	@scripts/deps.sh build test
	+@$(call run_suites,$(suites))

test-all: ## what test leaves out: lint, fuzz, and the heavy peers (root)
	@scripts/deps.sh build test lint peers
	+@$(call run_suites,$(heavy))

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

sbin   := $(DESTDIR)$(PREFIX)/sbin/lostsock
docdir := $(DESTDIR)$(PREFIX)/share/doc/lostsock
man8   := $(DESTDIR)$(PREFIX)/share/man/man8/lostsock.8
man1   := $(DESTDIR)$(PREFIX)/share/man/man1
incdir := $(DESTDIR)$(PREFIX)/include/tether
libdir := $(DESTDIR)$(LIBDIR)
bindir := $(DESTDIR)$(PREFIX)/bin
compl  := $(DESTDIR)$(PREFIX)/share/bash-completion/completions/lostsock
units  := $(DESTDIR)$(UNITDIR)

install: all ## install below DESTDIR and PREFIX
	$(call say,INST,$(DESTDIR)$(PREFIX))
	$(Q)install -D -m 0755 $(program) '$(sbin)'
	$(Q)install -D -m 0644 docs/man/lostsock.8 '$(man8)'
	$(Q)install -D -m 0644 -t '$(incdir)' include/tether/*.h
	$(Q)install -D -m 0644 -t '$(dir $(incdir))lostsock' include/lostsock/streams.h
	$(Q)install -D -m 0755 -t '$(libdir)' build/$(tether_so)
	$(Q)install -m 0644 build/libtether.a '$(libdir)'
	$(Q)ln -sf $(tether_so) '$(libdir)/libtether.so'
	$(Q)install -D -m 0644 -t '$(libdir)/pkgconfig' build/tether.pc
	$(Q)install -D -m 0755 -t '$(bindir)' $(tether_bin)
	$(Q)install -D -m 0644 -t '$(man1)' $(wildcard docs/man/*.1)
	$(Q)install -D -m 0644 docs/completion/lostsock.bash '$(compl)'
	$(Q)install -D -m 0644 -t '$(units)' deploy/systemd/*.socket deploy/systemd/*.service
	$(Q)sed -i 's|/usr/local/sbin/|$(PREFIX)/sbin/|' '$(units)'/lostsock-*.service
	$(Q)install -d -m 0755 '$(docdir)/LICENSES'
	$(Q)install -m 0644 README.md CHANGELOG.md LICENSE $(wildcard docs/*.md) '$(docdir)'
	$(Q)install -m 0644 LICENSES/* '$(docdir)/LICENSES'
	$(Q)install -D -m 0644 -t '$(docdir)/prometheus' deploy/prometheus/*

uninstall: ## remove what install put there
	$(Q)rm -f '$(sbin)' '$(man8)' '$(compl)'
	$(Q)rm -f $(tether_tools:%='$(bindir)/%') $(patsubst docs/man/%,'$(man1)/%',$(wildcard docs/man/*.1))
	$(Q)rm -f '$(libdir)/$(tether_so)' '$(libdir)/libtether.so' '$(libdir)/libtether.a'
	$(Q)rm -f '$(libdir)/pkgconfig/tether.pc'
	$(Q)rm -f $(patsubst deploy/systemd/%,'$(units)/%',$(wildcard deploy/systemd/*.socket deploy/systemd/*.service))
	$(Q)rm -rf '$(docdir)' '$(incdir)' '$(dir $(incdir))lostsock'

deb: ## Debian packages of this tree, in build/deb
	@scripts/deps.sh build deb
	@scripts/deb.sh '$(VERSION)'; status=$$?; $(give_back); exit $$status

clean: ## remove build/
	$(Q)rm -rf build

help: ## this list
	@echo 'make VERB [VARIABLE=VALUE]'; echo
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/  \1|\2/p' $(firstword $(MAKEFILE_LIST)) | \
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
.PHONY: FORCE all static tether tether-test load unit bpftest golden e2e proof proof-healthy proof-programs bench fuzz lint test test-all deps top format \
        install uninstall deb clean help

-include $(shell find build -path build/vm -prune -o -name '*.d' -type f -print 2>/dev/null)
