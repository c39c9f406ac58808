"""Fine-tuning a `blend` base: every linear weight moves from where the base left it, and is pulled back there.

The base's calibrated logit keeps its say, almost free; beside it move the weights of its n-grams and of its
clusters, and those of the target's own n-grams, which begin at zero. All are held by one ridge penalty towards
their start (L2-SP: Li, Grandvalet and Davoine, "Explicit Inductive Bias for Transfer Learning", ICML 2018),
so few labels change little and many labels change much. The recurrent part stands still; what came of all this
teaches it afterwards (`self_training`). The problem is convex: there is nothing to stop early, and no row need be
held out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from headstart.batches import Examples
from headstart.corpus import split_rows
from headstart.inference import network_logits
from headstart.kernels.ngrams import ID_BITS, count_ngrams
from headstart.predictor import Predictor
from headstart.strategies.blend.fit_branches import ngram_features, weighted_counts
from headstart.strategies.blend.linear_branch import MOVING, Linear, add_linear, blend_of, moving_features
from headstart.strategies.logistic import solve_logistic

__all__ = ["fine_tune_blend"]

_FEW, _MANY = 300, 2000
_COST = 3.0
_COSTS = (0.3, 1.0, 3.0, 10.0, 30.0)
_FREE = 5.0
"""The base's logit counts for this much as a column, so that it is held 25 times more loosely than the rest."""


def fine_tune_blend(base: Predictor, examples: Examples, *, penalty: float | None = None) -> Predictor:
    """Return the base fine-tuned on labelled rows; see the module's text for how.

    Args:
        base: a predictor over a `blend` network; left as it is.
        examples: the target's rows as the base sees them, with labels.
        penalty: C, the inverse strength of the pull towards the base. None takes 3 up to 2,000 labels, which served on
            five sets (docs/log.md); beyond, a fifth of the rows chooses.
    """
    net, _ = blend_of(base)
    labels = np.asarray(examples.labels, np.float32)
    slope, intercept = base.calibration
    logits = slope * network_logits(net, examples)[:, 0] + intercept
    listed, scale = _target_list(examples, least_rows=1 if len(examples) < _FEW else 2)
    blocks = [
        sp.csr_matrix(logits[:, None] * _FREE),
        ngram_features(listed, scale, examples.ids, 2),
        *moving_features(net, examples.ids),
    ]
    (own, target, *moved), bias = _solve(blocks, labels, examples.weights, penalty)
    changes = dict(zip(MOVING, moved, strict=True))
    return add_linear(base, Linear(listed, scale, target, changes, kept=float(own[0]) * _FREE, bias=bias))


def _penalty(
    features: Any, labels: NDArray[np.float32], weights: NDArray[np.float32] | None, prior: NDArray[np.float32]
) -> float:
    """Return C by the number of labels; folds inside few labels choose worse than this, their losses being noise."""
    if len(labels) <= _MANY:
        return _COST
    rest, held = split_rows(len(labels), 0.2, labels=labels.astype(int))
    some, others = features[rest], features[held]
    best, least, found, bias = _COST, np.inf, None, 0.0
    counts = None if weights is None else weights[rest]
    for cost in _COSTS:  # ascending, each from where the one before has ended, until the held-out rows have had enough
        found, bias = solve_logistic(
            some, labels[rest], penalty=cost, weights=counts, prior=prior, start=found, bias=bias, n_iterations=100
        )
        logits = others @ found + bias
        losses = np.logaddexp(0, logits) - labels[held] * logits
        loss = float(np.mean(losses) if weights is None else np.average(losses, weights=weights[held]))
        if loss >= least:
            break
        best, least = cost, loss
    return best


def _solve(
    blocks: Sequence[Any],
    labels: NDArray[np.float32],
    weights: NDArray[np.float32] | None,
    penalty: float | None,
) -> tuple[list[NDArray[np.float32]], float]:
    """Solve over the columns that occur, and return each block's weights in full, and the intercept."""
    features = sp.hstack(blocks, format="csr").astype(np.float32)
    used = np.unique(np.append(features.indices, 0))
    features_used = features[:, used]
    prior = np.zeros(len(used), np.float32)
    prior[0] = 1.0 / _FREE
    cost = penalty or _penalty(features_used, labels, weights, prior)
    found, bias = solve_logistic(features_used, labels, penalty=cost, weights=weights, prior=prior, n_iterations=100)
    whole = np.zeros(features.shape[1], np.float32)
    whole[used] = found
    ends = np.cumsum([block.shape[1] for block in blocks])[:-1]
    return list(np.split(whole, ends)), bias


def _target_list(examples: Examples, *, least_rows: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return the words and pairs of the target's rows, and their inverse document frequencies."""
    ids, weights = examples.ids, examples.weights
    n_rows: NDArray[Any]
    listed, n_rows, _ = count_ngrams(ids.values, ids.offsets, np.zeros(len(ids), bool), 2)
    total, standing = float(len(ids)), n_rows
    if weights is not None:
        n_rows = weighted_counts(listed, 2, ids, weights)
        total, standing = float(weights.sum()), np.maximum(standing, n_rows)
    kept = standing >= least_rows
    if not kept.any():
        listed, n_rows, kept = np.array([2 << ID_BITS | 2]), np.array([1]), np.array([True])
    scale = np.log((1 + total) / (1 + n_rows[kept])) + 1
    return listed[kept], scale.astype(np.float32)
