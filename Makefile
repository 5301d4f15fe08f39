# Each target brings its own set-up: the virtual environment (.venv) and MySQL (.local/mysql) are made
# when missing or out of date, and left alone otherwise. Nothing is installed into the system.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

# Morocco's rules changed in 2026: only the zone data of requirements.txt count, not the system's.
export PYTHONTZPATH :=
# Taken unexpanded, so that a statement may hold a `$`.
export SQL_STATEMENT := $(value Q)

PYTHON := .venv/bin/python
WITH_ENV := eval "$$($(PYTHON) scripts/environment.py)";
# To stop things, any Python will do, even when .venv is gone.
ANY_PYTHON = $(or $(wildcard $(PYTHON)),python3)

# One worker a core, each with its own servers (1.5 GB); what shares fixtures goes to one worker (tests/conftest.py).
SIDE_BY_SIDE := --numprocesses=logical --maxprocesses=4 --dist=loadscope --no-loadscope-reorder

# In the folders they speak for, so that they go when those are removed.
VENV := .venv/.complete
MYSQL := .local/mysql/.found
BROWSER := .local/chromium/.found
MARIADB := .local/mariadb/.found

##@ Everyday
.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^##@ / { printf "\n%s\n", substr($$0, 5) } /^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

.PHONY: demo
demo: database ## Replay nights on a made-up LMS, backfill the weeks before, print the figures
	@$(WITH_ENV) exec python scripts/demo.py $(ARGS)

.PHONY: test
test: database $(BROWSER) ## The tests that prove every promise, in ten minutes (ARGS='tests/unit -k calendar' for some of them)
	@$(WITH_ENV) exec python -m pytest $(or $(ARGS),tests -m "not long" --hypothesis-profile=few $(SIDE_BY_SIDE))

.PHONY: test-all
test-all: database $(BROWSER) $(MARIADB) ## All tests: long histories, kills at each statement, overlaps, a year in the browser
	@$(WITH_ENV) exec python -m pytest tests $(SIDE_BY_SIDE) $(ARGS)

.PHONY: up
up: database ## Start MySQL and Airflow, print the address of the UI, user and password
	@$(PYTHON) scripts/airflow_services.py up

.PHONY: down
down: ## Stop Airflow and MySQL; all data stay
	@$(ANY_PYTHON) scripts/airflow_services.py down
	@$(ANY_PYTHON) scripts/project_database.py stop

.PHONY: sql
sql: database ## Run a statement on the KPI database: make sql Q='SELECT …'; without Q, a client
	@exec $(PYTHON) scripts/project_database.py sql "$$SQL_STATEMENT"

.PHONY: changes
changes: database ## Triggers on the demo's LMS that tell of changes: make changes DO=install, remove or status
	@$(WITH_ENV) exec python scripts/source_changes.py $(or $(DO),status)

.PHONY: env
env: database ## Print the environment for a shell: eval "$(make -s env)"
	@$(PYTHON) scripts/environment.py

##@ Checks
.PHONY: lint
lint: $(VENV) ## Check style, types, the rendered SQL and docker-compose.yaml
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy
	@$(WITH_ENV) exec python scripts/lint_sql.py
	$(PYTHON) scripts/compose_packages.py

.PHONY: show
show: $(VENV) ## Print a figure's SQL as it runs: make show FIGURE=PCT_ACQUIS ROAD=day (range, closing, window, opening, change)
	@$(WITH_ENV) exec python scripts/rendered_sql.py --figure "$(FIGURE)" --road "$(or $(ROAD),day)"

.PHONY: rendered
rendered: $(VENV) ## Write tests/rendered, which shows what a change of a template changes
	@$(WITH_ENV) exec python scripts/rendered_sql.py

.PHONY: bench
bench: database ## Measure a night of 2,000 learners against copying its rows
	@$(WITH_ENV) exec python scripts/bench.py $(ARGS)

.PHONY: bench-range
bench-range: database ## Measure a range of days computed at once against day by day
	@$(WITH_ENV) exec python scripts/bench_range.py $(ARGS)

.PHONY: bench-retention
bench-retention: database ## Measure the removal of a month by exchange against deleting its rows
	@$(WITH_ENV) exec python scripts/bench_retention.py $(ARGS)

.PHONY: bench-incremental
bench-incremental: database ## Measure one change at a small and a large school
	@$(WITH_ENV) exec python scripts/bench_incremental.py $(ARGS)

.PHONY: bench-dashboard
bench-dashboard: database ## Measure the dashboard's routes with 5 million figures and ten users
	@$(WITH_ENV) exec python scripts/bench_dashboard.py $(ARGS)

##@ Set-up
.PHONY: setup
setup: $(VENV) $(MYSQL) $(BROWSER) ## Do the set-up only, and start nothing

.PHONY: clean
clean: down ## Stop everything and remove all that these commands made, data included
	rm -rf .venv .local .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: docs
docs: $(VENV) ## Write docs/figures.md from the SQL files' headers
	@$(WITH_ENV) python scripts/metric_docs.py > docs/figures.md

.PHONY: screenshots
screenshots: up $(BROWSER) ## Take the README's pictures of the dashboard, with the demo's figures
	@$(WITH_ENV) exec python scripts/screenshots.py

.PHONY: pins
pins: $(VENV) ## Resolve the requirements.in files into requirements.txt anew (maintainers)
	$(COMPILE) --override overrides.txt --output-file requirements.txt requirements.in tests/requirements.in
	$(COMPILE) --override overrides.txt --constraint requirements.txt --output-file docker/requirements.txt \
		requirements.in docker/requirements.in

COMPILE := UV_CACHE_DIR="$${UV_CACHE_DIR:-$(CURDIR)/.local/cache/uv}" UV_CUSTOM_COMPILE_COMMAND="make pins" \
	.venv/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 \
	--no-annotate --no-emit-index-url --no-emit-find-links

# Not listed: what the others stand on. Set-up talks to stderr, so that `make -s env` prints nothing else.
.PHONY: database
database: $(VENV) $(MYSQL)
	@$(PYTHON) scripts/project_database.py start >&2

$(VENV): requirements.txt scripts/setup.sh
	@scripts/setup.sh >&2
	@touch $@

$(MYSQL): scripts/mysql_packages.py | $(VENV)
	@$(PYTHON) scripts/project_database.py install >&2
	@mkdir -p $(@D) && touch $@

$(BROWSER): scripts/browser_packages.py | $(VENV)
	@$(PYTHON) scripts/browser_packages.py >&2
	@mkdir -p $(@D) && touch $@

# An LMS on MariaDB, for the tests.
$(MARIADB): scripts/mariadb_packages.py | $(VENV)
	@$(PYTHON) scripts/mariadb_packages.py >&2
	@mkdir -p $(@D) && touch $@
