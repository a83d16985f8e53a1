# What one does with a clone of Crane. `make` alone lists it.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# Programs of the system that Debian's root finds only after a login.
export PATH := $(PATH):/usr/sbin:/sbin
# Modules of another project must not shadow what .venv holds.
unexport PYTHONPATH
unexport PYTHONHOME
# Each process of the tests, and each server that one starts, would compile everything anew.
unexport PYTHONDONTWRITEBYTECODE

PYTHON_IN_VENV := .venv/bin/python
PACKAGES := $(wildcard plugins/*/setup.cfg)
TYPED := crane_core $(filter-out %.egg-info,$(wildcard plugins/*/crane_*))
FRONTEND := plugins/crane-panel/frontend
PANEL := plugins/crane-panel/crane_panel/static/index.html
PANEL_SOURCES := $(wildcard $(FRONTEND)/*.*) $(shell find $(FRONTEND)/src -type f)
NEEDED_BY_TESTS := dockerd:docker.io docker:docker-cli,docker.io iptables:iptables ip:iproute2 busybox:busybox-static \
	haproxy:haproxy sshd:openssh-server curl:curl jq:jq prometheus:prometheus chromium:chromium \
	"?ls /usr/lib/postgresql/*/bin/initdb:postgresql" \
	"?ls /usr/sbin/slapd:slapd"
ARGS ?=
# How many processes run the tests: those with Engines and those with browsers are had by one each, and wait a lot.
PROCESSES ?= 4
TOGETHER := -n $(PROCESSES) --no-loadscope-reorder

.PHONY: help
help: ## List what there is to do
	@echo 'Usage: make <target> [ARGS="..."]'
	@echo
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 12

.PHONY: install
install: .venv/.ok ## Make .venv with the server and every plugin

.venv/.ok: requirements.txt setup.cfg pyproject.toml scripts/install $(PACKAGES)
	@scripts/install

.PHONY: panel
panel: $(PANEL) ## Build the web panel

$(PANEL): $(PANEL_SOURCES) scripts/panel | .venv/.ok
	@scripts/panel

.PHONY: types
types: .venv/.ok ## Write the panel's types anew from the API's own document
	@.venv/bin/crane-server openapi >$(FRONTEND)/openapi.json
	@scripts/panel npx openapi-typescript openapi.json -o src/api/schema.d.ts
	@rm $(FRONTEND)/openapi.json

.PHONY: run
run: .venv/.ok ## Install, find or start an Engine, run the server (http://127.0.0.1:5013)
	@$(MAKE) panel || echo 'make: going on without the web panel.'
	@exec $(PYTHON_IN_VENV) scripts/run $(ARGS)

.PHONY: test
test: .venv/.ok panel ## Run every test, those on real Engines included (ARGS="tests/core -k word")
	@scripts/need $(NEEDED_BY_TESTS)
	@[ -n "$(ARGS)" ] || scripts/panel npm test --silent
	@$(PYTHON_IN_VENV) -m pytest $(if $(ARGS),$(ARGS),$(TOGETHER))
	@[ -n "$(ARGS)" ] || $(PYTHON_IN_VENV) -m pytest tests/domains --all-plugins $(TOGETHER)

.PHONY: lint
lint: .venv/.ok ## Check style, types and who imports whom
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy $(TYPED)
	@.venv/bin/lint-imports
	@scripts/panel npm run --silent check
	@scripts/panel npm run --silent lint

.PHONY: bench
bench: .venv/.ok panel ## Measure the server and compare it with its goals
	@scripts/need $(NEEDED_BY_TESTS)
	@$(PYTHON_IN_VENV) -m tests.bench $(ARGS)

.PHONY: screenshots
screenshots: .venv/.ok panel ## Take pictures of every page of the panel into screenshots/
	@scripts/need chromium:chromium "?fc-list :lang=zh | grep -q .:fonts-wqy-zenhei"
	@$(PYTHON_IN_VENV) scripts/screenshots $(ARGS)

.PHONY: lab
lab: .venv/.ok ## Start a real Swarm of three nodes until Ctrl-C (ARGS=1 for one node)
	@scripts/need $(NEEDED_BY_TESTS)
	@exec $(PYTHON_IN_VENV) -m tests.lab.lab $(ARGS)

.PHONY: docs
docs: .venv/.ok ## Write the reference pages
	@$(PYTHON_IN_VENV) docs/reference.py

.PHONY: pin
pin: .venv/.ok ## Write requirements.txt anew from what every setup.cfg asks for
	@scripts/pin

.PHONY: clean
clean: ## Remove .venv and everything else that was made
	@rm -rf $(FRONTEND)/node_modules $(dir $(PANEL)) screenshots
	@rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -prune -exec rm -rf {} + -o -name '*.egg-info' -prune -exec rm -rf {} +
