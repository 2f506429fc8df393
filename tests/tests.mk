# SPDX-License-Identifier: BSD-2-Clause
#
# The suites: each leaves "passed failed skipped" in build/results/SUITE.

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

# What else there is time for: 200 kills, 20,000 processes, a week replayed.
faults: $(program) tether $(load_bin) ## faults of our own at full length: killed, starved, full (root)
	@$(MAKE) $(jobs) SANITIZE=1 build/sanitized/lostsock
	@mkdir -p $(results) && rm -f $(results)/faults
	@$(suite_env) THOROUGH=1 TEST_SECONDS=1800 tests/e2e/run.sh -n faults '$(or $(T),-fault-)'

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
	@scripts/deps.sh deb peers
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

build/proof/%.class: $(proof_twins)/%.java
	@mkdir -p $(@D)
	$(call say,JAVAC,$<)
	$(Q)javac -d $(@D) $<

proof_bin = build/proof/Orders.class $(patsubst $(proof_twins)/%,build/proof/%,$(basename $(wildcard $(proof_twins)/*.c $(proof_twins)/*.go)))
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
