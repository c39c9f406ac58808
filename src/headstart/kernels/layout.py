"""How a batch of texts lies in memory for the compiled recurrent loops."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from headstart.arrays import Floats, Ids, Places
from headstart.kernels.compiling import compiled
from headstart.kernels.llvm import Lanes
from headstart.kernels.simd import address, load_some, moved, prefetch, store_some

_LINE = 16  # values in a cache line


class Rows(NamedTuple):
    """The rows that one call works on; compiled loops hold addresses in place of the arrays.

    Attributes:
        words: row of ``projected`` for every token, int32 [rows * n_tokens].
        lengths: true tokens of every row, int64 [rows].
        order: the rows to work on, longest first, int64 [n_rows].
        n_rows: how many they are.
        n_tokens: width of the batch, padding included.
    """

    words: Ids
    lengths: Places
    order: Places
    n_rows: int
    n_tokens: int


class Half(NamedTuple):
    """What a direction is like, and where its states stand next to the other's.

    Attributes:
        reverse: whether it reads from the last true token to the first.
        size: values of a state, H.
        n_gates: gates of a word, the columns of ``projected`` that mean something.
        gates_row: all columns of ``projected``.
        states: first column of this direction in the states.
        states_row: columns of the states.
    """

    reverse: bool
    size: int
    n_gates: int
    gates_row: int
    states: int
    states_row: int


@compiled(inline=True)
def addressed(rows: Rows) -> Rows:
    """The same rows, by the addresses of their arrays."""
    return Rows(address(rows.words), address(rows.lengths), address(rows.order), rows.n_rows, rows.n_tokens)


@compiled(inline=True)
def clear(array: Floats, n: int) -> None:
    """Set ``array[:n]`` to zero, given its address."""
    for i in range(n):
        array[i] = np.float32(0.0)


@compiled(inline=True)
def clear_padding(rows: Rows, half: Half, states: Floats) -> None:
    """Set this direction's states of padding to zero."""
    for i in range(rows.n_rows):
        row = rows.order[i]
        for at in range(rows.lengths[row], rows.n_tokens):
            clear(moved(states, (row * rows.n_tokens + at) * half.states_row + half.states), half.size)


@compiled(inline=True)
def token_at(rows: Rows, row: int, step: int, reverse: bool) -> int:
    """Which token of the batch ``row`` reads in ``step``."""
    return row * rows.n_tokens + (rows.lengths[row] - 1 - step if reverse else step)


@compiled(inline=True)
def ask_for(rows: Rows, half: Half, projected: Floats, row: int, step: int) -> None:
    """Have a later step's input part fetched meanwhile: words lie all over the table."""
    if step < rows.lengths[row]:
        start = rows.words[token_at(rows, row, step, half.reverse)] * half.gates_row
        for j in range(start, start + half.n_gates + _LINE, _LINE):
            prefetch(projected, j)


@compiled(inline=True)
def add_some(array: Floats, at: int, inside: Lanes, value: Lanes) -> None:
    """``array[at:] += value`` in the lanes of the mask ``inside``."""
    store_some(array, at, inside, load_some(array, at, inside) + value)
