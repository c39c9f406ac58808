"""The part of a recurrent layer that is one matrix product: word vectors to the inputs of gates.

``projected = table @ W^T + b`` over the distinct words of a batch, and the gradients of a loss back
through it. Each call works on some of the words, so that threads can share them out.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from headstart.kernels.compiling import compiled
from headstart.kernels.product import Flat, Left, padded, product
from headstart.kernels.simd import address, aligned, flush_denormals, moved, put_back_denormals

Floats = NDArray[np.float32]
_BLOCK = 64  # words whose gradients stay in the first cache while both products read them

_NOTHING = np.zeros(0, np.float32)


class InputWeights(NamedTuple):
    """W [gates, size] and b [gates], laid out for `product`; see `input_weights`.

    Attributes:
        across: W transposed, [size, width].
        back: W, [gates, vector_width].
        bias: b, [width].
        size: values of a word's vector.
        gates: rows of W.
        width: columns of ``projected``, ``padded(gates)``; those beyond ``gates`` mean nothing.
        vector_width: columns of ``back``, ``padded(size)``.
    """

    across: Floats
    back: Floats
    bias: Floats
    size: int
    gates: int
    width: int
    vector_width: int


def input_weights(weight: Floats, bias: Floats, *, back_too: bool = True) -> InputWeights:
    """Lay out W [gates, size] and b [gates]; the arguments are copied.

    Without ``back_too`` there is nothing in it for `project_back`, which one text is scored the faster by.
    """
    gates, size = weight.shape
    width, vector_width = padded(gates), padded(size)
    across, laid_bias = aligned(size, width), aligned(width)
    back = aligned(gates, vector_width) if back_too else _NOTHING
    across[: size * width].reshape(size, width)[:, :gates] = weight.T
    if back_too:
        back[: gates * vector_width].reshape(gates, vector_width)[:, :size] = weight
    laid_bias[:gates] = bias
    return InputWeights(across, back, laid_bias, size, gates, width, vector_width)


@compiled
def project(weights: InputWeights, table: Floats, start: int, stop: int, projected: Floats) -> None:
    """Write rows [start, stop) of ``projected``, flat [distinct, width], from ``table``, flat [distinct, size]."""
    before = flush_denormals()
    size, width = weights.size, weights.width
    across, bias = address(weights.across), address(weights.bias)
    for first in range(start, stop, _BLOCK):
        n = min(_BLOCK, stop - first)
        words, out = moved(address(table), first * size), moved(address(projected), first * width)
        product(Left(words, size, 1), Flat(across, width), Flat(bias, 0), Flat(out, width), n, width, size)
    put_back_denormals(before)


@compiled
def project_back(
    weights: InputWeights, table: Floats, d_projected: Floats, start: int, stop: int, d_table: Floats, d_weights: Floats
) -> None:
    """Slopes through `project` of the words [start, stop).

    Args:
        weights: as in `project`.
        table: as in `project`.
        d_projected: gradients along ``projected``, flat [distinct, width].
        start: first word.
        stop: the word after the last.
        d_table: rows [start, stop) are written, flat [distinct, size].
        d_weights: added to, [size + 1, width]: gradients along W transposed, and in the last row along b.
    """
    before = flush_denormals()
    size, width, vector_width = weights.size, weights.width, weights.vector_width
    words = np.empty(_BLOCK * (size + 1), np.float32)
    gradients = np.empty(_BLOCK * vector_width, np.float32)
    nothing = np.zeros(vector_width, np.float32)
    a, b, c, d = address(words), address(gradients), address(weights.back), address(d_weights)
    for first in range(start, stop, _BLOCK):
        n = min(_BLOCK, stop - first)
        block = moved(address(d_projected), first * width)
        product(Left(block, width, 1), Flat(c, vector_width), Flat(address(nothing), 0), Flat(b, vector_width),
                n, vector_width, weights.gates)  # fmt: skip
        for i in range(n):
            at = (first + i) * size
            d_table[at : at + size] = gradients[i * vector_width : i * vector_width + size]
            words[i * (size + 1) : i * (size + 1) + size] = table[at : at + size]
            words[i * (size + 1) + size] = 1.0  # a value that is always 1: its weights' slope is the bias's
        product(Left(a, 1, size + 1), Flat(block, width), Flat(d, width), Flat(d, width), size + 1, width, n)
    put_back_denormals(before)
