# turso_wasm: everything a contributor types. Needs git, make and Python >= 3.11.

PYTHON ?= python3
VENV := .venv/bin
TESTS ?= tests
# Tests of the runtime, and browsers, have a process of their own: they look at what a process holds.
APART := tests/unit/runtime tests/browser tests/soak
FAST := --one-in 8 tests/meta tests/sql tests/plans tests/size tests/unit tests/differential/test_random.py \
	--ignore tests/unit/runtime/test_moves.py
SOAK := tests/property tests/differential tests/hostile tests/crash tests/conformance/test_two_processes.py \
	tests/conformance/test_shared_log.py tests/unit/runtime/test_moves.py tests/unit/materialized/test_views.py tests/soak
export PATH := $(CURDIR)/$(VENV):$(PATH)

SECONDS ?= 60
.PHONY: help setup assets test fast soak fuzz size demo bench lint format clean

help: ## this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: ## virtual environment, Node packages, kernel, wheel
	@$(PYTHON) .ci/prepare.py

assets: setup ## dist/: what pages load the engine from

test: ## all tests (TESTS=path chooses some)
	@$(PYTHON) .ci/prepare.py --tests
ifeq ($(TESTS),tests)
	@$(VENV)/python -m pytest -n auto --maxprocesses 4 --dist loadfile tests $(addprefix --ignore ,$(APART))
	@$(VENV)/python -m pytest $(APART)
else
	@$(VENV)/python -m pytest $(TESTS)
endif

fast: setup ## a sample of the tests that find most, another each time, in less than a minute
	@$(VENV)/python -m pytest -x $(FAST)

soak: setup ## the tests that try at random, for hours (TESTS=path chooses some)
	@TURSO_HEAVY=1 TURSO_DIFFERENTIAL=2000 $(VENV)/python -m pytest $(if $(filter-out tests,$(TESTS)),$(TESTS),$(SOAK))

fuzz: setup ## random statements against SQLite, and laws (SECONDS=600 SEED=1 say how long and from where)
	@SECONDS=$(SECONDS) SEED=$(SEED) $(VENV)/python -m tests.fuzz

size: setup ## bytes of Programs against what is recorded (ARGS=--record records)
	@$(VENV)/python -m tests.size.weigh $(ARGS)

demo: setup ## the playground, on localhost (PORT=8480)
	@$(VENV)/python demo/serve.py $(if $(PORT),--port $(PORT))

bench: setup ## benchmarks (ARGS="--quick" for a few)
	@$(VENV)/python -m benchmarks $(ARGS)

lint: setup ## formatting, lint, types and imports, of Python and JavaScript
	@$(VENV)/ruff format --check .
	@$(VENV)/ruff check .
	@$(VENV)/mypy
	@$(VENV)/lint-imports
	@$(VENV)/python base/make_abi.py --check
	@npx --no-install biome check
	@npx --no-install tsc --project web/jsconfig.json
	@npx --no-install tsc --project web/command/jsconfig.json
	@npx --no-install tsc --project tests/browser/tsconfig.json

format: setup ## format what can be formatted
	@$(VENV)/ruff format .
	@$(VENV)/ruff check --fix .
	@npx --no-install biome check --write

clean: ## remove everything that was made
	rm -rf .venv node_modules dist turso_wasm/kernel/kernel.wasm turso_wasm/kernel/symbols.json
