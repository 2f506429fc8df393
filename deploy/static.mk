# SPDX-License-Identifier: BSD-2-Clause
#
# One static binary, for this machine (static) and for another (static-arm64).

# What export serves with is to be had as shared libraries alone.
static_src  := $(filter-out src/export/% src/verb/export.c,$(src)) $(main_src) src/static/export.c
static_libs := -lbpf -ldw -lelf -llzma -lbz2 -lz -liberty -lncursesw -ltinfo -ljansson -lJudy -lcap
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
	$$(Q)$$(cflags_$1) -static $(LDFLAGS) -o $$@ $$< -luring -lpthread
endef

$(eval $(call static_flavour,static,$(bpf_arch)))
$(eval $(call static_flavour,static-arm64,arm64))

static: build/static/lostsock ## build/static/lostsock: one file for any Linux from 6.1 on, without export

static-arm64: vm-fetch ## build/static-arm64/lostsock, with the libraries that vm-fetch has unpacked
	@$(MAKE) $(jobs) build/static-arm64/lostsock
