# The whole developer interface: `make help`.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory
# Containers often set it; then each of some hundred processes compiles everything anew.
unexport PYTHONDONTWRITEBYTECODE

# The first interpreter that is new enough; name another with PYTHON=…
PYTHON ?= $(shell for each in python3 python3.11 python3.12 python3.13; do \
	"$$each" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$each" && break; done || true)
# Two more than two cores, for tests also wait for processes; name another number with WORKERS=…
WORKERS ?= 4
# Anything, to let tests try more of what is drawn by chance: `make test LONG=1`
LONG ?=
export LONG
# Where torch comes from, when not from the usual index: TORCH_ARGS="--index-url …"
TORCH_ARGS ?=

BIN := .venv/bin
LOCK := requirements/dev.lock
TORCH := requirements/torch.txt
FINGERPRINT := $(shell cat $(LOCK) $(TORCH) 2>/dev/null | cksum | cut -d' ' -f1)
STAMP := .venv/.installed-$(FINGERPRINT)
# The oldest client of Kubernetes that the backend works with, for one test, beside the newest.
CLIENT_35 := .venv/kubernetes-35
CLIENT_35_STAMP := $(CLIENT_35)/.installed-$(shell cksum < requirements/kubernetes-35.lock 2>/dev/null | cut -d' ' -f1)
# Clients of MLflow, unmodified, and what their tests train with: on top of NumPy and torch of .venv, by PYTHONPATH.
MLFLOW := .venv/mlflow
MLFLOW_STAMPS := $(foreach each,2 3 learning lightning,$(MLFLOW)-$(each)/.installed-$(shell cksum < requirements/mlflow-$(each).lock 2>/dev/null | cut -d' ' -f1))
MLFLOW_COMPILE = $(COMPILE) --unsafe-package numpy --unsafe-package scipy
COMPILE := $(BIN)/pip-compile --quiet --no-header --generate-hashes --strip-extras --unsafe-package torch \
	--no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-emit-options

# The dashboard's files, made from its sources.
DASHBOARD := frontend/dist/dashboard/manifest.json
MODULES := frontend/node_modules/.package-lock.json
FRONTEND := $(shell find frontend/src -type f 2>/dev/null) frontend/vite.config.ts frontend/tsconfig.json
NODE := frontend/with-node.sh

.PHONY: help setup demo up frontend images test tests style types test-frontend frontend-quick api-is-known browser mariadb journeys screenshots guide-steps lint format bench backup restore verify query-counts lock \
	migrations schema api-types clean

help: ## Show this help
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) ## Make .venv and install from the lock (done by the others when needed)

$(STAMP): $(LOCK) $(TORCH)
	@test -n "$(PYTHON)" && $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Bedplate needs Python 3.11 or newer; found: $$($(or $(PYTHON),python3) --version 2>&1 || true)"; \
		echo "Name another: make $(or $(firstword $(MAKECMDGOALS)),setup) PYTHON=/path/to/python3.11"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "Installing from $(LOCK) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(LOCK)
	@echo "Installing torch …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check $(TORCH_ARGS) -r $(TORCH)
	@$(BIN)/python -c 'import sysconfig, pathlib; pathlib.Path(sysconfig.get_path("purelib"), "bedplate.pth").write_text("$(CURDIR)\n")'
	@rm -f .venv/.installed-*
	@touch $(STAMP)

$(CLIENT_35_STAMP): requirements/kubernetes-35.lock | $(STAMP)
	@echo "Installing from $< …"
	@rm -rf $(CLIENT_35)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes --target $(CLIENT_35) -r $<
	@touch $@

$(MLFLOW_STAMPS): $(MLFLOW)-%: | $(STAMP)
	@echo "Installing from requirements/mlflow-$(firstword $(subst /, ,$*)).lock …"
	@rm -rf $(@D)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes --target $(@D) -r requirements/mlflow-$(firstword $(subst /, ,$*)).lock
	@touch $@

$(MODULES): frontend/package-lock.json | $(STAMP)
	@echo "Installing what the dashboard is built with …"
	@$(NODE) npm ci --no-audit --no-fund --loglevel=error
	@touch $(MODULES)

$(DASHBOARD): $(MODULES) $(FRONTEND)
	@echo "Building the dashboard …"
	@$(NODE) npx vite build --logLevel warn
	@touch $(DASHBOARD)

frontend: $(DASHBOARD) ## Build the dashboard (done by the others when needed)

images: ## Build the container images (deploy/README.md): TAG=local, TORCH_ARGS="--index-url …", ENGINE=podman
	@engine="$(ENGINE)"; for each in docker podman; do test -n "$$engine" || ! $$each info >/dev/null 2>&1 || engine=$$each; done; \
	test -n "$$engine" || { echo "No image was built: neither docker nor podman answers here."; \
		echo "Start one of them, or name another with ENGINE=…; deploy/images/measure.sh says without one how big the control image is."; exit 1; }; \
	"$$engine" build -f deploy/images/control.Dockerfile -t bedplate-control:$(or $(TAG),local) .; \
	for each in runtime worker; do "$$engine" build -f deploy/images/runtime.Dockerfile --target $$each \
		--build-arg TORCH_ARGS="$(TORCH_ARGS)" -t bedplate-$$each:$(or $(TAG),local) .; done

demo: $(STAMP) $(DASHBOARD) ## Start everything and run the worked example; EXIT=1 checks it, stops and leaves
	@$(BIN)/python manage.py up --example $(if $(filter-out 0,$(EXIT)),--exit)

up: $(STAMP) $(DASHBOARD) ## Start everything and serve until Ctrl-C
	@$(BIN)/python manage.py up

