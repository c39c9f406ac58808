"""Logistic regression over sparse features, with a penalty towards any weights and not only towards zero."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

__all__ = ["solve_logistic"]


def solve_logistic(
    features: Any,
    labels: NDArray[Any],
    *,
    penalty: float,
    prior: NDArray[np.float32] | None = None,
    bias: float = 0.0,
    n_iterations: int = 60,
) -> tuple[NDArray[np.float32], float]:
    """Minimise ``sum of log losses + (1 / (2 * penalty)) * ||weights - prior||^2`` by L-BFGS, from the prior on.

    Args:
        features: sparse CSR [rows, size], float32.
        labels: class codes, 0 and 1 [rows].
        penalty: C, the inverse strength of the pull towards the prior.
        prior: weights to stay near [size]; None for zeros.
        bias: where the intercept begins; it is not penalised.
        n_iterations: most steps; the score order settles long before the loss does.

    Returns:
        Weights [size] and intercept.
    """
    target = np.asarray(labels, np.float64)
    transposed = features.T.tocsr()
    centre = np.zeros(features.shape[1]) if prior is None else prior.astype(np.float64)

    def loss(parameters: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        away, intercept = parameters[:-1] - centre, parameters[-1]
        logits = (features @ parameters[:-1].astype(np.float32)).astype(np.float64) + intercept
        error = 1 / (1 + np.exp(-np.clip(logits, -80, 80))) - target
        value = np.sum(np.logaddexp(0, logits) - target * logits) + away @ away / (2 * penalty)
        slope = (transposed @ error.astype(np.float32)).astype(np.float64) + away / penalty
        return float(value), np.append(slope, error.sum())

    start = np.append(centre, bias)
    options = {"maxiter": n_iterations, "maxcor": 8, "ftol": 1e-8, "gtol": 1e-5}
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options=options).x
    return found[:-1].astype(np.float32), float(found[-1])
