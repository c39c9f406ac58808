"""What each layer of a model knows about some labels: the AUC of a linear head on its output."""

from __future__ import annotations

import numpy as np

from headstart.corpus import Corpus
from headstart.evaluation.binary import auc_interval
from headstart.fitting.folds import stratified_folds
from headstart.inference import network_outputs, resolve_device
from headstart.plain import Json
from headstart.predictor import Predictor
from headstart.strategies.head_choice import choose_linear, fit_linear_head
from headstart.strategies.inputs import examples_of, require_goals
from headstart.strategies.settings import Settings

__all__ = ["layer_aucs"]

_MOST_ROWS = 5000


def layer_aucs(
    predictor: Predictor, train: Corpus, held: Corpus, *, device: str = "cpu", random_state: int = 0
) -> list[Json]:
    """Fit a linear head on every layer's output for `train` and measure it on `held`.

    All layers come out of one pass over the texts; beyond 5,000 training rows a random 5,000 are used.

    Returns:
        One row a layer: ``layer``, ``auc``, and its 95% interval ``low`` and ``high`` over the held-out rows.
    """
    if len(train) > _MOST_ROWS:
        train = train.take(np.random.default_rng(random_state).choice(len(train), _MOST_ROWS, replace=False))
    place, layers = resolve_device(device), predictor.net.stages
    net = predictor.net.to(place)
    learnt, measured = (
        network_outputs(net, examples_of(predictor, part), layers, device=place) for part in (train, held)
    )
    labels, rows = require_goals(train), []
    folds = stratified_folds(labels, None, random_state)
    for layer in layers:
        chosen = choose_linear(learnt[layer], None, labels, folds, Settings())
        head = fit_linear_head(learnt[layer], None, labels, chosen.cost)
        found = auc_interval(require_goals(held), head.decision(measured[layer]))
        rows.append({"layer": layer, "auc": found.value, "low": found.low, "high": found.high})
    return rows
