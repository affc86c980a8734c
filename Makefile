# Every target works on a Debian 12 machine that has Rust, gcc, make and apt.
.DEFAULT_GOAL := help
.PHONY: help setup demo test loom lint fuzz clean

PACKAGES := libdpdk-dev libipsec-mb-dev libclang-dev pkg-config dpdk nginx-light curl ethtool \
	iproute2 iputils-ping procps strongswan-swanctl charon-systemd libcharon-extra-plugins \
	libstrongswan-standard-plugins libstrongswan-extra-plugins python3-scapy
# Services that the packages above would start: the lab starts its own.
SERVICES := nginx strongswan
SUDO := $(if $(filter-out 0,$(shell id -u)),sudo)
# 2 MB pages; boxes with NICs need them, the lab does without.
HUGEPAGES := 256
HUGEPAGES_FILE := /proc/sys/vm/nr_hugepages
FUZZ_CASES := 1000000

help: ## This list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

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

test: setup ## Every test (scenarios need root and network namespaces)
	@cargo test --workspace --exclude tests
	@$(MAKE) --no-print-directory loom
	@cargo test -p tests -- --test-threads=1

loom: setup ## The models of everything lock-free
	@RUSTFLAGS="--cfg loom" CARGO_TARGET_DIR=target/loom \
		cargo test -p fastpath --profile lab --lib loom_models

lint: setup ## Format, clippy and documentation, all without a warning
	@cargo fmt --all --check
	@cargo clippy --workspace --all-targets -- -D warnings
	@RUSTDOCFLAGS=-Dwarnings cargo doc --workspace --no-deps --quiet

fuzz: setup ## Every parser against FUZZ_CASES random inputs per property (default a million)
	@PROPTEST_CASES=$(FUZZ_CASES) cargo test --release -p config -p fastpath -p slowpath --lib -- panic

clean: ## Remove what was built
	@cargo clean
