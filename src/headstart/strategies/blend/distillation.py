"""Train the recurrent part of a `blend` on the pseudo-labels of the whole: a noisy student.

The whole base labels texts that nobody has labelled, and its recurrent part is trained on these pseudo-labels with words
hidden and dropped, so that it cannot copy its teacher and learns what else speaks for the same. After Xie, Luong, Hovy
and Le, "Self-training with Noisy Student improves ImageNet classification", CVPR 2020 (arXiv:1911.04252), with
probabilities for labels as in Hinton, Vinyals and Dean, "Distilling the Knowledge in a Neural Network" (arXiv:1503.02531).
The n-grams stay: taught by themselves, they learn nothing new about texts like those that they know (docs/log.md).
"""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from headstart.arrays import Array
from headstart.batches import Examples
from headstart.evaluation import sigmoid
from headstart.fitting.calibration import fit_calibration
from headstart.inference import network_logits, network_outputs
from headstart.layers import StageGraph
from headstart.nets.blend import PARTS
from headstart.predictor import NetworkScorer, Predictor
from headstart.strategies.blend.fit_branches import BRANCH_WEIGHTS
from headstart.strategies.blend.linear_branch import blend_of
from headstart.text import RaggedIds
from headstart.train import Phase, Trainer
from headstart.vectors import FIRST_WORD

_MOST_LABELLED = 50_000
"""Texts that get pseudo-labels; of more, so many are drawn, or training would take hours."""
LEAST_LABELLED = 1000
"""Of fewer texts a network that is trained anew learns too little to pay for its time."""
_LEAST_SHARE = 0.25
"""So many of the labelled rows there must be, too: a sixteenth of them was worth nothing (docs/log.md)."""
DISTILLED_WEIGHTS = {**BRANCH_WEIGHTS, "deep": 0.75}
"""A recurrent part that has learnt from pseudo-labels is as good as the n-grams, and counts for more."""
_RATE = 1e-3
_EPOCHS, _EPOCHS_OF_FEW, _FEW = 3, 6, 3000


def with_words(texts: Examples) -> Examples:
    """Return the texts that hold a word of ours; of the others nothing can be said."""
    words = np.concatenate([[0], np.cumsum(texts.ids.values >= FIRST_WORD)])
    found = np.diff(words[texts.ids.offsets]) > 0
    return texts if found.all() else texts[np.flatnonzero(found)]


def enough(texts: Examples, examples: Examples) -> bool:
    """Tell whether there are texts enough for pseudo-labels, next to so many labelled rows."""
    return len(texts) >= max(LEAST_LABELLED, _LEAST_SHARE * len(examples))


def some_rows(examples: Examples, random_state: int, most: int = _MOST_LABELLED) -> Examples:
    """Return the rows, or `most` of them by lot."""
    if len(examples) <= most:
        return examples
    drawn = np.random.default_rng(random_state).choice(len(examples), most, replace=False)
    return examples[np.sort(drawn)]


def pseudo_label(
    net: StageGraph, known: Examples, texts: Examples, *, device: str | torch.device = "cpu"
) -> NDArray[np.float32]:
    """Return the probability of the second label of some texts, float32 [texts].

    Args:
        net: the teacher.
        known: rows with labels, which say how sure it may be.
        texts: without labels.
        device: where to compute.
    """
    logits = network_logits(net, known, device=device)[:, 0].astype(np.float64)
    slope, intercept = fit_calibration(logits, np.asarray(known.labels), known.weights)
    return _probabilities(slope * network_logits(net, texts, device=device)[:, 0] + intercept)


def with_pseudo_labels(
    examples: Examples, texts: Examples, pseudo_labels: NDArray[np.float32], label_smoothing: float
) -> Examples:
    """Return labelled rows, their labels smoothed, and texts with pseudo-labels, as the rows of one data set.

    A text counts as much as a labelled row does on average.
    """
    labels = np.asarray(examples.labels) * (1 - label_smoothing) + label_smoothing / 2
    ids = RaggedIds.concatenate([examples.ids, texts.ids])
    weights = None
    if examples.weights is not None:  # a pseudo-label counts for as much as a label does on average
        weights = np.append(examples.weights, np.full(len(texts), examples.weights.mean(), np.float32))
    return Examples(ids, np.concatenate([labels, pseudo_labels]).astype(np.float32), weights)


def distil(base: Predictor, texts: Examples, **training: Any) -> Predictor:
    """Return a base whose recurrent part was trained on, on its pseudo-labels of a target's texts, on the CPU.

    The part keeps the spread of its scores, and the base its mean and spread on these texts, so that it stays as sure as it
    was.

    Args:
        base: a predictor over a `blend` network; left as it is.
        texts: of the target; their labels are not looked at.
        training: options of the `Trainer`.
    """
    net, spec = blend_of(base)
    texts = replace(some_rows(texts, training.get("random_state", 0)), labels=None, weights=None)
    slope, intercept = base.calibration
    before = _outputs(net, texts)
    logits = slope * before[""] + intercept
    longer: Any = copy.deepcopy(net)
    student = longer.until("deep")
    trainer = Trainer(
        student,
        phases=(Phase(_EPOCHS if len(texts) >= _FEW else _EPOCHS_OF_FEW),),
        learning_rate=_RATE,
        device="cpu",
        train_metrics="running",
        **training,
    )
    for event in training.get("events", ()):
        event("guessed", trainer, {"n_rows": len(texts), "anew": False})
    trainer.fit(replace(texts, labels=_probabilities(logits)))
    after = _outputs(longer, texts)
    if min(float(found.std()) for found in (before[""], before["deep"], after["deep"], after[""])) < 1e-6:
        return base
    at = PARTS.index("deep")
    output = longer.get_submodule("output")
    with torch.no_grad():
        ratio = float(before["deep"].std() / after["deep"].std())
        share = float(output.weight[at]) * ratio
        whole = after[""] + (share - float(output.weight[at])) * after["deep"]
        output.weight[at] = share
        kept = float(logits.std() / whole.std())
        output.weight.mul_(kept)
        output.bias.mul_(kept).add_(float(logits.mean() - kept * whole.mean()))
    return replace(base, scorer=NetworkScorer(longer.eval(), spec)).with_rule(calibration=(1.0, 0.0))


def _outputs(net: nn.Module, texts: Examples) -> dict[str, NDArray[np.float64]]:
    found = network_outputs(net, texts, ("deep", ""))
    return {name: value[:, 0].astype(np.float64) for name, value in found.items()}


def _probabilities(logits: Array) -> NDArray[np.float32]:
    return sigmoid(logits).astype(np.float32)
