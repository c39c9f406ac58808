"""Losses by name. Each gives one value a row, so that weights and sums are the trainer's business."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional

from headstart.errors import OptionError, unknown_name

Loss = Callable[[Tensor, Tensor], Tensor]
"""Takes logits [rows, outputs] and labels [rows] or [rows, outputs]; gives a loss a row [rows], or their mean []."""


def _binary(logits: Tensor, labels: Tensor, *, label_smoothing: float) -> Tensor:
    target = labels * (1 - label_smoothing) + label_smoothing / 2
    return functional.binary_cross_entropy_with_logits(logits[:, 0], target, reduction="none")


def _categorical(logits: Tensor, labels: Tensor, *, label_smoothing: float) -> Tensor:
    target = labels.long() if labels.dim() == 1 else labels
    return functional.cross_entropy(logits, target, reduction="none", label_smoothing=label_smoothing)


def _multilabel(logits: Tensor, labels: Tensor, *, label_smoothing: float) -> Tensor:
    target = labels * (1 - label_smoothing) + label_smoothing / 2
    return functional.binary_cross_entropy_with_logits(logits, target, reduction="none").mean(1)


LOSSES: dict[str, Callable[..., Tensor]] = {"binary": _binary, "categorical": _categorical, "multilabel": _multilabel}


def loss_function(loss: str | Loss, label_smoothing: float = 0.0) -> Loss:
    """Return a loss by name, or the user's own as it is.

    Args:
        loss: ``"binary"`` (cross-entropy on one logit, also of labels between 0 and 1), ``"categorical"`` (cross-entropy on
            a logit a class, labels being class codes, or probabilities [rows, classes]), ``"multilabel"`` (the mean
            of binary ones, labels [rows, outputs]), or a function of logits and labels that returns a value a row or one mean.
        label_smoothing: share of each label spread over all classes, from 0 to below 1. Named losses only.
    """
    if not 0 <= label_smoothing < 1:
        raise OptionError(f"label_smoothing is {label_smoothing}; expected 0 (none) or a share below 1, such as 0.1.")
    if callable(loss):
        return loss
    if loss not in LOSSES:
        raise unknown_name("loss", loss, LOSSES)
    return partial(LOSSES[loss], label_smoothing=label_smoothing)


def weighted_loss(losses: Tensor, weights: Tensor | None) -> Tensor:
    """Return what a batch is trained on: the mean over its rows of loss times weight [].

    Weights have mean 1 over all training rows, so that a batch of light rows moves little: divided by the weights of
    the batch alone, as in a mean, one without the rare label would move as much as one with it.

    Raises:
        OptionError: weights came, and the loss is one mean already.
    """
    if weights is None:
        return losses.mean()
    if losses.dim() == 0:
        raise OptionError(
            "sample_weight came, and this loss returns one mean of all rows, in which no row can be weighted; let it return "
            "a loss a row [rows], or leave the weights out."
        )
    return (losses * weights).mean()


def weighted_mean(losses: Tensor, weights: Tensor | None) -> Tensor:
    """Return the mean loss [] of a batch; rows count by their weight."""
    if losses.dim() == 0:
        return losses
    if weights is None:
        return losses.mean()
    return (losses * weights).sum() / weights.sum().clamp(min=torch.finfo(losses.dtype).tiny)
