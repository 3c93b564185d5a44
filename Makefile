# make demo: from an expert video to a policy and a report.   make test: everything CI runs.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: help setup robosuite demo test test-slow lint bench clean

help:
	@echo 'make setup      make .venv with everything pinned; check the rendering library'
	@echo 'make robosuite  add the scenes of robosuite, which are optional'
	@echo 'make demo       record an expert, train from its video in another look, write a report'
	@echo 'make test       lint, types and all tests that CI runs'
	@echo 'make test-slow  the tests marked slow'
	@echo 'make lint       ruff and mypy'
	@echo 'make bench      learner, loop, node, simulators and bags measured, as JSON'
	@echo 'make clean      remove .venv and caches (runs and bags stay)'

setup:
	@PYTHON='$(PYTHON)' bash scripts/setup.sh

robosuite:
	@PYTHON='$(PYTHON)' bash scripts/setup.sh robosuite

demo: setup
	@$(BIN)/python -m claifo.demo

lint: robosuite
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy --no-error-summary

# Scenes are drawn in processes of their own: pictures of relocate came out wrong in one that had
# run other tests before.
test: lint
	$(BIN)/pytest -q -n auto --dist loadfile -m 'not slow' tests/sim
	$(BIN)/pytest -q -n auto --dist loadfile --durations 20 -m 'not slow' --ignore tests/sim

test-slow: robosuite
	$(BIN)/pytest -q -m slow

bench: setup
	@for part in learner loop node sim bags; do $(BIN)/claifo bench $$part --json || exit; done

clean:
	rm -rf .venv build install log *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
