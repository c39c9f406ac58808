"""The page about a run of `train` or `transfer`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from headstart.cli.reading import Splits
from headstart.corpus import Corpus
from headstart.estimators import TextEstimator
from headstart.evaluation.binary import delong_test
from headstart.report import run_report
from headstart.strategies import layer_aucs

__all__ = ["write_page"]


def write_page(model: TextEstimator, splits: Splits, result: dict[str, Any], path: Path, title: str) -> None:
    """Write the page about a run of `train` or `transfer`."""
    shown = splits.test or splits.valid
    separation = None
    if shown is not None:
        scores = model.score_rows(shown)
        separation = {
            "labels": np.asarray(shown.labels).tolist(),
            "probabilities": [float(p) for p in scores.probabilities],
            "names": list(model.predictor_.label_names),
            "threshold": model.predictor_.threshold,
        }
    facts = model.predictor_.run
    gain = None if shown is None or "test_as_is" not in result else _gain(model, shown)
    layers = None
    labelled = splits.train.labels is not None
    if shown is not None and labelled and model.predictor_.scorer.kind in ("network", "layers"):
        layers = layer_aucs(
            model.predictor_, splits.train, shown, random_state=model.predictor_.estimator["random_state"]
        )
    run_report(
        {
            "title": title,
            "command": f"headstart {facts.get('command', '')}",
            "epochs": result["epochs"],
            "valid": result["valid"],
            "test": result["test"],
            "test_as_is": result.get("test_as_is"),
            "gain": gain,
            "training": facts.get("training"),
            "separation": separation,
            "layers": layers,
            "counts": {**(result["counts"] or {}), "texts of the training rows": result["train_counts"]},
            "labels": result["labels"],
            "options": model.predictor_.estimator,
            "versions": {name: facts[name] for name in ("python", "torch", "numpy", "threads") if name in facts},
        },
        path,
    )


def _gain(model: TextEstimator, rows: Corpus) -> dict[str, float]:
    """Return the difference of AUC to the base as it is, on the same rows, with its 95% interval."""
    scores = [one.score_rows(rows).probabilities for one in (model, model.base)]
    return delong_test(np.asarray(rows.labels), *scores)._asdict()
