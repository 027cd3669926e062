# Everything runs in .venv, which the first target that needs it makes from pyproject.toml and constraints.txt.
# Needs python3 (3.11 or newer) and make. For another interpreter: make PYTHON3=python3.12 test

PYTHON3 ?= python3
VENV := .venv
PYTHON := $(VENV)/bin/python
INSTALLED := $(VENV)/.installed

.PHONY: help importance compare rigidity strokes sounds languages figures test slow faults lint docs benchmarks clean
.DEFAULT_GOAL := help

help:  ## list the targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/\1|\2/p' Makefile | while IFS='|' read -r name text; do \
	  printf '%-12s %s\n' "$$name" "$$text"; done

importance: $(INSTALLED)  ## importance versus length at full size (minutes), and its figures, into results/
	$(PYTHON) analyses/importance_vs_length.py --preset quick
	$(PYTHON) figures/all.py results/importance_vs_length.nc --output results

compare: $(INSTALLED)  ## continual-learning methods side by side (half an hour), and their figure, into results/
	$(PYTHON) analyses/method_comparison.py --preset quick
	$(PYTHON) figures/method_comparison.py results/method_comparison.nc --output results

rigidity: $(INSTALLED)  ## what memory does to continual learning: fronts, subspaces, linear networks (an hour), into results/
	$(PYTHON) analyses/stability_plasticity.py --preset quick
	$(PYTHON) figures/stability_plasticity.py results/stability_plasticity.nc --output results
	$(PYTHON) figures/stability_plasticity.py results/stability_plasticity.nc --output results --front accuracy
	$(PYTHON) analyses/task_subspaces.py --preset quick
	$(PYTHON) figures/task_subspaces.py results/task_subspaces.nc --output results
	$(PYTHON) analyses/linear_rnn.py --preset quick
	$(PYTHON) figures/linear_rnn.py results/linear_rnn.nc --output results

strokes: $(INSTALLED)  ## fetch Stroke MNIST; methods and importances on it (hours), and their figures, into results/
	$(VENV)/bin/wmcl data download stroke-mnist
	$(PYTHON) analyses/method_comparison.py --benchmark smnist
	$(PYTHON) figures/method_comparison.py results/method_comparison_smnist.nc --output results
	$(PYTHON) analyses/method_comparison.py --benchmark sequential_smnist
	$(PYTHON) figures/method_comparison.py results/method_comparison_sequential_smnist.nc --output results
	$(PYTHON) analyses/importance_on_real_data.py
	$(PYTHON) figures/importance_on_real_data.py results/importance_on_real_data.nc --output results

sounds: $(INSTALLED)  ## fetch AudioSet; methods and importances on its two balanced parts (hours), and their figures, into results/
	$(VENV)/bin/wmcl data download audioset-reduced
	$(PYTHON) analyses/method_comparison.py --benchmark audioset
	$(PYTHON) figures/method_comparison.py results/method_comparison_audioset.nc --output results
	$(PYTHON) analyses/importance_on_real_data.py --benchmark audioset
	$(PYTHON) figures/importance_on_real_data.py results/importance_on_audioset.nc --output results

languages: $(INSTALLED)  ## fetch small treebanks; methods and importances on them (hours), and their figures, into results/
	$(VENV)/bin/wmcl data download universal-dependencies-reduced
	$(PYTHON) analyses/method_comparison.py --benchmark pos
	$(PYTHON) figures/method_comparison.py results/method_comparison_pos.nc --output results
	$(PYTHON) analyses/method_comparison.py --benchmark pos --direction backward --output results/method_comparison_pos_backward.nc
	$(PYTHON) analyses/importance_on_real_data.py --benchmark pos
	$(PYTHON) figures/importance_on_real_data.py results/importance_on_pos.nc --output results

STORED := docs/results/importance_vs_length
DRAW = $(PYTHON) figures/$(1).py $(STORED)_$(2).nc --output docs/results
figures: $(INSTALLED)  ## redraw the figures of the docs from their stored Datasets, without training
	$(call DRAW,importance_law,controls)
	$(call DRAW,effects,controls)
	$(call DRAW,decodability,controls)
	$(call DRAW,importance_vs_length,quick)
	$(call DRAW,reuse_profile,quick) --pattern-length 10 --input-length 10 --lead 40 --independent-bits 7
	$(call DRAW,importance_by_loss,quick)
	$(call DRAW,ladder,ladder)
	$(call DRAW,importance_vs_length,lstm)
	$(PYTHON) figures/method_comparison.py docs/results/method_comparison.nc --output docs/results
	$(PYTHON) figures/method_comparison.py docs/results/method_comparison_smnist.nc --output docs/results
	$(PYTHON) figures/method_comparison.py docs/results/method_comparison_sequential_smnist.nc --output docs/results
	$(PYTHON) figures/method_comparison.py docs/results/method_comparison_audioset.nc --output docs/results
	$(PYTHON) figures/method_comparison.py docs/results/method_comparison_pos.nc --output docs/results
	$(PYTHON) figures/importance_on_real_data.py docs/results/importance_on_real_data.nc --output docs/results
	$(PYTHON) figures/importance_on_real_data.py docs/results/importance_on_audioset.nc --output docs/results
	$(PYTHON) figures/importance_on_real_data.py docs/results/importance_on_pos.nc --output docs/results
	$(PYTHON) figures/stability_plasticity.py docs/results/stability_plasticity.nc --output docs/results
	$(PYTHON) figures/stability_plasticity.py docs/results/stability_plasticity.nc --output docs/results --front accuracy
	$(PYTHON) figures/task_subspaces.py docs/results/task_subspaces.nc --output docs/results
	$(PYTHON) figures/linear_rnn.py docs/results/linear_rnn.nc --output docs/results

