"""Logistic regression, solved two ways; the one place where its loss and gradient stand.

`logistic_path` takes any inputs, a path of penalties of which each starts from the one before (ten fits cost about as much as
two), an offset, and a pull towards any weights and not only towards zero: scikit-learn's has none of these. `fit_dual` is
many times faster where rows are short vectors of about length 1, as n-grams are in a `blend`; where some rows are long (a
column that is hardly penalised makes them so) its steps become small, and it is not meant for them.

C is, as in scikit-learn, the inverse strength of the penalty.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from headstart.arrays import Array
from headstart.evaluation import sigmoid
from headstart.kernels.logistic import sweep

__all__ = ["LinearModel", "costs_up_to", "fit_dual", "log_loss", "logistic_path"]

_SETTLED = 1e-4
"""Sweeps end when the rows' probabilities move by less than this on average."""


class LinearModel(NamedTuple):
    """A linear model of one logit or several.

    Attributes:
        coefficients: float64 [outputs, size].
        intercepts: float64 [outputs].
    """

    coefficients: NDArray[np.float64]
    intercepts: NDArray[np.float64]

    def logits(self, inputs: Any, offset: NDArray[np.float64] | float = 0.0) -> NDArray[np.float64]:
        """Return the logits of rows of inputs [rows, size]: [rows] of one output, [rows, outputs] of several."""
        if len(self.coefficients) == 1:
            found: NDArray[np.float64] = inputs @ self.coefficients[0] + self.intercepts[0] + offset
            return found
        return np.asarray(inputs @ self.coefficients.T + self.intercepts + offset)


def log_loss(labels: Array, logits: NDArray[np.float64], weights: Array | None = None) -> float:
    """Return the mean log loss of logits [rows], in nats; rows count by their weights."""
    losses = np.logaddexp(0, logits) - np.asarray(labels, np.float64) * logits
    return float(np.average(losses, weights=weights))


def costs_up_to(costs: Sequence[float], cost: float | None) -> tuple[float, ...]:
    """Return the values of C on the way to `cost`, itself last; all of them for None.

    A path that ends at a value which it would have passed comes by the same steps to the same digits.
    """
    return tuple(costs) if cost is None else (*(one for one in costs if one < cost), cost)


def logistic_path(
    inputs: Any,
    labels: Array,
    costs: Sequence[float],
    *,
    weights: Array | None = None,
    offset: NDArray[np.float64] | None = None,
    prior: Array | None = None,
    max_iter: int = 150,
    tolerance: float = 1e-10,
) -> Iterator[LinearModel]:
    """Yield the best model for each of `costs` in turn; whoever has seen enough asks for no more.

    Minimises the weighted sum of log losses of ``inputs @ w + b + offset`` plus ``|w - prior|**2 / (2 C)``; the intercept
    is free. Products are taken in the inputs' own precision.

    Args:
        inputs: dense or sparse rows [rows, size].
        labels: class codes 0 and 1, or probabilities of class 1 [rows].
        costs: values of C, from the smallest (strongest pull) on.
        weights: how much each row counts [rows]; None for 1 each.
        offset: logits to begin from [rows]; None for none.
        prior: weights to stay near [size]; None for zeros.
        max_iter: most steps of L-BFGS for each C.
        tolerance: a relative fall of the objective that is less ends the search.
    """
    truth = np.asarray(labels, np.float64)
    each = None if weights is None else np.asarray(weights, np.float64)
    total = float(len(truth)) if each is None else float(each.sum())
    origin = np.zeros(inputs.shape[1]) if prior is None else np.asarray(prior, np.float64)
    base = np.zeros(len(truth)) if offset is None else np.asarray(offset, np.float64)
    if prior is not None:
        base = base + np.asarray(inputs @ origin.astype(inputs.dtype), np.float64)
    transposed = inputs.T.tocsr() if hasattr(inputs, "tocsr") else inputs.T
    positive = float(truth.sum() if each is None else truth @ each)
    fraction = (positive + 0.5) / (total + 1)
    point = np.append(np.zeros(inputs.shape[1]), np.log(fraction / (1 - fraction)) - base.mean())
    options = {"maxiter": max_iter, "gtol": 1e-6, "ftol": tolerance, "maxcor": 10}
    for cost in costs:
        pull = 1.0 / (cost * total)

        def objective(values: NDArray[np.float64], pull: float = pull) -> tuple[float, NDArray[np.float64]]:
            moved = values[:-1]
            logits = np.asarray(inputs @ moved.astype(inputs.dtype, copy=False), np.float64) + (values[-1] + base)
            error = sigmoid(logits) - truth
            losses = np.logaddexp(0, logits) - truth * logits
            if each is not None:
                error, losses = error * each, losses * each
            error /= total
            gradient = np.asarray(transposed @ error.astype(inputs.dtype, copy=False), np.float64) + pull * moved
            return float(losses.sum() / total + 0.5 * pull * (moved @ moved)), np.append(gradient, error.sum())

        point = minimize(objective, point, jac=True, method="L-BFGS-B", options=options).x
        yield LinearModel((origin + point[:-1])[None], point[-1:].copy())


def fit_dual(
    inputs: Any,
    labels: Array,
    cost: float,
    *,
    weights: Array | None = None,
    n_sweeps: int = 60,
    random_state: int = 0,
) -> tuple[NDArray[np.float32], float]:
    """Minimise the weighted sum of log losses plus ``(|w|**2 + b**2) / (2 C)``; see `headstart.kernels.logistic`.

    The intercept is penalised as a coefficient is, which many rows outweigh: so every step is one downhill.

    Args:
        inputs: sparse CSR [rows, size], float32; or several such, one below the other.
        labels: class codes 0 and 1, or probabilities of class 1 [rows].
        cost: C.
        weights: how much each row counts [rows]; None for 1 each.
        n_sweeps: most passes over the rows; it ends sooner once their probabilities hardly move.
        random_state: seed of the order in which rows are visited.

    Returns:
        Coefficients [size] and intercept.
    """
    blocks = list(inputs) if isinstance(inputs, Sequence) else [inputs]
    cuts = np.cumsum([block.shape[0] for block in blocks])[:-1]
    # A row that counts twice has twice the cost: its share of the dual may reach twice as far.
    costs = np.full(len(labels), cost) if weights is None else cost * np.asarray(weights, np.float64)
    split = zip(blocks, np.split(np.asarray(labels, np.float64), cuts), np.split(costs, cuts), strict=True)
    parts = [_Part(block, target, of_rows) for block, target, of_rows in split]
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

    def __init__(self, block: Any, target: NDArray[np.float64], costs: NDArray[np.float64]) -> None:
        self.ends, self.places = block.indptr.astype(np.int64), block.indices
        self.values = block.data.astype(np.float32, copy=False)
        self.squares = np.asarray(block.multiply(block).sum(1), np.float64).reshape(-1) + 1.0
        self.costs = costs
        self.p = target.copy()  # so that all coefficients begin at zero

    def sweep(self, rng: np.random.Generator, coefficients: NDArray[np.float32]) -> float:
        """Visit every row once, and return how far their probabilities moved, in all."""
        order = rng.permutation(len(self.p))
        values = self.ends, self.places, self.values
        return float(sweep(*values, order, self.squares, self.costs, coefficients, self.p))
