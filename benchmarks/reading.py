"""How fast tables are read: CSV, TSV, JSON lines, Parquet and Arrow of the same reviews, and CSV of several kinds of quoting.

    HEADSTART_DATA=folder python benchmarks/reading.py [--rows 20000] [--rounds 5] [--src other/src]

Each form is read whole and scanned in batches; a round reads all forms, one after the other, and the figure is the median
of megabytes of file a second of processor time. ``--src`` reads with the package in another folder as well, in a process of
its own, and prints the ratio of the two: what a change costs.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent


def make(folder: Path, n_rows: int) -> None:
    """Write the files."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from protocol import data_folder

    table = pq.read_table(data_folder() / "imdb.parquet", columns=["text", "label", "movie_id"]).slice(0, n_rows)
    rows = table.to_pylist()
    for row in rows:
        row["lines"] = row["text"].replace("<br />", "\n")
    pq.write_table(table, folder / "rows.parquet")
    with pa.ipc.new_file(folder / "rows.arrow", table.schema) as writer:
        writer.write_table(table)
    forms: dict[str, tuple[str, str, int, Any]] = {
        "minimal.csv": ("text", ",", csv.QUOTE_MINIMAL, None),
        "all.csv": ("text", ",", csv.QUOTE_ALL, None),
        "lines.csv": ("lines", ",", csv.QUOTE_MINIMAL, None),
        "bare.csv": ("text", ",", csv.QUOTE_MINIMAL, str.maketrans("", "", '",')),
        "bare.tsv": ("text", "\t", csv.QUOTE_MINIMAL, str.maketrans("", "", '"')),
    }
    for name, (column, delimiter, quoting, removed) in forms.items():
        out = io.StringIO(newline="")
        writer = csv.writer(out, delimiter=delimiter, quoting=quoting, lineterminator="\n")
        writer.writerow(("text", "label", "movie_id"))
        for row in rows:
            text = row[column] if removed is None else row[column].translate(removed)
            writer.writerow((text, row["label"], row["movie_id"]))
        (folder / name).write_text(out.getvalue(), newline="")
    lines = [
        json.dumps({name: row[name] for name in ("text", "label", "movie_id")}, ensure_ascii=False) for row in rows
    ]
    (folder / "rows.jsonl").write_text("\n".join(lines))


def measure(folder: Path) -> dict[str, float]:
    """Read each file whole and in batches; megabytes a second of processor time."""
    from headstart.corpus import read, scan

    found = {}
    for path in sorted(folder.iterdir()):
        size = path.stat().st_size / 1e6
        start = time.process_time()
        read(path, label="label")
        middle = time.process_time()
        for _ in scan(path, columns=()):
            pass
        found[f"{path.name} read"] = size / (middle - start)
        found[f"{path.name} scanned"] = size / (time.process_time() - middle)
    return found


def in_a_process(folder: Path, src: Path) -> dict[str, float]:
    """Measure with the package that lies in `src`."""
    environment = {**os.environ, "PYTHONPATH": str(src), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, __file__, "--work", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    result: dict[str, float] = json.loads(done.stdout)
    return result


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--src", type=Path, help="another src folder, to compare with")
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        measure(options.work)  # What is imported and compiled at first use is not counted.
        print(json.dumps(measure(options.work)))
        return
    sources = [HERE.parent / "src", *([options.src] if options.src else [])]
    rounds: dict[str, list[list[float]]] = {}
    with tempfile.TemporaryDirectory() as place:
        make(Path(place), options.rows)
        for _ in range(options.rounds):
            for number, src in enumerate(sources):
                for name, speed in in_a_process(Path(place), src).items():
                    rounds.setdefault(name, [[] for _ in sources])[number].append(speed)
    for name, speeds in rounds.items():
        medians = [statistics.median(one) for one in speeds]
        ratio = "" if len(medians) < 2 else f"  {medians[0] / medians[1]:.2f} of {medians[1]:.0f} MB/s"
        print(f"{name:28s} {medians[0]:7.0f} MB/s{ratio}")


if __name__ == "__main__":
    main()
