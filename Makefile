PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
.DEFAULT_GOAL := help

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  %-12s %s\n", $$1, $$2}'

# Stamps, so that set-up happens once and again only when a lock file changes.
$(VENV)/.installed: requirements.lock tests/otava.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --require-hashes --requirement requirements.lock
	$(BIN)/pip install --quiet --require-hashes --no-deps --requirement tests/otava.lock
	$(BIN)/pip install --quiet --no-deps --editable .
	@touch $@

# Not `npm ci`: it refuses a lock file without the binaries of every other platform.
node_modules/.installed: package-lock.json package.json
	npm install --silent --no-save --no-audit --no-fund
	@touch $@

.PHONY: setup
setup: $(VENV)/.installed node_modules/.installed ## Install the locked Python and Node packages

.PHONY: demo
demo: setup ## Start everything, run the Legito suites once, print the report, stop everything; FAULT=latency and others make it fail
	@$(BIN)/assay demo $(if $(FAULT),--fault "$(FAULT)")

.PHONY: up
up: setup ## Start Supabase without Docker, with the migrations and the seed, and leave it running
	@$(BIN)/assay up
	@node_modules/.bin/supabase db push --yes --include-seed \
		--remote="$$($(BIN)/assay up --json | $(BIN)/python -c 'import json, sys; print(json.load(sys.stdin)["db_url"])')"

.PHONY: down
down: ## Stop it; the data stays in .assay/
	@$(BIN)/assay down

.PHONY: test
test: setup ## Run all tests: SQL (pgTAP), Python, end to end
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

.PHONY: attack
attack: setup ## Attack the whole interface as strangers, and print how long answers take
	ASSAY_ATTACK=timed $(BIN)/python -m pytest -s tests/py/test_attack.py \
		tests/py/test_attack_realtime.py tests/py/test_attack_tokens.py

.PHONY: test-sql
test-sql: setup ## Run the SQL tests only
	$(BIN)/python -m pytest tests/py/test_sql.py

.PHONY: fuzz
fuzz: setup ## Make 10,000 hostile calls of everything public; SEED=2 makes others
	ASSAY_FUZZ=10000 ASSAY_FUZZ_SEED=$(or $(SEED),1) $(BIN)/python -m pytest -q tests/py/test_fuzz.py

.PHONY: properties
properties: setup ## Try the property tests on many more examples, and that each seeded bug is noticed; prints how many
	ASSAY_PROPERTIES=thorough $(BIN)/python -m pytest -s -q tests/py/test_property_*.py

.PHONY: statistics
statistics: setup ## Hold the statistics against NumPy, SciPy and Apache Otava, and write docs/statistics.md
	$(BIN)/python tests/py/statistics_tables.py

.PHONY: docs
docs: setup ## Write docs/api.md and the clients' types anew from the migrations
	$(BIN)/python tests/py/generate_docs.py

.PHONY: lint
lint: setup ## Check style and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/sqlfluff lint --processes 2 supabase/migrations

.PHONY: fmt
fmt: setup ## Format the Python code
	$(BIN)/ruff check --fix --exit-zero
	$(BIN)/ruff format

.PHONY: bench
bench: setup ## Measure, and write bench/RESULTS.md; ONLY=runs or rls for one part; ONLY=large and ONLY=hygiene take long
	$(BIN)/python -m bench $(ONLY)

.PHONY: simulate
simulate: setup ## Replay a year of tests of known kinds night by night, and write bench/SIMULATION.md; DAYS=60 TESTS=80 for less
	$(BIN)/python -m bench.simulate

.PHONY: demo-history
demo-history: setup ## Write a quarter of history, and print what Assay finds in it: flaky, broken, slower, one cause
	@$(BIN)/python -m bench.simulate.demo

.PHONY: chaos
chaos: setup ## Kill, freeze and cut everything in the middle of runs; CHAOS="--help" tells more
	PYTHONPATH=tests/py $(BIN)/python -m chaos $(CHAOS)

.PHONY: soak
soak: setup ## Half an hour of runs while something is killed every 20 s; SOAK="--minutes 2" for less
	PYTHONPATH=tests/py $(BIN)/python -m chaos.soak $(SOAK)

.PHONY: check
check: lint test ## All that must pass before a change is in
