# Everything a person or CI does here; `make help` lists it. Needs Python >= 3.11, make and git, nothing else.
.DEFAULT_GOAL := help
.PHONY: help up down demo test check format generate contracts-accept bench lock wheel clean-data clean
.PHONY: images kind-up kind-down kind-test

VENV := .venv
PLAIT := $(VENV)/bin/plait
PYTHON ?=
PYTEST_ARGS ?=
QUESTION ?= all

help: ## Show this list
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

up: $(VENV)/$(if $(filter postgres,$(DATABASE)),dev,run) ## Start everything (DETACH=1: in the background, DATABASE=postgres: on PostgreSQL); the first time installs into .venv
	@exec $(PLAIT) up $(if $(DETACH),--detach) $(if $(DATABASE),--database $(DATABASE))

down: $(VENV)/run ## Stop what `make up DETACH=1` started
	@$(PLAIT) down

demo: $(VENV)/run ## Walk through the running shop, printing each request as curl and grpcurl
	@$(PLAIT) demo

test: $(VENV)/dev ## Run the whole test suite (PYTEST_ARGS="-k catalog" for a part of it; CI=1 measures coverage too)
	@$(VENV)/bin/python -m pytest -n auto $(if $(PYTEST_ARGS),$(PYTEST_ARGS),$(if $(CI),--cov --cov-report=term:skip-covered --cov-fail-under=95))

check: $(VENV)/dev ## Lint, types, layers, contracts, generated code
	$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check
	$(VENV)/bin/mypy plait services gateway k8s
	$(VENV)/bin/basedpyright
	$(VENV)/bin/lint-imports
	$(VENV)/bin/buf lint
	$(VENV)/bin/buf breaking --against protos/released.binpb
	$(PLAIT) generate --check

format: $(VENV)/dev ## Format the code and mend what the linter can
	$(VENV)/bin/ruff check --fix-only
	$(VENV)/bin/ruff format

generate: $(VENV)/dev ## Write gen/ and plait/api/ from protos/
	$(PLAIT) generate

contracts-accept: $(VENV)/dev ## Make today's contracts the released ones (wants a line in CHANGELOG.md)
	$(VENV)/bin/python -m plait.cli.generate --accept

bench: $(VENV)/dev ## Measure, side by side with the peers (QUESTION=start for one)
	$(VENV)/bin/python -m bench.run $(QUESTION)

lock: $(VENV)/dev ## Resolve the dependencies of pyproject.toml anew into the two lock files
	$(LOCK) --group install --group shop -o requirements.lock
	$(LOCK) --group install --group shop --group dev --extra contracts -o requirements-dev.lock

# (Extras stay: pip refuses `coverage==7.17.3` where something asks for coverage[toml] and a newer one is out.)
LOCK = $(VENV)/bin/uv pip compile pyproject.toml --quiet --upgrade --universal --python-version 3.11 --extra all \
	--generate-hashes --no-emit-index-url --no-strip-extras --custom-compile-command "make lock"

wheel: $(VENV)/dev ## Build the wheel of plait into dist/
	$(VENV)/bin/python -m build --no-isolation --outdir dist .

images: $(VENV)/run ## Build a container image of each process (BASE=python:3.13-slim REPOSITORY=shop OVERLAY=k8s/overlays/kind)
	@$(VENV)/bin/python -m k8s.images $(if $(BASE),--base $(BASE)) $(if $(REPOSITORY),--repository $(REPOSITORY)) \
	  $(if $(OVERLAY),--overlay $(OVERLAY))

kind-up: $(VENV)/run ## Start everything on a Kubernetes cluster here (needs docker, kind, kubectl; TWO_NODES=1: two of each)
	@$(VENV)/bin/python -m k8s.cluster up $(if $(TWO_NODES),--two-nodes)

kind-down: $(VENV)/run ## Delete that cluster
	@$(VENV)/bin/python -m k8s.cluster down

kind-test: $(VENV)/dev ## Test the shop on that cluster
	@$(VENV)/bin/python -m pytest -m cluster $(PYTEST_ARGS)

clean-data: ## Forget all local data (databases, logs, keys); stop `make up` first
	@if [ -S .plait/run/supervisor.sock ] && $(PLAIT) ps >/dev/null 2>&1; then \
	  echo "plait is running here: stop it first, with make down"; exit 1; fi
	rm -rf .plait

clean: clean-data ## clean-data, and remove what was installed and built
	rm -rf $(VENV) dist .coverage* .pytest_cache .mypy_cache .ruff_cache .hypothesis

# What is installed, and when: a stamp newer than the lock means that it is. `run` is what `make up` needs, `dev` is all.
$(VENV)/run: requirements.lock pyproject.toml | $(VENV)/pyvenv.cfg
	@if [ ! -e $(VENV)/dev ] || [ -n "$(filter-out pyproject.toml,$?)" ]; then \
	  $(call install,requirements.lock,to run); fi
	@touch $@

$(VENV)/dev: requirements-dev.lock pyproject.toml | $(VENV)/pyvenv.cfg
	@$(call install,requirements-dev.lock,to run and to develop)
	@touch $@ $(VENV)/run

define install
echo "plait: installing $$(grep -c '^[a-z].*==' $(1)) locked packages into $(VENV) ($(2); once, about half a minute) ..." && \
$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(1) && \
echo "plait: installing plait itself ..." && \
$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e . && \
echo "plait: installed"
endef

$(VENV)/pyvenv.cfg:
	@python=""; found=""; \
	for name in $(or $(PYTHON),python3 python3.14 python3.13 python3.12 python3.11); do \
	  version=$$($$name -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || continue; \
	  found="$${found:+$$found, }$$name is $$version"; \
	  if $$name -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then python=$$name; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
	  echo "plait needs Python 3.11 or later ($${found:-no python3 was found}): install one, or name it with make PYTHON=/path/to/python3.12" >&2; exit 1; fi; \
	if ! $$python -c 'import ensurepip, venv' 2>/dev/null; then \
	  echo "plait needs Python's venv module, which $$python lacks: install it (Debian and Ubuntu: apt install python3-venv)" >&2; exit 1; fi; \
	echo "plait: making $(VENV) with $$($$python --version) ..."; \
	$$python -m venv --clear $(VENV)
