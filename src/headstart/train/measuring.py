"""Loss and AUC of a network on rows, between epochs."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from headstart.batches import Examples
from headstart.evaluation.binary import auc
from headstart.inference import network_logits
from headstart.train.losses import Loss, weighted_mean

__all__ = ["loss_and_auc", "sample_rows"]

_SAMPLE_ROWS = 2048


def sample_rows(train: Examples, train_metrics: str, random_state: int) -> Examples | None:
    """Return the training rows to measure after each epoch: a fixed sample, all of them, or None."""
    if train_metrics == "running":
        return None
    if train_metrics == "full" or len(train) <= _SAMPLE_ROWS:
        return train
    return train[np.random.default_rng(random_state).choice(len(train), _SAMPLE_ROWS, replace=False)]


def loss_and_auc(net: nn.Module, examples: Examples, loss: Loss, device: torch.device) -> tuple[float, float | None]:
    """Return the mean loss, and the AUC where there is one logit a row and the labels are two classes, not guesses."""
    logits = network_logits(net, examples, device=device)
    labels = np.asarray(examples.labels, np.float32)
    weights = None if examples.weights is None else torch.from_numpy(examples.weights)
    mean = weighted_mean(loss(torch.from_numpy(logits), torch.from_numpy(labels)), weights).item()
    if logits.shape[1] > 1 or not np.array_equal(np.unique(labels), [0, 1]):
        return mean, None
    return mean, auc(labels, logits[:, 0])
