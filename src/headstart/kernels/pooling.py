"""Token states to one vector a text in one pass, and the gradients back in another."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from headstart.kernels.compiling import compiled
from headstart.kernels.simd import (
    LANES,
    fill,
    first,
    flush_denormals,
    greater,
    load_some,
    not_a_number,
    put_back_denormals,
    select,
    store_some,
)

Floats = NDArray[np.float32]


class Places(NamedTuple):
    """Where the pooled values of a text stand in its row of the result; -1 for a kind that is not wanted.

    Attributes:
        last: first column of the final states.
        mean: first column of the means.
        highest: first column of the highest values.
        row: columns of the result.
        size: values of a state.
        turn: from this value of a state on, the final state is the one at the first token.
    """

    last: int
    mean: int
    highest: int
    row: int
    size: int
    turn: int


class Texts(NamedTuple):
    """Some rows of a batch.

    Attributes:
        lengths: true tokens of each row of the batch.
        n_tokens: width of the batch.
        start: first row.
        stop: the row after the last.
    """

    lengths: NDArray[np.int64]
    n_tokens: int
    start: int
    stop: int


@compiled(part=True)
def _pool_text(places: Places, texts: Texts, states: Floats, row: int, j: int, pooled: Floats, where: Floats) -> None:
    """Mean and maximum of one text's values [j, j + LANES), and at which token the maximum stands."""
    start, length, p0 = row * texts.n_tokens * places.size, texts.lengths[row], row * places.row
    inside = first(places.size - j)
    total, highest, best = fill(np.float32(0.0)), fill(np.float32(-np.inf)), fill(np.float32(0.0))
    for token in range(length):
        value = load_some(states, start + token * places.size + j, inside)
        total = total + value
        higher = greater(value, highest)
        highest = select(higher, value, highest)
        best = select(higher, fill(np.float32(token)), best)
    if places.mean >= 0:
        store_some(pooled, p0 + places.mean + j, inside, total / fill(np.float32(length)))
    if places.highest >= 0:
        highest = select(not_a_number(total), total, highest)  # a comparison with NaN is false: bring it back
        store_some(pooled, p0 + places.highest + j, inside, highest)
        store_some(where, row * places.size + j, inside, best)


@compiled
def pool(places: Places, texts: Texts, states: Floats, pooled: Floats, where: Floats) -> None:
    """Pool some texts over their true tokens; a text without tokens gives zeros.

    Args:
        places: what to compute, and where to put it.
        texts: which.
        states: flat [rows, n_tokens, places.size].
        pooled: written, flat [rows, places.row].
        where: written if maxima are wanted, flat [rows, places.size]: the token of each maximum.
    """
    before = flush_denormals()
    size, lengths = places.size, texts.lengths
    for row in range(texts.start, texts.stop):
        length, s0, p0 = lengths[row], row * texts.n_tokens * size, row * places.row
        if length == 0:
            pooled[p0 : p0 + places.row] = 0.0
            continue
        if places.last >= 0:
            end = s0 + (length - 1) * size
            pooled[p0 + places.last : p0 + places.last + places.turn] = states[end : end + places.turn]
            pooled[p0 + places.last + places.turn : p0 + places.last + size] = states[s0 + places.turn : s0 + size]
        if places.mean >= 0 or places.highest >= 0:
            for j in range(0, size, LANES):
                _pool_text(places, texts, states, row, j, pooled, where)
    put_back_denormals(before)


@compiled
def pool_back(places: Places, texts: Texts, d_pooled: Floats, where: Floats, d_states: Floats) -> None:
    """Write the gradients along the states of some texts, zeros at padding; arguments as in `pool`."""
    size, lengths, n_tokens = places.size, texts.lengths, texts.n_tokens
    for row in range(texts.start, texts.stop):
        length, s0, p0 = lengths[row], row * n_tokens * size, row * places.row
        share = np.float32(1.0) / np.float32(max(length, 1))
        for token in range(n_tokens):
            at = s0 + token * size
            if places.mean >= 0 and token < length:
                for j in range(size):
                    d_states[at + j] = d_pooled[p0 + places.mean + j] * share
            else:
                d_states[at : at + size] = 0.0
        if length > 0 and places.highest >= 0:
            for j in range(size):
                d_states[s0 + int(where[row * size + j]) * size + j] += d_pooled[p0 + places.highest + j]
        if length > 0 and places.last >= 0:
            for j in range(size):
                token = length - 1 if j < places.turn else 0
                d_states[s0 + token * size + j] += d_pooled[p0 + places.last + j]
