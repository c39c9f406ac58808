"""A recurrent encoder without a matrix product in its loop, over whole batches of texts.

For a word with input part x, and the input part y that the word read before it leaves behind::

    z = tanh(x_z + y_z)        f = sigmoid(x_f + y_f)        h' = z + f * (h - z)

This is the quasi-recurrent network with f-pooling and a window of two words (Bradbury, Merity, Xiong
and Socher, "Quasi-Recurrent Neural Networks", ICLR 2017). With a window of one word, y is absent: a
minimal GRU (Feng et al., "Were RNNs All We Needed?", 2024) but for the tanh.

The parts of all words come ready in ``projected``, one row a distinct word of the batch, in the order
x_z, x_f, y_z, y_f. Rows do not wait for each other here, so each is run from end to end.
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
from headstart.kernels.llvm import Lanes
from headstart.kernels.simd import (
    LANES,
    address,
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


@compiled(inline=True)
def _gates(half: Half, projected: Floats, at: int, former: int, paired: bool, inside: Lanes) -> Lanes:
    """z and f of the word at ``at``, after the word at ``former`` if ``paired``."""
    z, f = load_some(projected, at, inside), load_some(projected, at + half.size, inside)
    if paired:
        z = z + load_some(projected, former + 2 * half.size, inside)
        f = f + load_some(projected, former + 3 * half.size, inside)
    return tanh(z), sigmoid(f)


@compiled(inline=True)
def _word(rows: Rows, half: Half, token: int) -> int:
    at: int = rows.words[token] * half.gates_row
    return at


@compiled(part=True)
def _forward(rows: Rows, half: Half, projected: Floats, states: Floats, h: Floats) -> None:
    """`forward` by addresses; ``h`` holds the state."""
    clear_padding(rows, half, states)
    paired = half.n_gates > 2 * half.size
    for i in range(rows.n_rows):
        row = rows.order[i]
        clear(h, half.size)
        former = -1
        for step in range(rows.lengths[row]):
            ask_for(rows, half, projected, row, step + 2)
            token = token_at(rows, row, step, half.reverse)
            at, s0 = _word(rows, half, token), token * half.states_row + half.states
            for j in range(0, half.size, LANES):
                inside = first(half.size - j)
                z, f = _gates(half, projected, at + j, former + j, former >= 0, inside)
                state = z + f * (load(h, j) - z)
                store(h, j, state)
                store_some(states, s0 + j, inside, state)
            if paired:
                former = at


@compiled
def forward(rows: Rows, half: Half, projected: Floats, states: Floats, memory: Floats) -> None:
    """Run one direction over ``rows`` and write their states, zeros at padding.

    Args:
        rows: which texts.
        half: which direction; ``half.n_gates`` is 4H for a window of two words, 2H for one.
        projected: input parts of the distinct words, flat [distinct, half.gates_row].
        states: written, flat [rows, n_tokens, half.states_row].
        memory: of ``half.size + LANES`` values, in use by no other call.
    """
    before = flush_denormals()
    _forward(addressed(rows), half, address(projected), address(states), address(memory))
    put_back_denormals(before)


class _Word(NamedTuple):
    """Where the parts of a word and of the one before it stand; ``former`` is -1 at the first token."""

    at: int
    former: int
    paired: bool


@compiled(inline=True)
def _step_back(
    half: Half, projected: Floats, d_state: Floats, before: Floats, slope: Floats, d_projected: Floats, word: _Word
) -> None:
    """One token backward: gradients of its gates to ``d_projected``."""
    size, at, former, paired = half.size, word.at, word.former, word.paired
    one, zero = fill(np.float32(1.0)), fill(np.float32(0.0))
    for j in range(0, size, LANES):
        inside = first(size - j)
        z, f = _gates(half, projected, at + j, former + j, paired and former >= 0, inside)
        h = load_some(before, j, inside) if former >= 0 else zero
        d = load(slope, j) + load_some(d_state, j, inside)
        d_z = d * (one - f) * (one - z * z)
        d_f = d * (h - z) * f * (one - f)
        store(slope, j, d * f)
        add_some(d_projected, at + j, inside, d_z)
        add_some(d_projected, at + size + j, inside, d_f)
        if paired and former >= 0:
            add_some(d_projected, former + 2 * size + j, inside, d_z)
            add_some(d_projected, former + 3 * size + j, inside, d_f)


@compiled(part=True)
def _backward(
    rows: Rows, half: Half, projected: Floats, d_states: Floats, states: Floats, d_projected: Floats, slope: Floats
) -> None:
    """`backward` by addresses; ``slope`` holds the slope along the state."""
    paired = half.n_gates > 2 * half.size
    for i in range(rows.n_rows):
        row = rows.order[i]
        clear(slope, half.size)
        for step in range(rows.lengths[row] - 1, -1, -1):
            ask_for(rows, half, projected, row, max(step - 2, 0))
            token = token_at(rows, row, step, half.reverse)
            token_before = token + 1 if half.reverse else token - 1
            at, s0 = _word(rows, half, token), token * half.states_row + half.states
            former = _word(rows, half, token_before) if step > 0 else -1
            p0 = token_before * half.states_row + half.states
            word = _Word(at, former, paired)
            _step_back(half, projected, moved(d_states, s0), moved(states, p0), slope, d_projected, word)


@compiled
def backward(
    rows: Rows, half: Half, projected: Floats, d_states: Floats, states: Floats, d_projected: Floats, memory: Floats
) -> None:
    """Slopes of a loss along one direction's inputs, from those along its states.

    Args:
        rows, half, projected, states: as they were in `forward`.
        d_states: gradients along the states, flat [rows, n_tokens, half.states_row].
        d_projected: written, flat [distinct, half.gates_row]: gradients along ``projected``.
        memory: as in `forward`.
    """
    before = flush_denormals()
    clear(address(d_projected), len(d_projected))
    given = address(projected), address(d_states), address(states), address(d_projected), address(memory)
    _backward(addressed(rows), half, given[0], given[1], given[2], given[3], given[4])
    put_back_denormals(before)
