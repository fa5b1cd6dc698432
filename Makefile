# turso_wasm: everything a contributor types. Needs git, make and Python >= 3.11.

PYTHON ?= python3
VENV := .venv/bin
TESTS ?= tests
export PATH := $(CURDIR)/$(VENV):$(PATH)

.PHONY: help setup assets test demo bench lint format clean

help: ## this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: ## virtual environment, Node packages, kernel, wheel
	@$(PYTHON) .ci/prepare.py

assets: setup ## dist/: what pages load the engine from

test: ## all tests (TESTS=path chooses some)
	@$(PYTHON) .ci/prepare.py --tests
	@$(VENV)/python -m pytest $(TESTS)

demo: setup ## the playground, on localhost
	@$(VENV)/python demo/serve.py

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
	@npx --no-install tsc --project tests/browser/tsconfig.json

format: setup ## format what can be formatted
	@$(VENV)/ruff format .
	@$(VENV)/ruff check --fix .
	@npx --no-install biome check --write

clean: ## remove everything that was made
	rm -rf .venv node_modules dist turso_wasm/kernel/kernel.wasm turso_wasm/kernel/symbols.json
