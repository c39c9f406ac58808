"""How time and memory grow with the number of rows: `headstart train` and `headstart predict`.

    HEADSTART_DATA=folder python benchmarks/growth.py [--parts train,predict] [--nets gru,blend]
        [--train 10000,50000,100000,500000] [--predict 100000,1000000,5000000] [--reviews 250000] [--model DIR]

Every measurement is a process of its own: the command line as a user types it, its peak of resident memory as the
system counts it, its seconds from start to end. Training rows are IMDB's 25,000 in random order, over and over, one
epoch; a tenth is held out. Repeated rows are rare words and rare n-grams no more, so that the lists which `blend`
keeps are longer at 50,000 rows than 25,000 rows of real text would make them, and the same from there on.

Rows to predict are Rotten Tomatoes' snippets, over and over, and whole IMDB reviews. The models are of the same nets,
trained here on 10,000 reviews, or the one in the folder given by ``--model``.

``from_line`` is how far a size's seconds are from the straight line (start + rows x rate) that fits all sizes best,
relative errors counted. What is measured is written to ``benchmarks/results/growth.json``, and what the file
has of other parts, nets and sizes stays, so that the parts can be run one by one.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from measuring import RESULTS, headstart, machine, versions, watched, write
from protocol import data_folder

GROUP_ROWS = 100_000
GOALS = {"train_mib": 6144, "predict_mib": 1536, "from_line": 0.1}


def repeated(table: pa.Table, n_rows: int, path: Path) -> Path:
    """Write the first `n_rows` of the table's rows, over and over."""
    with pq.ParquetWriter(path, table.schema, compression="zstd") as writer:
        for start in range(0, n_rows, GROUP_ROWS):
            rows = np.arange(start, min(start + GROUP_ROWS, n_rows)) % len(table)
            writer.write_table(table.take(pa.array(rows)))
    return path


def reviews() -> pa.Table:
    """IMDB's training rows in random order."""
    table = pq.read_table(data_folder() / "imdb.parquet", columns=["text", "label"], filters=[("split", "==", "train")])
    return table.take(pa.array(np.random.default_rng(0).permutation(len(table))))


def trained(net: str, n_rows: int, folder: Path, model: Path) -> dict[str, Any]:
    """Train on so many rows and return seconds and peak memory."""
    data = repeated(reviews(), n_rows, folder / "train.parquet")
    run = watched(headstart("train", str(data), "--net", net, "--epochs", "1", "--out", str(model)))
    return measured(run, n_rows)


def predicted(name: str, n_rows: int, folder: Path, model: Path) -> dict[str, Any]:
    """Score so many rows and return seconds and peak memory."""
    short = name == "snippets"
    table = pq.read_table(data_folder() / ("rt_polarity.parquet" if short else "imdb.parquet"), columns=["text"])
    data = repeated(table, n_rows, folder / "rows.parquet")
    run = watched(headstart("predict", str(model), str(data), "--out", str(folder / "scored.parquet")))
    if json.loads(run["stdout"])["n"] != n_rows:
        raise RuntimeError(f"{n_rows} rows went in, and the command says: {run['stdout']}")
    return measured(run, n_rows)


def measured(run: dict[str, Any], n_rows: int) -> dict[str, Any]:
    return {
        "rows": n_rows,
        "seconds": round(run["seconds"], 2),
        "seconds_per_10k_rows": round(run["seconds"] * 1e4 / n_rows, 3),
        "rows_per_second": round(n_rows / run["seconds"]),
        "peak_mib": round(run["peak_mib"]),
    }


def with_line(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the sizes in order, the straight line through them, and how far each is from it."""
    rows = sorted(rows, key=lambda row: row["rows"])
    if len(rows) < 3:
        return {"sizes": rows}
    n, seconds = (np.array([row[name] for row in rows], float) for name in ("rows", "seconds"))
    start, rate = np.linalg.lstsq(np.stack([1 / seconds, n / seconds], 1), np.ones(len(n)), rcond=None)[0]
    away = seconds / (start + rate * n) - 1
    line = {"start_seconds": round(float(start), 2), "seconds_per_10k_rows": round(float(rate) * 1e4, 3)}
    return {"sizes": rows, "line": line, "from_line": [round(float(value), 3) for value in away]}


def merged(before: dict[str, Any], jobs: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """Return what was measured now, with what the file has of other jobs and other sizes."""
    found = {name: {row["rows"]: row for row in part["sizes"]} for name, part in before.items()}
    for name, rows in jobs.items():
        found[name] = found.get(name, {}) | {row["rows"]: row for row in rows}
    return {name: with_line(list(rows.values())) for name, rows in found.items()}


def numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",") if part]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", default="train,predict")
    parser.add_argument("--nets", default="gru,blend")
    parser.add_argument("--train", type=numbers, default=[10_000, 50_000, 100_000, 500_000], metavar="N,N")
    parser.add_argument("--predict", type=numbers, default=[100_000, 1_000_000, 5_000_000], metavar="N,N")
    parser.add_argument("--reviews", type=numbers, default=[250_000], metavar="N,N")
    parser.add_argument("--model", type=Path)
    parser.add_argument("--out", type=Path, default=RESULTS / "growth.json")
    return parser.parse_args()


def main() -> None:
    options = arguments()
    before, nets = machine(), options.nets.split(",")
    jobs: dict[str, list[dict[str, Any]]] = {}

    def take(name: str, row: dict[str, Any]) -> None:
        jobs.setdefault(name, []).append(row)
        known = json.loads(options.out.read_text())["growth"] if options.out.exists() else {}
        result = {
            "claim": "peak memory and seconds of the command line by the number of rows",
            "machine": before,
            "versions": versions("numpy", "pyarrow", "torch", "numba"),
            "growth": merged(known, jobs),
            "goals": GOALS,
        }
        write("growth", result, options.out)

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if "train" in options.parts:
            for net in nets:
                trained(net, 1000, folder, folder / "model")  # compiles what is not yet on the disk
                for n_rows in options.train:
                    take(f"train {net}", trained(net, n_rows, folder, folder / "model"))
        if "predict" in options.parts:
            models = {options.model.name: options.model} if options.model else {net: folder / net for net in nets}
            for net, model in models.items():
                if not model.exists():
                    trained(net, 10_000, folder, model)
                predicted("snippets", 1000, folder, model)
                for rows, sizes in (("snippets", options.predict), ("reviews", options.reviews)):
                    for n_rows in sizes:
                        take(f"predict {rows}, {net}", predicted(rows, n_rows, folder, model))


if __name__ == "__main__":
    main()