test: mariadb $(CLIENT_35_STAMP) $(MLFLOW_STAMPS) $(DASHBOARD) ## Set up, lint (with the architecture's tests), and run every other test
	@$(MAKE) -j2 --output-sync=target style frontend-quick
	@$(MAKE) -j2 types tests
	@$(BIN)/python -m pytest -q -m alone $$(grep -rl --include='test_*.py' mark.alone tests)

tests: $(STAMP)
	@$(BIN)/python -m pytest -q -n $(WORKERS) --dist loadgroup -m "not alone" --ignore tests/architecture --ignore tests/browser

# A minute of computing that has nothing to wait for: `make test` has it in the pauses of the tests.
types: $(STAMP) $(DASHBOARD)
	@nice $(BIN)/mypy
	@nice $(NODE) npm run --silent types
	@nice $(NODE) npm run --silent lint

journeys: browser $(DASHBOARD) ## Journeys through the dashboard in Chromium; `.ci/run` has them beside `make test`
	@$(BIN)/python -m pytest -q tests/browser

guide-steps: ## Write the guide's tables of cleaning steps and of functions from what they are: docs/<language>/{recipes,expressions}.md
	@$(BIN)/python -m docs.steps
	@$(BIN)/python -m docs.functions

screenshots: browser $(DASHBOARD) ## Take the guide's images from a running installation: docs/images
	@$(BIN)/python -m docs.screenshots

test-frontend: api-is-known ## Types, style and tests of the dashboard, and whether its API types are those of the API
	@$(NODE) npm run --silent check

frontend-quick: api-is-known
	@$(NODE) npm run --silent test

api-is-known: $(DASHBOARD)
	@$(BIN)/python manage.py spectacular --file frontend/dist/openapi.yaml
	@$(NODE) npx openapi-typescript dist/openapi.yaml -o dist/schema.gen.ts >/dev/null
	@cmp -s frontend/dist/schema.gen.ts frontend/src/api/schema.gen.ts || { \
		echo "frontend/src/api/schema.gen.ts is not what the API says: run 'make api-types'"; exit 1; }

browser: $(STAMP) ## Find Chromium for the browser tests, or install Debian's
	@$(BIN)/python -m tests.support.chromium

mariadb: $(STAMP) ## Find MariaDB for the tests of what is fetched from databases, or install Debian's
	@$(BIN)/python -m tests.support.mariadb

lint: style ## Style, types, doors and budgets
	@$(BIN)/mypy

style: $(STAMP)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet . || { echo "Not formatted: run 'make format'"; exit 1; }
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/python -m pytest -q tests/architecture

format: $(STAMP) ## Format and fix what can be fixed
	@$(BIN)/ruff check --quiet --fix . || true
	@$(BIN)/ruff format --quiet .

verify: $(STAMP) ## Check every invariant of database and object store
	@$(BIN)/python manage.py verify

backup: $(STAMP) ## Back everything up while it runs: TO=folder
	@$(BIN)/python manage.py backup $(if $(TO),--to "$(TO)")

restore: $(STAMP) ## Restore a backup into an empty home: FROM=folder
	@test -n "$(FROM)" || { echo "Say which backup: make restore FROM=folder"; exit 1; }
	@$(BIN)/python manage.py restore "$(FROM)"

bench: $(STAMP) $(DASHBOARD) ## Run the benchmarks; each prints figures
	@for name in control_plane example job_client live tracking outages dashboard scheduling replay chaos; do $(BIN)/python -m bench.$$name; done

query-counts: $(STAMP) ## Write the baseline of queries per endpoint; the diff is the review
	@WRITE_QUERY_COUNTS=1 $(BIN)/python -m pytest -q tests/api -k query_counts

lock: $(STAMP) ## Renew the locks from pyproject.toml
	@$(COMPILE) --extra control --extra runtime --extra dev -o $(LOCK) pyproject.toml
	@$(COMPILE) --extra control --constraint $(LOCK) -o requirements/control.lock pyproject.toml
	@$(COMPILE) --extra runtime --constraint $(LOCK) -o requirements/runtime.lock pyproject.toml
	@$(COMPILE) -o requirements/kubernetes-35.lock requirements/kubernetes-35.in
	@$(foreach each,2 3 learning,$(MLFLOW_COMPILE) -o requirements/mlflow-$(each).lock requirements/mlflow-$(each).in &&) true
	@sed -i '/^# WARNING: The following packages/,$$d' $(LOCK) requirements/runtime.lock
	@sed -i '/^# WARNING: The following packages/,$$d' requirements/mlflow-2.lock requirements/mlflow-3.lock requirements/mlflow-learning.lock
	@sed -i -e :a -e '/^\n*$$/{$$d;N;ba' -e '}' $(LOCK) requirements/control.lock requirements/runtime.lock

migrations: $(STAMP) ## Write the migrations that the models need: NAME=what_changes APP=quotas
	@$(BIN)/python manage.py makemigrations $(APP) $(if $(NAME),--name $(NAME))

schema: $(STAMP) ## Print the API's OpenAPI document
	@$(BIN)/python manage.py spectacular --validate

api-types: $(STAMP) $(MODULES) ## Renew the dashboard's types from the API's document
	@mkdir -p frontend/dist
	@$(BIN)/python manage.py spectacular --file frontend/dist/openapi.yaml
	@$(NODE) npx openapi-typescript dist/openapi.yaml -o src/api/schema.gen.ts >/dev/null

clean: ## Remove .venv, node_modules, caches and everything in var/ (all local data)
	@rm -rf .venv frontend/node_modules frontend/dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache var
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
