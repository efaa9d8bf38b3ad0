# The door for people and for CI. Needs Python 3.11 to 3.13 and make; everything else is installed into .venv.
# Stamps inside .venv remember which locks were installed from which folder, so a second call sets nothing up again.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.SUFFIXES:
.DELETE_ON_ERROR:

HOME_DIR ?= .meshline
DEV_PORT ?= 3000
VENV := .venv
BIN := $(VENV)/bin
PYTEST_ARGS ?=

SETUP_INPUTS := requirements-setup.lock pyproject.toml
RUN_ID := $(shell { pwd; cat requirements.lock $(SETUP_INPUTS); } | cksum | tr ' ' '-')
DEV_ID := $(shell { pwd; cat requirements.lock requirements-dev.lock $(SETUP_INPUTS); } | cksum | tr ' ' '-')
RUN_STAMP := $(VENV)/.stamp-run-$(RUN_ID)
DEV_STAMP := $(VENV)/.stamp-dev-$(DEV_ID)
ERP_VENV := .venv-erp
ERP_STAMP := $(ERP_VENV)/.stamp-$(shell { pwd; cat requirements-erp.lock; } | cksum | tr ' ' '-')

# Quiet third parties: no usage statistics, no checks for newer versions, no prompts.
export DAGSTER_DISABLE_TELEMETRY := 1
export DBT_SEND_ANONYMOUS_USAGE_STATS := false
export GX_ANALYTICS_ENABLED := false
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_NO_INPUT := 1
export UV_PYTHON_DOWNLOADS := never
export UV_NO_PROGRESS := 1

# What is imported is compiled once: without this each process would spend seconds on it again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup setup-dev setup-erp run test test-erp system-packages check lint types layers sql fix dev bench soak lock clean

help:
	@echo "make run    set up if needed, reconcile the samples, print the summary"
	@echo "make setup  the set-up alone: .venv and .venv/bin/meshline"
	@echo "make test   linters, types and the whole test suite"
	@echo "make test-erp  delivery to a real ERP, installed beside in .venv-erp"
	@echo "make check  linters and types alone"
	@echo "make dev    Dagster's UI with its daemon on 127.0.0.1:$(DEV_PORT), state in $(HOME_DIR)/dagster"
	@echo "make bench  benchmarks        make soak   long-running tests"
	@echo "make fix    mend what the linter can mend by itself"
	@echo "make lock   resolve the dependencies anew        make clean  remove what make made"

# ---------------------------------------------------------------- set-up
setup: $(RUN_STAMP)

setup-dev: $(DEV_STAMP)

# pip reads only the installer's own small lock; the installer then does the rest several times faster than pip would.
$(BIN)/uv: requirements-setup.lock
	@set -e; \
	for candidate in $(PYTHON) python3.11 python3.12 python3.13 python3; do \
	  if "$$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then \
	    python=$$candidate; break; \
	  fi; \
	done; \
	if [ -z "$$python" ]; then \
	  echo "Meshline needs Python 3.11, 3.12 or 3.13, and none was found. Install one, or name it: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)" >&2; \
	  exit 1; \
	fi; \
	echo "Setting up $(VENV) with $$("$$python" --version) ..."; \
	"$$python" -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet --require-hashes --only-binary :all: -r requirements-setup.lock
	@touch $@

# A virtual environment that was moved or copied has scripts that point to its old place: it is made anew.
.PHONY: venv-in-place
venv-in-place:
	@if [ -f $(BIN)/uv ] && ! head -c 4096 $(BIN)/activate | grep -qF "$(CURDIR)/$(VENV)"; then rm -rf $(VENV); fi

$(RUN_STAMP): | venv-in-place
	@$(MAKE) --no-print-directory --silent $(BIN)/uv
	@echo "Installing the locked dependencies ..."
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@rm -f $(VENV)/.stamp-run-*
	@touch $@

$(DEV_STAMP): | $(RUN_STAMP)
	@echo "Installing the locked tools for tests ..."
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements-dev.lock
	@rm -f $(VENV)/.stamp-dev-*
	@touch $@

setup-erp: $(ERP_STAMP)

# A real ERP as a receiver, never a part of Meshline: an environment of its own, so that neither's packages meet.
$(ERP_STAMP): | $(DEV_STAMP)
	@echo "Installing Tryton into $(ERP_VENV) ..."
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(ERP_VENV)
	@$(BIN)/uv pip install --quiet --python $(ERP_VENV)/bin/python --require-hashes -r requirements-erp.lock
	@touch $@

# ---------------------------------------------------------------- use
run: $(RUN_STAMP)
	@$(BIN)/meshline run --home $(HOME_DIR) --landing seeds/samples

