# `make demo` and `make test` need nothing before them but Debian and Swift; `make help` lists the rest.

PREFIX ?= /usr/local
SYSCONFDIR ?= /etc
DESTDIR ?=
# Given to every build, for example SWIFT_FLAGS=--static-swift-stdlib for a machine without Swift.
SWIFT_FLAGS ?=

# Everything is built once, in release: the tests check what runs.
BUILD := swift build -c release --explicit-target-dependency-import-check error $(SWIFT_FLAGS)
SWIFT_FILES := Package.swift $(wildcard Sources Tests Benchmarks Torture)
BINARIES ?= .build/release
# Of the programs that carry Swift's runtime; apart, so that the other builds stay valid.
STATIC := .build-static
UNIT_DIR := $(PREFIX)/lib/systemd/system
CONFIG := $(SYSCONFDIR)/ubpd/ubpd.yaml

.DEFAULT_GOAL := help
# One goal after another: they share .build, and its builds are parallel inside.
.NOTPARALLEL:
.PHONY: help demo test bench torture-log check lint format judge build programs static deb \
	test-systemd setup setup-systemd install clean

help:  ## this list
	@grep -E '^[a-z-]+:.*  ## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*  ## /  make \1\t/' | expand -t 18

demo: setup programs  ## on real or generated data, what ubpd does, each step checked
	scripts/demo.sh

# One test at a time: a test that computes for seconds starves those that wait on sockets.
test: setup lint judge build  ## formatting, lint, every test, every benchmark at its small size
	scripts/run_tests.sh swift test -c release --skip-build --no-parallel $(SWIFT_FLAGS)
	$(BINARIES)/Benchmarks --small

check: test  ## all that must pass before a commit lands

bench: setup  ## every benchmark at full size
	swift run -c release $(SWIFT_FLAGS) Benchmarks

torture-log: setup  ## 10,000 rounds of random writers, lives and damages of a log; TORTURE="--seed 5 --minutes 60"
	swift run -c release $(SWIFT_FLAGS) Torture log $(TORTURE)

lint:  ## formatting and lint, as errors
	swift format lint --strict --recursive --parallel --configuration .swift-format $(SWIFT_FILES)

format:  ## rewrite files in the house format
	swift format --in-place --recursive --parallel --configuration .swift-format $(SWIFT_FILES)

judge: setup  ## the independent fold, against published numbers and worked cases
	python3 Tests/Golden/independent_fold.py --self-test

build: setup  ## programs and tests
	$(BUILD) --build-tests

programs: setup  ## ubpd and ubpctl alone
	$(BUILD) --product ubpd
	$(BUILD) --product ubpctl

setup:  ## install the Debian packages that are missing
	@scripts/setup.sh

static: setup  ## ubpd and ubpctl with Swift's runtime linked in, for machines without Swift
	swift build -c release --static-swift-stdlib --scratch-path $(STATIC) --product ubpd
	swift build -c release --static-swift-stdlib --scratch-path $(STATIC) --product ubpctl

setup-systemd:
	@scripts/setup.sh --systemd

deb: setup-systemd static  ## a Debian package, in .build-static/
	packaging/build_deb.sh $(STATIC)/release $(STATIC)

test-systemd: deb  ## installs, runs, breaks, upgrades and purges the package under real systemd; as root
	scripts/test_systemd.sh

UNITS := $(wildcard systemd/*.service systemd/*.socket systemd/*.timer)

# Installs what was built, so that it can run as another user than the build.
install:  ## programs, units, and a configuration where there is none; DESTDIR, PREFIX, SYSCONFDIR
	@test -x $(BINARIES)/ubpd -a -x $(BINARIES)/ubpctl || \
		{ echo "install: nothing built yet; run 'make programs' first" >&2; exit 1; }
	install -d "$(DESTDIR)$(PREFIX)/bin" "$(DESTDIR)$(UNIT_DIR)" "$(DESTDIR)$(PREFIX)/lib/sysusers.d" \
		"$(DESTDIR)$(PREFIX)/lib/tmpfiles.d" "$(DESTDIR)$(SYSCONFDIR)/ubpd"
	install -m 755 $(BINARIES)/ubpd $(BINARIES)/ubpctl "$(DESTDIR)$(PREFIX)/bin"
	for unit in $(notdir $(UNITS)); do \
		sed -e 's|/usr/bin/ubp|$(PREFIX)/bin/ubp|' -e 's|/etc/ubpd/ubpd.yaml|$(CONFIG)|' \
			"systemd/$$unit" > "$(DESTDIR)$(UNIT_DIR)/$$unit" && \
		chmod 644 "$(DESTDIR)$(UNIT_DIR)/$$unit" || exit 1; \
	done
	install -m 644 systemd/ubpd.sysusers.conf "$(DESTDIR)$(PREFIX)/lib/sysusers.d/ubpd.conf"
	install -m 644 systemd/ubpd.tmpfiles.conf "$(DESTDIR)$(PREFIX)/lib/tmpfiles.d/ubpd.conf"
	install -d "$(DESTDIR)$(PREFIX)/share/man/man1" "$(DESTDIR)$(PREFIX)/share/man/man5" \
		"$(DESTDIR)$(PREFIX)/share/man/man8" "$(DESTDIR)$(PREFIX)/share/bash-completion/completions" \
		"$(DESTDIR)$(PREFIX)/share/zsh/vendor-completions" \
		"$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d"
	python3 scripts/man.py $(BINARIES) $(BINARIES)/man
	install -m 644 $(BINARIES)/man/ubpctl.1 "$(DESTDIR)$(PREFIX)/share/man/man1"
	install -m 644 $(BINARIES)/man/ubpd.yaml.5 "$(DESTDIR)$(PREFIX)/share/man/man5"
	install -m 644 $(BINARIES)/man/ubpd.8 "$(DESTDIR)$(PREFIX)/share/man/man8"
	for program in ubpd ubpctl; do \
		for form in bash:bash-completion/completions/$$program zsh:zsh/vendor-completions/_$$program \
			fish:fish/vendor_completions.d/$$program.fish; do \
			$(BINARIES)/$$program --generate-completion-script $${form%%:*} \
				> "$(DESTDIR)$(PREFIX)/share/$${form#*:}" && \
			chmod 644 "$(DESTDIR)$(PREFIX)/share/$${form#*:}" || exit 1; \
		done; \
	done
	test -e "$(DESTDIR)$(CONFIG)" || { \
		sed -e 's|^  readers: \[\]|  readers: [group:ubpd-read]|' \
			-e 's|^  operators: \[\]|  operators: [group:ubpd]|' config/ubpd.yaml > "$(DESTDIR)$(CONFIG)" && \
		chmod 644 "$(DESTDIR)$(CONFIG)"; }

clean:  ## remove what was built
	swift package clean
	rm -rf demo-work
