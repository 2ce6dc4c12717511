# Two commands on a fresh machine: `make demo` and `make test`. Both need python3 (3.11 or newer)
# with venv, gcc and make, nothing else, and never root.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# What runs, and beside it what checks: the demo does not wait for the second.
DEMO_STAMP := $(VENV)/.installed
STAMP := $(VENV)/.tools
CORE := $(wildcard host/hotpath/*.pyx host/hotpath/*.pxd host/hotpath/*.h host/models/*.pyx rig/virtual/*.pyx)
DEMO_ARGS ?=
# Tests that bring a bench up run in a process of their own, one after the other, beside all others.
BENCH_TESTS := hil $(addprefix tests/, \
	bench dashboard emulated gpio integration rig/analysers rig/physical rig/stimuli safety)
# They are about real time, so the others are nice to them, and what fails is repeated once, alone.
BENCH_LOG := $(VENV)/bench-tests.log
BENCH_PYTEST := $(BIN)/python -m pytest $(BENCH_TESTS) -o cache_dir=$(VENV)/bench-cache

-include make/*.mk
.DEFAULT_GOAL := demo

.PHONY: demo test lint types unit clean need

demo: $(DEMO_STAMP)
	$(BIN)/bot4 demo $(DEMO_ARGS)

test: lint types unit

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/python -m tools.docs --check
	$(BIN)/python -m host.docs --check

types: $(STAMP) types-firmware
	$(BIN)/mypy

unit: $(STAMP)
	@# A shell lets what it runs in the background ignore interrupts, which some tests are about.
	@bench_tmp=$$(mktemp -d) && trap 'rm -rf "$$bench_tmp"' EXIT && \
		{ TMPDIR=$$bench_tmp env --default-signal=INT $(BENCH_PYTEST) >$(BENCH_LOG) 2>&1 & } && bench=$$!; \
		trap 'kill $$bench; wait $$bench; exit 130' INT TERM; \
		nice -n 19 $(BIN)/python -m pytest tests $(BENCH_TESTS:%=--ignore=%); others=$$?; \
		wait $$bench; benched=$$?; cat $(BENCH_LOG); \
		if [ $$benched = 1 ]; then \
			echo "what failed beside the other half runs once more, alone:"; \
			TMPDIR=$$bench_tmp $(BENCH_PYTEST) --last-failed --maxfail 3; benched=$$?; fi; \
		exit $$((others + benched))

$(STAMP): $(DEMO_STAMP)
	@echo "installing what the tests need into $(VENV) (once; a minute or two)"
	@$(BIN)/python tools/extras.py \
		dev models crosscheck saleae enrich exchanges live cluster dashboard browser docs | \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check -r /dev/stdin
	@touch $@

$(DEMO_STAMP): pyproject.toml setup.py $(CORE) | need
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV) (once; a minute or two)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[bench]'
	@touch $@

need:
	@command -v $(PYTHON) >/dev/null || { echo "make: python3 is missing: install python3 (3.11 or newer)"; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "make: $$($(PYTHON) -V) is too old: 3.11 or newer is needed"; exit 2; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
		{ echo "make: python3 has no venv: install python3-venv"; exit 2; }
	@command -v gcc >/dev/null || { echo "make: gcc is missing: install gcc"; exit 2; }
	@printf '#include <Python.h>\n' | gcc -fsyntax-only -xc - \
		-I"$$($(PYTHON) -c 'import sysconfig; print(sysconfig.get_path("include"))')" 2>/dev/null || \
		{ echo "make: the headers of python3 are missing: install python3-dev"; exit 2; }

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	rm -f host/hotpath/*.c host/hotpath/*.so host/models/*.c host/models/*.so rig/virtual/*.c rig/virtual/*.so host/models/*.c host/models/*.so
