# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# The kernel's side, and the skeletons that carry it.

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
