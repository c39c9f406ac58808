"""Logistic regression over sparse features, with a penalty towards any weights and not only towards zero."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.kernels.logistic import sweep

__all__ = ["solve_logistic"]

_SETTLED = 1e-4


def solve_logistic(
    features: Any,
    labels: NDArray[Any],
    *,
    penalty: float,
    prior: NDArray[np.float32] | None = None,
    bias: float = 0.0,
    n_sweeps: int = 60,
    random_state: int = 0,
) -> tuple[NDArray[np.float32], float]:
    """Minimise ``sum of log losses + (1 / (2 * penalty)) * ||weights - prior||^2``; see `headstart.kernels.logistic`.

    Args:
        features: sparse CSR [rows, size], float32; or several such, one below the other.
        labels: class codes 0 and 1, or probabilities of class 1 [rows].
        penalty: C, the inverse strength of the pull towards the prior.
        prior: weights to stay near [size]; None for zeros.
        bias: where the intercept begins; it is not penalised.
        n_sweeps: most passes over the rows; it ends sooner once the rows' probabilities hardly move.
        random_state: seed of the order in which rows are visited.

    Returns:
        Weights [size] and intercept.
    """
    blocks = list(features) if isinstance(features, Sequence) else [features]
    cuts = np.cumsum([block.shape[0] for block in blocks])[:-1]
    targets = np.split(np.asarray(labels, np.float64), cuts)
    parts = [_Part(block, target, prior) for block, target in zip(blocks, targets, strict=True)]
    weights = np.zeros(blocks[0].shape[1], np.float32)  # half as wide, more of them lie near the processor
    rng = np.random.default_rng(random_state)
    for _ in range(n_sweeps):
        sums = np.zeros(3)
        for number in rng.permutation(len(parts)):
            parts[number].sweep(rng, penalty, bias, weights, sums)
        step = sums[0] / max(sums[1], 1e-9)
        bias -= float(np.clip(step, -1.0, 1.0))
        if sums[2] < _SETTLED * len(labels) and abs(step) < _SETTLED:
            break
    found = weights if prior is None else weights + prior
    return found.astype(np.float32, copy=False), bias


class _Part:
    """Some rows, and where their probabilities stand."""

    def __init__(self, block: Any, target: NDArray[np.float64], prior: NDArray[np.float32] | None) -> None:
        self.ends, self.places = block.indptr.astype(np.int64), block.indices
        self.values = block.data.astype(np.float32, copy=False)
        self.fixed = np.zeros(block.shape[0]) if prior is None else np.asarray(block @ prior, np.float64)
        self.target = target
        self.squares = np.asarray(block.multiply(block).sum(1), np.float64).reshape(-1)
        self.p = target.copy()  # so that all weights begin at zero

    def sweep(
        self, rng: np.random.Generator, penalty: float, bias: float, weights: NDArray[np.float32], sums: NDArray[Any]
    ) -> None:
        order = rng.permutation(len(self.target))
        rows = self.ends, self.places, self.values, order, self.fixed, self.target, self.squares
        sweep(*rows, penalty, bias, weights, self.p, sums)
