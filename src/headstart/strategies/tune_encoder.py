"""Fine-tuning an encoder that others trained: a head in closed form, then its last layers with it.

The head is the logistic regression on the encoder's own vectors that `features` would find, so training begins where
frozen features end, and the first steps do not spoil the encoder with a head drawn at random (Kumar and others,
"Fine-Tuning can Distort Pretrained Features and Underperform Out-of-Distribution", ICLR 2022). The layers in front of
the first one that moves are computed once for each text, and not once an epoch.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import nn

from headstart.batches import Examples
from headstart.corpus import Corpus
from headstart.freezing import selected_parameters
from headstart.inference import resolve_device, token_outputs
from headstart.layers import Network
from headstart.plain import Json
from headstart.predictor import Predictor
from headstart.strategies.epochs import aims, finish_network
from headstart.strategies.finishing import folds_of
from headstart.strategies.head_choice import choose_linear, fit_linear_head
from headstart.strategies.inputs import base_provenance, examples_of, goals_of, read_rows
from headstart.strategies.label_names import named_classes
from headstart.strategies.new_head import with_new_head
from headstart.strategies.settings import FitResult, Settings
from headstart.strategies.shared import SharedRows
from headstart.tasks import Task
from headstart.train import Phase

ENCODER_RATE = 5e-5
_HEAD_FASTER = 2.0
_SLOWER_INSIDE = 0.8  # of each layer to the one above: Sun and others, "How to Fine-Tune BERT", arXiv:1905.05583
_DROPOUT = 0.1
_LEAST_SPREAD = 0.1
"""Of the median spread of the vectors' values: what spreads less gets no weight in a head that is trained on."""
_MOST_HELD = 1 << 30
"""Bytes of outputs that stand still and are held in memory; of more, the layers are computed anew in every epoch."""
_RECIPE: Json = {"optimizer": "adamw", "weight_decay": 0.01, "schedule": "warm-up", "train_metrics": "running"}


def tune_encoder(
    train: Corpus, valid: Corpus | None, base: Predictor, settings: Settings, shared: SharedRows, *, alike: bool
) -> FitResult:
    """Train an encoder on from its own weights.

    Args:
        train: the training rows.
        valid: rows to stop by, or None.
        base: the encoder.
        settings: of the fit.
        shared: what is known of the training rows.
        alike: whether its head has learnt labels like these, and stays.
    """
    task = goals_of(train).task
    start = replace(base, task=task) if alike else with_probed_head(base, train, task, settings, shared)
    net: Network = copy.deepcopy(start.net)
    examples, counts = read_rows(start, train)
    held_out = None if valid is None else examples_of(start, valid)
    phases = settings.phases or encoder_phases(net, len(train), settings)
    trainer = settings.trainer(
        net,
        phases=phases,
        batch_size=settings.batch_size or (16 if len(train) < 2000 else 32),
        **{**_RECIPE, "monitor": "valid_loss", **aims(task, settings)},
    )
    stage = _last_still(net, phases)
    known, known_valid = _holding(net, stage, examples, held_out, settings.device)
    trainer.fit(known, known_valid)
    predictor = replace(start, scorer=replace(start.scorer, network=net), info=base_provenance(base), run={})  # type: ignore[type-var]
    held = None if valid is None or held_out is None else (valid, held_out)
    return finish_network(predictor.with_rule(threshold=0.5), trainer, train, held, counts, settings)


def with_probed_head(base: Predictor, train: Corpus, task: Task, settings: Settings, shared: SharedRows) -> Predictor:
    """Return an encoder with a head that logistic regression finds on its vectors, and with dropout for training."""
    goals, layers = goals_of(train), ("pooled",)
    vectors = shared.outputs(layers)
    named = named_classes(base, goals, layers, settings)
    choice = choose_linear(vectors, None, goals, folds_of(train, settings), settings, layers, named)
    head = fit_linear_head(vectors, None, goals, choice.cost, named)
    # The head itself drops nothing: what it weighs is not centred, and it was found without.
    noise = {"dropout": _DROPOUT} if base.scorer.spec is not None and base.scorer.spec.name == "transformer" else {}
    found = with_new_head(base, task, settings.random_state, **noise)
    # A value that hardly varies has an enormous weight, and the first step of the layers below would shake every logit.
    varies = head.scale > _LEAST_SPREAD * np.median(head.scale)
    weights = np.where(varies, np.atleast_2d(head.coefficients) / head.scale, 0.0)
    with torch.no_grad():
        output: Any = found.net.get_submodule("output")
        output.weight.copy_(torch.from_numpy(weights))
        output.bias.copy_(torch.from_numpy(np.atleast_1d(head.intercept) - weights @ head.mean))
    return found


def encoder_phases(net: Network, n_labels: int, settings: Settings) -> tuple[Phase, ...]:
    """Return the default schedule: few labels move the last layers alone, inner layers slower than outer ones."""
    rate = ENCODER_RATE if settings.learning_rate is None else settings.learning_rate
    epochs = _epochs(n_labels) if settings.epochs is None else settings.epochs
    moving = [name for name in net.stages[:-1] if any(True for _ in net.get_submodule(name).parameters())]
    still = moving[: _n_still(len(moving), n_labels)] if settings.freeze is None else []
    thawed = [name for name in moving if name not in still]
    rates = {name: _SLOWER_INSIDE**i for i, name in enumerate(reversed(thawed))} | {net.stages[-1]: _HEAD_FASTER}
    return (Phase(epochs, rate, settings.freeze or "|".join(still) or None, rates),)


def _n_still(n_stages: int, n_labels: int) -> int:
    """Return how many of the stages with weights, the embeddings among them, stand still."""
    return max(0, n_stages - (2 if n_labels < 1000 else 3 if n_labels < 5000 else n_stages))


def _epochs(n_labels: int) -> int:
    return 10 if n_labels < 300 else 6 if n_labels < 1000 else 3


def _last_still(net: Network, phases: Sequence[Phase]) -> str | None:
    """Return the last stage of those at the network's beginning that stand still in all phases; None where the first moves."""
    if any(phase.freeze is None or phase.frozen_dropout for phase in phases):
        return None
    frozen = set.intersection(*(set(selected_parameters(net, str(phase.freeze))) for phase in phases))
    last = None
    for stage in net.stages[:-1]:
        if not {f"{stage}.{name}" for name in _names(net.get_submodule(stage))} <= frozen:
            break
        last = stage
    return last


def _names(module: nn.Module) -> list[str]:
    return [name for name, _ in (*module.named_parameters(), *module.named_buffers())]


def _holding(
    net: Network, stage: str | None, train: Examples, valid: Examples | None, device: str
) -> tuple[Examples, Examples | None]:
    """Return rows that hold the outputs of a stage, so that it is not computed again; as they are where there is no room."""
    if stage is None:
        return train, valid
    parts, device_ = [rows for rows in (train, valid) if rows is not None], resolve_device(device)
    if "tokens" in net.shapes[stage]:
        n_values = int(net.shapes[stage][-1]) * sum(int(rows.lengths.sum()) for rows in parts)
    else:
        n_values = token_outputs(net, train[:1], stage, device_).size * sum(map(len, parts))  # type: ignore[union-attr]
    if 4 * n_values > _MOST_HELD:
        return train, valid

    def held(rows: Examples) -> Examples:
        return replace(rows, fields={**rows.fields, stage: token_outputs(net, rows, stage, device_)})

    return held(train), None if valid is None else held(valid)
