# Leasehold: `make` alone tells what there is. Needs git, python3 (3.10 or later, the benchmark 3.11) and make.

PYTHON  ?= python3
VENV    := .venv
BIN     := $(VENV)/bin
MATRIX  ?= 14 18
# How many tests run at once. Most of them wait most of the time, so more than there are cores.
WORKERS ?= $(if $(ARGS),0,6)
PACKAGE := sql/leasehold.sql $(shell find python -type f -not -path '*/__pycache__/*' -not -path '*/build/*' \
             -not -path '*.egg-info/*' -not -path '*/.*_cache/*' 2>/dev/null)

# What follows `--` runs with a server to test on; inside such a run it adds nothing.
WITH_SERVER := $(BIN)/python tests/server.py run --
MAKE_QUIET  := $(MAKE) --no-print-directory
# With progress bars for a person, and with errors alone for a log.
PIP := q=-qq; test ! -t 1 || q=; $(BIN)/python -m pip install $$q --disable-pip-version-check

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help build check-build graph environment test test-sql test-py test-matrix \
        lint lint-static lint-bodies format demo clean bench bench-quick bench-report bench-publish instructions

help:
	@echo "Leasehold: durable work for PostgreSQL. One SQL file; everything else is optional."
	@echo
	@echo "Use it"
	@echo "  make demo            index a directory with three workers, one of them killed half way"
	@echo "  make demo DIR=~/src  the same over a directory of yours; LEASEHOLD_DSN=… on your server"
	@echo
	@echo "Change it"
	@echo "  make build           write sql/leasehold.sql from sql/migrations, functions and views"
	@echo "  make test            everything: lint, pgTAP, pytest. Finds or installs a server:"
	@echo "                       LEASEHOLD_TEST_DSN, else Docker, else Debian's packages"
	@echo "  make test-sql        the pgTAP files alone; FILES=tests/sql/finish/complete.sql for some"
	@echo "  make test-py         pytest alone, six tests at a time; ARGS='-k singleton -x' goes to pytest,"
	@echo "                       which then runs one test at a time, or WORKERS=4"
	@echo "  make test-matrix     pgTAP and pytest on PostgreSQL $(MATRIX); MATRIX=16 for another"
	@echo "  make lint            sqlfluff, ruff, mypy, plpgsql_check over every function body"
	@echo "  make format          what ruff can put right by itself"
	@echo "  make check-build     is sql/leasehold.sql what its sources say?"
	@echo "  make graph           draw the folders of sql/functions and their calls: docs/engine/folders.svg"
	@echo "  make clean           remove what the above have made, the environment too"
	@echo
	@echo "Measure it"
	@echo "  make bench           beside the bare minimum and the peers: hours; on a server that it starts,"
	@echo "                       or LEASEHOLD_BENCH_DSN. ONLY=held,cycle ENGINES=leasehold,bare ROUNDS=1"
	@echo "                       SECONDS=2 for less of it; RESUME=1 goes on where it was interrupted"
	@echo "  make bench-quick     the main figures in three minutes"
	@echo "  make bench-report    the tables and pictures of what has been measured, once more"
	@echo "  make bench-publish   the same into bench/figures, to be committed"
	@echo "  make instructions    instructions a call, counted by valgrind: for machines that are not quiet"
	@echo
	@echo "tests/README.md says how the tests are laid out."

# --- the product ----------------------------------------------------------------------------

build:
	$(PYTHON) sql/build.py

check-build:
	@$(PYTHON) sql/build.py --check

graph: environment
	@$(BIN)/python sql/layers.py --graph

demo: $(VENV)/.embedded
	$(BIN)/leasehold demo $(if $(DIR),--dir "$(DIR)")

# --- the environment: stamps, so that only what changed is done again -------------------------

environment: $(VENV)/.package

$(VENV)/.made: tests/environment.sh
	@PYTHON="$(PYTHON)" tests/environment.sh $(VENV)
	@touch $@

