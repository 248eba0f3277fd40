# Two commands matter: `make book` and `make test`. `make help` lists the rest.
# Needed: Python 3.11, 3.12 or 3.13 (or uv, which brings one), make, git. All else goes into .venv.

PYTHON     ?=
RANGE      := >=3.11,<3.14
PYTHONS    := python3.12 python3.13 python3.11 python3 python
UV         ?= $(shell uv --version >/dev/null 2>&1 && echo uv)
UV_VERSION := 0.13.9
VENV       := .venv
BIN        := $(VENV)/bin
READY      := $(VENV)/.installed
TIMED      := sh book/timed.sh
BACKENDS   ?= tensorflow
WORKERS    ?= auto
PYTEST     := $(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder
# In two parts, because TensorFlow keeps all that it compiles: in one part, a process grows to 4 GB.
PART_1  := $(addprefix tests/,_internal data nn sampling models analysis test_minimal.py)
SHORT      := not (robustness and slow)
PART_2  := tests $(addprefix --ignore=,$(PART_1))
PARAMS     ?= notebooks/params/quick.yaml
SCALE      ?= cpu
DATA       ?= data
RESULTS    ?= _build/published
KEEP       :=

.DEFAULT_GOAL := help
.PHONY: help venv book pdf lab full published smoke notebooks test robustness format lock picture address clean

help:  ## list the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /|/' \
	  | awk -F'|' '{ printf "  make %-10s %s\n", $$1, $$2 }'

# Candidates are run, not looked up: a version manager's shim can exist and still refuse to start.
# uv, where it is installed, is faster and fetches a Python if there is none; `make UV=` leaves it out.
$(READY): pyproject.toml requirements.lock
	@start=$$(date +%s); \
	fits='sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12), (3, 13)))'; \
	if ! $(BIN)/python -c "import pip, sys; $$fits" 2>/dev/null; then \
	  rm -rf $(VENV); \
	  if [ -n "$(UV)" ] && \
	    "$(UV)" venv --quiet --seed --python "$(or $(PYTHON),$(RANGE))" $(VENV); then \
	    echo "made $(VENV) with uv, $$($(BIN)/python --version)"; \
	  else \
	    found=; \
	    for python in $(or $(PYTHON),$(PYTHONS)); do \
	      if "$$python" -c "import ensurepip, sys, venv; $$fits" 2>/dev/null; then \
	        found=$$python; break; \
	      fi; \
	    done; \
	    if [ -z "$$found" ]; then \
	      echo "error: Python 3.11, 3.12 or 3.13 with venv is needed, and none of these is one:" \
	        "$(or $(PYTHON),$(PYTHONS))." \
	        "Name yours with: make PYTHON=/path/to/python3.12 ..." >&2; \
	      exit 1; \
	    fi; \
	    echo "making $(VENV) with $$found"; \
	    "$$found" -m venv $(VENV) || exit 1; \
	  fi; \
	fi; \
	echo "installing requirements.lock (a few minutes the first time)"; \
	if [ -n "$(UV)" ]; then \
	  install="$(UV) pip install --quiet --python $(BIN)/python"; \
	else \
	  install="$(BIN)/python -m pip install --quiet --disable-pip-version-check"; \
	fi; \
	{ $$install --requirement requirements.lock || \
	  { install="$(BIN)/python -m pip install --quiet --disable-pip-version-check"; \
	    [ -n "$(UV)" ] && $$install --requirement requirements.lock; }; } && \
	$$install --no-deps --no-build-isolation --editable . && \
	touch $@ && echo "install: $$(( $$(date +%s) - start )) s"

venv: $(READY)  ## make .venv and install the locked versions

book: $(READY)  ## execute the notebooks and build the HTML book
	@$(BIN)/python book/build.py --params "$(PARAMS)"

pdf: book  ## the book as one PDF, through Chromium
	@$(BIN)/python book/pdf.py

# Jupytext would write a header of its own into NN_name.py at each save: `make notebooks` brings edits
# there. Jupyter asks root, which a container has, for one more word.
lab: $(READY)  ## open the notebooks in JupyterLab
	@$(BIN)/jupyter-lab --ServerApp.jpserver_extensions=jupyterlab_jupytext=False \
	  $(if $(filter 0,$(shell id -u)),--allow-root) notebooks

full: $(READY)  ## the same as book with the long runs: meant for a GPU
	@$(BIN)/python book/build.py --params notebooks/params/full.yaml

published: $(READY)  ## repeat the published runs; SCALE=gpu, DATA=folder of MNIST, RESULTS=folder
	@$(BIN)/python experiments/published.py --scale $(SCALE) --data_path "$(DATA)" \
	  --results_path "$(RESULTS)" --ckpt_path "$(RESULTS)/ckpts"

smoke: $(READY)  ## execute every notebook with tiny parameters, keep nothing
	@$(TIMED) smoke $(BIN)/python book/build.py --params notebooks/params/smoke.yaml --execute-only

notebooks: $(READY)  ## bring each notebook's .py and .ipynb together; KEEP=py or ipynb if both changed
	@$(TIMED) notebooks $(BIN)/python book/twins.py $(if $(KEEP),--keep "$(KEEP)")

# Several processes share the tests (`auto`: tests/conftest.py). Each file stays in one of them.
# Long tests of robustness are left to `make robustness`.
test: $(READY)  ## ruff, mypy, and pytest under each of BACKENDS (tensorflow, jax)
	@$(TIMED) "ruff check" $(BIN)/ruff check .
	@$(TIMED) "ruff format" $(BIN)/ruff format --check .
	@$(TIMED) mypy $(BIN)/mypy
ifneq ($(filter tensorflow,$(BACKENDS)),)
	@$(TIMED) "pytest, tensorflow, 1 of 2" $(PYTEST) -m "$(SHORT)" $(PART_1)
	@$(TIMED) "pytest, tensorflow, 2 of 2" $(PYTEST) -m "$(SHORT)" $(PART_2)
endif
ifneq ($(filter jax,$(BACKENDS)),)
	@KERAS_BACKEND=jax $(TIMED) "pytest, jax" $(PYTEST) -m "both_backends and $(SHORT)"
endif

robustness: $(READY)  ## kills, full disks, hostile files, closed outputs: what was tried and passed
ifneq ($(filter tensorflow,$(BACKENDS)),)
	@$(TIMED) "robustness, tensorflow" $(PYTEST) -m robustness
endif
ifneq ($(filter jax,$(BACKENDS)),)
	@KERAS_BACKEND=jax $(TIMED) "robustness, jax" $(PYTEST) -m "robustness and both_backends"
endif

format: $(READY)  ## let ruff format and fix what it can
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

# Versions already in the file are kept; UPGRADE=--upgrade takes the newest.
lock:  ## write requirements.lock from pyproject.toml (UPGRADE=--upgrade for newer versions)
	@mkdir -p _build && { [ -x _build/lock/bin/uv ] || { \
	  for python in $(or $(PYTHON),$(PYTHONS)); do \
	    if "$$python" -m venv _build/lock 2>/dev/null; then break; fi; \
	  done; \
	  _build/lock/bin/python -m pip install --quiet uv==$(UV_VERSION); }; }
	@$(TIMED) lock _build/lock/bin/uv pip compile --quiet --universal --python-version 3.11 \
	  --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" $(UPGRADE) \
	  --extra test --output-file requirements.lock pyproject.toml

picture: $(READY)  ## draw the README's picture from the published weights
	@$(TIMED) picture $(BIN)/python book/picture.py

address: $(READY)  ## URL=https://github.com/owner/name: where the project will be found
	@$(BIN)/python book/address.py "$(URL)"

clean:  ## remove everything that was built; .venv stays
	rm -rf _build build *.egg-info .pytest_cache .ruff_cache
