# The project's verbs, for those with make; they stand in tools/tasks.py. `make help` lists them.
PYTHON ?= python3
VERBS := help book lite serve lab test check library lowest bare newest sphinx portable peers links \
    lint workflows notebooks bench pytorch falsify mutants wheel requirements clean

.PHONY: $(VERBS)
$(VERBS):
	@command -v $(PYTHON) >/dev/null || { \
	    echo "No '$(PYTHON)' found. Install Python 3.11 or newer (Debian: apt-get install python3 python3-venv), or name it: make PYTHON=/path/to/python3"; exit 1; }
	@$(PYTHON) tools/tasks.py $@
