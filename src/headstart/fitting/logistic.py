"""Logistic regression, solved two ways; the one place where its loss and gradient stand.

`logistic_path` takes any inputs, a path of penalties of which each starts from the one before (ten fits cost about as much as
two), an offset, and a pull towards any weights and not only towards zero: scikit-learn's has none of these. `fit_dual`, and
`dual_path` for several outputs, are many times faster where rows are short vectors of about length 1, as n-grams are; where
some rows are long (a column that is hardly penalised makes them so) their steps become small, and they are not meant for them.

C is, as in scikit-learn, the inverse strength of the penalty.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from headstart.arrays import Array
from headstart.evaluation import sigmoid
from headstart.kernels.logistic import WeighedRows, sweep, sweep_outputs
from headstart.spill import looked_at

Link = Literal["sigmoid", "softmax"]
"""See `headstart.tasks.Task`."""

_MOST_SWEEPS = 60
_SETTLED, _SETTLED_OF_REST = 1e-4, 0.02
"""Sweeps end when the rows' probabilities move by less than this on average; of several outputs also than this much of what
they are wrong by."""
_ROWS_AT_ONCE = 1000


class LinearModel(NamedTuple):
    """A linear model of one logit or several.

    Attributes:
        coefficients: [outputs, size]; float64, or float32 of several outputs from `dual_path`.
        intercepts: [outputs].
    """

    coefficients: Array
    intercepts: Array

    def logits(self, inputs: object, offset: NDArray[np.float64] | float = 0.0) -> NDArray[np.float64]:
        """Return the logits of rows of inputs [rows, size]: [rows] of one output, [rows, outputs] of several."""
        if len(self.coefficients) == 1:
            found: NDArray[np.float64] = inputs @ self.coefficients[0] + self.intercepts[0] + offset
            return found
        return np.asarray(inputs @ self.coefficients.T + self.intercepts + offset, np.float64)


def losses_of(goals: Array, logits: NDArray[np.float64], link: Link = "sigmoid") -> NDArray[np.float64]:
    """Return the log loss of each row, in nats [rows]; of several labels, of all of them together.

    Args:
        goals: what the outputs learn, from 0 to 1, [rows] or [rows, outputs].
        logits: likewise.
        link: of the task; see `headstart.tasks.Task`.
    """
    if link == "softmax":
        shifted = logits - logits.max(1, keepdims=True)
        with np.errstate(under="ignore"):
            return np.asarray(np.log(np.exp(shifted).sum(1)) - (goals * shifted).sum(1))
    losses = np.logaddexp(0, logits) - goals * logits
    return np.asarray(losses if losses.ndim == 1 else losses.sum(1))


def errors_of(goals: Array, logits: NDArray[np.float64], link: Link = "sigmoid") -> NDArray[np.float64]:
    """Return the gradients of `losses_of` by the logits: probabilities less goals, in their shape."""
    if link == "softmax":
        with np.errstate(under="ignore"):
            grown = np.exp(logits - logits.max(1, keepdims=True))
            return np.asarray(grown / grown.sum(1, keepdims=True) - goals)
    return np.asarray(sigmoid(logits) - goals)


def log_loss(goals: Array, logits: NDArray[np.float64], weights: Array | None = None, link: Link = "sigmoid") -> float:
    """Return the mean of the rows' log losses, in nats; rows count by their weights [rows]. See `losses_of`."""
    return float(np.average(losses_of(np.asarray(goals, np.float64), logits, link), weights=weights))


def costs_up_to(costs: Sequence[float], cost: float | None) -> tuple[float, ...]:
    """Return the values of C on the way to `cost`, itself last; all of them for None.

    A path that ends at a value which it would have passed comes by the same steps to the same digits.
    """
    return tuple(costs) if cost is None else (*(one for one in costs if one < cost), cost)


