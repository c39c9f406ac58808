"""How time and memory grow with the number of rows: `headstart train` and `headstart predict`.

    HEADSTART_DATA=folder python benchmarks/growth.py [--parts train,ngrams,bounds,predict] [--nets fast,blend]
        [--train 10000,50000,100000,500000,2000000] [--bounds 4000000,1000000,250000,60000]
        [--predict 100000,1000000,5000000] [--reviews 250000] [--model DIR]

Every measurement is a process of its own: the command line as a user types it, its peak of resident memory as the
system counts it, its seconds from start to end. Training rows are reviews recombined from the sentences of IMDB's 25,000,
one epoch; a tenth is held out. Each is as many sentences as one real review has, drawn from all reviews of its label,
so that n-grams over the ends of sentences are new in every row, and their number goes on growing, as it does in real
text: ``--parts ngrams`` counts the words and n-grams of real reviews (the 50,000 without labels after the 25,000) and
of recombined ones. Those that `blend` would list stand in 2, 3 and 4 reviews for one, two and three words.

``--parts bounds`` trains `blend` on the 25,000 real reviews with shorter and shorter lists (``max_ngrams``), and
measures it on the 25,000 test reviews: what the bound costs.

Rows to predict are Rotten Tomatoes' snippets, over and over, and whole IMDB reviews. The models are of the same nets,
trained here on 10,000 reviews, or the one in the folder given by ``--model``.

``from_line`` is how far a size's seconds are from the straight line (start + rows x rate) that fits all sizes best,
relative errors counted. What is measured is written to ``benchmarks/results/growth.json``, and what the file
has of other parts, nets and sizes stays, so that the parts can be run one by one.
"""

from __future__ import annotations

import argparse
import json
import re
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet as pq

from headstart.corpus import read
from headstart.kernels.ngrams import count_ngrams
from headstart.text import encode, fit_steps, text_steps
from measuring import RESULTS, headstart, machine, versions, watched, write
from protocol import data_folder

GROUP_ROWS, BLOCK_ROWS = 100_000, 10_000
GOALS = {"train_fast_mib": 2048, "train_blend_mib": 2560, "predict_mib": 1536, "from_line": 0.1}
REAL = (3125, 6250, 12_500, 25_000, 75_000)


def repeated(table: pa.Table, n_rows: int, path: Path) -> Path:
    """Write the first `n_rows` of the table's rows, over and over."""
    with pq.ParquetWriter(path, table.schema, compression="zstd") as writer:
        for start in range(0, n_rows, GROUP_ROWS):
            rows = np.arange(start, min(start + GROUP_ROWS, n_rows)) % len(table)
            writer.write_table(table.take(pa.array(rows)))
    return path


def reviews(split: str = "train") -> pa.Table:
    """IMDB's rows of a split in random order."""
    table = pq.read_table(data_folder() / "imdb.parquet", columns=["text", "label"], filters=[("split", "==", split)])
    return table.take(pa.array(np.random.default_rng(0).permutation(len(table))))


