"""Run what tries Headstart hard, and write the table of ``docs/reliability.md`` from the result files.

    python benchmarks/reliability.py [--seconds 900] [--alone 1000] [--kills 200] [--fills 50] [--seed 0]
    python benchmarks/reliability.py --table        # only the table, from the results that are there

``--seconds`` is the time for each kind of damage in one process (at least 20,000 cases take a quiet machine), ``--alone`` the
cases that get a process of their own, for the kinds whose readers are not Python's.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
RESULTS, PAGE = HERE / "results", HERE.parent / "docs" / "reliability.md"
ALONE = ("models", "encoders", "tables")
BEGIN, END = "<!-- table: benchmarks/reliability.py -->", "<!-- end of the table -->"
WHAT = {
    "arguments": "every field of a model's stored arguments, and values for it",
    "cache": "the vector cache",
    "checkpoints": "a killed training's checkpoint",
    "comparisons": "the folder of `compare`",
    "encoders": "folders of transformers, sentence-transformers, model2vec",
    "inspect": "what `inspect` and `layers` print of a damaged model",
    "models": "stored models of every kind and format, encoders among them",
    "mxnet": "MXNet's graphs and parameters",
    "tables": "CSV, TSV, JSON, Parquet and Arrow files, scored and kept",
}


def rows() -> Iterator[tuple[str, str, str, str, str]]:
    """Yield what was tried, how often, the seed, the findings and the command that repeats it."""
    fuzz = _read("fuzz.json")
    for name, found in sorted(fuzz.items()):
        kind, _, alone = name.partition(", ")
        about = WHAT.get(kind, kind) + (", a process a case" if alone else "")
        # Cases do not depend on how many there are, so these are the very ones.
        option = " --child" if alone else ""
        again = f"fuzz.py {kind} --cases {found['cases']} --seed {found['seed']}{option}"
        yield f"damaged: {about}", f"{found['cases']:,}", str(found["seed"]), str(found["findings"]), again
    saves = _read("kill_save.json")
    for part, what in (
        ("killed", "killed with `kill -9` while saving a model"),
        ("filled", "a disk that fills while saving"),
    ):
        if part in saves:
            n = saves[part]["kills" if part == "killed" else "fills"]
            again = f"kill_save.py --kills {saves['killed']['kills']} --fills {saves['filled']['fills']}"
            yield what, f"{n:,}", str(saves["seed"]), "0", again  # the first finding ends the script, without a result


def _read(name: str) -> Any:
    path = RESULTS / name
    return json.loads(path.read_text()) if path.exists() else {}


def write_table() -> None:
    """Put the table between its marks in the page."""
    lines = ["| tried | runs | seed | findings | again: `python benchmarks/...` |", "|---|---|---|---|---|"]
    lines += [f"| {what} | {n} | {seed} | {findings} | `{again}` |" for what, n, seed, findings, again in rows()]
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text("\n".join([f"{before}{BEGIN}", *lines, f"{END}{after}"]), encoding="utf-8")


def main() -> int:
    """Run everything, and write the table; 1 if anything was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=900)
    parser.add_argument("--alone", type=int, default=1000)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--fills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--table", action="store_true")
    options = parser.parse_args()
    seed, codes = ["--seed", str(options.seed)], []
    commands = [] if options.table else [
        ["fuzz.py", "--seconds", str(options.seconds), *seed],
        ["fuzz.py", *ALONE, "--cases", str(options.alone), "--child", *seed],
        ["kill_save.py", "--kills", str(options.kills), "--fills", str(options.fills), *seed],
    ]  # fmt: skip
    for script, *arguments in commands:
        codes.append(subprocess.run([sys.executable, str(HERE / script), *arguments], check=False).returncode)
    write_table()
    return int(any(codes))


if __name__ == "__main__":
    sys.exit(main())