# In two processes of one thread each; tests/conftest.py says what runs in which.
SHAPES = --jaxtyping-packages=wmcl,beartype.beartype
PYTEST_IN_TWO = OMP_NUM_THREADS=1 $(PYTHON) -m pytest -n 2
test: $(INSTALLED)  ## the tests
	$(PYTEST_IN_TWO)

# Checking takes as long as the tests themselves: the gate checks those that call everything in the core.
CHECKED = $(addprefix tests/test_,$(addsuffix .py,exactness modes_of_measures modes_of_training parts dimensionality data_task))
shapes: $(INSTALLED)  ## the tests of the core, with every annotated shape and type checked as they run
	$(PYTEST_IN_TWO) $(SHAPES) $(CHECKED)

slow: $(INSTALLED)  ## all tests, with every shape and type checked, and many more random examples of every property
	HYPOTHESIS_PROFILE=slow $(PYTEST_IN_TWO) $(SHAPES)

FAULTS ?= 50
faults: $(INSTALLED)  ## kill, damage and starve sweeps and forge files, FAULTS=50 times each (many minutes); count what was withstood
	@echo "Each kind of fault is tried up to $(FAULTS) times; on two cores the clusters take three minutes, and 1000 forgeries of every kind of file half a minute."
	FAULTS=$(FAULTS) $(PYTHON) -m pytest tests/faults tests/test_cluster.py

lint: $(INSTALLED)  ## format, style and types
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m ruff check .
	$(PYTHON) -m mypy

docs: $(INSTALLED)  ## the documentation, into docs/_build/html; a warning is an error
	$(PYTHON) -m sphinx -W -b html docs docs/_build/html

benchmarks: $(INSTALLED)  ## time the training step, then the Fisher
	$(PYTHON) benchmarks/training_step.py
	$(PYTHON) benchmarks/fisher.py

clean:  ## remove caches and built docs; keeps .venv and results/
	rm -rf docs/_build docs/api .pytest_cache .mypy_cache .ruff_cache .hypothesis .jupyter_cache docs/.jupyter_cache
	find . -name .venv -prune -o -type d -name __pycache__ -prune -exec rm -rf {} +

# The stamp is written when pip has succeeded, and only then. Of pip's output, only large downloads are shown.
# Of two that are started at once, one waits for the other.
LOCK := .venv.lock
$(INSTALLED): pyproject.toml constraints.txt
	@until mkdir $(LOCK) 2>/dev/null; do \
	  test -n "$$waits" || { waits=1; echo "Waiting for another make that installs; if there is none: rmdir $(LOCK)"; }; sleep 1; \
	done; \
	trap 'rmdir $(LOCK)' EXIT; trap 'exit 130' INT TERM; \
	if test $@ -nt pyproject.toml && test $@ -nt constraints.txt; then exit 0; fi; \
	$(MAKE) --no-print-directory install PYTHON3=$(PYTHON3)

.PHONY: install
install:
	@rm -f $(INSTALLED)
	@command -v $(PYTHON3) >/dev/null || { \
	  echo "$(PYTHON3) was not found: install Python 3.11 or newer, or name it: make PYTHON3=..." >&2; exit 1; }
	@$(PYTHON3) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "wmcl needs Python 3.11 or newer, and $(PYTHON3) is $$($(PYTHON3) --version 2>&1)." >&2; \
	  echo "Name a newer one: make PYTHON3=python3.12 ..." >&2; exit 1; }
	@$(PYTHON3) -c 'import venv, ensurepip' 2>/dev/null || { \
	  echo "$(PYTHON3) cannot make virtual environments: its venv module is not complete." >&2; \
	  echo "On Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	@echo "Making $(VENV). This takes some minutes; torch alone is a large download."
	$(PYTHON3) -m venv $(VENV)
	@{ $(PYTHON) -m pip install --disable-pip-version-check -c constraints.txt -e '.[test,docs]' && touch $(INSTALLED); } \
	  | grep -oE --line-buffered '^ *(Downloading|Using cached) .*[0-9] [MG]B\)|^Installing collected packages|^Successfully installed'; \
	  test -e $(INSTALLED) || { echo "The installation did not succeed. Run make again to repeat it." >&2; exit 1; }
