# make serve   answers on http://127.0.0.1:10000
# make test    runs every test
# Both install what they need into .venv, once. Variables: PYTHON, ARGS, CONSTRAINTS (see CONTRIBUTING.md).

SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
CONSTRAINTS ?=
ARGS ?=

LOCK := requirements-lock.txt
# For serving alone: without hf-xet, 11 MB that tokenizers brings through newer releases of huggingface-hub and never imports.
SERVE_LOCK := requirements-serve.txt
# What is installed is out of date when one of these files is newer; constraints may also be addresses, or lie elsewhere.
DECLARED := pyproject.toml $(LOCK) $(SERVE_LOCK) $(wildcard $(CONSTRAINTS))
# Bytecode is left to the first run: of a serving install it would be a fifth of the disk.
INSTALL := $(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check
limited_by = $(addprefix --constraint=,$(1) $(CONSTRAINTS))

.PHONY: help serve test lint format docs bench bench-full bench-setup lock clean

help:
	@echo 'make serve    answer on http://127.0.0.1:10000 (ARGS="--port 8080" and other flags of carepick serve)'
	@echo 'make test     run every test (ARGS="-k triage" and other flags of pytest)'
	@echo 'make lint     ruff and mypy'
	@echo 'make format   let ruff put the code in order'
	@echo 'make docs     write the generated pages of docs/'
	@echo 'make bench    measure beside other servers for some minutes; make bench-full for an hour, into benchmarks/RESULTS.md'
	@echo 'make lock     pin new versions in $(LOCK) and $(SERVE_LOCK)'
	@echo 'make clean    delete .venv and caches'

serve: $(VENV)/.serve
	@exec $(BIN)/carepick serve $(ARGS)

test: $(VENV)/.test
	$(BIN)/python -m pytest $(ARGS)

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(VENV)/.test
	$(BIN)/carepick docs

# The first run installs every server in an environment of its own, and makes two random models.
bench: bench-setup
	$(BIN)/python -m benchmarks.run --mode short $(ARGS)

bench-full: bench-setup
	$(BIN)/python -m benchmarks.run --mode full $(ARGS)

bench-setup: $(VENV)/.test
	$(if $(CONSTRAINTS),PIP_CONSTRAINT='$(CONSTRAINTS)') $(BIN)/python -m benchmarks.setup

COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.10 --no-header --no-emit-index-url --no-annotate --upgrade
# torch and its CUDA libraries are not pinned: which build fits depends on the machine.
lock: $(VENV)/.test
	$(BIN)/python -m pip install --quiet --upgrade uv
	$(COMPILE) --all-extras --constraint .ci/constraints.txt pyproject.toml --output-file $(LOCK).new
	grep -vE '^(torch|triton|nvidia-|cuda-)' $(LOCK).new > $(LOCK)
	{ grep -vE '^(huggingface-hub|hf-xet)==' $(LOCK); echo 'huggingface-hub<0.32'; } > $(LOCK).new
	$(COMPILE) --constraint $(LOCK).new pyproject.toml --output-file $(SERVE_LOCK)
	rm $(LOCK).new

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist

$(VENV)/.serve: $(DECLARED) | $(BIN)/python
	@echo 'Installing Carepick and what it serves with into $(VENV) ...'
	@$(INSTALL) $(call limited_by,$(if $(wildcard $(VENV)/.test),$(LOCK),$(SERVE_LOCK))) -e . || { echo 'make: the installation failed; the lines above say why, make again when that is set right' >&2; exit 1; }
	@touch $@

$(VENV)/.test: $(DECLARED) | $(BIN)/python
	@echo 'Installing what the tests need into $(VENV), PyTorch among it ...'
	@$(INSTALL) $(call limited_by,$(LOCK)) -e '.[dev,parquet,train]' || { echo 'make: the installation failed; the lines above say why, make again when that is set right' >&2; exit 1; }
	@touch $@ $(VENV)/.serve

$(BIN)/python:
	@scripts/make_venv $(VENV) $(PYTHON)