$(VENV)/.requirements: $(VENV)/.made tests/requirements.txt tests/constraints.txt
	@echo "· environment: installing what the tests and lint need (a minute the first time)"
	@$(PIP) -r tests/requirements.txt
	@touch $@

# As its users get it: a built wheel, not a link to the sources.
$(VENV)/.package: $(VENV)/.requirements $(PACKAGE)
	@echo "· environment: installing ./python"
	@$(PIP) ./python
	@touch $@

$(VENV)/.embedded: $(VENV)/.made $(PACKAGE)
	@echo "· environment: installing ./python[embedded] (half a minute the first time)"
	@$(PIP) "./python[embedded]"
	@touch $@

# --- tests ----------------------------------------------------------------------------------

test: check-build environment
	@$(WITH_SERVER) $(MAKE_QUIET) lint test-sql test-py

test-sql: environment
	@echo "· pgTAP"
	@$(WITH_SERVER) $(BIN)/python tests/pgtap.py $(FILES)

test-py: environment
	@echo "· pytest"
	@$(WITH_SERVER) $(BIN)/python -m pytest -n $(WORKERS) $(ARGS) $(if $(findstring tests/,$(ARGS)),,tests/py)

test-matrix: environment
	@set -e; for major in $(MATRIX); do \
	    echo "· the suite on PostgreSQL $$major"; \
	    $(BIN)/python tests/server.py run --postgres $$major -- $(MAKE_QUIET) test-sql test-py; \
	done

# --- lint -----------------------------------------------------------------------------------

lint: check-build lint-static lint-bodies

lint-static: environment
	@echo "· sqlfluff"
	@$(BIN)/sqlfluff lint --disable-progress-bar sql
	@echo "· ruff"
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@echo "· mypy"
	@cd python && ../$(BIN)/mypy --strict leasehold

lint-bodies: environment
	@echo "· layout, and plpgsql_check over every function body"
	@$(WITH_SERVER) $(BIN)/python -m pytest -q tests/lint

format: $(VENV)/.requirements
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

# --- the benchmark: its peers stay in an environment of their own -----------------------------

BENCH     := .cache/bench
RUN_BENCH := $(BENCH)/venv/bin/python -m bench
BENCH_OPTIONS = $(if $(ONLY),--only $(ONLY)) $(if $(ENGINES),--engines $(ENGINES)) \
    $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(SECONDS),--seconds $(SECONDS)) $(if $(RESUME),--resume)

$(BENCH)/.made: tests/environment.sh
	@mkdir -p $(BENCH)
	@MINIMUM=3.11 PYTHON="$(PYTHON)" tests/environment.sh $(BENCH)/venv
	@touch $@

$(BENCH)/.requirements: $(BENCH)/.made bench/requirements.txt
	@echo "· bench: installing what it needs (half a minute the first time)"
	@$(BENCH)/venv/bin/python -m pip install -qq --disable-pip-version-check -r bench/requirements.txt
	@touch $@

$(BENCH)/.peers: $(BENCH)/.requirements bench/peers/requirements.txt bench/peers/package.json
	@$(BENCH)/venv/bin/python -m bench.install
	@touch $@

bench: $(BENCH)/.peers
	@$(RUN_BENCH) $(BENCH_OPTIONS)

bench-quick: $(BENCH)/.peers
	@$(RUN_BENCH) --quick $(BENCH_OPTIONS)

bench-report: $(BENCH)/.requirements
	@$(RUN_BENCH) --report

bench-publish: $(BENCH)/.requirements
	@$(RUN_BENCH) --publish

instructions: $(BENCH)/.peers
	@$(RUN_BENCH).instructions

clean:
	rm -rf $(VENV) .cache .pytest_cache .mypy_cache .ruff_cache .hypothesis
	rm -rf python/build python/dist python/*.egg-info python/.mypy_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
