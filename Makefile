# One command each: `make run` runs the product, `make test` proves it. `make help` lists the rest.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input
ARGS ?=
# Tests wait as often as they compute, each worker with a PostgreSQL of its own: one more of them than processors.
WORKERS ?= $(shell $(PYTHON) -c "import os; print(min(os.cpu_count() or 1, 7) + 1)")
LOCK := uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --quiet

# Every process of a mesh, and every run of the tests, would compile all modules anew without its bytecode.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help run test test-units test-fast test-e2e check format generate lock bench crash clean

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(VENV)/.installed ## Set up and run the main job: the whole mesh with two simulated stores (ARGS="--seconds 60")
	$(BIN)/kiki up --demo $(ARGS)

test: test-units test-e2e ## Set up and pass all tests

test-units: $(VENV)/.installed-dev ## All tests but those that run the whole mesh
	$(BIN)/pytest -q -n $(WORKERS) --dist worksteal -m "not e2e" $(ARGS)

test-fast: $(VENV)/.installed-dev ## Under three minutes: without the longest tests, with fewer examples per property
	$(BIN)/pytest -q -n $(WORKERS) --dist worksteal -m "not slow and not e2e" --hypothesis-profile fast $(ARGS)

test-e2e: $(VENV)/.installed-dev ## Tests that run the whole mesh
	$(BIN)/pytest -m e2e $(ARGS)

check: $(VENV)/.installed-dev ## Format, lint, types, import directions, contract, generated files, migrations
	@echo "format";     $(BIN)/ruff format --check --quiet .
	@echo "lint";       $(BIN)/ruff check --quiet .
	@echo "types";      $(BIN)/mypy
	@echo "directions"; $(BIN)/lint-imports --no-logo
	@echo "contract";   $(BIN)/python tools/check_proto.py
	@echo "generated";  $(BIN)/python tools/generate_rpc.py --check
	@echo "settings";   $(BIN)/python tools/generate_env_example.py --check
	@echo "migrations"; $(BIN)/pytest -q -m "not e2e" tests/architecture

format: $(VENV)/.installed-dev ## Format the code and mend what lint can mend
	$(BIN)/ruff check --fix --quiet .
	$(BIN)/ruff format .

generate: $(VENV)/.installed-dev ## Write the generated files anew: src/kiki/rpc, .env.example
	$(BIN)/python tools/generate_rpc.py
	$(BIN)/python tools/generate_env_example.py

bench: $(VENV)/.installed ## Measure the pipeline and the stockout reaction
	$(BIN)/kiki bench pipeline $(ARGS)
	$(BIN)/kiki bench stockout $(ARGS)

crash: $(VENV)/.installed-dev ## Kill processes under load, for long (CI runs it short)
	KIKI_CRASH_SECONDS=$${KIKI_CRASH_SECONDS:-600} $(BIN)/pytest -m e2e tests/crash --timeout=3600 $(ARGS)

lock: ## Write requirements*.lock anew, with a uv of its own
	@folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && \
	$(PYTHON) -m venv "$$folder" && "$$folder/bin/python" -m pip install --quiet uv && PATH="$$folder/bin:$$PATH" && \
	$(LOCK) --group build --output-file requirements.lock && \
	$(LOCK) --group build --group dev --output-file requirements-dev.lock

clean: ## Remove the virtual environment and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache node_modules

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed, $(PYTHON) is $$($(PYTHON) --version 2>&1); say make PYTHON=..."; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: requirements.lock pyproject.toml | $(VENV)/bin/python
	@echo "installing what it runs on (locked and hashed; a minute or two) ..."
	$(PIP) install --quiet --only-binary :all: --require-hashes -r requirements.lock
	$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.installed-dev: requirements-dev.lock $(VENV)/.installed
	@echo "installing what tests and checks need ..."
	$(PIP) install --quiet --only-binary :all: --require-hashes -r requirements-dev.lock
	@touch $@
