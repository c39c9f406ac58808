"""The page about a run of `train` or `transfer`."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from headstart.cli.reading import Splits
from headstart.corpus import Corpus
from headstart.estimators import TextEstimator
from headstart.evaluation.binary import delong_test
from headstart.evaluation.draws import components, difference
from headstart.evaluation.saying import Saying
from headstart.plain import Json
from headstart.report import run_report
from headstart.strategies import layer_aucs


def write_page(model: TextEstimator, splits: Splits, result: Json, path: Path, title: str) -> None:
    """Write the page about a run of `train` or `transfer`."""
    shown = splits.test or splits.valid
    answers = {} if shown is None else _answers(model, shown)
    facts = model.predictor_.run
    counts = result["counts"] or {}
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
            **answers,
            "layers": layers,
            "counts": counts | {"train": {**counts.get("train", {}), **(result["train_counts"] or {})}},
            "labels": {name: part for name, part in result["labels"].items() if part},
            "options": _chosen(model),
            "versions": {name: facts[name] for name in ("python", "torch", "numpy", "threads") if name in facts},
        },
        path,
    )


def _chosen(model: TextEstimator) -> Json:
    """Return the options that were given; what is transferred has the base's network, whatever ``net`` says."""
    unused = () if model.base is None else ("net",)
    return {
        name: value
        for name, value in model.predictor_.estimator.items()
        if value not in (None, [], ()) and name not in unused
    }


def _answers(model: TextEstimator, rows: Corpus) -> Json:
    """Return what the page shows of the answers on some rows, and by which metric it judges them."""
    predictor, probabilities, targets = model.predictor_, model.score_rows(rows).probabilities, np.asarray(rows.labels)
    task = predictor.answers
    if task.kind == "binary":
        separation = {
            "labels": targets.tolist(), "probabilities": [float(p) for p in probabilities], "names": list(task.names),
            "threshold": predictor.threshold,
        }  # fmt: skip
        return {"separation": separation}
    details = task.details(targets, probabilities, predictor.rule)
    if task.kind == "regression":
        details |= {"targets": targets.tolist(), "predicted": [float(f"{p:.6g}") for p in probabilities]}
    saying = Saying.of(task.primary, task.primary.chance(targets), task.primary.negligible_for(targets))
    return {"details": details, "metric": saying.to_json()}


def _gain(model: TextEstimator, rows: Corpus) -> dict[str, float]:
    """Return the gain in the primary metric over the base as it is, on the same rows, with its 95% interval."""
    targets, task = np.asarray(rows.labels), model.predictor_.answers
    both = [(one.score_rows(rows), one.predictor_.rule) for one in (model, model.base)]
    if task.kind == "binary":
        return delong_test(targets, *(scores.probabilities for scores, _ in both))._asdict()
    taken = [task.scores(scores.logits, scores.probabilities, rule) for scores, rule in both]
    return difference(*(components(targets, {-1: one}, metric=task.primary) for one in taken))._asdict()
