"""Run what tries Headstart hard, and write the table of ``docs/reliability.md`` from the result files.

    python benchmarks/reliability.py [--cases N | --seconds 900] [--kills 200] [--fills 50] [--seed 0]
    python benchmarks/reliability.py --table        # only the table, from the results that are there

Damage (``fuzz.py``), kills and full disks (``kills.py``), and the contract on forks, threads and containers
(``tests/contracts/test_surroundings.py``).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

HERE = Path(__file__).resolve().parent
ROOT, RESULTS = HERE.parent, HERE / "results"
PAGE, CONTRACT = ROOT / "docs" / "reliability.md", ROOT / "tests" / "contracts" / "test_surroundings.py"
BEGIN, END = "<!-- table: benchmarks/reliability.py -->", "<!-- end of the table -->"
WHAT = {
    "models": "stored models of every kind and format, imported encoders among them",
    "natives": "CatBoost's and tokenizers' files in stored models, a process for each",
    "arguments": "every field of a model's stored arguments, and values for it",
    "inspect": "what `inspect` and `layers` print of a damaged model",
    "encoders": "folders of transformers, sentence-transformers, model2vec",
    "folders": "the same folders, a process for each tokenizer",
    "mxnet": "MXNet's graphs and parameters",
    "images": "images of every format and mode: read, scored",
    "arrow": "Arrow files and streams: read, scanned, scored, written and read again",
    "parquet": "Parquet files, likewise",
    "csv": "CSV and TSV, likewise, and against the csv module",
    "json": "JSON lines and arrays, likewise",
    "checkpoints": "a killed training's checkpoint",
    "comparisons": "the folder of `compare`",
    "cache": "the vector cache",
}


def rows() -> Iterator[tuple[str, str, str, str, str]]:
    """Yield what was tried, how often, the seed, the findings and the command that repeats it."""
    fuzz = _read("fuzz.json")
    for kind in (kind for kind in WHAT if kind in fuzz):
        found = fuzz[kind]
        # Cases do not depend on how many there are, so these are the very ones.
        again = f"python benchmarks/fuzz.py {kind} --cases {found['cases']} --seed {found['seed']}"
        yield f"damaged: {WHAT[kind]}", f"{found['cases']:,}", str(found["seed"]), str(found["findings"]), again
    if kills := _read("kills.json"):
        again = f"python benchmarks/kills.py --seed {kills['seed']}"
        names = ", ".join(kills["commands"])
        told = {
            part: sum(len(found["findings"][part]) for found in kills["commands"].values())
            for part in ("kills", "fills")
        }
        yield f"killed: {names}", f"{kills['kills']:,}", str(kills["seed"]), str(told["kills"]), again
        yield (
            "a disk that fills under the same commands",
            f"{kills['fills']:,}",
            str(kills["seed"]),
            str(told["fills"]),
            again,
        )
    if found := _read("surroundings.json"):
        names = ", ".join(found["surroundings"])
        runs = sum(found["surroundings"].values())
        again = f"python -m pytest {CONTRACT.relative_to(ROOT)}"
        yield f"models of every kind: {names}", f"{runs:,}", "", str(found["findings"]), again


def _read(name: str) -> Any:
    path = RESULTS / name
    return json.loads(path.read_text()) if path.exists() else {}


def write_table() -> None:
    """Put the table between its marks in the page."""
    lines = ["| tried | runs | seed | findings | again |", "|---|---|---|---|---|"]
    lines += [f"| {what} | {n} | {seed} | {findings} | `{again}` |" for what, n, seed, findings, again in rows()]
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text("\n".join([f"{before}{BEGIN}", *lines, f"{END}{after}"]), encoding="utf-8")


def try_surroundings() -> int:
    """Run the contract, and store how many models were tried where."""
    with tempfile.TemporaryDirectory() as folder:
        told = Path(folder) / "told.xml"
        command = [sys.executable, "-m", "pytest", "-q", str(CONTRACT), f"--junitxml={told}"]
        code = subprocess.run(command, cwd=ROOT, check=False).returncode
        tree = ElementTree.parse(told)
    tried = {found.get("name", ""): int(found.get("value", 0)) for found in tree.iter("property")}
    n_failed = len(list(tree.iter("failure"))) + len(list(tree.iter("error")))
    (RESULTS / "surroundings.json").write_text(
        json.dumps({"surroundings": tried, "findings": n_failed}, indent=1) + "\n"
    )
    return code


def main() -> int:
    """Run everything, and write the table; 1 if anything was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", help="of each kind of damage, in place of its own number")
    parser.add_argument("--seconds", help="for each kind of damage")
    parser.add_argument("--kills", default="200")
    parser.add_argument("--fills", default="50")
    parser.add_argument("--seed", default="0")
    parser.add_argument("--table", action="store_true")
    options = parser.parse_args()
    codes = []
    if not options.table:
        wanted = [
            part for name in ("cases", "seconds") if (value := getattr(options, name)) for part in (f"--{name}", value)
        ]
        for script, *arguments in (
            ["fuzz.py", *wanted],
            ["kills.py", "--kills", options.kills, "--fills", options.fills],
        ):
            command = [sys.executable, str(HERE / script), *arguments, "--seed", options.seed]
            codes.append(subprocess.run(command, check=False).returncode)
        codes.append(try_surroundings())
    write_table()
    return int(any(codes))


if __name__ == "__main__":
    sys.exit(main())
