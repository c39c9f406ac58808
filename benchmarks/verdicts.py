"""Six cases whose truth is known, at full size: five different verdicts.

    python benchmarks/verdicts.py [CASE ...] [--base MODEL] [--seeds 20] [--out FILE.json]

Reads ``imdb.parquet`` and ``hotel_opspam.parquet`` in the folder given by HEADSTART_DATA. Without ``--base`` a base is
trained on 6,000 reviews first. Cases: shuffled, shuffled-tasks, same, misled, few, columns; prints a line for each, and whether the
verdict is the one that is true, and keeps them in ``benchmarks/results/verdicts.json``.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

import headstart as hs
from protocol import data_folder

CHEAP = ("as-is", "tfidf", "nbsvm", "features")
N_SOURCE = 6000
N_OF_TASKS = 500


def reviews(start: int, n: int) -> tuple[Any, Any]:
    """Return `n` training reviews and their labels, from a place in a fixed random order."""
    corpus = hs.read(str(data_folder() / "imdb.parquet"), label="label", where={"split": "train"}, columns=())
    rows = np.random.default_rng(0).permutation(len(corpus))[start : start + n]
    part = corpus.take(rows)
    return part.texts, part.labels


def hotels() -> tuple[Any, Any]:
    """Return the reviews of hotels and their labels."""
    corpus = hs.read(str(data_folder() / "hotel_opspam.parquet"), label="label", columns=())
    return corpus.texts, corpus.labels


def shuffled(base: Any, n_seeds: int) -> tuple[bool, str]:
    """Target labels drawn at random: nothing may help, in all but at most one of the seeds."""
    texts, labels = hotels()
    wrong = []
    for seed in range(n_seeds):
        mixed = np.random.default_rng(seed).permutation(labels)
        kind = hs.compare(base, texts, mixed, budgets=[None], seeds=3, random_state=seed, candidates=CHEAP).verdict[
            "kind"
        ]
        wrong += [] if kind == "nothing helps" else [f"{seed}: {kind}"]
    return len(wrong) <= 1, f"{n_seeds - len(wrong)} of {n_seeds} seeds say that nothing helps; {', '.join(wrong)}"


def shuffled_tasks(base: Any, n_seeds: int) -> tuple[bool, str]:
    """Labels of every other task drawn at random: nothing may help, in all but at most one comparison of twenty."""
    texts, _ = hotels()
    texts = texts.take(np.random.default_rng(0).permutation(len(texts))[:N_OF_TASKS])
    wrong = []
    for seed in range(n_seeds):
        rng = np.random.default_rng(seed)
        labels = {
            "multiclass": rng.choice(list("abcd"), N_OF_TASKS, p=(0.4, 0.3, 0.2, 0.1)).tolist(),
            "multilabel": [[name for name in "abcd" if rng.random() < 0.4] for _ in range(N_OF_TASKS)],
            "ordinal": rng.integers(1, 6, N_OF_TASKS).tolist(),
            "regression": rng.gamma(2.0, 50.0, N_OF_TASKS).tolist(),
        }
        for task, drawn in labels.items():
            found = hs.compare(
                base, texts, drawn, task=task, budgets=[None], seeds=3, random_state=seed,
                candidates=("tfidf", "nbsvm", "fine-tune"),
            )  # fmt: skip
            kind = found.verdict["kind"]
            wrong += [] if kind == "nothing helps" else [f"{task} {seed}: {kind}"]
    n = 4 * n_seeds
    return len(wrong) <= n / 20, f"{n - len(wrong)} of {n} comparisons say that nothing helps; {', '.join(wrong)}"


def same(base: Any, _: int) -> tuple[bool, str]:
    """The target is the source: the base as it is, is enough."""
    texts, labels = reviews(N_SOURCE, 1500)
    verdict = hs.compare(base, texts, labels, budgets=[100, None], seeds=3).verdict
    return verdict["kind"] == "as-is is enough", verdict["words"]


def misled(_: Any, __: int) -> tuple[bool, str]:
    """A base that was trained on shuffled labels: don't transfer."""
    texts, labels = reviews(0, N_SOURCE)
    base = hs.TextClassifier(epochs=2).fit(texts, np.random.default_rng(0).permutation(labels))
    target, truth = hotels()
    verdict = hs.compare(base, target, truth, budgets=[100, None], seeds=3).verdict
    return verdict["kind"] == "do not transfer", verdict["words"]


def few(base: Any, _: int) -> tuple[bool, str]:
    """Each text ends in one of 800 made-up words that give the label away: the base helps before they are learnt."""
    texts, labels = reviews(N_SOURCE, 6000)
    rng = np.random.default_rng(0)
    marked = [
        f"{text} {'qua' if label else 'zor'}{k}"
        for text, label, k in zip(texts.to_pylist(), labels, rng.integers(0, 400, 6000), strict=True)
    ]
    found = hs.compare(
        base, marked, labels, budgets=[50, 100, 200, 1000, 4000], seeds=3, candidates=("as-is", "tfidf", "nbsvm")
    ).verdict
    return found["kind"] == "helps with few labels only", found["words"]


def columns(base: Any, _: int) -> tuple[bool, str]:
    """Labels drawn at random, and a column that nearly says them."""
    texts, labels = hotels()
    rng = np.random.default_rng(0)
    mixed = rng.permutation(labels)
    frame = pa.table({"text": texts, "stars": 2 * mixed + rng.integers(1, 4, len(mixed))})
    verdict = hs.compare(
        base, frame, mixed, text="text", columns=["stars"], budgets=[100, None], seeds=3,
        candidates=(*CHEAP, "columns", "tfidf+columns", "features+columns"),
    ).verdict  # fmt: skip
    return verdict["kind"] == "columns decide", verdict["words"]


CASES = {
    "shuffled": shuffled,
    "shuffled-tasks": shuffled_tasks,
    "same": same,
    "misled": misled,
    "few": few,
    "columns": columns,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", nargs="*", default="all", choices=[*CASES, "all"])
    parser.add_argument("--base")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "verdicts.json")
    options = parser.parse_args()
    wanted = list(CASES) if "all" in options.cases else options.cases
    base = hs.load(options.base) if options.base else hs.TextClassifier(epochs=2).fit(*reviews(0, N_SOURCE))
    found: dict[str, Any] = json.loads(options.out.read_text()) if options.out.exists() else {}
    for name in wanted:
        started = time.perf_counter()
        correct, said = CASES[name](base, options.seeds)
        found[name] = {"right": correct, "said": said, "seconds": round(time.perf_counter() - started)}
        options.out.write_text(json.dumps(found, indent=1) + "\n")
        print(f"{name}: {'right' if correct else 'WRONG'}\n  " + said.replace("\n\n", "\n  "), flush=True)
    sys.exit(0 if all(found[name]["right"] for name in wanted) else 1)


if __name__ == "__main__":
    main()
