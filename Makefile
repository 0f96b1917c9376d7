# Two commands are all a stranger needs: `make rehearse` and `make test`. Each does its own set-up.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# A rehearsal starts Python a hundred times: it keeps what it compiled, whatever the shell says.
export PYTHONDONTWRITEBYTECODE :=

help: ## what can be made
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(READY): requirements.txt requirements-dev.txt constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Hearth needs Python 3.11 or newer: set PYTHON=python3.11")'
	@echo "setup: Python packages into $(VENV) (a minute or two the first time)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt -c constraints.txt
	@touch $@

setup: $(READY) ## the virtual environment

tools: $(READY) ## find, fetch or build every program the lab runs
	@$(BIN)/python -m lab.tools

check: $(READY) ## lint, types, layers, YAML, Go: the static part of `make test`
	@$(BIN)/python -m checks.house

rehearse: $(READY) ## every stack through its scenarios, or STACK=home-ops; SCENARIOS=core,cni-missing
	@$(BIN)/python hearth rehearse $(STACK) $(if $(SCENARIOS),--scenarios $(SCENARIOS)) $(if $(PROVIDERS),--providers $(PROVIDERS))

test: $(READY) check tools ## everything that must hold before a change lands
	@$(BIN)/python -m pytest --numprocesses=2 --dist=loadfile --no-loadscope-reorder

bench: $(READY) tools ## figures, docs/figures.md says which: all, or PART=preview STACK=home-ops; no test
	@$(BIN)/python -m lab.bench $(PART) $(if $(STACK),--stack $(STACK))

constraints: $(READY) ## write constraints.txt anew from what is installed
	@$(BIN)/python -m checks.constraints

.PHONY: help setup tools check rehearse test bench constraints
