# Delta-LoRA, reproduced. `make help` lists the targets. Each works alone on a machine with Python and make.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
MEASURED := build/fidelity.json# what the parity tests of the last run measured

SCALE ?= embedded#   embedded | paper
METHODS ?=#          rows of the table, comma-separated; empty = all of them
SEEDS ?=#            comma-separated; empty = the table's own
DATA ?=#             embedded | local | hub; empty = the scale's own
DATA_DIR ?=#         folder with the official files, for DATA=local
STEPS ?=#            optimizer steps; empty = the scale's own
LAUNCHER ?= $(if $(filter paper,$(SCALE)),basic,local)#   basic: one after the other; local: one run per core; ray; slurm
RESULTS ?= results/runs#  where records are kept and looked for
REPORT ?= results/page#   where the page is written
EXTRA ?=#            any further Hydra overrides

SETTINGS = scale=$(strip $(SCALE)) runtime.results_dir=$(strip $(RESULTS)) \
  $(if $(strip $(METHODS)),'hydra.sweeper.params.method="$(strip $(METHODS))"') \
  $(if $(strip $(SEEDS)),'hydra.sweeper.params.seed="$(strip $(SEEDS))"') \
  $(if $(strip $(DATA)),task.source=$(strip $(DATA))) \
  $(if $(strip $(DATA_DIR)),task.data_dir=$(strip $(DATA_DIR))) \
  $(if $(strip $(STEPS)),train.max_steps=$(strip $(STEPS))) $(EXTRA)

.DEFAULT_GOAL := help
.PHONY: help setup launchers lint test fidelity smoke mutants bench report reproduce reproduce-e2e reproduce-webnlg reproduce-xsum reproduce-glue \
  reproduce-ablation reproduce-lambda reproduce-k reproduce-figure3

help: ## this list
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | while IFS="$$(printf '\t')" read -r name text; do printf '  make %-20s %s\n' "$$name" "$$text"; done
	@echo '  Settings: SCALE METHODS SEEDS DATA DATA_DIR STEPS LAUNCHER RESULTS REPORT EXTRA (see the head of the Makefile)'

setup: $(READY) ## .venv with every pinned package and this one

$(READY): requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

launchers: $(READY) ## what LAUNCHER=ray and LAUNCHER=slurm need besides
	$(BIN)/python -m pip install --quiet --no-deps -r requirements-launchers.lock

lint: $(READY) ## ruff (rules and format), mypy --strict, codespell
	$(BIN)/ruff check src tests scripts
	$(BIN)/ruff format --check src tests scripts
	$(BIN)/mypy
	$(BIN)/codespell src tests scripts conf docs results/README.md README.md Makefile
	$(BIN)/python scripts/write_docs.py --check

test: $(READY) ## all tests but the smoke runs; network blocked, warnings are errors
	$(BIN)/python -m pytest -m "not smoke" -n 2 --dist worksteal --fidelity=$(MEASURED)

fidelity: test ## the tests, and docs/fidelity.md of what they measured
	cp $(MEASURED) src/deltalora/report/fidelity.json
	$(BIN)/python scripts/write_docs.py

smoke: $(READY) ## every experiment x every method: two steps, one decode, scores
	$(BIN)/python -m pytest -m smoke -n 2 --dist worksteal

define reproduce # the runs of each table, then each table and the page; a refused setting (exit 2) stops at once
	@status=0; for name in $(1); do \
	  $(BIN)/deltalora train +table=$$name hydra/launcher=$(strip $(LAUNCHER)) $(SETTINGS) || status=$$?; \
	  if [ $$status -eq 2 ]; then exit 2; fi; \
	done; \
	for name in $(1); do \
	  $(BIN)/deltalora $(if $(filter figure%,$(1)),figure,table) $$name $(SETTINGS) || status=$$?; \
	done; \
	$(BIN)/deltalora report --store $(strip $(RESULTS)) --out $(strip $(REPORT)) || status=$$?; \
	exit $$status
endef

reproduce: reproduce-e2e reproduce-webnlg reproduce-xsum reproduce-glue reproduce-ablation reproduce-lambda reproduce-k reproduce-figure3 ## every table and figure

reproduce-e2e: $(READY) ## Table 1: E2E NLG, the seven methods and three controls
	$(call reproduce,table1)

reproduce-webnlg: $(READY) ## Table 2: WebNLG 2017
	$(call reproduce,table2)

reproduce-xsum: $(READY) ## Table 3: XSum
	$(call reproduce,table3)

reproduce-glue: $(READY) ## Table 4: eight GLUE tasks
	$(call reproduce,table4)

reproduce-ablation: $(READY) ## Tables 5 and 6: dropout in the branch; three times the rate
	$(call reproduce,table5 table6)

reproduce-lambda: $(READY) ## Table 8: lambda from 0 to 5
	$(call reproduce,table8)

reproduce-k: $(READY) ## Table 9: K from 0 to 1000
	$(call reproduce,table9)

reproduce-figure3: $(READY) ## Figure 3: how far W_Q and W_V move
	$(call reproduce,figure3)

report: $(READY) ## the page of all runs in RESULTS, for any browser, without a network
	$(BIN)/deltalora report --store $(strip $(RESULTS)) --out $(strip $(REPORT))

bench: $(READY) ## the suite beside its alternatives: PART=training, decoding, scoring (with DATA_DIR); the report of 10,000 runs
	$(BIN)/python scripts/bench.py $(PART) $(if $(strip $(DATA_DIR)),--data $(strip $(DATA_DIR)))
	$(if $(PART),,$(BIN)/python scripts/bench_report.py)

mutants: $(READY) ## deliberate faults: each must make a test fail; writes docs/mutants.md. 5 min
	$(BIN)/python scripts/mutants.py --jobs 2 --write docs/mutants.md
