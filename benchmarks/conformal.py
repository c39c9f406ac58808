"""How often conformal sets and intervals hold the truth: 90% asked, 100 target labels, many draws of these.

    python benchmarks/conformal.py MODEL [--draws 50] [--only NAME ...] [--out DIR]

MODEL is the base of `benchmarks/tasks.py`. Of each set a draw of 100 labels fits ``features`` on the base, with sets or
intervals from folds inside these 100 (cross-conformal); at most 500 other rows say how often the truth is held, and how large
the sets are. Prints the mean over draws, the draws' standard deviation, and the mean size (labels, or the interval's width).
"""

from __future__ import annotations

import argparse
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np

import headstart as hs
from headstart.corpus import Corpus, read
from headstart.predictor import Predictor
from headstart.strategies import STRATEGIES, Settings, learn
from protocol import data_folder

RESULTS = Path(__file__).resolve().parent / "results" / "conformal.json"
N_LABELS, COVERAGE, MOST_TEST = 100, 0.9, 500
SETS: dict[str, tuple[str, dict[str, Any]]] = {
    "hotel_opspam, two labels": ("hotel_opspam", {"label": "label"}),
    "hotel_hackerearth_sample, two labels": ("hotel_hackerearth_sample", {"label": "label"}),
    "sst5, ordered": ("sst5", {"label": "stars", "task": "ordinal", "where": {"split": "train"}}),
    "hotel_tripadvisor_aspects, ordered": ("hotel_tripadvisor_aspects", {"label": "rating", "task": "ordinal"}),
    "hotel_datafiniti, a number": ("hotel_datafiniti", {"label": "rating", "task": "regression"}),
}


def measure(base: Predictor, corpus: Corpus, draw: int) -> tuple[float, float]:
    """Return how often the truth is held, and the mean size, of one draw."""
    rows = np.random.default_rng(draw).permutation(len(corpus))
    train, test = corpus.take(rows[:N_LABELS]), corpus.take(rows[N_LABELS : N_LABELS + MOST_TEST])
    settings = Settings(random_state=draw, coverage=COVERAGE, head="linear", layer="pooled", device="cpu")
    found = learn(STRATEGIES["features"], train, None, base, settings, measure=False).predictor
    task, rule = found.answers, found.rule
    probabilities = found.score(test).probabilities
    held = task.misfit(probabilities, np.asarray(test.labels)) <= rule.quantile
    size = (
        2 * float(rule.quantile or 0)
        if task.kind == "regression"
        else float(task.sets(probabilities, rule).sum(1).mean())
    )
    return float(held.mean()), size


def main() -> None:
    """Measure, print and store."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--draws", type=int, default=50)
    parser.add_argument("--only", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    base = hs.load(options.model).predictor_
    found: dict[str, Any] = json.loads(options.out.read_text()) if options.out.exists() else {}
    for name in options.only:
        file, how = SETS[name]
        corpus = read(str(data_folder() / f"{file}.parquet"), text="text", **how)
        draws = [measure(base, corpus, draw) for draw in range(options.draws)]
        held, sizes = np.array(draws).T
        found[name] = {
            "asked": COVERAGE, "labels": N_LABELS, "draws": len(held), "held": round(float(held.mean()), 4),
            "standard_deviation": round(float(held.std(ddof=1)), 4), "mean_size": round(float(sizes.mean()), 3),
        }  # fmt: skip
        print(name, found[name], flush=True)
        options.out.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