def logistic_path(
    inputs: Any,
    goals: Array,
    costs: Sequence[float],
    *,
    link: Link = "sigmoid",
    weights: Array | None = None,
    offset: NDArray[np.float64] | None = None,
    prior: Array | None = None,
    max_iter: int = 150,
    tolerance: float = 1e-10,
) -> Iterator[LinearModel]:
    """Yield the best model for each of `costs` in turn; whoever has seen enough asks for no more.

    Minimises the weighted sum of log losses of ``inputs @ w + b + offset`` plus ``|w - prior|**2 / (2 C)``; the intercept
    is free. Products are taken in the inputs' own precision. Several outputs are solved together.

    Args:
        inputs: dense or sparse rows [rows, size].
        goals: what the outputs learn, from 0 to 1: [rows] of one output, [rows, outputs] of several.
        costs: values of C, from the smallest (strongest pull) on.
        link: of the task; see `headstart.tasks.Task`.
        weights: how much each row counts [rows]; None for 1 each.
        offset: logits to begin from, in the shape of the goals; None for none.
        prior: weights to stay near, [size] or [size, outputs]; None for zeros.
        max_iter: most steps of L-BFGS for each C.
        tolerance: a relative fall of the objective that is less ends the search.
    """
    truth = np.asarray(goals, np.float64)
    several, n_outputs = truth.ndim == 2, 1 if truth.ndim == 1 else truth.shape[1]
    each = None if weights is None else np.asarray(weights, np.float64)
    total = float(len(truth)) if each is None else float(each.sum())
    shape = (inputs.shape[1], *truth.shape[1:])
    origin = np.zeros(shape) if prior is None else np.asarray(prior, np.float64)
    base = np.zeros(truth.shape) if offset is None else np.asarray(offset, np.float64)
    if prior is not None:
        base = base + np.asarray(inputs @ origin.astype(inputs.dtype), np.float64)
    transposed = inputs.T.tocsr() if hasattr(inputs, "tocsr") else inputs.T
    fraction = ((truth.sum(0) if each is None else truth.T @ each) + 0.5) / (total + 1)
    point = np.append(np.zeros(shape), np.log(fraction / (1 - fraction)) - base.mean(0))
    options = {"maxiter": max_iter, "gtol": 1e-6, "ftol": tolerance, "maxcor": 10}
    for cost in costs:
        pull = 1.0 / (cost * total)

        def objective(values: NDArray[np.float64], pull: float = pull) -> tuple[float, NDArray[np.float64]]:
            flat, intercepts = values[:-n_outputs], values[-n_outputs:]
            moved = flat.reshape(shape)
            logits = np.asarray(inputs @ moved.astype(inputs.dtype, copy=False), np.float64) + (intercepts + base)
            error, losses = errors_of(truth, logits, link), losses_of(truth, logits, link)
            if each is not None:
                error, losses = error * (each[:, None] if several else each), losses * each
            error /= total
            products = np.asarray(transposed @ error.astype(inputs.dtype, copy=False), np.float64)
            gradient = np.append(products.reshape(-1) + pull * flat, error.sum(0))
            return float(losses.sum() / total + 0.5 * pull * (flat @ flat)), gradient

        point = minimize(objective, point, jac=True, method="L-BFGS-B", options=options).x
        found = (origin + point[:-n_outputs].reshape(shape)).reshape(-1, n_outputs)
        yield LinearModel(found.T, point[-n_outputs:].copy())


def fit_dual(
    inputs: object,
    goals: Array,
    cost: float,
    *,
    weights: Array | None = None,
    n_sweeps: int = _MOST_SWEEPS,
    random_state: int = 0,
) -> tuple[NDArray[np.float32], float]:
    """Minimise the weighted sum of log losses plus ``(|w|**2 + b**2) / (2 C)``; see `headstart.kernels.logistic`.

    The intercept is penalised as a coefficient is, which many rows outweigh: so every step is one downhill.

    Args:
        inputs: sparse CSR [rows, size], float32, or `SparseRows`; or several such in a list, one below the other.
        goals: class codes 0 and 1, or probabilities of class 1 [rows].
        cost: C.
        weights: how much each row counts [rows]; None for 1 each.
        n_sweeps: most passes over the rows; it ends sooner once their probabilities hardly move.
        random_state: seed of the order in which rows are visited.

    Returns:
        Coefficients [size] and intercept.
    """
    parts = _parts(inputs, np.asarray(goals, np.float64), weights)
    # The last coefficient is the intercept. In float32 more of them lie near the processor.
    coefficients = np.zeros(parts[0].size + 1, np.float32)
    _settle(parts, coefficients, cost, n_sweeps, np.random.default_rng(random_state))
    return coefficients[:-1], float(coefficients[-1])


def dual_path(
    inputs: object,
    goals: Array,
    costs: Sequence[float],
    *,
    link: Link,
    weights: Array | None = None,
    offset: Array | None = None,
    random_state: int = 0,
) -> Iterator[LinearModel]:
    """Yield for each of `costs` what `fit_dual` finds for several outputs; each begins where the one before ended.

    Args:
        inputs: as `fit_dual` takes them.
        goals: what the outputs learn, from 0 to 1 [rows, outputs].
        costs: values of C.
        link: of the task; see `headstart.tasks.Task`.
        weights: how much each row counts [rows]; None for 1 each.
        offset: logits to begin from [rows, outputs]; None for none.
        random_state: seed of the order in which rows are visited.

    Yields:
        Models in float32.
    """
    parts = _parts(inputs, np.asarray(goals, np.float32), weights, offset, classes=link == "softmax")
    coefficients = np.zeros((parts[0].size + 1, goals.shape[1]), np.float32)
    rng, before = np.random.default_rng(random_state), 1.0
    for cost in costs:
        # The best weights are C times a sum over the rows, so with another C the same probabilities have other weights.
        coefficients = coefficients * np.float32(cost / before)
        _settle(parts, coefficients, cost, _MOST_SWEEPS, rng)
        yield LinearModel(coefficients[:-1].T, coefficients[-1])
        before = cost


