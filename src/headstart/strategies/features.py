"""A head over the base's layers: linear, or trees where they say more of held-out rows."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from headstart.corpus import Corpus, subset
from headstart.errors import unknown_name
from headstart.layers import Network
from headstart.nets.mxnet import MXNetGraph
from headstart.predictor import LayerScorer, NetSpec, Predictor
from headstart.strategies.column_block import ColumnBlock
from headstart.strategies.finishing import finish_head, folds_of
from headstart.strategies.head_choice import LinearChoice, best_head, choose_linear
from headstart.strategies.inputs import base_provenance, goals_of, read_rows, require_base
from headstart.strategies.label_names import named_classes
from headstart.strategies.settings import FitResult, Settings
from headstart.strategies.shared import SharedRows
from headstart.tasks import PLAIN

_ENOUGH_ROWS = 2000


def fit_features(
    train: Corpus, valid: Corpus | None, base: Predictor | None, settings: Settings, shared: SharedRows
) -> FitResult:
    """Fit a head on the layer that serves best, unless one is named, and on tabular columns where they are named.

    Layer, C and kind of head are chosen by folds inside the rows. The last layer is among the choices, so the base's own
    score is one too. Of more than two outputs the layer is chosen on 2,000 rows.
    """
    base = require_base(base)
    if settings.unlabelled is not None:
        shared = shared.adapted(base, settings.unlabelled)
        base = require_base(shared.base)
    # What the network reads itself is in its layers.
    goals, columns = goals_of(train), None if base.network_columns else ColumnBlock.fit(train, settings)
    folds, choices = folds_of(train, settings), _choices(base, settings.layer, shared)
    if len(choices) > 1 and goals.task.n_outputs > 2 and len(train) > _ENOUGH_ROWS:
        some = subset(goals.task.strata(np.asarray(train.labels)), _ENOUGH_ROWS, random_state=settings.random_state)
        few, of_few = goals.take(some), folds_of(train.take(some), settings)
        tried = [choose_linear(shared.outputs(one)[some], None, few, of_few, settings, one) for one in choices]
        choices = [_best(tried).layers]
    names = {one: named_classes(base, goals, one, settings) for one in choices}
    linear = _best(
        [choose_linear(shared.outputs(one), columns, goals, folds, settings, one, names[one]) for one in choices]
    )
    outputs = shared.outputs(linear.layers)
    head, out_of_fold, chosen = best_head(linear, outputs, columns, goals, folds, settings, names[linear.layers])
    net, spec = _cut(base, linear.layers)
    predictor = replace(
        base if columns is None else base.with_columns(settings.columns),
        scorer=LayerScorer(net, spec, linear.layers, head, settings.pooling),
        task=goals.task,
        rule=PLAIN,
        info=base_provenance(base),
        run={},
    )

    def score(rows: SharedRows) -> NDArray[np.float64]:
        table = None if columns is None else rows.corpus.columns
        return head.decision(rows.outputs(linear.layers), table)

    layer = linear.layers[0] if len(linear.layers) == 1 else list(linear.layers)
    counts = read_rows(replace(base, task=goals.task), train)[1] | ({} if columns is None else columns.counts)
    fitted = FitResult(
        predictor, choices={"layer": layer, **chosen}, score_shared=None if settings.unlabelled else score
    )
    return finish_head(fitted, train, valid, settings, counts, out_of_fold)


def _best(tried: Sequence[LinearChoice]) -> LinearChoice:
    """Return the choice with the least loss; the last where there were no folds to tell."""
    return tried[-1] if np.isinf(tried[-1].loss) else min(tried, key=lambda one: one.loss)


def _choices(base: Predictor, layer: str | Sequence[str] | None, shared: SharedRows) -> list[tuple[str, ...]]:
    """Return the layers to try, each alone, or those that were named, side by side."""
    if layer is None:
        return [(name,) for name in shared.layers or base.net.stages[-1:]]
    known = base.net.stages
    layers = (layer,) if isinstance(layer, str) else tuple(layer)
    for name in layers:
        if name not in known:
            raise unknown_name("layer", name, known)
    return [layers]


def _cut(base: Predictor, layers: tuple[str, ...]) -> tuple[Network, NetSpec]:
    """Return a copy of the base's network that ends at the last layer needed, where it can be cut."""
    scorer = base.scorer
    spec = scorer.spec or NetSpec(None, 0)
    net = copy.deepcopy(base.net)
    last = max(layers, key=net.stages.index)
    if spec.name is None or spec.until is not None:
        return net, spec
    shorter = net.until(last)
    if not set(layers) <= set(shorter.stages):
        return net, spec
    if isinstance(shorter, MXNetGraph):  # a shorter graph is a graph of its own
        return shorter, spec.replace(options=shorter.config())
    return shorter, spec.replace(until=last)