def recombined(n_rows: int, path: Path) -> Path:
    """Write reviews of sentences drawn from all reviews of their label; the first so many are the same for any number."""
    table, rng = reviews(), np.random.default_rng(0)
    pools = []
    for label in (0, 1):
        texts = table.filter(pa.compute.equal(table["label"], label))["text"].to_pylist()
        split = [re.split(r"(?<=[.!?])\s+|<br />", text) for text in texts]
        pools.append((pa.array([one for some in split for one in some]), np.array([len(some) for some in split])))
    with pq.ParquetWriter(path, table.schema, compression="zstd") as writer:
        for start in range(0, n_rows, BLOCK_ROWS):
            parts = []
            for label, (pool, sizes) in enumerate(pools):
                drawn = rng.choice(sizes, BLOCK_ROWS // 2)
                sentences = pool.take(pa.array(rng.integers(len(pool), size=drawn.sum())))
                lists = pa.ListArray.from_arrays(pa.array([0, *np.cumsum(drawn)], pa.int32()), sentences)
                labels = pa.array(np.full(len(drawn), label), table.schema.field("label").type)
                parts.append(pa.table({"text": pa.compute.binary_join(lists, " "), "label": labels}).cast(table.schema))
            block = pa.concat_tables(parts).take(pa.array(rng.permutation(BLOCK_ROWS)))
            writer.write_table(block[: n_rows - start])
    return path


def ngrams(texts: Any) -> dict[str, Any]:
    """Count tokens, words and n-grams of texts as `blend` does."""
    steps = fit_steps(text_steps("words", min_count=2), texts)
    ids = encode(steps, texts).ids
    longest = []
    for least in ((1, 1, 1), (2, 3, 4)):
        found, *_ = count_ngrams(ids.values, ids.offsets, np.zeros(len(ids), bool), 3, least_rows=least)
        longest.append(len(found))
    return {
        "rows": len(ids),
        "tokens": len(ids.values),
        "words": steps[-1].n_ids,
        "ngrams": longest[0],
        "listed": longest[1],
    }


def grown(sizes: list[int], folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Count the n-grams of real and of recombined reviews; above some 25 million n-grams the rarest are forgotten."""
    more = pq.read_table(data_folder() / "imdb_unlabelled.parquet", columns=["text"])["text"]
    real = pa.chunked_array([*reviews()["text"].chunks, *more.chunks]).cast(pa.large_string()).combine_chunks()
    made = read(recombined(max(sizes), folder / "rows.parquet"), columns=()).texts
    return {
        "real": [ngrams(real[:size]) for size in REAL],
        "recombined": [ngrams(made[:size]) for size in (*REAL, *(size for size in sizes if size > REAL[-1]))],
    }


def bounded(most: int, folder: Path) -> dict[str, Any]:
    """Train `blend` on real reviews with lists of at most so many n-grams, and measure it on the test reviews."""
    for split in ("train", "test"):
        pq.write_table(reviews(split), folder / f"{split}.parquet")
    files = [str(folder / f"{split}.parquet") for split in ("train", "test")]
    settings = ("--net", "blend", "--epochs", "1", "--set", f"max_ngrams={most}", "--force")
    run = watched(headstart("train", files[0], "--test", files[1], *settings, "--out", str(folder / "model")))
    return {"max_ngrams": most, "test_auc": json.loads(run["stdout"])["test"]["auc"], **measured(run, 25_000)}


def trained(net: str, n_rows: int, folder: Path, model: Path) -> dict[str, Any]:
    """Train on so many rows and return seconds and peak memory."""
    data = recombined(n_rows, folder / "train.parquet")
    run = watched(headstart("train", str(data), "--net", net, "--epochs", "1", "--force", "--out", str(model)))
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
    parser.add_argument("--parts", default="train,ngrams,bounds,predict")
    parser.add_argument("--nets", default="fast,blend")
    parser.add_argument("--train", type=numbers, default=[10_000, 50_000, 100_000, 500_000, 2_000_000], metavar="N,N")
    parser.add_argument("--bounds", type=numbers, default=[4_000_000, 1_000_000, 250_000, 60_000], metavar="N,N")
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
        keep(growth=merged(known().get("growth", {}), jobs))

    def known() -> dict[str, Any]:
        found: dict[str, Any] = json.loads(options.out.read_text()) if options.out.exists() else {}
        return found

    def keep(**found: Any) -> None:
        result = {
            **{name: value for name, value in known().items() if name in ("growth", "ngrams", "bounds")},
            **found,
            "claim": "peak memory and seconds of the command line by the number of rows",
            "machine": before,
            "versions": versions("numpy", "pyarrow", "torch", "numba"),
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
        if "ngrams" in options.parts:
            keep(ngrams=grown(options.train, folder))
        if "bounds" in options.parts:
            rows = [bounded(most, folder) for most in options.bounds]
            keep(bounds=[{**row, "lost_auc": rows[0]["test_auc"] - row["test_auc"]} for row in rows])
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
