# Two commands for a stranger: `make book` and `make test`. Each makes .venv from the project's own files first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
OLDEST := .venv-oldest
export TF_CPP_MIN_LOG_LEVEL ?= 3

.PHONY: book pdf test oldest stress bench notebooks clean help

help:
	@echo "make book       install into .venv and build the book, all notebooks executed: book/_build/html/index.html"
	@echo "make pdf        the same as one file, with Chromium: book/_build/covidlib.pdf"
	@echo "make test       install into .venv, check style and types, run all tests and notebooks"
	@echo "make oldest     run the tests that are not slow with the oldest versions allowed, in Python 3.11"
	@echo "make stress     try 2000 damaged files of each kind on the readers (five minutes)"
	@echo "make bench      measure the speed rows and write benchmarks/results.json"
	@echo "make notebooks  execute the notebooks and keep the outputs that tests check"
	@echo "make clean      remove the environment, the built book, caches, the synthetic data and the quick runs"

book: $(VENV)/book
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/jupyter-book build book/

pdf: $(VENV)/book
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/jupyter-book build book/ --builder singlehtml
	$(BIN)/python -m covidlib.printing book/_build/singlehtml/intro.html book/_build/covidlib.pdf

# Two processes test, and two must not train one run: so the networks that all need are trained first, if they are not there.
test: $(VENV)/test
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/covidlib train --all --protocol quick
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/pytest -n 2 --dist loadfile notebooks tests --nbval-lax -m "not colab"

# Neither types nor style: both ask the newest of the tools and of the libraries' types.
oldest: $(OLDEST)/test
	PATH="$(CURDIR)/$(OLDEST)/bin:$$PATH" $(OLDEST)/bin/pytest tests -m "not slow and not built_book and not colab"

# The same tests as in `make test`, with new files at each start, and with memory limited to what a classroom machine has.
stress: $(VENV)/test
	ulimit -v 12000000 && COVIDLIB_STRESS=2000 $(BIN)/pytest tests/test_fuzz.py

bench: $(VENV)/test
	$(BIN)/python benchmarks/run.py

notebooks: $(VENV)/test
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m covidlib.book refresh notebooks/*.ipynb

# A stamp a purpose, made last: an interrupted installation is taken up again.
$(VENV)/book: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; v = sys.version_info[:3]; sys.exit(0 if (3, 11, 5) <= v < (3, 14) else "covidlib needs Python 3.11.5 to 3.13, this is %d.%d.%d: make PYTHON=python3.12" % v)'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[book]'
	touch $@

$(VENV)/test: $(VENV)/book
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[test]'
	touch $@

$(OLDEST)/test: pyproject.toml constraints-oldest.txt
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info[:2] == (3, 11) else "the oldest versions are for Python 3.11: make oldest PYTHON=python3.11")'
	test -x $(OLDEST)/bin/python || $(PYTHON) -m venv $(OLDEST)
	$(OLDEST)/bin/python -m pip install --quiet -c constraints-oldest.txt -e '.[test]'
	touch $@

clean:
	rm -rf $(VENV) $(OLDEST) book/_build .jupyter_cache data runs/quick
