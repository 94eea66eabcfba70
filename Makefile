# `make run` and `make test` are all that a newcomer needs; each makes the environment first if it is missing or outdated.
VENV   := .venv
PYTHON ?= python3
BIN    := $(abspath $(VENV))/bin
export PATH := $(BIN):$(PATH)
# Nothing phones home.
export DVC_NO_ANALYTICS := 1
export PREFECT_SERVER_ANALYTICS_ENABLED := false
export DO_NOT_TRACK := 1
export MLFLOW_DISABLE_TELEMETRY := true
export RAY_USAGE_STATS_ENABLED := 0

.PHONY: run test slow lint types format lock clean help

help:           ## this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## */\t/' | expand -t 12

run: $(VENV)/.ready  ## the whole chain on the sample web; opens with reports/index.html
	@mofi run

test: $(VENV)/.ready lint types  ## lint, types, and all tests but the slow ones
	@pytest -m "not slow"

slow: $(VENV)/.ready  ## the slow tests: the whole chain, power cuts in the middle of stages
	@pytest -m slow

lint: $(VENV)/.ready  ## ruff, both as linter and formatter
	@ruff check . && ruff format --check .

types: $(VENV)/.ready  ## mypy, strict
	@mypy

format: $(VENV)/.ready  ## let ruff mend what it can
	@ruff check --fix . ; ruff format .

# Install from the lock with uv, which comes from PyPI as well, and trusts whom this system trusts, as pip does; the project itself
# is installed in place.
$(VENV)/.ready: requirements.lock pyproject.toml
	@echo "installing the locked packages into $(VENV) (about 6.6 GB, most of it torch; half a minute on a fast line)"
	@test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check $$(grep '^uv==' requirements.lock)
	@$(VENV)/bin/uv pip sync --quiet --system-certs --python $(VENV)/bin/python requirements.lock
	@$(VENV)/bin/uv pip install --quiet --system-certs --python $(VENV)/bin/python --no-deps --editable .
	@touch $@

lock: $(VENV)/.ready  ## resolve pyproject.toml anew into requirements.lock (exact versions, no addresses)
	@$(VENV)/bin/uv pip compile --quiet --system-certs --no-header --no-annotate --no-emit-index-url --universal --python-version 3.11 \
	    --extra cpu --extra export --extra k8s --extra dev pyproject.toml requirements.in --output-file requirements.lock

clean:          ## remove everything that a run made (not the environment)
	@rm -rf data models metrics reports .work dvc.lock
