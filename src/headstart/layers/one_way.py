"""Both directions of a recurrent layer through torch's own one-way calls.

This is the path on a GPU, in exports, in other precisions and for gradients of gradients, and the
reference that the compiled loops are tested against. The backward direction reads each row reversed
by index, not as a packed sequence: packed sequences export nowhere and are several times slower.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

GATES = {"gru": 3, "lstm": 4}
"""Gates of each cell."""


def plain_layer(vectors: Tensor, lengths: Tensor, weights: Sequence[Tensor], cell: str = "gru") -> Tensor:
    """Run one layer.

    Args:
        vectors: [rows, tokens, input_size].
        lengths: true tokens of each row, int64 [rows].
        weights: weight_ih, weight_hh, bias_ih and bias_hh of the forward and, if there is one, of the
            backward direction.
        cell: a name from `GATES`.

    Returns:
        States [rows, tokens, directions * H], zeros at padding.
    """
    order, inside = reverse_rows(lengths, vectors.shape[1])
    forward, backward = list(weights[:4]), list(weights[4:])
    halves = [_one_way(vectors, forward, cell)]
    if backward:
        halves.append(take_tokens(_one_way(take_tokens(vectors, order), backward, cell), order))
    return torch.cat(halves, dim=-1) * inside.unsqueeze(-1)


def reverse_rows(lengths: Tensor, n_tokens: int) -> tuple[Tensor, Tensor]:
    """Return where each token stands when its row is read from its last true token, and which are true.

    Takes ``lengths`` [rows]; gives the order, int64 [rows, n_tokens] (padding stays in place, so
    that the order is its own inverse), and ``inside``, bool [rows, n_tokens].
    """
    position = torch.arange(n_tokens, device=lengths.device).unsqueeze(0)
    length = lengths.unsqueeze(1)
    inside = position < length
    return torch.where(inside, length - 1 - position, position), inside


def take_tokens(vectors: Tensor, order: Tensor) -> Tensor:
    """Return the vectors [rows, tokens, size] in the given order of each row's tokens, int64 [rows, tokens]."""
    return vectors.gather(1, order.unsqueeze(-1).expand(-1, -1, vectors.shape[-1]))


def _one_way(vectors: Tensor, weights: list[Tensor], cell: str) -> Tensor:
    start = vectors.new_zeros(1, vectors.shape[0], weights[1].shape[1])
    # cuDNN gives gradients in training mode alone, and wants its weights in one piece. There is no dropout in either mode.
    learning = vectors.is_cuda and torch.is_grad_enabled()
    weights = _in_one_piece(weights) if vectors.is_cuda else weights
    if cell == "gru":
        return torch.gru(vectors, start, weights, True, 1, 0.0, learning, False, True)[0]
    return torch.lstm(vectors, [start, start], weights, True, 1, 0.0, learning, False, True)[0]


def _in_one_piece(weights: list[Tensor]) -> list[Tensor]:
    flat = torch.cat([weight.flatten() for weight in weights])
    pieces = torch.split(flat, [weight.numel() for weight in weights])
    return [piece.view_as(weight) for piece, weight in zip(pieces, weights, strict=True)]
