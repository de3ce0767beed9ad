# GRAFT: every target does all its own set-up. Needs Python 3.11 or 3.12, make and a package index; nothing else.
#   make demo     the whole job on the invented corpus of examples/, then the table and the report
#   make test     the tests, real weights included
#   make check    everything that CI calls: format, lint, types, import contracts
PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || echo python3)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
WORKSPACE ?= workspaces/demo
export HF_HUB_OFFLINE ?= 1
export TOKENIZERS_PARALLELISM ?= false

.PHONY: setup demo test test-slow lint types contracts docs check clean

setup: $(READY)

$(READY): pyproject.toml constraints.txt
	@echo "graft: set-up 1 of 3: virtual environment with $(PYTHON)"
	@$(PYTHON) -c 'import sys; ok = (3, 11) <= sys.version_info[:2] <= (3, 12); sys.exit(None if ok else "graft: needs Python 3.11 or 3.12, found " + sys.version.split()[0] + "; name one: make PYTHON=python3.11")'
	@$(PYTHON) -m venv $(VENV)
	@echo "graft: set-up 2 of 3: PyTorch (about half a minute)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt torch
	@echo "graft: set-up 3 of 3: the other libraries (about two minutes)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

demo: $(READY)
	$(BIN)/graft eval run configs/experiments/demo.yaml --workspace $(WORKSPACE) --worked 3

test: $(READY)
	$(BIN)/python -m pytest

test-slow: $(READY)
	$(BIN)/python -m pytest -m slow

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/mypy

contracts: $(READY)
	$(BIN)/lint-imports

docs: $(READY)
	$(BIN)/python -m pytest tests/test_docs.py --doctest-modules models kg retrieval training eval app

check: lint types contracts

clean:
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
