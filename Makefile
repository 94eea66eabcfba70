# Start with `make run` or `make test`. Each creates the environment if it is missing or outdated.
VENV   := .venv
PYTHON ?= python3
BIN    := $(abspath $(VENV))/bin
export PATH := $(BIN):$(PATH)
# No telemetry.
export DVC_NO_ANALYTICS := 1
export PREFECT_SERVER_ANALYTICS_ENABLED := false
export DO_NOT_TRACK := 1
export MLFLOW_DISABLE_TELEMETRY := true
export RAY_USAGE_STATS_ENABLED := 0

.PHONY: run test slow lint types docs docs-build format lock clean help

help:           ## print this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## */\t/' | expand -t 12

run: $(VENV)/.ready  ## run the whole chain on the sample web; then open reports/index.html
	@mofi run

test: $(VENV)/.ready lint types  ## run linter, type checker, and all tests except the slow ones; they build the docs
	@pytest -m "not slow" -n 2 --dist loadgroup --no-loadscope-reorder

slow: $(VENV)/.ready  ## run the slow tests: the whole chain, power cuts in the middle of stages
	@pytest -m slow

lint: $(VENV)/.ready  ## run ruff, as linter and as formatter
	@ruff check . && ruff format --check .

types: $(VENV)/.ready  ## run mypy, strict
	@mypy

docs: $(VENV)/.ready  ## serve the documentation on http://127.0.0.1:8000, rebuilt on change
	@NO_MKDOCS_2_WARNING=1 mkdocs serve

docs-build: $(VENV)/.ready  ## build the documentation into .work/site; a warning is an error
	@NO_MKDOCS_2_WARNING=1 mkdocs build --strict --quiet

format: $(VENV)/.ready  ## let ruff fix what it can
	@ruff check --fix . ; ruff format .

# Install the locked packages with uv (itself from PyPI; it uses the system's certificates, as pip
# does), and this project in editable mode.
$(VENV)/.ready: requirements.lock pyproject.toml
	@echo "installing the locked packages into $(VENV) (about 7 GB, most of it torch)"
	@test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check $$(grep '^uv==' requirements.lock)
	@$(VENV)/bin/uv pip sync --quiet --system-certs --python $(VENV)/bin/python requirements.lock
	@$(VENV)/bin/uv pip install --quiet --system-certs --python $(VENV)/bin/python --no-deps --editable .
	@touch $@

lock: $(VENV)/.ready  ## resolve pyproject.toml into requirements.lock
	@$(VENV)/bin/uv pip compile --quiet --system-certs --no-header --no-annotate --no-emit-index-url \
	    --universal --python-version 3.11 --extra cpu --extra export --extra k8s --extra dev \
	    pyproject.toml requirements.in --output-file requirements.lock

clean:          ## remove everything that a run creates (not the environment)
	@rm -rf data models metrics reports .work dvc.lock
