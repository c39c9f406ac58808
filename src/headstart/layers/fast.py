"""A recurrent layer that is parallel over time: no matrix product stands between a state and the next.

For a word's vector x and the vector y of the word read before it::

    z = tanh(W_z x + V_z y + b_z)     f = sigmoid(W_f x + V_f y + b_f)     h' = f * h + (1 - f) * z

This is the quasi-recurrent network with f-pooling (Bradbury, Merity, Xiong and Socher,
"Quasi-Recurrent Neural Networks", ICLR 2017), with a window of two words or one. All products are
done before the first state, once a distinct word; what is left is a scan. On a CPU it runs in
compiled loops; elsewhere, and in exports, by doubling: after k rounds of plain torch operations every
state has taken in the 2^k words before it (Hillis and Steele, "Data Parallel Algorithms", CACM 1986).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from headstart.errors import OptionError
from headstart.kernels.bidirectional import FastDirection, Pass
from headstart.layers.compiled import Loops
from headstart.layers.indexed_vectors import IndexedVectors, expand
from headstart.layers.one_way import reverse_rows, take_tokens
from headstart.layers.stack import RecurrentStack

_EXPORTED_ROUNDS = 16
"""Rounds of the scan in an export, which has a fixed number of them: enough for texts of 65,536 tokens."""


class FastRecurrent(RecurrentStack):
    """A stack of quasi-recurrent layers; see `RecurrentStack` for what it takes and gives.

    Args:
        input_size: values of a token's vector.
        hidden_size: values of a state, of each direction.
        window: words that a gate sees: 2 (the word and the one read before it) or 1.
        n_layers: layers on top of one another.
        bidirectional: whether to read each row backward too.
        dropout: share of the values set to zero between layers, in training.

    Raises:
        OptionError: for a window other than 1 and 2, or a size below 1.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        window: int = 2,
        n_layers: int = 1,
        bidirectional: bool = True,
        dropout: float = 0.0,
    ) -> None:
        super().__init__(input_size, hidden_size, n_layers=n_layers, bidirectional=bidirectional, dropout=dropout)
        if window not in (1, 2):
            raise OptionError(
                f"window={window} is not a number of words that this layer's gates can see. "
                "Use 2 (a word and the one before it) or 1."
            )
        self.window = window
        self._register_parameters()

    def _shapes(self, input_size: int) -> dict[str, tuple[int, ...]]:
        gates = 2 * self.hidden_size
        shapes: dict[str, tuple[int, ...]] = {"weight": (gates, input_size), "bias": (gates,)}
        return shapes if self.window == 1 else {**shapes, "weight_before": (gates, input_size)}

    def _loops(self) -> Loops:
        paired = self.window == 2
        return Loops(partial(_start, paired), partial(_plain, paired))

    def extra_repr(self) -> str:
        """Return the options, for ``print(module)``."""
        return (
            f"{self.input_size}, {self.hidden_size}, window={self.window}, n_layers={self.n_layers}, "
            f"bidirectional={self.bidirectional}, dropout={self.dropout}"
        )


def _start(paired: bool, table: Any, index: Any, lengths: Any, weights: list[Any], keep: bool) -> Pass:
    n = 3 if paired else 2
    return Pass(FastDirection, table, index, lengths, [weights[:n], weights[n:]][: len(weights) // n], keep=keep)


def _plain(paired: bool, vectors: Tensor | IndexedVectors, lengths: Tensor, weights: Sequence[Tensor]) -> Tensor:
    """One layer in torch's own operations."""
    per_direction = 3 if paired else 2
    dense = expand(vectors)
    order, inside = reverse_rows(lengths, dense.shape[1])
    halves = [_one_way(dense, weights[:per_direction])]
    if len(weights) > per_direction:
        halves.append(take_tokens(_one_way(take_tokens(dense, order), weights[per_direction:]), order))
    return torch.cat(halves, dim=-1) * inside.unsqueeze(-1)


def _one_way(vectors: Tensor, weights: Sequence[Tensor]) -> Tensor:
    """States [rows, tokens, H] of one direction, padding not cleared."""
    weight, bias, *before = weights
    gates = functional.linear(vectors, weight, bias)
    if before:
        gates = gates + _later(functional.linear(vectors, before[0]), 1, 0.0)
    z, f = gates.chunk(2, dim=-1)
    f = torch.sigmoid(f)
    return _scan(f, (1.0 - f) * torch.tanh(z))


def _scan(factor: Tensor, added: Tensor) -> Tensor:
    """Every ``h[t] = factor[t] * h[t - 1] + added[t]`` along the second dimension, from zero."""
    exporting = torch.compiler.is_compiling() or torch.jit.is_tracing()  # type: ignore[attr-defined,no-untyped-call]
    rounds = _EXPORTED_ROUNDS if exporting else (factor.shape[1] - 1).bit_length()
    for number in range(rounds):
        added = added + factor * _later(added, 2**number, 0.0)
        factor = factor * _later(factor, 2**number, 1.0)
    return added


def _later(values: Tensor, n: int, value: float) -> Tensor:
    """The tokens moved back by ``n`` places, with ``value`` before them."""
    return functional.pad(values, (0, 0, n, 0), value=value)[:, : values.shape[1]]
