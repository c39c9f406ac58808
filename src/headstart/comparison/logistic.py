"""Logistic regression along a path of penalties, pulled towards zero or towards weights known before.

scikit-learn's has no offset and starts every penalty anew; here each starts from the one before, which makes
ten fits cost about as much as two.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

__all__ = ["Line", "log_loss", "ridge_path"]


class Line(NamedTuple):
    """A linear model: ``coefficients`` float64 [size], ``intercept``."""

    coefficients: NDArray[np.float64]
    intercept: float

    def logits(self, inputs: Any, offset: NDArray[np.float64] | float = 0.0) -> NDArray[np.float64]:
        """Return the logits of rows of inputs [rows, size]."""
        found: NDArray[np.float64] = inputs @ self.coefficients + self.intercept + offset
        return found


def ridge_path(
    inputs: Any,
    labels: NDArray[Any],
    penalties: Sequence[float],
    *,
    offset: NDArray[np.float64] | None = None,
    most_steps: int = 150,
) -> list[Line]:
    """Fit for each of `penalties` in turn.

    Minimises the sum of log losses of ``inputs @ w + b + offset`` plus ``|w|**2 / (2 C)``; the intercept is
    free. With ``offset = inputs @ prior`` the answer is how far the weights move from the prior: a ridge
    towards it.

    Args:
        inputs: dense or sparse rows [rows, size].
        labels: 0 and 1 [rows].
        penalties: values of C, from the smallest (strongest pull) on.
        offset: logits to begin from [rows]; None for none.
        most_steps: of L-BFGS, for each penalty.
    """
    truth = np.asarray(labels, np.float64)
    start = np.zeros(len(truth)) if offset is None else np.asarray(offset, np.float64)
    share = (truth.sum() + 0.5) / (len(truth) + 1)
    point = np.zeros(inputs.shape[1] + 1)
    point[-1] = np.log(share / (1 - share)) - start.mean()
    turned = inputs.T.tocsr() if hasattr(inputs, "tocsr") else inputs.T
    lines = []
    for penalty in penalties:
        point = _fit(inputs, turned, truth, start, penalty, point, most_steps)
        lines.append(Line(point[:-1].copy(), float(point[-1])))
    return lines


def _fit(
    inputs: Any,
    turned: Any,
    truth: NDArray[np.float64],
    start: NDArray[np.float64],
    penalty: float,
    point: NDArray[np.float64],
    most_steps: int,
) -> NDArray[np.float64]:
    weight = 1.0 / (penalty * len(truth))  # of the ridge, where the loss is a mean

    def loss(values: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        w = values[:-1]
        z = inputs @ w + values[-1] + start
        error = (expit(z) - truth) / len(truth)
        gradient = np.append(turned @ error + weight * w, error.sum())
        return float(np.mean(np.logaddexp(0, z) - truth * z) + 0.5 * weight * (w @ w)), gradient

    options = {"maxiter": most_steps, "gtol": 1e-6, "ftol": 1e-10, "maxcor": 10}
    found: NDArray[np.float64] = minimize(loss, point, jac=True, method="L-BFGS-B", options=options).x
    return found


def log_loss(labels: NDArray[Any], logits: NDArray[np.float64]) -> float:
    """Return the mean log loss of logits, in nats."""
    return float(np.mean(np.logaddexp(0, logits) - np.asarray(labels, np.float64) * logits))
