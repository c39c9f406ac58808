"""What each layer of a model knows about some labels: the AUC (or the like) of a linear head on its output."""

from __future__ import annotations

import numpy as np

from headstart.corpus import Corpus
from headstart.evaluation.binary import auc_interval
from headstart.evaluation.figures import interval
from headstart.fitting.calibration import fit_rule
from headstart.fitting.folds import known_rows, stratified_folds
from headstart.inference import network_outputs, resolve_device
from headstart.plain import Json
from headstart.predictor import Predictor
from headstart.strategies.head_choice import choose_linear, fit_linear_head
from headstart.strategies.inputs import examples_of, goals_of
from headstart.strategies.settings import Settings
from headstart.tasks import PLAIN

_MOST_ROWS = 5000


def layer_aucs(
    predictor: Predictor, train: Corpus, held: Corpus, *, device: str = "cpu", random_state: int = 0
) -> list[Json]:
    """Fit a linear head on every layer's output for `train` and measure it on `held`.

    All layers come out of one pass over the texts; beyond 5,000 training rows a random 5,000 are used.

    Returns:
        One row a layer: ``layer``, ``auc`` (or what the task's primary metric is called), and its 95% interval ``low`` and
        ``high`` over the held-out rows.
    """
    if len(train) > _MOST_ROWS:
        train = train.take(np.random.default_rng(random_state).choice(len(train), _MOST_ROWS, replace=False))
    place, layers = resolve_device(device), predictor.net.stages
    net, goals, truth = predictor.net.to(place), goals_of(train), np.asarray(held.labels)
    learnt, measured = (
        network_outputs(net, examples_of(predictor, part, task=goals.task), layers, device=place)
        for part in (train, held)
    )
    task, targets, rows = goals.task, np.asarray(train.labels), []
    folds = stratified_folds(task.strata(targets), None, random_state)
    for layer in layers:
        chosen = choose_linear(learnt[layer], None, goals, folds, Settings())
        logits = fit_linear_head(learnt[layer], None, goals, chosen.cost).decision(measured[layer])
        if task.kind == "binary":
            found = auc_interval(truth, logits)
            rows.append({"layer": layer, "auc": found.value, "low": found.low, "high": found.high})
            continue
        known = np.zeros(0, np.int64) if chosen.logits is None else np.flatnonzero(known_rows(chosen.logits))
        rule = PLAIN if chosen.logits is None else fit_rule(task, chosen.logits[known], targets[known])
        scores = task.scores(logits, task.probabilities(logits, rule), rule)
        low, high = interval(task.primary, truth, scores)
        value = task.primary.influence(truth, scores)[0]
        rows.append({"layer": layer, task.primary.name: value, "low": low, "high": high})
    return rows
