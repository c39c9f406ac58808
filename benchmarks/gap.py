"""What the figures of the domain gap are worth as predictors of how well a base does elsewhere.

    python benchmarks/gap.py MODEL [MODEL ...] [--out FILE.json]

Every MODEL, a base trained on movie reviews, meets every other set in the folder HEADSTART_DATA, as it is. Beside the
true accuracy and AUC stand what was known without a label: unknown words, the divergence of the words' distributions,
the average confidence and the difference of confidences. Prints a table, the mean absolute error of the two estimates of
accuracy, and the rank correlation of every figure with the true accuracy and AUC over the sets, a mean over the models.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

import headstart as hs
from headstart.comparison.gap import domain_gap
from headstart.metrics import evaluate_scores
from protocol import data_folder

TARGETS = (
    "hotel_hackerearth_sample", "hotel_datafiniti", "hotel_opspam", "hotel_tripadvisor_aspects", "amazon_books",
    "amazon_dvd", "rt_polarity", "movie_polarity_v2",
)  # fmt: skip
FIGURES = ("average_confidence", "difference_of_confidences", "unknown_token_rate", "jensen_shannon")


def row(model: Path, name: str) -> dict[str, Any]:
    """Return what is true of a model on a set, and what was known of it without a label."""
    predictor = hs.load(model).predictor_
    target = hs.read(str(data_folder() / f"{name}.parquet"), label="label", columns=())
    scores = predictor.score(target)
    true = evaluate_scores(np.asarray(target.labels), scores.probabilities, threshold=predictor.threshold)
    gap = domain_gap(predictor, target, logits=scores.logits)
    known = {**gap["confidence"], **gap["vocabulary"]}
    return {
        "model": model.name, "set": name, "accuracy": true["accuracy"], "auc": true["auc"],
        **{figure: known[figure] for figure in FIGURES},
    }  # fmt: skip


def worth(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return errors of the estimates, and rank correlations, a mean over the models."""
    found: dict[str, Any] = {}
    for figure in FIGURES:
        found[figure] = {}
        for truth in ("accuracy", "auc"):
            each = []
            for model in dict.fromkeys(row["model"] for row in rows):
                own = [row for row in rows if row["model"] == model]
                each.append(stats.spearmanr([r[figure] for r in own], [r[truth] for r in own]).statistic)
            found[figure][f"rank correlation with {truth}"] = round(float(np.mean(each)), 2)
    for figure in FIGURES[:2]:
        off = [row[figure] - row["accuracy"] for row in rows]
        found[figure]["mean absolute error"] = round(float(np.mean(np.abs(off))), 3)
        found[figure]["mean error"] = round(float(np.mean(off)), 3)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/gap.json"))
    arguments = parser.parse_args()
    rows = []
    for model in arguments.models:
        for name in TARGETS:
            rows.append(row(model, name))
            print({key: round(v, 3) if isinstance(v, float) else v for key, v in rows[-1].items()}, flush=True)
    result = {"worth": worth(rows), "rows": rows}
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result["worth"], indent=1))


if __name__ == "__main__":
    main()
