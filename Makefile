PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
.DEFAULT_GOAL := help

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  %-12s %s\n", $$1, $$2}'

# Stamps, so that set-up happens once and again only when a lock file changes.
$(VENV)/.installed: requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --require-hashes --requirement requirements.lock
	$(BIN)/pip install --quiet --no-deps --editable .
	@touch $@

# Not `npm ci`: it refuses a lock file without the binaries of every other platform.
node_modules/.installed: package-lock.json package.json
	npm install --silent --no-save --no-audit --no-fund
	@touch $@

.PHONY: setup
setup: $(VENV)/.installed node_modules/.installed ## Install the locked Python and Node packages
