"""Folds and hold-outs inside the rows that may be learnt from; rows of one group stay on one side.

They choose penalties, layers, heads and when to stop without a label beyond these rows (law 8).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from headstart.arrays import Array
from headstart.corpus import split_rows
from headstart.errors import DataError
from headstart.fitting.logistic import Link, log_loss

_MANY_ROWS = 4000
_LEAST_GROUPS = 3


class Fold(NamedTuple):
    """Positions among some rows: to fit on, and held out, each int64."""

    train: NDArray[np.int64]
    valid: NDArray[np.int64]


def stratified_folds(strata: Array, groups: Array | None, seed: int) -> list[Fold]:
    """Return folds that keep the strata's fractions, and groups together.

    Of two classes either needs 3 rows. Of several, a row that is alone in its class is trained on in every fold and held out
    in none; there are no folds where less than half of the rows can be held out.

    Args:
        strata: class codes, or what `headstart.tasks.Task.strata` gave [rows].
        groups: group codes [rows], or None. Fewer groups than folds make fewer folds; a single group is no
            group.
        seed: of the drawing.
    """
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    strata = np.asarray(strata).astype(int)
    two = len(np.unique(strata)) <= 2
    sizes = np.bincount(strata, minlength=2)
    n_folds = 3 if len(strata) >= _MANY_ROWS else 5
    n_folds = min(n_folds, int(sizes.min())) if two else n_folds
    company = sizes[strata] > 1
    if n_folds < 3 or (not two and 2 * company.sum() < len(strata)):
        return []
    if groups is not None and (n_groups := len(np.unique(groups))) >= _LEAST_GROUPS:
        grouped = StratifiedGroupKFold(min(n_folds, n_groups), shuffle=True, random_state=seed)
        if not two:
            return [fold for fold in _in_whole_groups(grouped, strata, groups) if len(fold.valid)]
        folds = [Fold(*parts) for parts in grouped.split(strata, strata, groups)]
        if usable := [fold for fold in folds if len(fold.valid) and len(np.unique(strata[fold.train])) == 2]:
            return usable
    if not two:
        return _dealt(strata, company, n_folds, seed)
    plain = StratifiedKFold(n_folds, shuffle=True, random_state=seed)
    return [Fold(*parts) for parts in plain.split(strata, strata)]


def _dealt(strata: NDArray[np.int64], company: NDArray[np.bool_], n_folds: int, seed: int) -> list[Fold]:
    """Return folds to which the rows of each stratum are dealt in turn, those alone in theirs to none."""
    rows = np.random.default_rng(seed).permutation(len(strata))
    rows = rows[np.argsort(strata[rows], kind="stable")]
    number = np.full(len(strata), -1)
    dealt = rows[company[rows]]
    number[dealt] = np.arange(len(dealt)) % n_folds
    return [Fold(np.flatnonzero(number != fold), np.flatnonzero(number == fold)) for fold in range(n_folds)]


def _in_whole_groups(grouped: Any, strata: NDArray[np.int64], groups: Array) -> list[Fold]:
    """Return folds in whole groups; held-out rows of a class that no training row has are left out of their fold."""
    sizes = np.bincount(strata)
    common = np.where(
        sizes[strata] < grouped.n_splits, sizes.argmax(), strata
    )  # rare ones are divided with the commonest
    return [_known(Fold(*parts), strata) for parts in grouped.split(strata, common, groups)]


def _known(fold: Fold, strata: NDArray[np.int64]) -> Fold:
    return fold._replace(valid=fold.valid[np.isin(strata[fold.valid], strata[fold.train])])


def hold_out(strata: Array, groups: Array | None, fraction: float, seed: int) -> Fold | None:
    """Return one fold of about that fraction of the rows, or None where there is too little to divide.

    Of several classes, held-out rows of one that no training row has are left out.
    """
    some = groups if groups is not None and len(np.unique(groups)) >= _LEAST_GROUPS else None
    codes = np.asarray(strata).astype(int)
    try:
        fold = Fold(*split_rows(len(codes), fraction, labels=codes, groups=some, random_state=seed))
    except DataError:
        return None
    if len(np.unique(codes)) > 2:
        fold = _known(fold, codes)
        return fold if len(fold.valid) else None
    both = all(len(np.unique(codes[rows])) == 2 for rows in fold)
    return fold if both else None


def out_of_fold(
    folds: Sequence[Fold], shape: int | tuple[int, ...], fit: Callable[[Fold], NDArray[np.float64]], n_choices: int
) -> NDArray[np.float64]:
    """Return what each choice gives each row when that row is held out [choices, *shape]; NaN where it never is.

    Args:
        folds: from `stratified_folds`.
        shape: of the logits of all rows: how many rows, or also how many outputs.
        fit: fits all choices on a fold and returns their logits of its held-out rows [choices, valid], or [choices, valid,
            outputs].
        n_choices: how many.
    """
    rest = (shape,) if isinstance(shape, int) else shape
    logits = np.full((n_choices, *rest), np.nan)
    for fold in folds:
        logits[:, fold.valid] = fit(fold)
    return logits


def known_rows(logits: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which rows of logits, [rows] or [rows, outputs], were held out by some fold [rows]."""
    return np.asarray(np.isfinite(logits).reshape(len(logits), -1).all(1))


def best_choice(
    goals: Array, logits: NDArray[np.float64], weights: Array | None = None, link: Link = "sigmoid"
) -> tuple[int, float]:
    """Return the choice with the least log loss out of fold, and that loss.

    Args:
        goals: what the outputs learn, [rows] or [rows, outputs].
        logits: from `out_of_fold` [choices, rows], or [choices, rows, outputs].
        weights: how much each row counts [rows]; None for 1 each.
        link: of the task.
    """
    known = known_rows(logits[0])
    each = None if weights is None else weights[known]
    losses = [log_loss(np.asarray(goals)[known], of_choice[known], each, link) for of_choice in logits]
    best = int(np.argmin(losses))
    return best, losses[best]
