# Two commands for a stranger: `make book` and `make test`. Each makes .venv from the project's own files first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
OLDEST := .venv-oldest
# The terminal shows one line a step and the step's own progress; -qq leaves pip's errors, and no word of its next release.
PIP_INSTALL := -m pip install -qq --disable-pip-version-check
export TF_CPP_MIN_LOG_LEVEL ?= 3

.PHONY: book pdf test oldest stress bench notebooks address clean help

help:
	@echo "make book       install into .venv and build the book, all notebooks executed: book/_build/html/index.html"
	@echo "make pdf        the same as one file, with Chromium: book/_build/covidlib.pdf"
	@echo "make test       install into .venv, check style, types and imports, run all tests and notebooks"
	@echo "make oldest     run the tests that are not slow with the oldest versions allowed, in Python 3.11"
	@echo "make stress     try 2000 damaged files of each kind, and 200 series with oddities at random (half an hour)"
	@echo "make bench      measure the speed rows and write benchmarks/results.json"
	@echo "make notebooks  execute the notebooks and keep the outputs that tests check"
	@echo "make address    write URL=https://github.com/OWNER/NAME wherever the repository is named: for a fork"
	@echo "make clean      remove the environment, the built book, caches, the synthetic data and the quick runs"

book: $(VENV)/book
	@echo "building the book: every page that changed is executed ..."
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/jupyter-book build book/

pdf: $(VENV)/book
	@echo "building the book as one page ..."
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/jupyter-book build book/ --builder singlehtml
	@echo "printing it ..."
	@$(BIN)/python book/_ext pdf book/_build/singlehtml/intro.html book/_build/covidlib.pdf

# Two processes test, and two must not train one run: so the networks that all need are trained first, if they are not there.
test: $(VENV)/test
	@echo "checking style, types and imports ..."
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy --no-error-summary
	@report=$$(PYTHONPATH=book/_ext $(BIN)/lint-imports --no-cache --no-logo) || { echo "$$report"; exit 1; }
	@echo "training the networks that are not there yet ..."
	@$(BIN)/covidlib train --all --protocol quick
	@echo "running the tests and the notebooks ..."
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/pytest -n 2 --dist loadfile notebooks tests --nbval-lax -m "not colab"

# Neither types nor style: both ask the newest of the tools and of the libraries' types.
oldest: $(OLDEST)/test
	@PATH="$(CURDIR)/$(OLDEST)/bin:$$PATH" $(OLDEST)/bin/pytest tests -m "not slow and not built_book and not colab"

# The same tests as in `make test`, with new files at each start, and with memory limited to what a classroom machine has.
stress: $(VENV)/test
	@ulimit -v 12000000 && COVIDLIB_STRESS=2000 $(BIN)/pytest tests/whole/test_fuzz.py
	@COVIDLIB_STRESS=200 $(BIN)/pytest tests/whole/test_odd_series.py

bench: $(VENV)/test
	@$(BIN)/python benchmarks/run.py

notebooks: $(VENV)/test
	@echo "executing the notebooks ..."
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python book/_ext notebooks refresh notebooks/*.ipynb

address: $(VENV)/book
	@$(BIN)/python book/_ext address "$(URL)"

# A stamp a purpose, made last: an interrupted installation is taken up again.
$(VENV)/book: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info[:3]; sys.exit(0 if (3, 11, 5) <= v < (3, 14) else "covidlib needs Python 3.11.5 to 3.13, this is %d.%d.%d: make PYTHON=python3.12" % v)'
	@echo "installing what the book needs into $(VENV) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python $(PIP_INSTALL) -c constraints.txt -e '.[book]'
	@touch $@

$(VENV)/test: $(VENV)/book
	@echo "installing what the tests need into $(VENV) ..."
	@$(BIN)/python $(PIP_INSTALL) -c constraints.txt -e '.[test]'
	@touch $@

$(OLDEST)/test: pyproject.toml constraints-oldest.txt
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info[:2] == (3, 11) else "the oldest versions are for Python 3.11: make oldest PYTHON=python3.11")'
	@echo "installing the oldest versions into $(OLDEST) ..."
	@test -x $(OLDEST)/bin/python || $(PYTHON) -m venv $(OLDEST)
	@$(OLDEST)/bin/python $(PIP_INSTALL) -c constraints-oldest.txt -e '.[test]'
	@touch $@

clean:
	@rm -rf $(VENV) $(OLDEST) book/_build .jupyter_cache data runs/quick
