"""Adam on some rows of a matrix, with the steps that those rows have missed.

Adam moves a weight in every step, also where its gradient is zero: the mean of past gradients decays
but still pulls. A row of an embedding that is in few batches can wait with that until it is next
read, and then make up for all missed steps at once, while its values stay in registers. The
result is that of doing every step, for a fraction of the memory traffic.

Kingma and Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015; with ``decay`` below 1,
Loshchilov and Hutter, "Decoupled Weight Decay Regularization", ICLR 2019.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from headstart.arrays import Floats, Places
from headstart.kernels.compiling import compiled
from headstart.kernels.llvm import Lanes
from headstart.kernels.simd import (
    LANES,
    address,
    any_lane,
    fill,
    first,
    flush_denormals,
    greater,
    load_some,
    prefetch,
    put_back_denormals,
    root,
    store_some,
)

_AHEAD = 3  # rows to ask for before their turn
_LINE = 16  # values in a cache line
_STILL = 1e-14  # below this ratio of squared mean to mean square, a step is lost in the rounding of the weight


class Matrix(NamedTuple):
    """A weight matrix and what Adam keeps for it, all flat; compiled loops hold addresses of the arrays.

    Attributes:
        weight: [rows, size].
        mean: running mean of the gradients, [rows, size].
        square: running mean of their squares, [rows, size].
        done: number of steps that each row has made, int64 [rows].
        size: columns.
    """

    weight: Floats
    mean: Floats
    square: Floats
    done: Places
    size: int


class Schedule(NamedTuple):
    """What the steps have in common, and what differs from step to step; compiled loops hold addresses.

    Attributes:
        beta_1: decay of the mean.
        beta_2: decay of the mean square.
        gain_1: one less ``beta_1``, before rounding.
        gain_2: one less ``beta_2``, before rounding.
        epsilon: added to the root.
        penalty: share of the weight that is added to its gradient (L2 regularisation).
        base: number of the step before the first one listed in the arrays.
        rate: learning rate over the mean's bias correction, of every step from ``base + 1`` on.
        scale: one over the root of the mean square's bias correction, likewise.
        decay: factor on the weight before the step, likewise (decoupled weight decay; 1 for none).
    """

    beta_1: np.float32
    beta_2: np.float32
    gain_1: np.float32
    gain_2: np.float32
    epsilon: np.float32
    penalty: np.float32
    base: int
    rate: Floats
    scale: Floats
    decay: Floats


class Span(NamedTuple):
    """Some of a list of rows; compiled loops hold the address of the list.

    Attributes:
        rows: row numbers, each once.
        start: first place in ``rows`` to work on.
        stop: the place after the last.
    """

    rows: Places
    start: int
    stop: int


@compiled(inline=True)
def _move(s: Schedule, at: int, weight: Lanes, mean: Lanes, square: Lanes) -> Lanes:
    """The weight after the step, from the means after it."""
    step = fill(s.rate[at]) * mean / (root(square) * fill(s.scale[at]) + fill(s.epsilon))
    return weight * fill(s.decay[at]) - step


@compiled(inline=True)
def _learn(s: Schedule, slope: Lanes, mean: Lanes, square: Lanes) -> Lanes:
    """Both means after the step."""
    mean = fill(s.beta_1) * mean + fill(s.gain_1) * slope
    square = fill(s.beta_2) * square + fill(s.gain_2) * slope * slope
    return mean, square


@compiled(inline=True)
def _missed(s: Schedule, start: int, stop: int, weight: Lanes, mean: Lanes, square: Lanes) -> Lanes:
    """Weight and means after steps [start, stop) of the schedule with a gradient of zero."""
    beta_1, beta_2, still = fill(s.beta_1), fill(s.beta_2), fill(np.float32(_STILL))
    at = start
    while at < stop and any_lane(greater(mean * mean, still * square)):
        mean, square = beta_1 * mean, beta_2 * square
        weight = _move(s, at, weight, mean, square)
        at += 1
    while at < stop:
        mean, square = beta_1 * mean, beta_2 * square
        weight = weight * fill(s.decay[at])
        at += 1
    return weight, mean, square


@compiled(inline=True)
def _missed_with_penalty(s: Schedule, start: int, stop: int, weight: Lanes, mean: Lanes, square: Lanes) -> Lanes:
    """The same where the weight itself adds to its gradient, so that no step is lost."""
    for at in range(start, stop):
        mean, square = _learn(s, fill(s.penalty) * weight, mean, square)
        weight = _move(s, at, weight, mean, square)
    return weight, mean, square


@compiled(inline=True)
def _row(matrix: Matrix, s: Schedule, row: int, until: int, gradients: Floats, g0: int, learn: bool) -> None:
    """Bring one row to step ``until``, then make one step more with its gradients if ``learn``."""
    start, stop, size = matrix.done[row] - s.base, until - s.base, matrix.size
    for j in range(0, size, LANES):
        inside, at = first(size - j), row * size + j
        weight = load_some(matrix.weight, at, inside)
        mean, square = load_some(matrix.mean, at, inside), load_some(matrix.square, at, inside)
        if s.penalty == 0.0:
            weight, mean, square = _missed(s, start, stop, weight, mean, square)
        else:
            weight, mean, square = _missed_with_penalty(s, start, stop, weight, mean, square)
        if learn:
            slope = load_some(gradients, g0 + j, inside) + fill(s.penalty) * weight
            mean, square = _learn(s, slope, mean, square)
            weight = _move(s, stop, weight, mean, square)
        store_some(matrix.weight, at, inside, weight)
        store_some(matrix.mean, at, inside, mean)
        store_some(matrix.square, at, inside, square)
    matrix.done[row] = until + learn


@compiled(inline=True)
def _addressed(matrix: Matrix, s: Schedule) -> tuple[Matrix, Schedule]:
    held = Matrix(
        address(matrix.weight), address(matrix.mean), address(matrix.square), address(matrix.done), matrix.size
    )
    constants = s.beta_1, s.beta_2, s.gain_1, s.gain_2, s.epsilon, s.penalty
    steps = address(s.rate), address(s.scale), address(s.decay)
    return held, Schedule(
        constants[0], constants[1], constants[2], constants[3], constants[4], constants[5], s.base,
        steps[0], steps[1], steps[2],
    )  # fmt: skip


@compiled(inline=True)
def _ask_for(matrix: Matrix, row: int) -> None:
    """Have the values of a later row fetched meanwhile."""
    start = row * matrix.size
    for j in range(start, start + matrix.size, _LINE):
        prefetch(matrix.weight, j)
        prefetch(matrix.mean, j)
        prefetch(matrix.square, j)


@compiled(part=True)
def _advance(matrix: Matrix, s: Schedule, span: Span, until: int, gradients: Floats, learn: bool) -> None:
    """`advance` by addresses."""
    rows = span.rows
    for i in range(span.start, span.stop):
        _ask_for(matrix, rows[min(i + _AHEAD, span.stop - 1)])
        if learn or matrix.done[rows[i]] < until:
            _row(matrix, s, rows[i], until, gradients, i * matrix.size, learn)


@compiled
def advance(matrix: Matrix, s: Schedule, span: Span, until: int, gradients: Floats, learn: bool) -> None:
    """Bring the rows of a span to step ``until``; if ``learn``, make the next step with ``gradients`` too.

    Args:
        matrix: the weights; rows are changed in place.
        s: the steps; must reach from every row's last step to the one to be made.
        span: the rows.
        until: number of the step to catch up with.
        gradients: gradients of all listed rows, flat [len(span.rows), size]; not read unless ``learn``.
        learn: whether to make step ``until + 1``.
    """
    before = flush_denormals()
    held, schedule = _addressed(matrix, s)
    _advance(held, schedule, Span(address(span.rows), span.start, span.stop), until, address(gradients), learn)
    put_back_denormals(before)
