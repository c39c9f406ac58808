"""Logistic regression over sparse features, solved two ways.

`solve_logistic` takes any features, and a penalty towards any weights and not only towards zero. `solve_dual` is
many times faster where rows are short vectors of about length 1, as n-grams are here; where some rows are long (a column
that is hardly penalised makes them so) its steps become small, and it is not meant for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from headstart.kernels.logistic import sweep

__all__ = ["solve_dual", "solve_logistic"]

_SETTLED = 1e-4
"""Sweeps end when the rows' probabilities move by less than this on average."""


def solve_logistic(
    features: Any,
    labels: NDArray[Any],
    *,
    penalty: float,
    weights: NDArray[Any] | None = None,
    prior: NDArray[np.float32] | None = None,
    start: NDArray[np.float32] | None = None,
    bias: float = 0.0,
    n_iterations: int = 60,
) -> tuple[NDArray[np.float32], float]:
    """Minimise ``sum of log losses + (1 / (2 * penalty)) * ||weights - prior||^2`` by L-BFGS.

    Args:
        features: sparse CSR [rows, size], float32.
        labels: class codes, 0 and 1 [rows].
        penalty: C, the inverse strength of the pull towards the prior.
        weights: what each row's loss counts for [rows]; None counts all alike.
        prior: weights to stay near [size]; None for zeros.
        start: weights to begin at [size]; None for the prior.
        bias: where the intercept begins; it is not penalised.
        n_iterations: most steps; the score order settles long before the loss does.

    Returns:
        Weights [size] and intercept.
    """
    target = np.asarray(labels, np.float64)
    counts = None if weights is None else np.asarray(weights, np.float64)
    transposed = features.T.tocsr()
    centre = np.zeros(features.shape[1]) if prior is None else prior.astype(np.float64)

    def loss(parameters: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        away, intercept = parameters[:-1] - centre, parameters[-1]
        logits = (features @ parameters[:-1].astype(np.float32)).astype(np.float64) + intercept
        error = 1 / (1 + np.exp(-np.clip(logits, -80, 80))) - target
        losses = np.logaddexp(0, logits) - target * logits
        if counts is not None:
            error, losses = error * counts, losses * counts
        value = np.sum(losses) + away @ away / (2 * penalty)
        slope = (transposed @ error.astype(np.float32)).astype(np.float64) + away / penalty
        return float(value), np.append(slope, error.sum())

    begun = np.append(centre if start is None else start.astype(np.float64), bias)
    options = {"maxiter": n_iterations, "maxcor": 8, "ftol": 1e-8, "gtol": 1e-5}
    found = minimize(loss, begun, jac=True, method="L-BFGS-B", options=options).x
    return found[:-1].astype(np.float32), float(found[-1])


def solve_dual(
    features: Any,
    labels: NDArray[Any],
    *,
    penalty: float,
    weights: NDArray[Any] | None = None,
    n_sweeps: int = 60,
    random_state: int = 0,
) -> tuple[NDArray[np.float32], float]:
    """Minimise ``sum of log losses + (1 / (2 * penalty)) * (||weights||^2 + intercept^2)``; see `headstart.kernels.logistic`.

    The intercept is penalised as a weight is, which many rows outweigh: so every step is one downhill.

    Args:
        features: sparse CSR [rows, size], float32; or several such, one below the other.
        labels: class codes 0 and 1, or probabilities of class 1 [rows].
        penalty: C, the inverse strength of the pull towards zero.
        weights: what each row's loss counts for [rows]; None counts all alike.
        n_sweeps: most passes over the rows; it ends sooner once their probabilities hardly move.
        random_state: seed of the order in which rows are visited.

    Returns:
        Weights [size] and intercept.
    """
    blocks = list(features) if isinstance(features, Sequence) else [features]
    cuts = np.cumsum([block.shape[0] for block in blocks])[:-1]
    targets = np.split(np.asarray(labels, np.float64), cuts)
    penalties = np.split(penalty * (np.ones(len(labels)) if weights is None else np.asarray(weights, np.float64)), cuts)
    parts = [_Part(*part) for part in zip(blocks, targets, penalties, strict=True)]
    # The last coefficient is the intercept. In float32 more of them lie near the processor.
    coefficients = np.zeros(blocks[0].shape[1] + 1, np.float32)
    rng = np.random.default_rng(random_state)
    for _ in range(n_sweeps):
        moved = sum(parts[number].sweep(rng, coefficients) for number in rng.permutation(len(parts)))
        if moved < _SETTLED * len(labels):
            break
    return coefficients[:-1], float(coefficients[-1])


class _Part:
    """Some rows, and where their probabilities stand."""

    def __init__(self, block: Any, target: NDArray[np.float64], penalties: NDArray[np.float64]) -> None:
        self.ends, self.places = block.indptr.astype(np.int64), block.indices
        self.values = block.data.astype(np.float32, copy=False)
        self.target, self.penalties = target, penalties
        self.squares = np.asarray(block.multiply(block).sum(1), np.float64).reshape(-1) + 1.0
        self.p = target.copy()  # so that all weights begin at zero

    def sweep(self, rng: np.random.Generator, coefficients: NDArray[np.float32]) -> float:
        """Visit every row once, and return how far their probabilities moved, in all."""
        order = rng.permutation(len(self.target))
        values = self.ends, self.places, self.values
        return float(sweep(*values, order, self.squares, self.penalties, coefficients, self.p))
