"""Candidates that are networks: the base as it is, fine-tuned two ways, and one from random weights.

Those that train in epochs hold out a part of their own budget to stop early and to calibrate.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from headstart.comparison.context import Context, TrainingDraw
from headstart.comparison.fitted import Fitted
from headstart.comparison.folds import DecisionRule, hold_out
from headstart.predictor import Predictor
from headstart.strategies import STRATEGIES, Settings, has_closed_form
from headstart.strategies.carry import head_stages
from headstart.train import Phase

__all__ = ["fit_as_is", "fit_fine_tune", "fit_gradual", "fit_scratch", "fit_self_trained_tuned"]

_LEAST_HELD_OUT_OF = 100
_DISCRIMINATIVE = 2.6  # each stage inwards learns so many times slower: Howard and Ruder 2018, section 3.2
_RATE = 1e-3


def fit_as_is(context: Context, draw: TrainingDraw) -> Fitted:
    """Take the base unchanged; no label is looked at."""
    base = context.base
    return Fitted(
        np.array(context.base_logits[context.test]),
        DecisionRule(base.calibration, base.threshold),
        lambda: _plain(base),
    )


def fit_fine_tune(context: Context, draw: TrainingDraw) -> Fitted:
    """Train on from the base's weights as ``fine-tune`` does unasked."""
    return _train(context, draw, "fine-tune", Settings())


def fit_self_trained_tuned(context: Context, draw: TrainingDraw) -> Fitted:
    """Let the base read the pool's texts, train it on with the labels of the draw, and let it teach itself by all."""
    return _train(context, draw, "fine-tune", Settings(unlabelled=context.texts()), context.well_read)


def fit_gradual(context: Context, draw: TrainingDraw) -> Fitted:
    """Train on from the base's weights, one stage after another thawed, inner ones at lower rates."""
    return _train(context, draw, "fine-tune", Settings(phases=gradual_phases(context.base.net, len(draw.rows))))


def fit_scratch(context: Context, draw: TrainingDraw) -> Fitted:
    """Train the base's network from random weights."""
    return _train(context, draw, "scratch", Settings())


def gradual_phases(net: Any, n_labels: int) -> tuple[Phase, ...]:
    """Return gradual unfreezing: the head first, then one more stage a phase, from the outermost on."""
    body, _ = head_stages(net)
    moving = [name for name in body if any(True for _ in net.get_submodule(name).parameters())]
    total = 12 if n_labels < 300 else 8 if n_labels < 3000 else 5
    each = max(1, total // (len(moving) + 1))
    phases = []
    for thawed in range(len(moving) + 1):
        frozen = [name for name in body if name not in moving[len(moving) - thawed :]]
        rates = {name: _DISCRIMINATIVE ** -(i + 1) for i, name in enumerate(reversed(moving[len(moving) - thawed :]))}
        last = thawed == len(moving)
        epochs = max(1, total - each * len(moving)) if last else each
        pattern = "|".join(name for name in frozen if name in moving)
        phases.append(Phase(epochs, _RATE, freeze=pattern or None, rates=rates))
    return tuple(phases)


def _train(
    context: Context, draw: TrainingDraw, strategy: str, settings: Settings, base: Predictor | None = None
) -> Fitted:
    labels = context.labels[draw.rows]
    corpus = context.corpus(draw.rows)
    base = base or context.base
    settings = replace(settings, random_state=draw.seed, device=context.device)
    fold = None
    in_epochs = strategy != "fine-tune" or not has_closed_form(base, settings)
    if in_epochs and len(labels) >= _LEAST_HELD_OUT_OF:
        fold = hold_out(labels, context.group_codes(draw.rows), 0.2 if len(labels) < 1000 else 0.1, draw.seed)
    train, valid = (corpus, None) if fold is None else (corpus.take(fold.fit), corpus.take(fold.held))
    learnt = STRATEGIES[strategy](train, valid, base, settings)
    predictor = learnt.predictor.with_text(column=context.text)
    logits = predictor.score(context.corpus(context.test)).logits
    epochs = {"epochs": len([row for row in learnt.history if row.get("epoch")])}
    return Fitted(
        logits,
        DecisionRule(predictor.calibration, predictor.threshold),
        lambda: _plain(predictor),
        {**epochs, **_best(predictor)},
    )


def _best(predictor: Predictor) -> dict[str, Any]:
    best = predictor.info.get("best_epoch")
    return {} if best is None else {"best_epoch": best}


def _plain(predictor: Predictor) -> Predictor:
    return replace(predictor, run={})
