# The project's verbs; `make help` lists them. CI runs the same ones.
PYTHON ?= python3
PORT ?= 8000
SITE ?= book
BIN := .venv/bin
CHAPTERS := $(wildcard book/*.ipynb)
# What is tested once more without compiled kernels: `make test WITH_NUMPY="tests softmax_lib book"`
# takes the notebooks in.
WITH_NUMPY ?= tests/numerics tests/playground softmax_lib

# Installs a group of packages of pyproject.toml, as far as they are pinned.
define install
$(BIN)/python -m pip install --quiet uv
$(BIN)/uv pip install --quiet --python $(BIN)/python --constraint requirements.txt --group $(1)
endef

.PHONY: help book serve lite test notebooks bench pytorch falsify mutants lab lint requirements clean

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-14s%s\n", $$1, $$2}' Makefile

book: .venv/ready  ## Build the site into _build/html
	$(BIN)/python book/_extensions/ledger
	@rm -rf _build/html  # Sphinx leaves static files that are there already as they are
	$(BIN)/jupyter-book build . -W -n --keep-going
	@echo "The site: $(CURDIR)/_build/html/index.html"

serve: $(SITE)  ## Build the site and open it, on loopback only (SITE=lite: with chapters that run)
	@echo "Serving http://127.0.0.1:$(PORT)/ (stop with Ctrl-C; another port: make serve PORT=8001)"
	@(sleep 1; $(BIN)/python -m webbrowser http://127.0.0.1:$(PORT)/ >/dev/null 2>&1) &
	@$(BIN)/python -m http.server $(PORT) --bind 127.0.0.1 --directory _build/html

lite: export LITE = 1
lite: book  ## Build the site with chapters that run in the browser (PYODIDE_DIST=<folder>: from it alone)
	$(BIN)/python book/_lite/build.py _build/html
	@echo "Chapters run where the site is served: make serve SITE=lite"

test: .venv/ready  ## Run every test: library (with both engines), proofs, notebooks cell by cell, the site
	SOFTMAX_LIB_ENGINE=compiled $(BIN)/python -m pytest -n 2 --dist loadfile
	SOFTMAX_LIB_ENGINE=numpy $(BIN)/python -m pytest -n 2 --dist loadfile $(WITH_NUMPY)

notebooks: .venv/ready  ## Run all notebooks again and store their outputs
	$(BIN)/python -m nbconvert --to notebook --execute --inplace \
	    --ExecutePreprocessor.record_timing=False \
	    --Exporter.preprocessors=nbconvert.preprocessors.CoalesceStreamsPreprocessor $(CHAPTERS)

bench: .venv/ready  ## Measure softmax's speed beside its peers' (downloads PyTorch, some GB; ONLY="compiled softmax": a part)
	$(call install,bench)
	$(BIN)/python tools/benchmark.py --only='$(ONLY)'

pytorch: .venv/ready  ## Record again what PyTorch returns for the lines on the pages (downloads it)
	$(call install,bench)
	$(BIN)/python tools/record_pytorch.py

falsify: .venv/ready  ## Make what the book states false, place after place, and see it noticed (ONLY=jacobian: a chapter)
	@$(BIN)/python tools/falsify.py $(ONLY)

mutants: .venv/ready  ## Change softmax_lib place after place and see the tests fail (ONLY=softmax_lib.exact.*: a part)
	$(call install,mutants)
	@set -f; SOFTMAX_LIB_ENGINE=numpy $(BIN)/python tools/mutants.py $(ONLY)

lab: .venv/ready  ## Open the chapters in JupyterLab
	$(BIN)/jupyter-lab book

lint: .venv/ready  ## Check style, formatting and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

requirements: .venv/ready  ## Pin the newest versions that pyproject.toml allows
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --fork-strategy fewest --no-annotate --upgrade \
	    --custom-compile-command "make requirements" --python-version 3.11 \
	    --all-extras --group book --group test pyproject.toml -o requirements.txt

clean:  ## Remove the environment and everything built
	rm -rf .venv _build

# The stamp is written last, so that an interrupted installation is taken up again.
.venv/ready: requirements.txt pyproject.toml
	@command -v $(PYTHON) >/dev/null || { \
	    echo "No '$(PYTHON)' found. Install Python 3.11 or newer (Debian: apt-get install python3 python3-venv), or name it: make PYTHON=/path/to/python3"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "'$(PYTHON)' is $$($(PYTHON) --version 2>&1); this book needs Python 3.11 or newer. Name a newer one: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	    echo "'$(PYTHON)' cannot make virtual environments. Install its venv module (Debian: apt-get install python3-venv)."; exit 1; }
	@echo "Making the environment in .venv (once; a few minutes)"
	$(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@
