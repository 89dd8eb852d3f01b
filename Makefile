# Set-up is `make demo` or `make test`: each installs what is missing first.
.DEFAULT_GOAL := help
.PHONY: help install demo test test-oldest lint format clean
BIN := .venv/bin
OLDEST := .venv-oldest

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: ## install Choreograft, its model files and missing system packages into .venv
	@bash scripts/install.sh

demo: install ## install, then make a dance video of two synthetic performers
	@$(BIN)/choreograft demo

test: lint ## install, then run linters, type checker, layer contracts and tests
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist loadscope --no-loadscope-reorder  # two processes: tests are too small for two threads

test-oldest: install ## run the tests with the oldest releases that pyproject.toml allows, in .venv-oldest (docs/installing.md)
	$(BIN)/uv venv --clear --python $(BIN)/python $(OLDEST)
	$(BIN)/uv pip install --python $(OLDEST) --resolution lowest-direct --editable ".[studio,dev]"
	OMP_NUM_THREADS=1 $(OLDEST)/bin/pytest -n 2 --dist loadscope --no-loadscope-reorder

lint: install ## install, then run linters, type checker and layer contracts
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

format: install ## rewrite the code in the project's format
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

clean: ## remove the environment and all caches of the tools; runs and model files stay
	rm -rf .venv $(OLDEST) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build src/*.egg-info
	find src tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
