"""Logistic regression over sparse features: from nothing over rows of like length, and near weights that are there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from headstart.kernels.logistic import sweep

__all__ = ["solve_logistic", "solve_near"]

_SETTLED = 1e-4


def solve_logistic(
    features: Any,
    labels: NDArray[Any],
    *,
    penalty: float,
    bias: float = 0.0,
    n_sweeps: int = 60,
    random_state: int = 0,
) -> tuple[NDArray[np.float32], float]:
    """Minimise ``sum of log losses + (1 / (2 * penalty)) * ||weights||^2``; see `headstart.kernels.logistic`.

    It is for rows of a length near 1. What a step moves falls with the penalty times a row's squared length: with a long
    column that all rows share, even hundreds of sweeps end far from the least, and `solve_near` serves.

    Args:
        features: sparse CSR [rows, size], float32; or several such, one below the other.
        labels: class codes 0 and 1, or probabilities of class 1 [rows].
        penalty: C, the inverse strength of the pull towards zero.
        bias: where the intercept begins; it is not penalised.
        n_sweeps: most passes over the rows; it ends sooner once the rows' probabilities hardly move.
        random_state: seed of the order in which rows are visited.

    Returns:
        Weights [size] and intercept.
    """
    blocks = list(features) if isinstance(features, Sequence) else [features]
    cuts = np.cumsum([block.shape[0] for block in blocks])[:-1]
    targets = np.split(np.asarray(labels, np.float64), cuts)
    parts = [_Part(block, target) for block, target in zip(blocks, targets, strict=True)]
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
    return weights, bias


def solve_near(
    features: Any, labels: NDArray[Any], prior: NDArray[np.float32], *, penalty: float, n_iterations: int = 200
) -> tuple[NDArray[np.float32], float]:
    """Minimise ``sum of log losses + (1 / (2 * penalty)) * ||weights - prior||^2`` by L-BFGS, from the prior on.

    Args:
        features: sparse CSR [rows, size], float32; columns may differ in scale.
        labels: class codes 0 and 1 [rows].
        prior: weights to stay near [size].
        penalty: C, the inverse strength of the pull towards the prior.
        n_iterations: most steps.

    Returns:
        Weights [size] and intercept, which is not penalised.
    """
    target = np.asarray(labels, np.float64)
    transposed = features.T.tocsr()
    centre = prior.astype(np.float64)

    def loss(parameters: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        away, intercept = parameters[:-1] - centre, parameters[-1]
        logits = (features @ parameters[:-1].astype(np.float32)).astype(np.float64) + intercept
        error = 1 / (1 + np.exp(-np.clip(logits, -80, 80))) - target
        value = np.sum(np.logaddexp(0, logits) - target * logits) + away @ away / (2 * penalty)
        slope = (transposed @ error.astype(np.float32)).astype(np.float64) + away / penalty
        return float(value), np.append(slope, error.sum())

    options = {"maxiter": n_iterations, "maxcor": 8, "ftol": 1e-8, "gtol": 1e-5}
    found = minimize(loss, np.append(centre, 0.0), jac=True, method="L-BFGS-B", options=options).x
    return found[:-1].astype(np.float32), float(found[-1])


class _Part:
    """Some rows, and where their probabilities stand."""

    def __init__(self, block: Any, target: NDArray[np.float64]) -> None:
        self.ends, self.places = block.indptr.astype(np.int64), block.indices
        self.values = block.data.astype(np.float32, copy=False)
        self.target = target
        self.squares = np.asarray(block.multiply(block).sum(1), np.float64).reshape(-1)
        self.p = target.copy()  # so that all weights begin at zero

    def sweep(
        self, rng: np.random.Generator, penalty: float, bias: float, weights: NDArray[np.float32], sums: NDArray[Any]
    ) -> None:
        order = rng.permutation(len(self.target))
        rows = self.ends, self.places, self.values, order, self.target, self.squares
        sweep(*rows, penalty, bias, weights, self.p, sums)
