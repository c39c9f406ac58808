"""Candidates over the base's layers (`features`) and over the columns alone (`columns`).

The layer, the head and its penalty are chosen by folds inside the draw, from outputs that were computed once.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from headstart.comparison.context import Context, TrainingDraw
from headstart.comparison.fitted import ColumnBlock, Fitted
from headstart.comparison.folds import DecisionRule, Fold, fit_decision_rule, out_of_fold, stratified_folds
from headstart.comparison.logistic import log_loss, ridge_path
from headstart.errors import MissingDependencyError
from headstart.heads import CatBoostHead, Head, LinearHead, NothingVariesError
from headstart.predictor import ColumnScorer, LayerScorer, Predictor, kept, reads
from headstart.strategies.carry import _cut

__all__ = ["fit_columns", "fit_features"]

_PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
_LEAST_FOR_TREES = 60


@dataclass(frozen=True)
class _Linear:
    """The best linear head over one set of inputs.

    Attributes:
        layer: whose outputs it reads; None for columns alone.
        penalty: its C.
        loss: out of fold, in nats; infinite where there were no folds.
        said: logits out of fold [draw], or None.
    """

    layer: str | None
    penalty: float
    loss: float
    said: NDArray[np.float64] | None


def fit_features(context: Context, draw: TrainingDraw) -> Fitted:
    """Fit a head on the layer that serves best; the last layer is among them, so the base alone is a choice too."""
    columns = ColumnBlock.of(context, draw)
    folds = _folds(context, draw)
    tried = [_try_linear(context, draw, layer, columns, folds) for layer in context.layers]
    return _finish(context, draw, min(tried, key=lambda one: one.loss) if folds else tried[-1], columns, folds)


def fit_columns(context: Context, draw: TrainingDraw) -> Fitted:
    """Fit a head on the tabular columns, the texts left unread."""
    draw = replace(draw, columns=True)
    columns = ColumnBlock.of(context, draw)
    folds = _folds(context, draw)
    return _finish(context, draw, _try_linear(context, draw, None, columns, folds), columns, folds)


def _folds(context: Context, draw: TrainingDraw) -> list[Fold]:
    return stratified_folds(context.labels[draw.rows], context.group_codes(draw.rows), draw.seed)


def _outputs(context: Context, layer: str | None, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    return np.zeros((len(rows), 0), np.float32) if layer is None else np.asarray(context.layer(layer)[rows])


def _standardised(
    context: Context, draw: TrainingDraw, layer: str | None, columns: ColumnBlock | None
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return inputs of draw and test rows [draw + test, size], and mean and scale over the draw's rows [size]."""
    rows = np.concatenate([draw.rows, context.test])
    raw = _outputs(context, layer, rows).astype(np.float64)
    mean, scale = raw[: len(draw.rows)].mean(0), raw[: len(draw.rows)].std(0)
    scale = np.where(scale > 1e-9, scale, 1.0)
    inputs = (raw - mean) / scale
    if columns is None:
        return inputs, mean, scale
    return (
        np.concatenate([inputs, columns.values], axis=1),
        np.concatenate([mean, columns.mean]),
        np.concatenate([scale, columns.scale]),
    )


def _try_linear(
    context: Context, draw: TrainingDraw, layer: str | None, columns: ColumnBlock | None, folds: list[Fold]
) -> _Linear:
    labels = context.labels[draw.rows]
    if not folds:
        return _Linear(layer, _PENALTIES[1], np.inf, None)
    inputs = _standardised(context, draw, layer, columns)[0][: len(labels)]

    def fit_fold(fold: Fold) -> NDArray[np.float64]:
        lines = ridge_path(inputs[fold.fit], labels[fold.fit], _PENALTIES, most_steps=60)
        return np.stack([line.logits(inputs[fold.held]) for line in lines])

    said = out_of_fold(folds, len(labels), fit_fold, len(_PENALTIES))
    known = np.isfinite(said[0])
    losses = [log_loss(labels[known], logits[known]) for logits in said]
    best = int(np.argmin(losses))
    return _Linear(layer, _PENALTIES[best], losses[best], said[best])


def _finish(
    context: Context, draw: TrainingDraw, linear: _Linear, columns: ColumnBlock | None, folds: list[Fold]
) -> Fitted:
    """Fit the head: linear, or trees where they say more of the rows held out of the first fold."""
    trees = _try_trees(context, draw, linear, columns, folds)
    if trees is not None:
        head, logits, calibrated = trees
    else:
        head, logits = _fit_linear(context, draw, linear, columns)
        calibrated = fit_decision_rule(context.labels[draw.rows], linear.said)
    choices = {"layer": linear.layer, "head": head.kind} if linear.layer else {"head": head.kind}
    build: Callable[[], Predictor] = partial(_build, context, linear.layer, head, columns, calibrated)
    return Fitted(logits, calibrated, build, choices)


def _fit_linear(
    context: Context, draw: TrainingDraw, linear: _Linear, columns: ColumnBlock | None
) -> tuple[Head, NDArray[np.float64]]:
    inputs, mean, scale = _standardised(context, draw, linear.layer, columns)
    n = len(draw.rows)
    line = ridge_path(inputs[:n], context.labels[draw.rows], (linear.penalty,))[0]
    encoder = None if columns is None else columns.encoder
    return LinearHead(mean, scale, line.coefficients, line.intercept, encoder), line.logits(inputs[n:])


def _try_trees(
    context: Context, draw: TrainingDraw, linear: _Linear, columns: ColumnBlock | None, folds: list[Fold]
) -> tuple[Head, NDArray[np.float64], DecisionRule] | None:
    """Return fitted trees if they have less log loss than the linear head on the rows held out of the first fold."""
    labels = context.labels[draw.rows]
    if len(labels) < _LEAST_FOR_TREES or not folds or linear.said is None:
        return None
    features = _outputs(context, linear.layer, draw.rows)
    encoder = None if columns is None else columns.encoder
    table = None if encoder is None else context.table.take(pa.array(draw.rows))
    how: dict[str, Any] = {"table": table, "encoder": encoder, "random_state": draw.seed, "n_threads": 1}
    fold = folds[0]
    try:
        n_trees, said = CatBoostHead.try_out(features, labels, fold.fit, fold.held, **how)
    except (MissingDependencyError, NothingVariesError):
        return None
    if log_loss(labels[fold.held], said) >= log_loss(labels[fold.held], linear.said[fold.held]):
        return None
    head = CatBoostHead.grow(features, labels, n_trees, **how)
    test_table = None if encoder is None else context.table.take(pa.array(context.test))
    known = np.full(len(labels), np.nan)
    known[fold.held] = said
    return (
        head,
        head.decision(_outputs(context, linear.layer, context.test), test_table),
        fit_decision_rule(labels, known),
    )


def _build(
    context: Context, layer: str | None, head: Head, columns: ColumnBlock | None, calibrated: DecisionRule
) -> Predictor:
    names = context.columns if columns is not None else ()
    how: dict[str, Any] = {"calibration": calibrated.calibration, "threshold": calibrated.threshold}
    if layer is None:
        return Predictor(ColumnScorer(head), context.names, reads(names, column=context.text), **how)
    net, spec = _cut(copy.copy(context.base), (layer,))
    scorer = LayerScorer(net, spec, (layer,), head, "mean")
    base = context.base.with_text(column=context.text).with_columns(names)
    own = replace(base, label_names=context.names, info=kept(context.base.info, ("source",)), run={})
    return replace(own, scorer=scorer, **how)
