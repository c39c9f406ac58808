"""Probabilities that mean what they say."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from headstart.corpus import Corpus
from headstart.evaluation.binary import evaluate_scores, mean_confidence
from headstart.predictor import Predictor, Provenance

__all__ = ["fit_calibration", "held_out_metrics", "measured"]

_MIN_ROWS = 20


def fit_calibration(
    logits: NDArray[np.float64], labels: NDArray[Any], weights: NDArray[Any] | None = None
) -> tuple[float, float]:
    """Return slope and intercept that make ``sigmoid(slope * logit + intercept)`` a probability.

    Platt's scaling with his smoothed targets, so that a perfect separation gives no certainty: Platt,
    "Probabilistic Outputs for Support Vector Machines", 1999. The order of the scores never changes: a
    slope that would not be positive, and fewer than 20 rows, give (1, 0).

    Args:
        logits: scores of rows that the model was not trained on [rows].
        labels: their class codes, 0 and 1 [rows].
        weights: what each row counts for [rows], as it did in training; None counts all alike.
    """
    positive = np.asarray(labels) > 0.5
    n_high, n_low = float(positive.sum()), float((~positive).sum())
    if weights is not None:
        n_high, n_low = float(weights[positive].sum()), float(weights[~positive].sum())
    if len(logits) < _MIN_ROWS or not n_high or not n_low:
        return 1.0, 0.0
    target = np.where(positive, (n_high + 1) / (n_high + 2), 1 / (n_low + 2))
    scale = float(np.std(logits)) or 1.0
    scores = logits / scale

    def loss(parameters: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        z = parameters[0] * scores + parameters[1]
        error, losses = 1 / (1 + np.exp(-np.clip(z, -80, 80))) - target, np.logaddexp(0, z) - target * z
        if weights is not None:
            error, losses = error * weights / np.mean(weights), losses * weights / np.mean(weights)
        return float(np.mean(losses)), np.array([np.mean(error * scores), np.mean(error)])

    slope, intercept = minimize(loss, np.array([scale, 0.0]), jac=True, method="BFGS").x
    return (float(slope / scale), float(intercept)) if slope > 0 else (1.0, 0.0)


def measured(predictor: Predictor, valid: Corpus | None, device: str) -> Provenance:
    """Return the facts about validation rows of a model that has learnt nothing from them; none of rows without labels."""
    if valid is None or valid.labels is None:
        return {}
    probabilities = predictor.probabilities(predictor.score(valid, device=device).logits)
    return {"n_valid": len(valid), "valid": held_out_metrics(valid.labels, probabilities, predictor.threshold)}


def held_out_metrics(
    labels: NDArray[Any], probabilities: NDArray[np.float64], threshold: float = 0.5
) -> dict[str, Any]:
    """Return what is kept of held-out rows: every metric, and the mean ``confidence``.

    What the confidence falls by on other texts foretells the accuracy there; of rows that were trained on it would
    be too high to begin from.

    Args:
        labels: class codes, 0 and 1 [rows].
        probabilities: of label 1, calibrated [rows].
        threshold: probability from which the model predicts label 1.
    """
    return {**evaluate_scores(labels, probabilities, threshold=threshold), "confidence": mean_confidence(probabilities)}
