# Every target works on a Debian 12 machine that has Rust, gcc, make and apt.
.DEFAULT_GOAL := help
.PHONY: help setup demo bounce bounce-quick bounces test loom lint inspect fuzz bench agree release install clean

PACKAGES := binutils g++ libdpdk-dev libipsec-mb-dev libclang-dev pkg-config dpdk dpdk-dev nginx-light curl ethtool \
	iproute2 iputils-ping procps strongswan-swanctl charon-systemd libcharon-extra-plugins \
	libstrongswan-standard-plugins libstrongswan-extra-plugins python3-scapy \
	python3-prometheus-client chromium fonts-dejavu-core
# Services that the packages above would start: the lab starts its own.
SERVICES := nginx strongswan
SUDO := $(if $(filter-out 0,$(shell id -u)),sudo)
# 2 MB pages; boxes with NICs need them, the lab does without.
HUGEPAGES := 256
HUGEPAGES_FILE := /proc/sys/vm/nr_hugepages
# With the target named, RUSTFLAGS do not reach build scripts and macros: those are built once, for
# all the ways in which our own code is built.
TRIPLE := $(shell rustc -vV 2>/dev/null | sed -n 's/^host: //p')
FUZZ_SECONDS := 60
FUZZ_CASES := 100000
# Cases of what negotiates a tunnel in each.
FUZZ_CASES_DEAR := 2000
AGREE_CASES := 330000
BOUNCES := 1000

help: ## This list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

setup: ## Install what the build and the tests need (silent when nothing is missing)
	@missing=$$(for p in $(PACKAGES); do dpkg-query -W -f='$${Status}' $$p 2>/dev/null \
		| grep -q 'ok installed' || echo $$p; done); \
	[ -z "$$missing" ] || $(MAKE) --no-print-directory .install MISSING="$$(echo $$missing)"
	@[ ! -w $(HUGEPAGES_FILE) ] || [ "$$(cat $(HUGEPAGES_FILE))" -ge $(HUGEPAGES) ] \
		|| echo $(HUGEPAGES) 2>/dev/null > $(HUGEPAGES_FILE) || true

# A package that is new here must not leave its service running: policy-rc.d forbids the start,
# `disable` the next boot. A service that was here before is not touched.
.PHONY: .install
.install:
	@echo "Installing $(MISSING)"
	@$(SUDO) apt-get update -q
	@running=; for s in $(SERVICES); do \
		[ -e /lib/systemd/system/$$s.service ] && running="$$running $$s"; done; \
	policy=/usr/sbin/policy-rc.d; made=; \
	[ -e $$policy ] || { made=yes; \
		printf '#!/bin/sh\nexit 101\n' | $(SUDO) tee $$policy >/dev/null; \
		$(SUDO) chmod +x $$policy; }; \
	$(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends \
		$(MISSING); status=$$?; \
	[ -z "$$made" ] || $(SUDO) rm -f $$policy; \
	for s in $(SERVICES); do case "$$running " in *" $$s "*) ;; *) \
		$(SUDO) systemctl disable $$s >/dev/null 2>&1 || true ;; esac; done; \
	exit $$status

demo: setup ## Two offices, one download, many bounces (about three minutes; needs root)
	@cargo build --profile lab -p slowpath -p tests --bins
	@$(SUDO) target/lab/demo

bounce: setup ## 100 TCP flows through outages of 1 to 120 s, with and without help (40 minutes; root)
	@cargo build --profile lab -p slowpath -p tests --bins
	@$(SUDO) target/lab/bounce

bounce-quick: setup ## The same with outages of 1 and 5 s, once each (under four minutes; root)
	@cargo build --profile lab -p slowpath -p tests --bins
	@$(SUDO) target/lab/bounce --quick

bounces: setup ## BOUNCES (1000) bounces with a sniffer outside: nothing leaves in clear (root)
	@BOUNCES=$(BOUNCES) cargo test -p tests --test scenarios -- --test-threads=1 --nocapture bounces::many

# Scenarios take turns among themselves; what measures has the machine for itself.
TESTS_QUICK := house fuzz
TESTS_BESIDE := scenarios
TESTS_ALL := $(basename $(notdir $(wildcard tests/tests/*.rs))) \
	$(notdir $(patsubst %/main.rs,%,$(wildcard tests/tests/*/main.rs)))
TESTS_ALONE := $(filter-out $(TESTS_QUICK) $(TESTS_BESIDE),$(TESTS_ALL))

test: setup ## Every test (scenarios need root and network namespaces)
	@cargo test --workspace --exclude tests
	@cargo test -p tests --lib --bins $(addprefix --test ,$(TESTS_QUICK))
	@$(MAKE) --no-print-directory loom
	@cargo test -p tests $(addprefix --test ,$(TESTS_BESIDE)) -- --test-threads=6
	@cargo test -p tests $(addprefix --test ,$(TESTS_ALONE)) -- --test-threads=1

loom: setup ## The models of everything lock-free
	@RUSTFLAGS="--cfg loom" cargo test --target $(TRIPLE) -p fastpath --lib loom_models

lint: setup ## Format, clippy and documentation, all without a warning
	@cargo fmt --all --check
	@cargo clippy --workspace --all-targets -- -D warnings
	@RUSTDOCFLAGS=-Dwarnings cargo doc --workspace --no-deps --quiet

inspect: setup ## What the machine code of a polling core can reach, in a release
	@cargo build --release -p slowpath --bin holdfast --bin holdfastctl
	@HOLDFAST_BIN_DIR=$(CURDIR)/target/release cargo test -p tests --features inspect --test inspect

