"""How fast rows are scored from Parquet to Parquet, beside scikit-learn's TF-IDF and logistic regression.

    python benchmarks/scoring.py MODEL [MODEL ...] [--rows 25000] [--rounds 3] [--out FILE.json]

MODEL is a folder written by `headstart train`. The peer is fitted here on 16,000 training reviews of
``imdb.parquet`` (folder HEADSTART_DATA), 1,2-grams, min_df 2, sublinear, and reads, scores and writes the same rows.
Everything runs in one process, in turns (peer, models, peer, models ...), with all cores that there are; then the
start: a process that imports, loads the model and scores one text; and of that, the first prediction once the model is
loaded. Medians, with the range.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

import headstart as hs
from headstart.bulk import predict_file
from measuring import machine, versions, write
from protocol import data_folder

_STARTS = {
    "import headstart": "import headstart",
    "headstart --help": "from headstart.cli.app import run; run(['--help'])",
    "load and score one text": "import headstart, sys; headstart.load(sys.argv[1]).predict_proba(['a good film'])",
}
_FIRST = """
import headstart, sys, time
model = headstart.load(sys.argv[1])
started = time.perf_counter()
model.predict_proba(["a good film"])
print(time.perf_counter() - started)
"""


def peer(source: Path, out: Path) -> Callable[[], None]:
    """Return TF-IDF and logistic regression, fitted, as a function from Parquet to Parquet."""
    train = hs.read(str(data_folder() / "imdb.parquet"), label="label", where={"split": "train"}, columns=())
    train = train.take(range(16_000))
    vectorizer = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True)
    model = LogisticRegression(C=10, max_iter=1000).fit(vectorizer.fit_transform(train.texts.to_pylist()), train.labels)

    def score() -> None:
        texts = pq.read_table(source, columns=["text"])["text"].to_pylist()
        scores = model.predict_proba(vectorizer.transform(texts))[:, 1]
        pq.write_table(pa.table({"probability_1": scores}), out)

    return score


def ours(model: Path, source: Path, out: Path) -> Callable[[], None]:
    """Return a stored model as a function from Parquet to Parquet."""
    predictor = hs.load(model).predictor_
    return lambda: predict_file(predictor, str(source), out) and None


def rates(jobs: dict[str, Callable[[], None]], rows: int, rounds: int) -> dict[str, list[float]]:
    """Return rows a second of each job, in turns, after a first round that does not count."""
    found: dict[str, list[float]] = {name: [] for name in jobs}
    for number in range(rounds + 1):
        for name, job in jobs.items():
            started = time.perf_counter()
            job()
            if number:
                found[name].append(rows / (time.perf_counter() - started))
    return found


def starts(model: Path, rounds: int) -> dict[str, list[float]]:
    """Return the seconds of fresh processes, the caches on disk being warm."""
    found: dict[str, list[float]] = {name: [] for name in _STARTS}
    for _ in range(rounds + 1):
        for name, code in _STARTS.items():
            started = time.perf_counter()
            subprocess.run([sys.executable, "-c", code, str(model)], check=False, stdout=subprocess.DEVNULL)
            found[name].append(time.perf_counter() - started)
    return {name: seconds[1:] for name, seconds in found.items()}


def first_predictions(model: Path, rounds: int) -> list[float]:
    """Return the seconds of the first prediction of a model that a fresh process has just loaded."""
    return [float(subprocess.check_output([sys.executable, "-c", _FIRST, str(model)])) for _ in range(rounds + 1)][1:]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", type=Path, nargs="+")
    parser.add_argument("--rows", type=int, default=25_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, help="otherwise results/scoring.json")
    arguments = parser.parse_args()
    before = machine()
    table = pq.read_table(data_folder() / "imdb.parquet", columns=["text"])
    with tempfile.TemporaryDirectory() as folder:
        source, out = Path(folder) / "rows.parquet", Path(folder) / "scored.parquet"
        pq.write_table(table.slice(len(table) - arguments.rows), source)
        jobs = {"scikit-learn": peer(source, out)}
        jobs |= {model.name: ours(model, source, out) for model in arguments.models}
        found = rates(jobs, arguments.rows, arguments.rounds)
    base = median(found["scikit-learn"])
    result: dict[str, Any] = {
        "claim": "reviews a second from Parquet to Parquet, in turns, and seconds to start",
        "machine": before,
        "versions": versions("numpy", "pyarrow", "scikit-learn", "torch", "numba"),
        "rows": arguments.rows,
        "rows_a_second": {name: [round(value) for value in values] for name, values in found.items()},
        "ratio": {name: round(median(values) / base, 2) for name, values in found.items()},
        "seconds_of_first_prediction": [round(value, 3) for value in first_predictions(arguments.models[0], 6)],
        "seconds_to_start": {
            name: [round(value, 3) for value in values]
            for name, values in starts(arguments.models[0], 2 * arguments.rounds).items()
        },
    }
    write("scoring", result, arguments.out)


if __name__ == "__main__":
    main()
