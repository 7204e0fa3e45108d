# The verbs in the order of the flow; a bare `make` lists them.
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
DEMO := demo

help: ## list the verbs
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: .venv/ready ## create .venv from requirements.lock

.venv/ready: requirements.lock pyproject.toml
	@echo "Creating .venv and installing the locked packages (a few minutes the first time) ..."
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "winback needs Python 3.11 or newer; set PYTHON=...")'
	@$(PYTHON) -m venv .venv
	@$(BIN)/pip install -qq --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/pip install -qq --disable-pip-version-check --no-deps --no-build-isolation -e .
	@$(BIN)/python -m compileall -q -j 0 .venv/lib >/dev/null || true # or every command compiles its imports again
	@touch $@

demo: setup ## the whole road on CDNOW: events in, explained scores out, the service asked once
	@$(BIN)/python -m experiments.demo $(DEMO)

test: setup lint types ## lint, types and the whole test suite
	@$(BIN)/python -m pytest

lint: setup ## ruff, and the direction of imports
	@$(BIN)/ruff check .
	@$(BIN)/lint-imports --no-logo 2>&1 | tail -n 6

types: setup ## mypy, strict
	@$(BIN)/mypy

experiments: setup ## a second real data set, and CDNOW as it would have been at the end of 1997
	@$(BIN)/python -m experiments.complete_journey
	@$(BIN)/python -m experiments.cdnow_1997

bench-features: setup ## speed and memory of the features beside DuckDB, pandas, Polars and featuretools (EVENTS=1e7)
	@$(BIN)/python -m tests.bench.features --events $(or $(EVENTS),1e7)

bench-training: setup ## does the training beat what people would reach for? (AUTOML=--automl with FLAML and AutoGluon)
	@$(BIN)/python -m experiments.benchmark $(AUTOML)
	@$(BIN)/python -m tests.bench.training

automl: ## the environments of FLAML and AutoGluon, for AUTOML=--automl
	@$(PYTHON) -m venv .venv-flaml && .venv-flaml/bin/pip install -qq "flaml[automl]" pyarrow
	@$(PYTHON) -m venv .venv-autogluon && .venv-autogluon/bin/pip install -qq "autogluon.tabular[lightgbm]" pyarrow

bench-serving: setup ## speed of the service beside BentoML's empty method and mlflow's bare model, and of bulk scoring
	@$(BIN)/python -m tests.bench.serving

soak: setup ## the tests at full length: 10,000 fuzzed requests, 100 switched champions, ten minutes of mixed load
	@$(BIN)/python -m pytest -m soak

tuning: setup ## does a search over LightGBM's settings pay?
	@$(BIN)/python -m experiments.tuning

leaks: setup ## plant leaks of every sort and see each one caught, and none reported on clean data
	@$(BIN)/python -m experiments.leaks

lock: ## write requirements.lock anew from pyproject.toml, with hashes and no index
	@$(BIN)/pip install --quiet uv
	@$(BIN)/uv pip compile pyproject.toml --all-extras --generate-hashes --no-emit-index-url --no-header --no-annotate --quiet -o .venv/constraints.txt
	@$(BIN)/uv pip compile pyproject.toml --extra demo --extra dev --extra spark --extra postgres --extra tune --constraint .venv/constraints.txt --generate-hashes --no-emit-index-url --no-header --no-annotate --quiet -o requirements.lock
	@$(BIN)/uv pip compile pyproject.toml deploy/build.in --extra postgres --constraint .venv/constraints.txt --generate-hashes --no-emit-index-url --no-header --no-annotate --quiet -o deploy/requirements.lock

clean: ## remove what make created, the demo's results included
	@rm -rf .venv .venv-peers .venv-featuretools .venv-flaml .venv-autogluon bench-results $(DEMO) .pytest_cache .mypy_cache .ruff_cache .hypothesis

.PHONY: help setup demo test lint types experiments bench-features bench-training bench-serving soak automl tuning leaks lock clean
