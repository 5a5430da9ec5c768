# setup, study, plan, test, test-long, coverage, lint, reference, docs, bench, calibrate, clean: thin, no logic. Python 3.11 to 3.13 and make are enough.
SHELL := bash
PYTHON ?= python3
STUDY ?= config/config.yaml
BIN := .venv/bin
# whose report is in the docs: the longer study's, once it is there
export FACEGAP_STUDY ?= results/drawn$(if $(wildcard results/drawn-long/report/index.html),-long)
unexport PYTHONDONTWRITEBYTECODE
unexport PYTHONPATH

.PHONY: setup study plan test test-long coverage lint reference docs bench calibrate clean
.DEFAULT_GOAL := study

setup: .venv/ready

.venv/ready: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; assert (3, 11) <= sys.version_info < (3, 14), "facegap needs Python 3.11 to 3.13, this is " + sys.version'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check "uv>=0.9"
	$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes --compile-bytecode requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --offline --editable .
	touch $@

study: .venv/ready
	@$(BIN)/python -m facegap.settings.load "$(STUDY)"
	@set -o pipefail; run() { $(BIN)/snakemake --cores all --configfile "$(STUDY)" "$$@"; }; \
	if [ -t 1 ] && [ -t 2 ]; then run --logger rich; \
	else run 2>&1 | $(BIN)/python -m facegap.lines; fi

plan: .venv/ready
	@$(BIN)/python -m facegap.settings.load "$(STUDY)"
	@$(BIN)/snakemake -n --nocolor --cores 4096 --profile profiles/slurm --configfile "$(STUDY)" 2>&1 | \
	    $(BIN)/python -m facegap.plan $(CORES)

test: .venv/ready
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder

test-long: .venv/ready
	$(BIN)/python -m pytest -m long --numprocesses auto

coverage: .venv/ready
	rm -f .coverage .coverage.*
	$(BIN)/coverage run -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage html --quiet
	$(BIN)/coverage report --format=markdown

lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy --explicit-package-bases benchmarks $$(find tests -name '*.py' ! -name 'test_*')
	$(BIN)/snakefmt --check Snakefile workflow/Snakefile workflow/rules
	$(BIN)/snakemake --lint

reference: .venv/ready
	$(BIN)/python -m facegap.settings.reference
	$(BIN)/python -m facegap.measure.codebook

docs: .venv/docs
	[ "$(FACEGAP_STUDY)" != results/drawn ] || $(MAKE) study STUDY=config/config.yaml
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "The site is at results/site/index.html"

.venv/docs: requirements-docs.lock .venv/ready
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes --requirements requirements-docs.lock
	touch $@

bench: .venv/ready
	mkdir -p results/bench
	set -o pipefail; for script in benchmarks/*.py; do name=$$(basename $$script .py); \
	    $(BIN)/python $$script | tee results/bench/$$name.txt || exit 1; \
	    tail -n 1 results/bench/$$name.txt > results/bench/$$name.json; done
	$(BIN)/python benchmarks/documented

calibrate: .venv/ready
	$(BIN)/python benchmarks/calibration

clean:
	rm -rf .venv .snakemake .mypy_cache .pytest_cache .ruff_cache .hypothesis