@dataclass(frozen=True, eq=False)
class SparseRows:
    """A sparse matrix in rows, whose arrays may stand in files (`headstart.spill`), where SciPy would copy them.

    Attributes:
        size: columns.
        ends: where each row ends among the values, beginning with 0, int64 [rows + 1].
        places: column of each value [values].
        values: float32 [values].
        squares: sum of each row's squared values, float64 [rows].
    """

    size: int
    ends: NDArray[np.int64]
    places: Array
    values: NDArray[np.float32]
    squares: NDArray[np.float64]

    @classmethod
    def of(cls, block: Any) -> SparseRows:
        """Return what a CSR matrix holds."""
        squares = np.asarray(block.multiply(block).sum(1), np.float64).reshape(-1)
        values = block.data.astype(np.float32, copy=False)
        return cls(block.shape[1], block.indptr.astype(np.int64), block.indices, values, squares)


class _Part:
    """Some rows, and where their probabilities stand."""

    def __init__(
        self, rows: SparseRows, goals: Array, weights: NDArray[np.float64] | None, offset: Array, classes: bool
    ) -> None:
        self.size = rows.size
        self.rows = WeighedRows(rows.ends, rows.places, rows.values, rows.squares + 1.0)
        self.weights, self.offset, self.classes = weights, offset, classes
        self.goals = goals
        self.p = goals.copy()  # so that all coefficients begin at zero

    def rest(self) -> float:
        """Return half of what the probabilities are wrong by, in all."""
        starts = range(0, len(self.p), _ROWS_AT_ONCE)
        return sum(
            0.5 * float(np.abs(self.goals[i : i + _ROWS_AT_ONCE] - self.p[i : i + _ROWS_AT_ONCE]).sum()) for i in starts
        )

    def sweep(self, rng: np.random.Generator, coefficients: NDArray[np.float32], cost: float) -> float:
        """Visit every row once, and return how far their probabilities moved, in all."""
        order = rng.permutation(len(self.p))
        # A row that counts twice has twice the cost: its share of the dual may reach twice as far.
        costs = np.full(len(self.p), cost) if self.weights is None else cost * self.weights
        looked_at(self.rows.places.nbytes + self.rows.values.nbytes)
        if self.p.ndim == 1:
            return float(sweep(self.rows, order, costs, coefficients, self.p))
        return float(sweep_outputs(self.rows, order, costs, self.offset, self.classes, coefficients, self.p))


def _parts(
    inputs: Any, goals: Array, weights: Array | None, offset: Array | None = None, *, classes: bool = False
) -> list[_Part]:
    given = list(inputs) if isinstance(inputs, Sequence) else [inputs]
    blocks = [block if isinstance(block, SparseRows) else SparseRows.of(block) for block in given]
    cuts = np.cumsum([len(block.squares) for block in blocks])[:-1]
    nothing: Any = [None] * len(blocks)
    none_of_rows = np.zeros((0, *goals.shape[1:]), np.float32)
    each = nothing if weights is None else np.split(np.asarray(weights, np.float64), cuts)
    offsets = [none_of_rows] * len(blocks) if offset is None else np.split(np.asarray(offset, np.float32), cuts)
    return [_Part(*part, classes) for part in zip(blocks, np.split(goals, cuts), each, offsets, strict=True)]


def _settle(
    parts: list[_Part], coefficients: NDArray[np.float32], cost: float, n_sweeps: int, rng: np.random.Generator
) -> None:
    """Sweep over the rows until their probabilities hardly move.

    Of several outputs also not by much of what they are wrong by: where rows are fitted closely, the weights are C times so small
    a rest.
    """
    n_rows = sum(len(part.p) for part in parts)
    for _ in range(n_sweeps):
        moved = sum(parts[number].sweep(rng, coefficients, cost) for number in rng.permutation(len(parts)))
        if moved < _SETTLED * n_rows and (
            coefficients.ndim == 1 or moved < _SETTLED_OF_REST * sum(part.rest() for part in parts)
        ):
            break
