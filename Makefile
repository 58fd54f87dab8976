.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TESTS_PARALLEL ?= 2

help: ## print this help
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

$(BIN)/.base: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable . --constraint constraints.txt
	touch $@

$(BIN)/.dev: $(BIN)/.base
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]' --constraint constraints.txt
	touch $@

start: $(BIN)/.base ## make .venv and run the main job on the embedded default
	$(BIN)/accelerate launch beto_text_model/scripts/train/train.py

test: $(BIN)/.dev ## make .venv and pass the tests (about 10 minutes on 2 slow cores)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m 'not slow' -n $(TESTS_PARALLEL)

test-all: $(BIN)/.dev ## the slow tests too
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(TESTS_PARALLEL)

check: $(BIN)/.dev ## lint, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(BIN)/.dev ## let ruff format the code and sort the imports
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

bench: $(BIN)/.dev ## the benchmarks: tables and json in benchmarks/results
	$(BIN)/python benchmarks/beto_throughput.py
	$(BIN)/python benchmarks/prepare_titles.py
	$(BIN)/python benchmarks/workflow_metrics.py
	$(BIN)/python benchmarks/s3_sync.py
	$(BIN)/python benchmarks/ocr_round_trip.py
	$(BIN)/python benchmarks/spacy_throughput.py
	$(BIN)/python benchmarks/image_throughput.py
	$(BIN)/python benchmarks/rnn_throughput.py

clean: ## remove the environment and caches, never runs/ or data/
	rm -rf $(VENV) .pytest_cache .ruff_cache .mypy_cache *.egg-info

.PHONY: help start test test-all check format bench clean
