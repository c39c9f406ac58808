"""Loss and metric of a network on rows, between epochs."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from headstart.arrays import Floats
from headstart.batches import Batches, Examples
from headstart.errors import DataError
from headstart.evaluation.binary import auc
from headstart.evaluation.metric import Metric
from headstart.fitting.calibration import fit_rule
from headstart.inference import network_logits
from headstart.options import check_choice
from headstart.predictor.scorers import outputs_of
from headstart.tasks import PLAIN, Task
from headstart.train.losses import Loss, weighted_mean

_SAMPLE_ROWS = 2048


def rows_of(data: object, name: str) -> Examples:
    """Return the rows of `Examples` or `Batches`.

    Raises:
        DataError: if it is neither; `name` says which argument it is.
    """
    rows = data.examples if isinstance(data, Batches) else data
    if not isinstance(rows, Examples):
        raise DataError(f"{name} is a {type(data).__name__}; expected Examples or Batches of token ids with labels.")
    return rows


def with_mean_weight_1(train: Examples) -> Examples:
    """Return the rows with their weights divided by the mean weight.

    Raises:
        DataError: if no weight is above zero.
    """
    if train.weights is None or not len(train):
        return train
    mean = float(train.weights.mean(dtype=np.float64))
    if not mean > 0:
        raise DataError(
            f"all {len(train):,} rows have weight zero, which leaves nothing to learn from; give some weight."
        )
    return replace(train, weights=(train.weights / mean).astype(np.float32))


def sample_rows(train: Examples, train_metrics: str, random_state: int) -> Examples | None:
    """Return the training rows to measure after each epoch: a fixed sample, all of them, or None."""
    if train_metrics == "running":
        return None
    if train_metrics == "full" or len(train) <= _SAMPLE_ROWS:
        return train
    return train[np.random.default_rng(random_state).choice(len(train), _SAMPLE_ROWS, replace=False)]


class Watched(NamedTuple):
    """What is measured between epochs next to the loss: one of a task's metrics, by name, so that it can go to other processes."""

    task: Task
    name: str

    @property
    def metric(self) -> Metric:
        """The metric itself, which holds functions and could not go to another process."""
        return self.task.metrics[self.name]

    def value(self, labels: Floats, logits: Floats) -> float:
        """Return the metric of logits [rows, outputs] once they mean what they say on these rows: what would be shipped.

        The accuracy of the likeliest class is the same whatever the temperature.
        """
        task, scores = self.task, outputs_of(logits)
        targets = task.targets(labels)
        as_they_are = task.link == "softmax" and self.metric.takes != "probabilities"
        rule = PLAIN if as_they_are else fit_rule(task, scores, targets)
        taken = task.taken(self.metric, scores, task.probabilities(scores, rule), rule)
        return self.metric.influence(targets, taken)[0]


def watched_by(monitor: str, task: Task | None) -> Watched | None:
    """Return what a trainer watches next to the loss: of a task the metric that its ``monitor`` names, or the primary one.

    Raises:
        OptionError: there is no such thing to monitor.
    """
    names = ("auc",) if task is None else tuple(task.metrics)
    check_choice("monitor", monitor, (*(f"valid_{name}" for name in names), "valid_loss"))
    if task is None:
        return None
    return Watched(task, task.primary.name if monitor == "valid_loss" else monitor.removeprefix("valid_"))


def loss_and_metric(
    net: nn.Module, examples: Examples, loss: Loss, device: torch.device, watched: Watched | None = None
) -> tuple[float, float | None]:
    """Return the mean loss and what is watched; without it the AUC of one logit a row, where labels are two classes and no
    pseudo-labels.
    """
    logits = network_logits(net, examples, device=device)
    labels = np.asarray(examples.labels, np.float32)
    weights = None if examples.weights is None else torch.from_numpy(examples.weights)
    mean = weighted_mean(loss(torch.from_numpy(logits), torch.from_numpy(labels)), weights).item()
    if watched is not None:
        return mean, watched.value(labels, logits)
    if logits.shape[1] > 1 or not np.array_equal(np.unique(labels), [0, 1]):
        return mean, None
    return mean, auc(labels, logits[:, 0])
