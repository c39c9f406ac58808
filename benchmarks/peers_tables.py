"""What others make of the same odd tables: pandas, Polars, the csv module and Arrow next to ours, case by case.

    python benchmarks/peers_tables.py [--only CASE]

Each cell is one attempt in a process of its own, by the reader's plainest call for the file: ``right``; ``refused``, with a
sentence or an exception that names the fault; ``silent``, where rows or cells are lost or changed without a word; ``fault``, where
the message says nothing of the data; ``died``. Ours has to be right or refused everywhere. fastText and scikit-learn
read no tables: fastText takes lines of text as they are, scikit-learn what the others have read.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

READERS = ("headstart", "pandas", "polars", "csv module", "arrow")
Texts = list[str | None]


# --- the cases: a file, and what has to come out of it --------------------------------------------------


def damaged_arrow(folder: Path) -> str:
    import pyarrow as pa

    view = pa.array(["x" * 30, "y" * 40]).cast(pa.string_view())
    sink = pa.BufferOutputStream()
    table = pa.table({"text": view})
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    old = np.array([30], np.int32).tobytes() + b"xxxx" + bytes(8)
    raw = bytes(sink.getvalue()).replace(old, np.array([3000], np.int32).tobytes() + b"xxxx" + bytes(8))
    return put(folder, "damaged.arrow", raw)


def put(folder: Path, name: str, data: str | bytes) -> str:
    path = folder / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return str(path)


def partitions(folder: Path) -> str:
    for year in (2023, 2024):
        (folder / "rows" / f"year={year}").mkdir(parents=True)
        put(folder / "rows" / f"year={year}", "part.csv", f"text\na {year}\n")
    return str(folder / "rows")


LONG_IDS = ["17446744073709551615", "17446744073709551616"]
CASES: dict[str, tuple[Callable[[Path], str], Any]] = {
    "TSV that does not quote": (lambda f: put(f, "a.tsv", 'id\ttext\n1\t"a\n2\tb\n3\t"c, he said\n4\td\n'), {"text": ['"a', "b", '"c, he said', "d"]}),
    "CSV whose mark swallows rows": (lambda f: put(f, "a.csv", 'id,text\n1,"a\n2,b\n3,c"\n4,d\n'), "refused"),
    "CSV whose mark never closes": (lambda f: put(f, "a.csv", 'id,text\n1,a\n2,"b\n3,c\n'), "refused"),
    "CSV with cells of several lines": (lambda f: put(f, "a.csv", 'text,n\n"a, b\nc",1\nd,2\n'), {"text": ["a, b\nc", "d"]}),
    "ids of twenty digits": (lambda f: put(f, "a.csv", f"text,id\na,{LONG_IDS[0]}\nb,{LONG_IDS[1]}\n"), {"id": LONG_IDS}),
    "1.10 and 007": (lambda f: put(f, "a.csv", "text,id\na,1.10\nb,007\n"), {"id": ["1.10", "007"]}),
    "GBK": (lambda f: put(f, "a.csv", "text\n这家酒店很好\n".encode("gbk")), "refused"),
    "UTF-16 with a mark": (lambda f: put(f, "a.csv", "text\ncafé\n".encode("utf-16")), {"text": ["café"]}),
    "UTF-8 with a mark": (lambda f: put(f, "a.csv", "\ufefftext\ncafé\n"), {"text": ["café"]}),
    "a JSON array": (lambda f: put(f, "a.json", '[{"text": "a"}, {"text": "b"}]'), {"text": ["a", "b"]}),
    "a JSON field twice": (lambda f: put(f, "a.jsonl", '{"text": "a", "text": "b"}\n'), "refused"),
    "partitions": (partitions, {"text": ["a 2023", "a 2024"]}),
    "Excel's sep= line": (lambda f: put(f, "a.csv", "sep=;\ntext;n\na;1\n"), {"text": ["a"]}),
    "a blank line in one column": (lambda f: put(f, "a.csv", "text\na\n\nb\n"), {"text": ["a", "", "b"]}),
    "carriage returns alone": (lambda f: put(f, "a.csv", "text,n\ra,1\rb,2\r"), {"text": ["a", "b"]}),
    "a zero byte": (lambda f: put(f, "a.csv", "text,n\na\0b,1\n"), "refused"),
    "a row too short": (lambda f: put(f, "a.csv", "text,n\na,1\nb\n"), "refused"),
    "two columns of one name": (lambda f: put(f, "a.csv", "text,text\na,b\n"), "refused"),
    "a damaged Arrow file": (damaged_arrow, "refused"),
    "a device": (lambda f: "/dev/zero", "refused"),
}  # fmt: skip


# --- the readers: columns of strings -------------------------------------------------------------------


def by_headstart(path: str) -> dict[str, Texts]:
    from headstart.corpus import scan

    scanned = scan(path, keep=()) if "/rows" in path or path.endswith(("json", "jsonl", "arrow", "zero")) else None
    if scanned is None:
        header = Path(path).read_bytes()
        scanned = scan(path, keep=("id",) if b"id" in header[:40] else ())
    found: dict[str, Texts] = {"text": []}
    for rows in scanned.rows():
        found["text"] += rows.texts.to_pylist()
        for name, column in rows.kept.to_pydict().items():
            found.setdefault(name, []).extend(column)
    return found


def by_pandas(path: str) -> dict[str, Texts]:
    import pandas as pd

    if path.endswith("arrow"):
        frame = pd.read_feather(path)
    elif "json" in path:
        frame = pd.read_json(path, lines=path.endswith("jsonl"))
    else:
        frame = pd.read_csv(path, sep="\t" if path.endswith("tsv") else ",")
    return {name: [str(cell) for cell in frame[name]] for name in frame}


def by_polars(path: str) -> dict[str, Texts]:
    import polars as pl

    if path.endswith("arrow"):
        frame = pl.read_ipc(path)
    elif "json" in path:
        frame = pl.read_ndjson(path) if path.endswith("jsonl") else pl.read_json(path)
    elif path.endswith("rows"):
        frame = pl.scan_csv(path + "/**/*.csv").collect()
    else:
        frame = pl.read_csv(path, separator="\t" if path.endswith("tsv") else ",")
    return {name: [None if cell is None else str(cell) for cell in frame[name]] for name in frame.columns}


def by_csv(path: str) -> dict[str, Texts]:
    import csv

    with open(path, newline="") as file:  # noqa: PTH123
        rows = list(csv.DictReader(file, delimiter="\t" if path.endswith("tsv") else ","))
    return {name: [row[name] for row in rows] for name in rows[0]}


def by_arrow(path: str) -> dict[str, Texts]:
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.dataset
    import pyarrow.json

    if path.endswith("arrow"):
        table = pa.ipc.open_file(path).read_all()
    elif "json" in path:
        table = pa.json.read_json(path)
    elif path.endswith("rows"):
        table = pa.dataset.dataset(path, format="csv", partitioning="hive").to_table()
    else:
        table = pa.csv.read_csv(
            path,
            parse_options=pa.csv.ParseOptions(delimiter="\t" if path.endswith("tsv") else ",", newlines_in_values=True),
        )
    return {
        name: [None if cell is None else str(cell) for cell in table.column(name).to_pylist()]
        for name in table.column_names
    }


BY = dict(zip(READERS, (by_headstart, by_pandas, by_polars, by_csv, by_arrow), strict=True))


def attempt(reader: str, case: str) -> str:
    """One cell of the table, in this process."""
    make, expected = CASES[case]
    with tempfile.TemporaryDirectory() as place:
        path = make(Path(place))
        try:
            found = BY[reader](path)
        except Exception as error:
            said = str(error)
            names_it = type(error).__name__ not in ("KeyError", "AttributeError", "TypeError", "IndexError")
            return "refused" if names_it and len(said) > 15 else f"fault ({type(error).__name__})"
    if expected == "refused":
        return "silent"
    return "right" if all(found.get(name) == cells for name, cells in expected.items()) else "silent"


def in_a_process(reader: str, case: str) -> str:
    """One cell of the table; a process that dies or does not end is a result too."""
    import resource

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))

    command = [sys.executable, __file__, "--attempt", reader, case]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, preexec_fn=limit)
    except subprocess.TimeoutExpired:
        return "never ends"
    return json.loads(done.stdout) if done.returncode == 0 else f"died ({done.returncode})"  # type: ignore[no-any-return]


def main() -> None:
    """Print the table; end with 1 if ours is neither right nor refused anywhere."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=CASES)
    parser.add_argument("--attempt", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.attempt:
        print(json.dumps(attempt(*options.attempt)))
        return
    print("| case | " + " | ".join(READERS) + " |\n|---" * 1 + "|---" * len(READERS) + "|")
    bad = 0
    for case in [options.only] if options.only else CASES:
        cells = [in_a_process(reader, case) for reader in READERS]
        bad += cells[0] not in ("right", "refused")
        print(f"| {case} | " + " | ".join(cells) + " |", flush=True)
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
