# GRAFT: every target does all its own set-up. Needs Python 3.11 or 3.12, make and a package index; nothing else.
# `make` or `make help` lists the targets: the text behind the two hashes of each.
.DEFAULT_GOAL := help
PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || echo python3)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
WORKSPACE ?= workspaces/demo
export HF_HUB_OFFLINE ?= 1
export TOKENIZERS_PARALLELISM ?= false

.PHONY: help setup demo test test-slow lint types contracts docs check wheel clean

help: ## List these targets
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## Build the virtual environment .venv; every other target does it by itself

$(READY): pyproject.toml constraints.txt
	@echo "graft: set-up 1 of 3: virtual environment with $(PYTHON)"
	@$(PYTHON) -c 'import sys; ok = (3, 11) <= sys.version_info[:2] <= (3, 12); sys.exit(None if ok else "graft: needs Python 3.11 or 3.12, found " + sys.version.split()[0] + "; name one: make PYTHON=python3.11")'
	@$(PYTHON) -m venv $(VENV)
	@echo "graft: set-up 2 of 3: PyTorch (about half a minute)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt torch
	@echo "graft: set-up 3 of 3: the other libraries (about two minutes)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

demo: $(READY) ## Index the invented corpus of examples/, train, compare seven arms; prints the table and where the report is
	$(BIN)/graft eval run configs/experiments/demo.yaml --workspace $(WORKSPACE) --examples 3

test: $(READY) ## Run the tests, real weights included; what takes minutes is left to test-slow, the pages' own to docs
	$(BIN)/python -m pytest --ignore tests/docs

test-slow: $(READY) ## Run the tests that take minutes: the whole job, killed processes, the installed wheel
	$(BIN)/python -m pytest -m slow

lint: $(READY) ## Check the code with ruff: rules and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY) ## Check the types with mypy --strict
	$(BIN)/mypy

contracts: $(READY) ## Check that imports go one way, by the contracts of pyproject.toml
	$(BIN)/lint-imports

docs: $(READY) ## Build the documentation into site/; check its commands, links, examples and tables
	$(BIN)/python -m docs.generate --check
	$(BIN)/python -m benchmarks.tables --check
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet
	$(BIN)/python -m pytest tests/test_docs.py tests/docs --doctest-modules docs/generate.py configs models kg retrieval training eval app packager

check: lint types contracts ## Run lint, types and contracts, as continuous integration does

wheel: $(READY) ## Build the sdist and the wheel into dist/
	rm -rf dist
	$(BIN)/python -m build --outdir dist .

clean: ## Remove .venv and everything that was built; workspaces stay
	rm -rf $(VENV) build dist site *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