DEV_ENV = MESHLINE_HOME="$(abspath $(HOME_DIR))" DAGSTER_HOME="$(abspath $(HOME_DIR))/dagster"
DEV_CONFIG = from orchestration.defs.instance import write_instance_config; \
  from orchestration.settings import load_settings; write_instance_config(load_settings())

dev: $(RUN_STAMP)
	@mkdir -p $(HOME_DIR)/landing
	@$(DEV_ENV) $(BIN)/python -c '$(DEV_CONFIG)'
	@echo "Dagster: open http://127.0.0.1:$(DEV_PORT) ; put extracts into $(HOME_DIR)/landing/<source>/"
	@$(DEV_ENV) $(BIN)/dagster dev --module-name orchestration.definitions --host 127.0.0.1 --port $(DEV_PORT)

# ---------------------------------------------------------------- proof
# The ledger's tests run on PostgreSQL too, started on loopback; they say so when it cannot be had.
system-packages:
	@if ! ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 && ! command -v initdb >/dev/null 2>&1 \
	  && command -v apt-get >/dev/null 2>&1 && [ "$$(id -u)" = 0 ]; then \
	  echo "Installing PostgreSQL for the tests ..."; \
	  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
	    postgresql; } >/dev/null 2>&1 || echo "PostgreSQL could not be installed: its tests are skipped." >&2; \
	fi
	@if ! command -v chromium >/dev/null 2>&1 && command -v apt-get >/dev/null 2>&1 && [ "$$(id -u)" = 0 ]; then \
	  echo "Installing Chromium for the tests of the console ..."; \
	  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
	    chromium fonts-dejavu; } >/dev/null 2>&1 || echo "Chromium could not be installed: its tests are skipped." >&2; \
	fi

# Two processes, whatever the machine: a run of the warehouse takes 1 GiB and both cores for moments only.
SIDE_BY_SIDE := -n 2 --dist loadscope --no-loadscope-reorder

test: system-packages lint types layers sql
	@$(BIN)/python -m pytest $(SIDE_BY_SIDE) $(PYTEST_ARGS)

test-erp: $(ERP_STAMP)
	@$(BIN)/python -m pytest -m erp $(PYTEST_ARGS)

soak: $(DEV_STAMP)
	@$(BIN)/python -m pytest tests/properties --hypothesis-profile search $(PYTEST_ARGS)
	@$(BIN)/python -m pytest -m soak $(PYTEST_ARGS)

bench: $(DEV_STAMP)
	@$(BIN)/python -m tests.benchmarks $(BENCH_ARGS)

check: lint types layers sql forms

lint: $(DEV_STAMP)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet .

types: $(DEV_STAMP)
	@$(BIN)/mypy

layers: $(DEV_STAMP)
	@$(BIN)/lint-imports --no-logo

# Compiling every model for the linter takes half a minute, so what passed unchanged is not linted again.
LINT_STATE := $(abspath $(VENV))/sql-lint
sql: $(DEV_STAMP)
	@mkdir -p $(LINT_STATE); \
	id=$$(find .sqlfluff dbt_project seeds -type f \( -name '*.sql' -o -name '*.yml' -o -name '*.csv' -o -name .sqlfluff \) \
	  -not -path '*/target/*' -not -path '*/samples/*' | sort | xargs cat | cksum | tr ' ' '-'); \
	if [ ! -f "$(LINT_STATE)/passed-$$id" ]; then \
	  DBT_TARGET_PATH=$(LINT_STATE) DBT_LOG_PATH=$(LINT_STATE) MESHLINE_WAREHOUSE=$(LINT_STATE)/warehouse.duckdb \
	    $(BIN)/sqlfluff lint --processes 0 --disable-progress-bar dbt_project/models \
	    && rm -f "$(LINT_STATE)"/passed-* && touch "$(LINT_STATE)/passed-$$id"; \
	fi

# Which model may read which, and the SQL forms that other engines read differently.
forms: $(DEV_STAMP)
	@$(BIN)/python -m pytest tests/dbt/test_layering.py tests/dbt/test_portability.py

# ---------------------------------------------------------------- upkeep
fix: $(DEV_STAMP)
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format --quiet .

LOCK := $(BIN)/uv pip compile --quiet --upgrade --generate-hashes --universal --python-version 3.11 \
  --no-emit-index-url --no-emit-find-links --no-annotate --no-header

lock: $(BIN)/uv
	@$(LOCK) --output-file requirements-setup.lock --group setup
	@$(LOCK) --output-file requirements-dev.lock --group build --group dev pyproject.toml
	@$(LOCK) --output-file requirements-erp.lock --group erp
	@$(LOCK) --output-file requirements.lock --group build --constraint requirements-dev.lock pyproject.toml

clean:
	@rm -rf $(VENV) $(ERP_VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis dbt_project/target dbt_project/logs logs
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
	@echo "Removed what make made; $(HOME_DIR) with your data is untouched."
