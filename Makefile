# Every task of the project. `make help` lists them; each line behind a `##` is its help.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
MEMBERS := shared services/outage-notifier services/repair-intake services/billing-gateway local
READY := $(VENV)/.set-up
SUPPLY_POINTS ?= 20000
SERVICES := outage-notifier repair-intake billing-gateway
IMAGE_TAG ?= $(shell git rev-parse --short=12 HEAD)
BASE ?= python:3.11-slim
WORKERS ?= auto
SEED ?= 1
export UV_NO_PROGRESS=1
unexport PYTHONDONTWRITEBYTECODE  # a stack is twenty processes: each would compile all that it imports, for seconds

.DEFAULT_GOAL := help
.PHONY: help demo run test quick test-containers test-images test-isolated lint types format lock setup clean docs bench faults faults-selftest images k8s-render cluster-check audit

help:  ## list the tasks
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-15s %s\n", $$1, $$2}'

demo: $(READY)  ## run the main job to its end on real parts and balance its books (SUPPLY_POINTS=20000)
	@$(BIN)/gridcare demo --supply-points $(SUPPLY_POINTS)

run: $(READY)  ## the demo that stays up: prints the URLs, stops with Ctrl-C
	@$(BIN)/gridcare run --supply-points $(SUPPLY_POINTS)

test: $(READY)  ## every test, integration tests on a real broker and database included (ARGS="-k planner", WORKERS=1)
	@$(BIN)/pytest -n $(WORKERS) $(ARGS)

quick: $(READY)  ## the tests that start no server, in less than a minute (ARGS="services/repair-intake")
	@$(BIN)/pytest -n $(WORKERS) -m "not server" $(ARGS)

test-containers: $(READY)  ## the tests of PostgreSQL and Kafka on containers instead (needs Docker; ARGS="shared/tests/kafka")
	@$(BIN)/python -m gridcare_local.testing.on_containers $(ARGS)

test-images: $(READY)  ## stand-ins for the images of test-containers, where no registry is reached (needs root, Docker, debootstrap)
	@$(BIN)/python local/images/build.py

test-isolated: $(READY)  ## the unit tests of each service in an environment that holds only what its image holds
	@$(BIN)/python requirements/isolated.py

lint: $(READY)  ## ruff, the format, the import contracts, what nothing uses, the migrations
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports
	@$(BIN)/deptry --no-ansi .
	@for member in $(MEMBERS); do (cd $$member && $(CURDIR)/$(BIN)/deptry --no-ansi src) || exit 1; done
	@$(BIN)/vulture
	@$(BIN)/vulture shared/src services/*/src --exclude '*/testing/*'  # what the tests alone use
	@for file in services/*/migrations/*.sql shared/src/gridcare/postgres/migrations/*.sql; do \
		sed '/^-- migrate:down/,$$d' $$file | $(BIN)/squawk --config .squawk.toml --stdin-filepath $$file || exit 1; done

lint-api: ## what redocly and spectral find in the OpenAPI documents (needs Node)
	REDOCLY_TELEMETRY=off npx --yes @redocly/cli@2.77.0 lint docs/api/*.openapi.json
	npx --yes @stoplight/spectral-cli@6.16.3 lint --ruleset docs/api.spectral.yaml --fail-severity warn docs/api/*.openapi.json

types: $(READY)  ## mypy --strict
	@$(BIN)/mypy

format: $(READY)  ## format the code and mend what ruff can mend
	@$(BIN)/ruff check --fix-only --quiet . ; $(BIN)/ruff format --quiet .

docs: $(READY)  ## write the OpenAPI and AsyncAPI documents to docs/
	@$(BIN)/gridcare docs

bench: $(READY)  ## the benchmark suite, written to docs/benchmarks.md (ARGS="--only fanout")
	@$(BIN)/python -m benchmarks $(ARGS)

faults: $(READY)  ## break Gridcare in every way of docs/reliability.md and judge what is left (ONLY=1,14; MINUTES=60 SEED=n: at random)
	@$(BIN)/python -m tests.faults --only "$(ONLY)" --seed $(SEED) $(if $(MINUTES),--minutes $(MINUTES))

faults-selftest: $(READY)  ## put bugs into a copy of the code and see the faults catch each (ONLY="signatures not checked")
	@$(BIN)/python -m tests.faults --selftest --only "$(ONLY)" --seed $(SEED)

images:  ## build gridcare/<service>:IMAGE_TAG of each service with Docker (IMAGE_TAG=, BASE=, BUILD_ARGS=)
	@for service in $(SERVICES); do \
	  docker build --file services/$$service/Dockerfile --build-arg BASE=$(BASE) $(BUILD_ARGS) --tag gridcare/$$service:$(IMAGE_TAG) . || exit 1; \
	done

audit: $(READY)  ## look up known vulnerabilities of what the images hold, and write their bills of materials to .local/audit
	@$(BIN)/python requirements/audit.py

cluster-check: $(READY)  ## try the overlay dev on a real cluster (KUBECONFIG=FILE LOAD='reads an image archive'; KEEP=1, BUILD=0, BASE=, BUILD_ARGS=)
	@LOAD='$(LOAD)' KUBECONFIG='$(KUBECONFIG)' BASE='$(BASE)' BUILD_ARGS='$(BUILD_ARGS)' $(BIN)/python -m deploy.k8s.cluster_check

k8s-render: $(READY)  ## render the Kubernetes manifests of every overlay to .local/k8s (OVERLAY=dev: one, printed)
	@$(BIN)/python -m deploy.k8s.render $(OVERLAY)

lock: $(READY)  ## pin the requirements anew, with hashes and without addresses (ARGS="--upgrade")
	@$(BIN)/python requirements/lock.py $(ARGS)

setup: $(READY)  ## make the virtual environment

clean:  ## remove the virtual environment and every cache of this clone
	rm -rf $(VENV) .local .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

$(READY): requirements/dev.txt requirements/bootstrap.txt $(addsuffix /pyproject.toml,$(MEMBERS))
	@echo "setting up the virtual environment (once)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; set PYTHON=/path/to/python3.11"; exit 1; }
	@[ -x $(BIN)/python ] || $(PYTHON) -m venv $(VENV)
	@[ -x $(BIN)/uv ] || $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bootstrap.txt
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip sync --quiet --compile-bytecode --require-hashes requirements/dev.txt
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --no-deps $(addprefix -e ,$(MEMBERS))
	@touch $@
