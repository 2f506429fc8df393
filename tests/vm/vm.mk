# SPDX-License-Identifier: BSD-2-Clause
#
# One static binary on the kernels that people run, in virtual machines; the loads are static, too.

vm_dir := $(CURDIR)/build/vm

vm-fetch:
	@scripts/deps.sh build test vm
	@tests/vm/fetch.sh $(vm_dir)

vm: vm-fetch ## the static binary on other kernels, in virtual machines (root, for its packages)
	@$(MAKE) $(jobs) $(foreach f,static static-arm64,build/$f/lostsock $(load_bin:build/%=build/$f/%))
	@tests/vm/initrd.sh $(vm_dir)/amd64/root build/static $(vm_dir)/amd64/initrd
	@tests/vm/initrd.sh $(vm_dir)/arm64/root build/static-arm64 $(vm_dir)/arm64/initrd
	@mkdir -p $(results) && rm -f $(results)/vm
	@$(suite_env) tests/vm/run.sh $(vm_dir)