# libFuzzer on a stable compiler: its coverage is an LLVM pass.
FUZZ_FLAGS := --cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
	-Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
	-Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares
FUZZ_DIR := target/fuzz
FUZZ_TARGETS := frame esp ike config-text control snmp

fuzz: setup ## Every parser: coverage-guided for FUZZ_SECONDS (60) each, then FUZZ_CASES at random
	@RUSTFLAGS="$(FUZZ_FLAGS)" CARGO_TARGET_DIR=$(FUZZ_DIR) cargo build --profile fuzz \
		--target $(TRIPLE) -p tests --features fuzz \
		$(addprefix --bin fuzz-,$(FUZZ_TARGETS))
	@printf '%s\n' $(FUZZ_TARGETS) | xargs -P $$(nproc) -I{} $(MAKE) --no-print-directory .fuzz-{}
	@PROPTEST_CASES=$(FUZZ_CASES) cargo test -p config -p fastpath -p slowpath --lib -- panic \
		--skip garbles
	@PROPTEST_CASES=$(FUZZ_CASES_DEAR) cargo test -p slowpath --lib -- garbles

# One target; its inputs stay in corpus/, and what breaks it is written beside it.
.fuzz-%:
	@mkdir -p $(FUZZ_DIR)/corpus/$*
	@if $(FUZZ_DIR)/$(TRIPLE)/fuzz/fuzz-$* -max_total_time=$(FUZZ_SECONDS) -timeout=10 \
		-rss_limit_mb=1024 -print_final_stats=1 -artifact_prefix=$(FUZZ_DIR)/broken-$*- \
		$(FUZZ_DIR)/corpus/$* >$(FUZZ_DIR)/$*.log 2>&1; \
	then echo "fuzz $*: $$(sed -n 's/^stat::number_of_executed_units: *//p' $(FUZZ_DIR)/$*.log)" \
		"inputs, none breaks it"; \
	else grep -A 2 'panicked at' $(FUZZ_DIR)/$*.log; tail -n 20 $(FUZZ_DIR)/$*.log; \
		echo "fuzz $*: BROKEN; the input is $(FUZZ_DIR)/broken-$*-*"; exit 1; fi

# A release has its programs once per level of x86-64; slowpath/src/bin/holdfast-launcher.rs starts the
# best one that the CPU can run, and asks for the same instructions.
RELEASE_BUILDS := x86-64-v3 x86-64-v4
RELEASE_FLAGS_x86-64-v3 := -C target-cpu=x86-64-v3 -C target-feature=+aes,+pclmulqdq
RELEASE_FLAGS_x86-64-v4 := -C target-cpu=x86-64-v4 -C target-feature=+aes,+pclmulqdq,+vaes,+vpclmulqdq
RELEASE_PROGRAMS := holdfast holdfast-perf
RELEASE_DIR := target/builds
PREFIX := /usr

release: setup $(addprefix .build-,$(RELEASE_BUILDS)) ## Both builds of a release, and their launcher
	@cargo build --release -p slowpath --bin holdfast-launcher --bin holdfastctl

.build-%:
	@RUSTFLAGS="$(RELEASE_FLAGS_$*)" CARGO_TARGET_DIR=$(RELEASE_DIR)/$* cargo build --release \
		--target $(TRIPLE) -p slowpath -p perf $(addprefix --bin ,$(RELEASE_PROGRAMS))

install: ## Install what `make release` has built below $(DESTDIR)$(PREFIX)
	@for program in $(RELEASE_PROGRAMS); do \
		install -D target/release/holdfast-launcher $(DESTDIR)$(PREFIX)/bin/$$program || exit 1; \
		for build in $(RELEASE_BUILDS); do \
			install -D $(RELEASE_DIR)/$$build/$(TRIPLE)/release/$$program \
				$(DESTDIR)$(PREFIX)/lib/holdfast/$$build/$$program || exit 1; \
		done; done
	@install -D target/release/holdfastctl $(DESTDIR)$(PREFIX)/bin/holdfastctl

# Peers of the table: DPDK's own measurement of crypto drivers, testpmd, the source of ipsec-secgw,
# and the release's build for AVX-512. A build of its own, for the CPU at hand. The programs run at a
# real-time priority, which keeps other work off their CPUs (DPDK's loops are measured in TSC cycles).
BENCH_PACKAGES := dpdk-doc
BENCH_BUILD := RUSTFLAGS="-C target-cpu=native" CARGO_TARGET_DIR=target/native
bench: RELEASE_PROGRAMS := holdfast-perf
bench: setup .build-x86-64-v4 ## The table of figures against peers (target/bench/report.json)
	@missing=$$(for p in $(BENCH_PACKAGES); do dpkg-query -W -f='$${Status}' $$p 2>/dev/null \
		| grep -q 'ok installed' || echo $$p; done); \
	[ -z "$$missing" ] || $(MAKE) --no-print-directory .install MISSING="$$(echo $$missing)"
	@$(BENCH_BUILD) cargo build --release -p perf -p slowpath --bin holdfast-perf --bin holdfast
	@$(SUDO) chrt -r 1 target/native/release/holdfast-perf bench \
		--release $(RELEASE_DIR)/x86-64-v4/$(TRIPLE)/release/holdfast-perf $(ROWS)

agree: setup ## AES-GCM of every engine against the others: AGREE_CASES bursts of 1 to 64 packets
	@PROPTEST_CASES=$(AGREE_CASES) cargo test --release -p fastpath --lib -- bursts_agree

clean: ## Remove what was built
	@cargo clean
