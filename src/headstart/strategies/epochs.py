"""Training a network in epochs: what most networks need, and what stands at its end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from torch import nn

from headstart.arrays import Floats
from headstart.batches import Examples
from headstart.corpus import Corpus
from headstart.inference import network_logits, on_device
from headstart.plain import Facts, Json
from headstart.predictor import Predictor, Provenance
from headstart.predictor.scorers import outputs_of
from headstart.strategies.finishing import held_out_facts, rule_of
from headstart.strategies.recipes import Recipe, trainer_of
from headstart.strategies.settings import FitResult, Settings
from headstart.tasks import Task
from headstart.train import Trainer


@dataclass(frozen=True)
class Material:
    """What a fresh network learns from.

    Attributes:
        examples: training rows, with labels.
        goals: what the outputs learn of them, float32 [rows], or [rows, outputs].
        valid: validation rows, or None.
        texts: further texts without labels, or None.
        vectors: of the words, float32 [n_words, size], or None.
        counts: of each word in training [n_words].
        recipe: how the network is trained.
        settings: what was asked for.
        task: what the labels are.
    """

    examples: Examples
    goals: Floats
    valid: Examples | None
    texts: Examples | None
    vectors: NDArray[np.float32] | None
    counts: NDArray[np.int64]
    recipe: Recipe
    settings: Settings
    task: Task


@dataclass(frozen=True)
class Trained:
    """What came of it.

    Attributes:
        trainer: of the weights that the network now holds.
        options: of the network, as far as learning decided them.
        n_guessed: how many pseudo-labelled texts were learnt from; None where that is not done.
    """

    trainer: Trainer
    options: Facts = field(default_factory=dict)
    n_guessed: int | None = None


Learner = Callable[[nn.Module, Material], Trained]
"""Trains a fresh network in place."""


def aims(task: Task, settings: Settings) -> Json:
    """Return the options of a `Trainer` that a task decides: its loss, and its metric that stops training.

    None for two labels: the trainer's own are theirs, and a metric is watched only where one was named.

    Raises:
        OptionError: the task has no metric of the name.
    """
    if task.kind == "binary" and settings.metric is None:
        return {}
    several = "categorical" if task.link == "softmax" else "multilabel"
    loss = "binary" if task.n_outputs == 1 else several
    return {"loss": loss, "task": task, "monitor": f"valid_{task.metric(settings.metric).name}"}


def train_in_epochs(net: nn.Module, material: Material) -> Trained:
    """Train all of a network on the labelled rows."""
    settings = material.settings
    trainer = trainer_of(net, len(material.examples), material.recipe, settings, **aims(material.task, settings))
    trainer.fit(material.examples, material.valid)
    return Trained(trainer)


def finish_network(
    predictor: Predictor,
    trainer: Trainer,
    train: Corpus,
    valid: tuple[Corpus, Examples] | None,
    counts: Json,
    settings: Settings,
) -> FitResult:
    """Calibrate a trained network on the validation rows and write down how it came to be.

    Args:
        predictor: with the network.
        trainer: of its weights.
        train: the training rows.
        valid: validation rows, and the same as the network sees them; or None.
        counts: of data quality.
        settings: of the fit.
    """
    facts: Provenance = {
        "n_unlabelled": 0 if settings.unlabelled is None else len(settings.unlabelled),
        "n_train": len(train),
        "train_counts": counts,
        "best_epoch": trainer.best_epoch,
        "history": [_without_seconds(row) for row in trainer.history],
    }
    rows, examples = valid or (None, None)
    if rows is not None and examples is not None and rows.labels is not None:
        net = on_device(predictor.net, trainer.device)
        logits = outputs_of(network_logits(net, examples, device=trainer.device))
        predictor = replace(predictor, rule=rule_of(predictor, logits, rows, settings))
        facts |= held_out_facts(predictor, rows, logits)
    predictor.net.to("cpu").eval()
    run = {**predictor.run, "history": trainer.history, "training": _training(trainer)}
    predictor = replace(predictor.with_facts(**facts), run=run)
    epochs = len([row for row in trainer.history if row.get("epoch")])
    best = {} if trainer.best_epoch is None else {"best_epoch": trainer.best_epoch}
    return FitResult(predictor, trainer.history, choices={"n_epochs": epochs, **best})


def _training(trainer: Trainer) -> Json:
    """Return with what the epochs were run: what was asked for may have been left to a recipe."""
    rates = [trainer.learning_rate if phase.learning_rate is None else phase.learning_rate for phase in trainer.phases]
    return {
        "batch size": trainer.batch_size,
        "epochs": [phase.epochs for phase in trainer.phases],
        "learning rates": rates,
        "weight decay": trainer.weight_decay,
        "best epoch": trainer.best_epoch,
    }


def _without_seconds(row: Facts) -> Json:
    """Return a history row without what differs from run to run."""
    return {name: value for name, value in row.items() if name != "seconds"}
