"""Fine-tuning a `blend` base: every linear weight moves from where the base left it, and is pulled back there.

The base's calibrated logit keeps its say, almost free; next to it move the weights of its n-grams and of its
clusters, and those of the target's own n-grams, which begin at zero. All are held by one ridge penalty towards
their start (L2-SP: Li, Grandvalet and Davoine, "Explicit Inductive Bias for Transfer Learning", ICML 2018),
so few labels change little and many labels change much. The recurrent part stands still; what came of all this
teaches it afterwards (`self_training`). The problem is convex: there is nothing to stop early, and no row need be
held out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from headstart.arrays import Array
from headstart.batches import Examples
from headstart.corpus import Corpus
from headstart.fitting.folds import hold_out
from headstart.fitting.logistic import LinearModel, log_loss, logistic_path
from headstart.inference import network_logits
from headstart.kernels.ngrams import ID_BITS, count_ngrams
from headstart.plain import Json
from headstart.predictor import Predictor
from headstart.strategies.blend.fit_branches import ngram_features, weighted_counts
from headstart.strategies.blend.linear_branch import MOVING, Linear, add_linear, blend_of, moving_features
from headstart.strategies.inputs import examples_of, group_codes_of
from headstart.strategies.settings import Settings

_FEW, _MANY = 300, 2000
_COST = 3.0
_COSTS = (0.3, 1.0, 3.0, 10.0, 30.0)
_FREE = 5.0
"""The base's logit counts for this much as a column, so that it is held 25 times more loosely than the rest."""


def ridge_fine_tune(base: Predictor, train: Corpus, settings: Settings) -> tuple[Predictor, float]:
    """Return the base fine-tuned on labelled rows, and the C that was taken; see the module's text for how.

    Args:
        base: a predictor over a `blend` network; left as it is.
        train: the target's rows, with labels.
        settings: may name C, the inverse strength of the pull towards the base. Else it is 3 up to 2,000 labels, which
            served on five sets (docs/log.md); beyond, a fifth of the rows chooses, in whole groups.
    """
    net, _ = blend_of(base)
    examples = examples_of(base, train)
    slope, intercept = base.calibration
    logits = slope * network_logits(net, examples)[:, 0] + intercept
    listed, scale = target_list(examples, least_rows=1 if len(examples) < _FEW else 2)
    blocks = [
        sp.csr_matrix(logits[:, None] * _FREE),
        ngram_features(listed, scale, examples.ids, 2),
        *moving_features(net, examples.ids),
    ]
    features = sp.hstack(blocks, format="csr").astype(np.float32)
    used = np.unique(np.append(features.indices, 0))  # columns that occur
    inputs = features[:, used]
    prior = np.zeros(len(used), np.float32)
    prior[0] = 1.0 / _FREE
    cost = settings.C or _chosen_cost(inputs, examples, prior, group_codes_of(train, settings))
    (line,) = _path(inputs, examples, prior, (cost,))
    whole = np.zeros(features.shape[1], np.float32)
    whole[used] = line.coefficients[0]
    own, target, *moved = np.split(whole, np.cumsum([block.shape[1] for block in blocks])[:-1])
    changes = dict(zip(MOVING, moved, strict=True))
    added = Linear(listed, scale, target, changes, kept=float(own[0]) * _FREE, bias=float(line.intercepts[0]))
    return add_linear(base, added), cost


def _chosen_cost(
    inputs: Any, examples: Examples, prior: NDArray[np.float32], groups: NDArray[np.int64] | None
) -> float:
    """Return C by the number of labels; folds inside few labels choose worse than this, their losses being noise."""
    labels = np.asarray(examples.labels)
    fold = None if len(labels) <= _MANY else hold_out(labels, groups, 0.2, 0)
    if fold is None:
        return _COST
    best, least = _COST, np.inf
    weights = None if examples.weights is None else examples.weights[fold.valid]
    # Ascending, each from where the one before has ended, until the held-out rows have had enough.
    lines = _path(inputs[fold.train], examples[fold.train], prior, _COSTS)
    for cost, line in zip(_COSTS, lines, strict=True):
        loss = log_loss(labels[fold.valid], line.logits(inputs[fold.valid]), weights)
        if loss >= least:
            break
        best, least = cost, loss
    return best


def _path(
    inputs: object, examples: Examples, prior: NDArray[np.float32], costs: Sequence[float]
) -> Iterator[LinearModel]:
    # The order of the scores settles long before the loss does.
    how: Json = {"weights": examples.weights, "prior": prior, "max_iter": 100, "tolerance": 1e-8}
    return logistic_path(inputs, np.asarray(examples.labels), costs, **how)


def target_list(examples: Examples, *, least_rows: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return the words and pairs of the target's rows, and their inverse document frequencies."""
    ids, weights = examples.ids, examples.weights
    n_rows: Array
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
