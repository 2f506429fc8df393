# SPDX-License-Identifier: BSD-2-Clause
#
# libtether, its faulty twin and its tools: flags of their own.

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
