# Two commands matter: `make up` (everything, to a running task) and `make test`. Either one first, either
# one alone, as root or by sudo, as often as you like. tools/ holds what they do.

.PHONY: help setup develop up test check bench soak clean

help:
	@echo "make up       set this machine up, start Bastide, run the demonstration"
	@echo "make test     set up what the tests need and run them all"
	@echo "make check    format, lint, types, layers, sizes, documents"
	@echo "make develop  set up with .venv linked to src/"
	@echo "make bench    measure; docs/performance.md has the last figures"
	@echo "make soak     the long endurance tests, an hour at most"
	@echo "make clean    remove what these made in the checkout; data and tasks stay (see: bastide reset)"

setup:
	@tools/setup

develop:
	@tools/setup --dev --editable

up: setup
	@tools/as-root .venv/bin/bastide up
	@tools/as-root .venv/bin/bastide demo

test:
	@tools/setup --dev
	@tools/as-root tools/test

check:
	@tools/setup --dev
	@tools/check

bench:
	@tools/setup --dev
	@tools/as-root .venv/bin/python -m benchmarks

soak:
	@tools/setup --dev
	@tools/as-root tools/test -m soak

clean:
	@tools/as-root rm -rf .venv build src/*.egg-info src/bastide/host/containerd_api \
	    .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
