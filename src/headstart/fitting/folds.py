"""Folds and hold-outs inside the rows that may be learnt from; rows of one group stay on one side.

They choose penalties, layers, heads and when to stop without a label beyond these rows (law 8).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from headstart.arrays import Array
from headstart.corpus import split_rows
from headstart.errors import DataError
from headstart.fitting.logistic import log_loss

__all__ = ["Fold", "best_choice", "hold_out", "out_of_fold", "stratified_folds"]

_MANY_ROWS = 4000
_LEAST_GROUPS = 3


class Fold(NamedTuple):
    """Positions among some rows: to fit on, and held out, each int64."""

    train: NDArray[np.int64]
    valid: NDArray[np.int64]


def stratified_folds(labels: Array, groups: Array | None, seed: int) -> list[Fold]:
    """Return folds that keep the classes' fractions, and groups together; none where a class has under 3 rows.

    Args:
        labels: class codes 0 and 1 [rows].
        groups: group codes [rows], or None. Fewer groups than folds make fewer folds; a single group is no
            group.
        seed: of the drawing.
    """
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    labels = np.asarray(labels).astype(int)
    n_folds = min(3 if len(labels) >= _MANY_ROWS else 5, int(np.bincount(labels, minlength=2).min()))
    if n_folds < 3:
        return []
    if groups is not None and (n_groups := len(np.unique(groups))) >= _LEAST_GROUPS:
        grouped = StratifiedGroupKFold(min(n_folds, n_groups), shuffle=True, random_state=seed)
        folds = [Fold(*parts) for parts in grouped.split(labels, labels, groups)]
        if usable := [fold for fold in folds if len(fold.valid) and len(np.unique(labels[fold.train])) == 2]:
            return usable
    plain = StratifiedKFold(n_folds, shuffle=True, random_state=seed)
    return [Fold(*parts) for parts in plain.split(labels, labels)]


def hold_out(labels: Array, groups: Array | None, fraction: float, seed: int) -> Fold | None:
    """Return one fold of about that fraction of the rows, or None where there is too little to divide."""
    some = groups if groups is not None and len(np.unique(groups)) >= _LEAST_GROUPS else None
    codes = np.asarray(labels).astype(int)
    try:
        kept, held = split_rows(len(codes), fraction, labels=codes, groups=some, random_state=seed)
    except DataError:
        return None
    both = all(len(np.unique(codes[rows])) == 2 for rows in (kept, held))
    return Fold(kept, held) if both else None


def out_of_fold(
    folds: Sequence[Fold], n_rows: int, fit: Callable[[Fold], NDArray[np.float64]], n_choices: int
) -> NDArray[np.float64]:
    """Return what each choice gives each row when that row is held out [choices, rows]; NaN where it never is.

    Args:
        folds: from `stratified_folds`.
        n_rows: rows in all.
        fit: fits all choices on a fold and returns their logits of its held-out rows [choices, valid].
        n_choices: how many.
    """
    logits = np.full((n_choices, n_rows), np.nan)
    for fold in folds:
        logits[:, fold.valid] = fit(fold)
    return logits


def best_choice(labels: Array, logits: NDArray[np.float64], weights: Array | None = None) -> tuple[int, float]:
    """Return the choice with the least log loss out of fold, and that loss.

    Args:
        labels: class codes [rows].
        logits: from `out_of_fold` [choices, rows].
        weights: how much each row counts [rows]; None for 1 each.
    """
    known = np.isfinite(logits[0])
    each = None if weights is None else weights[known]
    losses = [log_loss(np.asarray(labels)[known], of_choice[known], each) for of_choice in logits]
    best = int(np.argmin(losses))
    return best, losses[best]
