"""The candidate to ship: what its scores mean by the user's own labels, and what the page shows of it.

A candidate that looked at no label keeps the calibration of the texts that it was trained on, and ranks other texts
better than its probabilities say. Where the user has labels, these say what its scores mean: slope, intercept and
threshold are fitted to the first draw of the user's own budget, if that does better inside the budget.
"""

from __future__ import annotations

import numpy as np

from headstart.arrays import Doubles, Places
from headstart.comparison.fits import Fit
from headstart.comparison.problem import Problem, labels_of
from headstart.comparison.scores import errors_of
from headstart.comparison.workspace import Workspace
from headstart.evaluation import sigmoid
from headstart.evaluation.binary import evaluate_scores
from headstart.fitting.calibration import fit_calibration, fit_decision_rule, held_out_metrics
from headstart.fitting.folds import Fold, out_of_fold, stratified_folds
from headstart.fitting.logistic import log_loss
from headstart.plain import Facts, Json
from headstart.predictor import Predictor, kept
from headstart.tasks import Binary, Rule

LEAST_LABELS = 200
"""With fewer, three numbers fitted to them would be noise."""

_TOLD = ("log_loss", "brier", "ece", "accuracy")


def recalibration(
    workspace: Workspace,
    rows: Places,
    logits: Doubles,
    own: Rule,
    test_logits: Doubles,
) -> Json | None:
    """Return what the labels of a budget make of the scores of a candidate that looked at none.

    Args:
        workspace: what candidates share.
        rows: the budget's rows [budget].
        logits: the candidate's, of these rows [budget].
        own: its own calibration and threshold.
        test_logits: of the test rows [test]; they decide nothing here.

    Returns:
        JSON-able: ``used`` (whether log loss out of fold, inside the budget, is less than with its own), ``n_labels``,
        ``log_loss_in_folds`` of either, ``calibration`` and ``threshold`` to ship, ``test``: metrics ``before`` and
        ``after``, the latter None where its own are kept; ``held_out``: metrics out of fold. None with fewer than
        `LEAST_LABELS` labels, or too few of a class for folds.
    """
    labels = workspace.labels[rows]
    folds = stratified_folds(labels, workspace.group_codes(rows), 0)
    if len(rows) < LEAST_LABELS or not folds:
        return None

    def refit(fold: Fold) -> Doubles:
        fitted = Rule(fit_calibration(logits[fold.train], labels[fold.train]))
        return fitted.calibrated(logits[fold.valid])[None]

    said = out_of_fold(folds, len(rows), refit, 1)[0]
    known = np.isfinite(said)
    losses = {
        "own": log_loss(labels[known], own.calibrated(logits[known])),
        "refitted": log_loss(labels[known], said[known]),
    }
    used = losses["refitted"] < losses["own"]
    shipped = fit_decision_rule(labels, logits) if used else own
    held = said if used else own.calibrated(logits)
    return {
        "used": used,
        "n_labels": len(rows),
        "log_loss_in_folds": losses,
        "calibration": list(shipped.calibration),
        "threshold": shipped.threshold,
        "test": {
            "before": _metrics(workspace, own, test_logits),
            "after": _metrics(workspace, shipped, test_logits) if used else None,
        },
        "held_out": held_out_metrics(Binary(), labels[known], sigmoid(held[known])),
    }


def _metrics(workspace: Workspace, how: Rule, logits: Doubles) -> dict[str, float]:
    found = evaluate_scores(workspace.labels[workspace.test], sigmoid(how.calibrated(logits)), threshold=how.threshold)
    return {name: found[name] for name in _TOLD}


def recalibrated(predictor: Predictor, found: Facts | None) -> Predictor:
    """Return a predictor with what `recalibration` found to ship; what it was measured by before stays next to it."""
    if found is None or not found["used"]:
        return predictor
    slope, intercept = found["calibration"]
    before = kept(predictor.info, ("n_valid", "valid", "base"))
    told = predictor.with_facts(base=before, n_valid=found["n_labels"], valid=found["held_out"])
    return told.with_rule(calibration=(slope, intercept), threshold=found["threshold"])


def shown(problem: Problem, ship: Fit, predictor: Predictor, logits: Doubles) -> Json:
    """Return what the page shows of the candidate to ship, as it is shipped; JSON-able.

    Args:
        problem: the rows.
        ship: the fit that is shipped.
        predictor: what is shipped.
        logits: its logits of the test rows [test] or [test, outputs].

    Returns:
        ``strategy``, ``budget``, ``worst`` (see `headstart.comparison.scores.errors_of`), ``names``; of a binary task
        ``labels``, ``probabilities`` and ``threshold``; of others ``details`` (see `headstart.tasks.Task.details`), and of
        numbers ``targets`` and ``predicted`` too.
    """
    task, rule, targets = predictor.answers, predictor.rule, labels_of(problem.test)
    probabilities = predictor.probabilities(logits)
    found: Json = {"strategy": ship.strategy, "budget": ship.budget}
    if task.kind == "binary":
        found |= {
            "threshold": rule.threshold, "labels": targets.tolist(), "probabilities": [round(float(p), 6) for p in probabilities],
        }  # fmt: skip
    else:
        found["details"] = task.details(targets, probabilities, rule)
    if task.kind == "regression":
        found |= {"targets": targets.tolist(), "predicted": [float(f"{p:.6g}") for p in probabilities]}
    return {**found, "names": list(task.names), "worst": errors_of(problem.test, task, probabilities, rule)}
