"""The gated recurrent unit over whole batches of texts, forward and backward.

For a word with input part x and the state h before it (Cho et al. 2014, as `torch.nn.GRU` has it)::

    r = sigmoid(x_r + U_r h + b_r)          z = sigmoid(x_z + U_z h + b_z)
    n = tanh(x_n + r * (U_n h + b_n))       h' = n + z * (h - n)

The input parts of all words come ready in ``projected``, one row a *distinct* word of the batch; only
``U h`` is left in the loop. One call of a kernel runs one direction over some rows, in blocks of
`BLOCK` whose states and gates stay in the first cache. Rows are sorted by length, so that a step works
on a shrinking head of them and never on padding. Every sum runs in a fixed order.

Gates are kept for the way back. Computing them again from the states would save memory, but takes a
third more products and reads as much; it was measured half as long again (docs/log.md).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from headstart.arrays import Floats
from headstart.kernels.activations import sigmoid, tanh
from headstart.kernels.compiling import compiled
from headstart.kernels.layout import (
    Half,
    Rows,
    add_some,
    addressed,
    ask_for,
    clear,
    clear_padding,
    token_at,
)
from headstart.kernels.llvm import Value
from headstart.kernels.product import Flat, Left, padded, product
from headstart.kernels.simd import (
    LANES,
    address,
    aligned,
    fill,
    first,
    flush_denormals,
    load,
    load_some,
    moved,
    put_back_denormals,
    store,
    store_some,
)

BLOCK = 64
"""Rows that step through time together."""

_NOTHING = np.zeros(0, np.float32)


class Weights(NamedTuple):
    """One direction's recurrent weights, laid out for `product`; see `weights`. Arrays, or their addresses.

    Attributes:
        across: U transposed, [H, width].
        back: U, [3H, state_width].
        bias: b, [width].
        width: columns of ``across`` and of the gates, ``padded(3 * H)``.
        state_width: columns of ``back`` and of a state, ``padded(H)``.
    """

    across: Floats
    back: Floats
    bias: Floats
    width: int
    state_width: int


class Scratch(NamedTuple):
    """Memory of one running call: gates [BLOCK, width], two states [BLOCK, state_width + LANES].

    Arrays, or their addresses.
    """

    gates: Floats
    state: Floats
    slope: Floats


class Forward(NamedTuple):
    """What a call of `forward` works on. Arrays, or their addresses.

    Attributes:
        half: which direction.
        laid: its weights.
        projected: input parts of the distinct words, flat [distinct, half.gates_row].
        states: written, flat [rows, n_tokens, half.states_row].
        saved: written for `backward`, if ``keep``: r, z, n and ``U_n h + b_n`` of every true token of
            the rows in the order of work, 4H values a token.
        keep: whether a `backward` will follow.
        memory: from `scratch`, in use by no other call.
    """

    half: Half
    laid: Weights
    projected: Floats
    states: Floats
    saved: Floats
    keep: bool
    memory: Scratch


class Backward(NamedTuple):
    """What a call of `backward` works on. Arrays, or their addresses.

    Attributes:
        half, laid, states, saved: as they were in `forward`.
        d_states: gradients along the states, flat [rows, n_tokens, half.states_row].
        d_projected: written, flat [distinct, half.gates_row]: gradients along ``projected``.
        d_weights: added to, [H + 1, laid.width]: gradients along U transposed, and in the last row along b.
        memory: from `scratch`, in use by no other call.
    """

    half: Half
    laid: Weights
    states: Floats
    saved: Floats
    d_states: Floats
    d_projected: Floats
    d_weights: Floats
    memory: Scratch


def weights(recurrent: Floats, bias: Floats, *, back_too: bool = True) -> Weights:
    """Lay out U, [3H, H] in the order r, z, n as `torch.nn.GRU` has it, and its bias [3H].

    Without ``back_too`` there is nothing in it for `backward`, which one text is scored the faster by.
    """
    gates, size = recurrent.shape
    width, state_width = padded(gates), padded(size)
    across, laid_bias = aligned(size, width), aligned(width)
    back = aligned(gates, state_width) if back_too else _NOTHING
    across[: size * width].reshape(size, width)[:, :gates] = recurrent.T
    if back_too:
        back[: gates * state_width].reshape(gates, state_width)[:, :size] = recurrent
    laid_bias[:gates] = bias
    return Weights(across, back, laid_bias, width, state_width)


def scratch(laid: Weights) -> Scratch:
    """Allocate what one call of a kernel needs besides its arguments; it may be used again after."""
    gates, state = BLOCK * laid.width, BLOCK * (laid.state_width + LANES)
    whole = aligned(gates + 2 * state)  # one loan takes a third of the time of three
    return Scratch(whole[:gates], whole[gates : gates + state], whole[gates + state :])


@compiled(inline=True)
def _addressed(laid: Weights, memory: Scratch) -> tuple[Weights, Scratch]:
    weights = Weights(address(laid.across), address(laid.back), address(laid.bias), laid.width, laid.state_width)
    return weights, Scratch(address(memory.gates), address(memory.state), address(memory.slope))


@compiled(inline=True)
def _step(size: int, x: Floats, gates: Floats, h: Floats, states: Floats, saved: Floats, keep: bool) -> None:
    """One token forward, all by its own addresses: its state to ``h`` and ``states``, its gates to ``saved``."""
    for j in range(0, size, LANES):
        inside = first(size - j)
        inner = load(gates, 2 * size + j)
        r = sigmoid(load_some(x, j, inside) + load(gates, j))
        z = sigmoid(load_some(x, size + j, inside) + load(gates, size + j))
        n = tanh(load_some(x, 2 * size + j, inside) + r * inner)
        state = n + z * (load(h, j) - n)
        store(h, j, state)
        store_some(states, j, inside, state)
        if keep:
            store_some(saved, j, inside, r)
            store_some(saved, size + j, inside, z)
            store_some(saved, 2 * size + j, inside, n)
            store_some(saved, 3 * size + j, inside, inner)


@compiled(part=True)
def _forward_block(rows: Rows, start: int, n: int, given: Forward, v0: int) -> int:
    """Run ``n`` rows, the first at place ``start``; gives where in ``saved`` the next block begins."""
    half, laid = given.half, given.laid
    width, row_width = laid.width, laid.state_width + LANES
    h, gates = given.memory.state, given.memory.gates
    clear(h, n * row_width)
    step = 0
    while True:
        while n > 0 and rows.lengths[rows.order[start + n - 1]] <= step:
            n -= 1
        if n == 0:
            return v0
        product(Left(h, row_width, 1), Flat(laid.across, width), Flat(laid.bias, 0), Flat(gates, width),
                n, width, half.size)  # fmt: skip
        for i in range(n):
            row = rows.order[start + i]
            ask_for(rows, half, given.projected, row, step + 1)
            token = token_at(rows, row, step, half.reverse)
            x = moved(given.projected, rows.words[token] * half.gates_row)
            state = moved(given.states, token * half.states_row + half.states)
            _step(
                half.size,
                x,
                moved(gates, i * width),
                moved(h, i * row_width),
                state,
                moved(given.saved, v0),
                given.keep,
            )
            v0 += 4 * half.size
        step += 1


@compiled(part=True)
def _forward(rows: Rows, given: Forward) -> None:
    """`forward` by addresses."""
    clear_padding(rows, given.half, given.states)
    v0: Value = np.int64(0)  # a plain 0 is a type of its own, for which the block would be compiled again
    for start in range(0, rows.n_rows, BLOCK):
        n = min(BLOCK, rows.n_rows - start)
        v0 = _forward_block(rows, start, n, given, v0)


@compiled
def forward(rows: Rows, given: Forward) -> None:
    """Run one direction over ``rows`` and write their states, zeros at padding."""
    before = flush_denormals()
    weights, work = _addressed(given.laid, given.memory)
    arrays = address(given.projected), address(given.states), address(given.saved)
    _forward(addressed(rows), Forward(given.half, weights, arrays[0], arrays[1], arrays[2], given.keep, work))
    put_back_denormals(before)


@compiled(inline=True)
def _step_back(
    size: int, saved: Floats, d_state: Floats, before: Floats, step: int, work: Scratch, d_projected: Floats
) -> None:
    """One token backward, all by its own addresses: gradients of its gates to ``work.gates`` and ``d_projected``, the state
    ``before`` it to ``work.state``.
    """
    slope, h, gates = work.slope, work.state, work.gates
    one = fill(np.float32(1.0))
    for j in range(0, size, LANES):
        inside = first(size - j)
        r, z = load_some(saved, j, inside), load_some(saved, size + j, inside)
        n, inner = load_some(saved, 2 * size + j, inside), load_some(saved, 3 * size + j, inside)
        former = load_some(before, j, inside) if step > 0 else fill(np.float32(0.0))
        d = load(slope, j) + load_some(d_state, j, inside)
        d_n = d * (one - z) * (one - n * n)
        d_z = d * (former - n) * z * (one - z)
        d_r = d_n * inner * r * (one - r)
        store(slope, j, d * z)
        store(h, j, former)
        store_some(gates, j, inside, d_r)
        store_some(gates, size + j, inside, d_z)
        store_some(gates, 2 * size + j, inside, d_n * r)
        add_some(d_projected, j, inside, d_r)
        add_some(d_projected, size + j, inside, d_z)
        add_some(d_projected, 2 * size + j, inside, d_n)
    h[size] = np.float32(1.0)  # a state that is always 1: its weights' slope is the bias's


@compiled(part=True)
def _backward_block(rows: Rows, start: int, n_rows: int, given: Backward, end: int) -> None:
    """Run ``n_rows`` rows, the first at place ``start``, whose part of ``saved`` ends at ``end``."""
    half, laid = given.half, given.laid
    size, width, row_width = half.size, laid.width, laid.state_width + LANES
    slope, h, gates = given.memory.slope, given.memory.state, given.memory.gates
    clear(slope, n_rows * row_width)
    n = 0
    for step in range(rows.lengths[rows.order[start]] - 1, -1, -1):
        while n < n_rows and rows.lengths[rows.order[start + n]] > step:
            n += 1
        end -= n * 4 * size
        for i in range(n):
            token = token_at(rows, rows.order[start + i], step, half.reverse)
            s0 = token * half.states_row + half.states
            p0 = s0 + half.states_row if half.reverse else s0 - half.states_row
            saved, d_state = moved(given.saved, end + i * 4 * size), moved(given.d_states, s0)
            work = Scratch(moved(gates, i * width), moved(h, i * row_width), moved(slope, i * row_width))
            d_projected = moved(given.d_projected, rows.words[token] * half.gates_row)
            _step_back(size, saved, d_state, moved(given.states, p0), step, work, d_projected)
        gradients, sums = Flat(slope, row_width), Flat(given.d_weights, width)
        product(
            Left(gates, width, 1),
            Flat(laid.back, laid.state_width),
            gradients,
            gradients,
            n,
            laid.state_width,
            3 * size,
        )
        product(Left(h, 1, row_width), Flat(gates, width), sums, sums, size + 1, width, n)


@compiled(part=True)
def _backward(rows: Rows, given: Backward) -> None:
    """`backward` by addresses."""
    end: Value = np.int64(0)
    for start in range(0, rows.n_rows, BLOCK):
        n = min(BLOCK, rows.n_rows - start)
        for i in range(start, start + n):
            end += rows.lengths[rows.order[i]] * 4 * given.half.size
        _backward_block(rows, start, n, given, end)


@compiled
def backward(rows: Rows, given: Backward) -> None:
    """Slopes of a loss along one direction's inputs and weights, from those along its states."""
    before = flush_denormals()
    clear(address(given.d_projected), len(given.d_projected))
    weights, work = _addressed(given.laid, given.memory)
    states, saved, d_states = address(given.states), address(given.saved), address(given.d_states)
    d_projected, d_weights = address(given.d_projected), address(given.d_weights)
    held = Backward(given.half, weights, states, saved, d_states, d_projected, d_weights, work)
    _backward(addressed(rows), held)
    put_back_denormals(before)
