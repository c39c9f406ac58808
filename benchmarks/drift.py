"""What the estimates of accuracy and AUC in `headstart drift` are worth, and how their two constants came about.

    python benchmarks/drift.py [--strategies tfidf,blend] [--rows 3000] [--out FILE.jsonl]

A base is trained on each of six sets of reviews in the folder HEADSTART_DATA, and meets at most 2,000 rows of every other set
of nine, without labels. What is true there is known afterwards. The factor by which a fall of the confidence counts is fitted
on other pairs only: none of them shares the source or the target of the pair that is estimated. So is the width of the
intervals: the root mean square of what those pairs were off by, times the t quantile for the number of sets less one.
Pairs that stand in FILE already are not run again.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

import headstart as hs
from headstart.drift import confidence_of, expected_auc
from headstart.metrics import evaluate_scores
from protocol import data_folder

SOURCES = ("imdb", "hotel_datafiniti", "rt_polarity", "amazon_books", "amazon_dvd", "movie_polarity_v2")
TARGETS = (*SOURCES, "hotel_hackerearth_sample", "hotel_opspam", "hotel_tripadvisor_aspects")
MOST_ROWS = 2000


def rows_of(name: str, n: int, split: str) -> Any:
    """Return at most `n` rows of a set; of IMDB the official half `split`."""
    where = {"split": split} if name == "imdb" else None
    corpus = hs.read(str(data_folder() / f"{name}.parquet"), label="label", where=where, columns=())
    return corpus.take(np.sort(np.random.default_rng(0).permutation(len(corpus))[:n]))


def pairs_of(strategy: str, source: str, n_rows: int) -> list[dict[str, Any]]:
    """Return what a base of `source` has stored and finds on every other set."""
    how = {"net": "blend"} if strategy == "blend" else {"strategy": strategy}
    base = hs.TextClassifier(random_state=0, **how).fit(rows_of(source, n_rows, "train")).predictor_
    valid, stored = base.info["valid"], np.array(base.info["held_out_scores"])
    known = {"accuracy": valid["accuracy"], "auc": valid["auc"]}
    known |= {"confidence": valid["confidence"], "expected_auc": expected_auc(stored)}
    found = []
    for target in TARGETS:
        if target == source:
            continue
        corpus = rows_of(target, MOST_ROWS, "test")
        probabilities = base.score(corpus).probabilities
        true = evaluate_scores(np.asarray(corpus.labels), probabilities, threshold=base.threshold)
        fall = {"accuracy": known["confidence"] - confidence_of(probabilities)}
        fall["auc"] = known["expected_auc"] - expected_auc(probabilities)
        found.append(
            {"strategy": strategy, "source": source, "target": target, "known": known, "fall": fall}
            | {"true": {name: true[name] for name in fall}}
        )
    return found


def judged(rows: list[dict[str, Any]], figure: str) -> dict[str, Any]:
    """Return how far the estimates of a figure are off, each by a factor and a width from pairs without its two sets."""
    sets = np.array([[row["source"], row["target"]] for row in rows])
    fall, before, true = (np.array([row[part][figure] for row in rows]) for part in ("fall", "known", "true"))
    if figure == "accuracy":  # a model that is surer of other texts is no better on them
        fall = np.maximum(fall, 0)
    quantile = stats.t.ppf(0.95, len(TARGETS) - 1)
    off, held, plain = [], [], before - fall - true  # what the factor 1 would give
    for i, pair in enumerate(sets):
        others = ~np.isin(sets, pair).any(1)
        factor = _factor(fall[others], (before - true)[others])
        width = quantile * _width(fall[others], (before - true)[others], factor)
        off.append(before[i] - factor * fall[i] - true[i])
        held.append(abs(off[-1]) <= width)
    all_factor = _factor(fall, before - true)
    named = {"pairs": len(rows), "mean absolute error": np.mean(np.abs(off)), "mean error": np.mean(off)}
    named |= {"intervals that hold": np.mean(held), "of a factor of 1: mean absolute error": np.mean(np.abs(plain))}
    named |= {"of a factor of 1: mean error": np.mean(plain), "factor": all_factor}
    named |= {"uncertainty": _width(fall, before - true, all_factor)}
    return {name: round(float(value), 4) for name, value in named.items()}


def _factor(fall: np.ndarray, lost: np.ndarray) -> float:
    return float(fall @ lost / (fall @ fall))


def _width(fall: np.ndarray, lost: np.ndarray, factor: float) -> float:
    return float(np.sqrt(np.mean((lost - factor * fall) ** 2)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--strategies", default="tfidf,blend")
    parser.add_argument("--rows", type=int, default=3000)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/drift.jsonl"))
    arguments = parser.parse_args()
    lines = arguments.out.read_text().splitlines() if arguments.out.exists() else []
    rows = [json.loads(line) for line in lines]
    for strategy in arguments.strategies.split(","):
        for source in SOURCES:
            if any((row["strategy"], row["source"]) == (strategy, source) for row in rows):
                continue
            more = pairs_of(strategy, source, arguments.rows)
            rows += more
            with arguments.out.open("a") as file:
                file.writelines(json.dumps(row) + "\n" for row in more)
            print(strategy, source, flush=True)
    for strategy in dict.fromkeys(row["strategy"] for row in rows):
        own = [row for row in rows if row["strategy"] == strategy]
        print(json.dumps({strategy: {figure: judged(own, figure) for figure in ("accuracy", "auc")}}, indent=1))
    if len({row["strategy"] for row in rows}) > 1:
        print(json.dumps({"all": {figure: judged(rows, figure) for figure in ("accuracy", "auc")}}, indent=1))


if __name__ == "__main__":
    main()
