"""How fast tables are read, and scored: the same reviews as CSV, TSV, JSON lines, Parquet and Arrow, of several quotings.

    HEADSTART_DATA=folder python benchmarks/reading.py [--rows 20000] [--rounds 5] [--models OURS [--src other/src OTHERS]]

Each form is read whole and scanned in batches, and each model scores the Parquet file into another. ``--src`` does it with
the package in another folder as well, and prints the ratio of the two: what a change costs. Two processes take turns, task
by task, A B A B; the figure is the median of rows a second of processor time.
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
from collections.abc import Callable
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


def tasks(folder: Path, models: list[Path]) -> dict[str, Callable[[], object]]:
    """Return what is measured, by name."""
    import headstart as hs
    from headstart.bulk import predict_file
    from headstart.corpus import read, scan

    def scanned(path: Path) -> None:
        for _ in scan(path, columns=()):
            pass

    found: dict[str, Callable[[], object]] = {}
    for path in sorted(folder.glob("*.*")):
        found[f"{path.name} read"] = lambda path=path: read(path, label="label")
        found[f"{path.name} scanned"] = lambda path=path: scanned(path)
    for number, place in enumerate(models):
        predictor, out = hs.load(place).predictor_, folder / f"out-{os.getpid()}" / "scored.parquet"
        out.parent.mkdir(exist_ok=True)
        found[f"{place.name} ({number}) scores"] = lambda predictor=predictor, out=out: predict_file(
            predictor, folder / "rows.parquet", out
        )
    return found


def work(folder: Path, models: list[Path]) -> None:
    """Do each task that is named on standard input; print its seconds of processor time."""
    known = tasks(folder, models)
    print(json.dumps(list(known)), flush=True)
    for line in sys.stdin:
        start = time.process_time()
        known[line.strip()]()
        print(time.process_time() - start, flush=True)


class Worker:
    """A process that measures the package in `src`."""

    def __init__(self, src: Path, folder: Path, models: list[Path]) -> None:
        environment = {**os.environ, "PYTHONPATH": str(src), "OMP_NUM_THREADS": "1"}
        command = [sys.executable, __file__, "--work", str(folder), "--models", *map(str, models)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        self.names: list[str] = json.loads(self._line())

    def _line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def seconds(self, task: str) -> float:
        """Do a task."""
        print(task, file=self.process.stdin, flush=True)
        return float(self._line())


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--models", type=Path, nargs="*", default=[], help="are scored with")
    parser.add_argument("--src", type=Path, nargs="+", help="another src folder to compare with, and its models")
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        work(options.work, options.models)
        return
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        make(folder, options.rows)
        workers = [Worker(HERE.parent / "src", folder, options.models)]
        if options.src:
            workers.append(Worker(options.src[0], folder, options.src[1:]))
        for names in zip(*(worker.names for worker in workers), strict=True):
            for worker, name in zip(workers, names, strict=True):
                worker.seconds(name)  # what is imported and compiled at first use is not counted
            rounds = [
                [worker.seconds(name) for worker, name in zip(workers, names, strict=True)]
                for _ in range(options.rounds)
            ]
            best, middle = (
                [options.rows / of(each) for each in zip(*rounds, strict=True)] for of in (min, statistics.median)
            )
            ratio = (
                ""
                if len(best) < 2
                else f"  {middle[0] / middle[1]:.2f} of {middle[1]:,.0f}; at best {best[0] / best[1]:.2f}"
            )
            print(f"{names[0]:36s} {middle[0]:9,.0f} rows a second{ratio}", flush=True)
        for worker in workers:
            worker.process.kill()


if __name__ == "__main__":
    main()
