"""Which head over layers and columns: a linear one with the C that folds choose, or trees where these say more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headstart.errors import MissingDependencyError, unknown_name
from headstart.fitting.folds import Fold, best_choice, out_of_fold
from headstart.fitting.logistic import LinearModel, costs_up_to, log_loss, logistic_path
from headstart.heads import CatBoostHead, Head, LinearHead, NothingVariesError
from headstart.plain import Json
from headstart.strategies.column_block import ColumnBlock, mean_and_scale
from headstart.strategies.label_names import NamedClasses
from headstart.strategies.settings import Settings
from headstart.tasks import Goals

HEADS = ("auto", "linear", "catboost")

_COSTS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
_LEAST_FOR_TREES = 60
_MOST_OUTPUTS_OF_TREES = 12
_TREES_OF_FEW = 100
"""Trees where there are too few rows to stop by."""


@dataclass(frozen=True)
class LinearChoice:
    """The best linear head over one set of inputs.

    Attributes:
        layers: whose outputs it reads; none for columns alone.
        cost: its C.
        loss: out of fold, in nats; infinite where there were no folds.
        logits: out of fold, [rows] or [rows, outputs]; or None.
    """

    layers: tuple[str, ...]
    cost: float
    loss: float
    logits: NDArray[np.float64] | None


def choose_linear(
    outputs: NDArray[np.float32],
    columns: ColumnBlock | None,
    goals: Goals,
    folds: Sequence[Fold],
    settings: Settings,
    layers: tuple[str, ...] = (),
    named: NamedClasses | None = None,
) -> LinearChoice:
    """Choose C by folds for a linear head on outputs [rows, size], and on columns.

    Args:
        outputs: of layers; no columns wide where there are none.
        columns: of the same rows, or None.
        goals: of the rows.
        folds: of the rows; without any, C is the second smallest, and with names the second largest.
        settings: may name C.
        layers: whose outputs these are.
        named: names of classes to learn from too.
    """
    costs = costs_up_to(_COSTS, settings.C)
    if not folds:
        cost = (
            _COSTS[1] if named is None else _COSTS[3]
        )  # names and single rows pull one way, and need less holding back
        return LinearChoice(layers, cost if settings.C is None else settings.C, np.inf, None)
    inputs, *scaling = _standardised(outputs, columns, goals.weights)

    def fit_fold(fold: Fold) -> NDArray[np.float64]:
        known = _with_names(inputs[fold.train], goals.take(fold.train), named, *scaling)
        lines = _path(*known, costs, max_iter=60)
        return np.stack([line.logits(inputs[fold.valid]) for line in lines])

    held_out = out_of_fold(folds, goals.values.shape, fit_fold, len(costs))
    allowed = slice(None) if settings.C is None else slice(-1, None)
    best, loss = best_choice(goals.values, held_out[allowed], goals.weights, goals.task.link)
    return LinearChoice(layers, costs[allowed][best], loss, held_out[allowed][best])


def best_head(
    linear: LinearChoice,
    outputs: NDArray[np.float32],
    columns: ColumnBlock | None,
    goals: Goals,
    folds: Sequence[Fold],
    settings: Settings,
    names: NamedClasses | None = None,
) -> tuple[Head, NDArray[np.float64] | None, Json]:
    """Fit the head that the settings name; of ``"auto"``, trees where they have less loss on the first fold's held-out rows.

    Returns:
        The head, its logits out of fold, [rows] or [rows, outputs], or None, and what was chosen.

    Raises:
        MissingDependencyError: CatBoost was named and is not installed.
        NothingVariesError: it was named and finds nothing to split on.
    """
    if settings.head not in HEADS:
        raise unknown_name("head", settings.head, HEADS)
    named = settings.head == "catboost"
    if named or (settings.head == "auto" and folds and _may_grow(goals)):
        try:
            trees = _trees(linear, outputs, columns, goals, folds, settings)
        except (MissingDependencyError, NothingVariesError):
            if named:
                raise
            trees = None
        if trees is not None:
            return *trees, {"head": "catboost"}
    head = fit_linear_head(outputs, columns, goals, linear.cost, names)
    return head, linear.logits, {"head": "linear", "C": linear.cost}


def fit_linear_head(
    outputs: NDArray[np.float32],
    columns: ColumnBlock | None,
    goals: Goals,
    cost: float,
    named: NamedClasses | None = None,
) -> LinearHead:
    """Fit a linear head with a given C, to names of classes too where these come."""
    inputs, mean, scale = _standardised(outputs, columns, goals.weights)
    (line,) = _path(*_with_names(inputs, goals, named, mean, scale), (cost,))
    encoder = None if columns is None else columns.encoder
    if goals.task.n_outputs > 1:
        return LinearHead(mean, scale, line.coefficients, line.intercepts, encoder)
    return LinearHead(mean, scale, line.coefficients[0], float(line.intercepts[0]), encoder)


def _path(
    inputs: NDArray[np.float64], goals: Goals, costs: Sequence[float], max_iter: int = 150
) -> Iterator[LinearModel]:
    task, values, weights = goals
    return logistic_path(inputs, values, costs, link=task.link, weights=weights, max_iter=max_iter)


def _with_names(
    inputs: NDArray[np.float64],
    goals: Goals,
    named: NamedClasses | None,
    mean: NDArray[np.float64],
    scale: NDArray[np.float64],
) -> tuple[NDArray[np.float64], Goals]:
    """Return inputs and goals with the rows made of names below them; these have the mean of every column."""
    if named is None:
        return inputs, goals
    size = named.outputs.shape[1]
    rows = np.zeros((len(named.outputs), inputs.shape[1]))
    rows[:, :size] = (named.outputs - mean[:size]) / scale[:size]
    weights = np.ones(len(inputs)) if goals.weights is None else goals.weights
    together = Goals(
        goals.task,
        np.concatenate([goals.values, named.goals.values]),
        np.concatenate([weights, np.asarray(named.goals.weights)]),
    )
    return np.concatenate([inputs, rows]), together


def _may_grow(goals: Goals) -> bool:
    """Tell whether trees are worth a try: every tree has a leaf value an output, so with many they are slow and learn little."""
    return len(goals.values) >= _LEAST_FOR_TREES and goals.task.n_outputs <= _MOST_OUTPUTS_OF_TREES


def _standardised(
    outputs: NDArray[np.float32], columns: ColumnBlock | None, weights: NDArray[np.float64] | None
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return inputs [rows, size], and mean and scale over the rows [size]."""
    raw = outputs.astype(np.float64)
    mean, scale = mean_and_scale(raw, weights)
    scale = np.where(scale > 1e-9, scale, 1.0)
    inputs = (raw - mean) / scale
    if columns is None:
        return inputs, mean, scale
    return (
        np.concatenate([inputs, columns.values], axis=1),
        np.concatenate([mean, columns.mean]),
        np.concatenate([scale, columns.scale]),
    )


def _trees(
    linear: LinearChoice,
    outputs: NDArray[np.float32],
    columns: ColumnBlock | None,
    goals: Goals,
    folds: Sequence[Fold],
    settings: Settings,
) -> tuple[CatBoostHead, NDArray[np.float64] | None] | None:
    """Return fitted trees, or None where a linear head does as well."""
    table, encoder = (None, None) if columns is None else (columns.table, columns.encoder)
    how: Json = {"table": table, "encoder": encoder, "random_state": settings.random_state}
    if not folds:
        return CatBoostHead.grow(outputs, goals, _TREES_OF_FEW, **how), None
    fold = folds[0]
    n_trees, logits = CatBoostHead.try_out(outputs, goals, fold.train, fold.valid, **how)
    if settings.head == "auto" and linear.logits is not None:
        task, truth, weights = goals.take(fold.valid)
        losses = [log_loss(truth, one, weights, task.link) for one in (logits, linear.logits[fold.valid])]
        if losses[0] >= losses[1]:
            return None
    known = np.full(goals.values.shape, np.nan)
    known[fold.valid] = logits
    return CatBoostHead.grow(outputs, goals, n_trees, **how), known
