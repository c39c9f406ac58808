"""Folds inside a budget: what chooses layers, penalties and thresholds without a label beyond it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from headstart.strategies.calibration import fit_calibration

__all__ = ["DecisionRule", "Fold", "fit_decision_rule", "hold_out", "out_of_fold", "stratified_folds"]

_LEAST_FOR_THRESHOLD = 200
_MANY_ROWS = 4000


class Fold(NamedTuple):
    """Positions among the rows of a budget: to fit on, and held out, each int64."""

    fit: NDArray[np.int64]
    held: NDArray[np.int64]


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
        found: NDArray[np.float64] = 1 / (1 + np.exp(-np.clip(self.calibrated(logits), -80, 80)))
        return found


def stratified_folds(labels: NDArray[Any], groups: NDArray[Any] | None, seed: int) -> list[Fold]:
    """Return folds that keep the classes' shares, and groups together; none where a class has under 3 rows.

    Args:
        labels: class codes 0 and 1 [rows].
        groups: group codes [rows], or None. Fewer groups than folds make fewer folds; a single group is no
            group.
        seed: of the drawing.
    """
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    n_folds = min(3 if len(labels) >= _MANY_ROWS else 5, int(np.bincount(labels, minlength=2).min()))
    if n_folds < 3:
        return []
    if groups is not None and (n_groups := len(np.unique(groups))) >= 3:
        grouped = StratifiedGroupKFold(min(n_folds, n_groups), shuffle=True, random_state=seed)
        folds = [Fold(*parts) for parts in grouped.split(labels, labels, groups)]
        if usable := [fold for fold in folds if len(fold.held) and len(np.unique(labels[fold.fit])) == 2]:
            return usable
    plain = StratifiedKFold(n_folds, shuffle=True, random_state=seed)
    return [Fold(*parts) for parts in plain.split(labels, labels)]


def hold_out(labels: NDArray[Any], groups: NDArray[Any] | None, share: float, seed: int) -> Fold | None:
    """Return one fold of about that share of the rows, or None where there is too little to divide."""
    from headstart.corpus import split_rows
    from headstart.errors import DataError

    some = groups if groups is not None and len(np.unique(groups)) >= 3 else None
    try:
        kept, held = split_rows(len(labels), share, labels=labels, groups=some, random_state=seed)
    except DataError:
        return None
    both = all(len(np.unique(labels[rows])) == 2 for rows in (kept, held))
    return Fold(kept, held) if both else None


def out_of_fold(
    folds: list[Fold], n_rows: int, fit: Callable[[Fold], NDArray[np.float64]], n_choices: int
) -> NDArray[np.float64]:
    """Return what each choice says of each row when that row is held out [choices, rows]; NaN where it never is.

    Args:
        folds: from `stratified_folds`.
        n_rows: rows in all.
        fit: fits all choices on a fold and returns their logits of its held-out rows [choices, held].
        n_choices: how many.
    """
    logits = np.full((n_choices, n_rows), np.nan)
    for fold in folds:
        logits[:, fold.held] = fit(fold)
    return logits


def fit_decision_rule(labels: NDArray[Any], logits: NDArray[np.float64] | None) -> DecisionRule:
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


def _best_threshold(truth: NDArray[Any], probabilities: NDArray[np.float64]) -> float:
    """Return the cut with the most right decisions; of equals the one nearest to .5."""
    order = np.argsort(probabilities)
    ranked, positive = probabilities[order], truth[order] > 0.5
    # right[i]: the first i rows are called negative, the others positive
    right = np.concatenate([[0], np.cumsum(~positive)]) + positive.sum() - np.concatenate([[0], np.cumsum(positive)])
    cuts = np.concatenate([[ranked[0]], (ranked[1:] + ranked[:-1]) / 2, [1.0]])
    right = np.where(np.concatenate([[True], np.diff(ranked) > 0, [True]]), right, -1)
    best = np.flatnonzero(right == right.max())
    return float(cuts[best[np.abs(cuts[best] - 0.5).argmin()]])
