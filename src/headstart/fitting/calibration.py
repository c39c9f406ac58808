"""Probabilities that mean what they say, and the threshold from which label 1 is predicted."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from headstart.arrays import Array
from headstart.evaluation import sigmoid
from headstart.evaluation.binary import mean_confidence
from headstart.fitting.logistic import logistic_path
from headstart.plain import Json
from headstart.tasks import PLAIN, Rule, Task

__all__ = ["DecisionRule", "fit_calibration", "fit_decision_rule", "fit_rule", "held_out_metrics"]

_MIN_ROWS = 20
_LEAST_FOR_THRESHOLD = 200


class DecisionRule(NamedTuple):
    """What turns logits into decisions: slope and intercept of the calibration, and the threshold."""

    calibration: tuple[float, float] = (1.0, 0.0)
    threshold: float = 0.5

    def calibrated(self, logits: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return logits that mean what they say [rows]."""
        slope, intercept = self.calibration
        return slope * logits + intercept

    def probabilities(self, logits: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the probability of label 1 for logits [rows]."""
        return sigmoid(self.calibrated(logits))


def fit_calibration(logits: NDArray[np.float64], labels: Array, weights: Array | None = None) -> tuple[float, float]:
    """Return slope and intercept that make ``sigmoid(slope * logit + intercept)`` a probability.

    Platt's scaling with his smoothed targets, so that a perfect separation gives no certainty: Platt,
    "Probabilistic Outputs for Support Vector Machines", 1999. The order of the scores never changes: a
    slope that would not be positive, and fewer than 20 rows, give (1, 0).

    Args:
        logits: scores of rows that the model was not trained on [rows].
        labels: their class codes, 0 and 1 [rows].
        weights: how much each row counts [rows]; None for 1 each.
    """
    positive = np.asarray(labels) > 0.5
    each = np.ones(len(positive)) if weights is None else np.asarray(weights, np.float64)
    n_high, n_low = float(each[positive].sum()), float(each[~positive].sum())
    if len(logits) < _MIN_ROWS or not n_high or not n_low:
        return 1.0, 0.0
    target = np.where(positive, (n_high + 1) / (n_high + 2), 1 / (n_low + 2))
    scale = float(np.std(logits)) or 1.0
    scores = np.asarray(logits, np.float64)[:, None] / scale
    (line,) = logistic_path(scores, target, (np.inf,), weights=weights, tolerance=1e-13)
    slope, intercept = float(line.coefficients[0, 0]), float(line.intercepts[0])
    return (slope / scale, intercept) if slope > 0 else (1.0, 0.0)


def fit_decision_rule(labels: Array, logits: NDArray[np.float64] | None) -> DecisionRule:
    """Return calibration and threshold from the logits of rows that were held out; NaN ones are left out.

    The threshold is the calibrated probability with the most right decisions, from 200 rows on; with fewer it
    would be noise, and .5 stands.
    """
    if logits is None:
        return DecisionRule()
    known = np.isfinite(logits)
    truth, scores = np.asarray(labels)[known], logits[known]
    fitted = DecisionRule(fit_calibration(scores, truth))
    if len(truth) < _LEAST_FOR_THRESHOLD:
        return fitted
    return fitted._replace(threshold=_best_threshold(truth, fitted.probabilities(scores)))


def fit_rule(task: Task, logits: NDArray[np.float64], targets: Array, weights: Array | None = None) -> Rule:
    """Return how logits become probabilities and decisions, from rows that were held out.

    Args:
        task: what the targets are.
        logits: of the held-out rows, [rows] or [rows, outputs].
        targets: of these rows; see `headstart.tasks`.
        weights: how much each row counts [rows]; None for 1 each.
    """
    if task.n_outputs > 1:
        return PLAIN
    return Rule(fit_calibration(logits, task.goals(targets), weights))


def held_out_metrics(task: Task, targets: Array, probabilities: NDArray[np.float64], rule: Rule = PLAIN) -> Json:
    """Return what is kept of held-out rows: every metric, and the mean ``confidence`` where the answer is a class.

    What the confidence falls by on other texts foretells the accuracy there; of rows that were trained on it would
    be too high to begin from.

    Args:
        task: what the targets are.
        targets: of the rows; see `headstart.tasks`.
        probabilities: calibrated; likewise.
        rule: how decisions are made of them.
    """
    found = task.measure(targets, probabilities, rule)
    if task.kind == "regression":
        return found
    likelier = mean_confidence(probabilities) if probabilities.ndim == 1 else float(probabilities.max(1).mean())
    return {**found, "confidence": likelier}


def _best_threshold(truth: Array, probabilities: NDArray[np.float64]) -> float:
    """Return the cut with the most right decisions; of equals the one nearest to .5."""
    order = np.argsort(probabilities)
    ranked, positive = probabilities[order], truth[order] > 0.5
    # right[i]: the first i rows are called negative, the others positive
    right = np.concatenate([[0], np.cumsum(~positive)]) + positive.sum() - np.concatenate([[0], np.cumsum(positive)])
    cuts = np.concatenate([[ranked[0]], (ranked[1:] + ranked[:-1]) / 2, [1.0]])
    right = np.where(np.concatenate([[True], np.diff(ranked) > 0, [True]]), right, -1)
    best = np.flatnonzero(right == right.max())
    return float(cuts[best[np.abs(cuts[best] - 0.5).argmin()]])
