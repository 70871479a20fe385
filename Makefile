# One command for each habit. `make help` lists them.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
# four on two cores: browser tests wait much of their time
JOBS ?= 4
PYTEST := $(BIN)/python -m pytest
SPREAD := --dist loadfile --no-loadscope-reorder

.PHONY: help install run demo test test-fast check fix bench clean
.DEFAULT_GOAL := help

help:  ## this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

install: $(VENV)/.dev  ## virtual environment with everything, also for tests

run: $(VENV)/.run  ## start everything; prints READY and the address, Ctrl-C stops
	@test -n "$$DATABASE_URL" || test -e data/throughline.db || $(BIN)/python -m engine init --demo || $(BIN)/python -m engine init
	@THROUGHLINE_LOCAL_ADMIN=$${THROUGHLINE_LOCAL_ADMIN-1} $(BIN)/python -m engine up

demo: $(VENV)/.run  ## the demo company
	@$(BIN)/python -m engine init --demo

test: $(VENV)/.dev  ## all tests, on both databases
	@$(PYTEST) -n $(JOBS) $(SPREAD)

test-fast: $(VENV)/.dev  ## the quick ones on SQLite, while working
	@$(PYTEST) -n auto $(SPREAD) -m "not slow and not browser" -k "not postgresql"

check: $(VENV)/.dev  ## what CI runs: style, types, tests
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(MAKE) --no-print-directory test

fix: $(VENV)/.dev  ## let ruff mend what it can
	@$(BIN)/ruff check --fix .

bench: $(VENV)/.dev  ## measure the hot paths
	@for script in $$(grep -l __main__ benchmarks/*.py); do \
	  echo "== $$script"; PYTHONPATH=. $(BIN)/python $$script || exit 1; done

clean:  ## remove what can be made again (never data/)
	@rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -type d -prune -not -path './frontend/*' -exec rm -rf {} +

# A stamp for each list of requirements: a second `make run` starts at once.
$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Throughline needs Python 3.11 or newer: make PYTHON=python3.12 …" >&2; exit 2; }
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.run: requirements.txt | $(VENV)/bin/python
	@$(PIP) install -r requirements.txt >&2
	@touch $@

$(VENV)/.dev: requirements-dev.txt requirements.txt | $(VENV)/bin/python
	@$(PIP) install -r requirements-dev.txt >&2
	@touch $@ $(VENV)/.run
