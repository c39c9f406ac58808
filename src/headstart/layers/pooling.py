"""Token states to one vector a text."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from headstart.engines.engine import POOLINGS
from headstart.errors import OptionError, unknown_name
from headstart.layers.fused_pooling import fused_pool
from headstart.layers.indexed_vectors import may_gather
from headstart.layers.plain_pooling import pool


class Pooling(nn.Module):
    """Pools the states of each row's true tokens; padding has no part in it.

    ``last`` takes the final state of each direction: the forward half at the last token, the backward
    half at the first. ``mean`` and ``max`` run over the tokens. Several are put side by side. A text
    without tokens gives zeros.

    Args:
        kinds: one or more of ``last``, ``mean``, ``max``.
        bidirectional: whether the second half of the states runs backward.
        dropout: share of the pooled values set to zero in training.

    Raises:
        OptionError: for an unknown kind, or a dropout that is no share.
    """

    def __init__(self, kinds: Sequence[str], *, bidirectional: bool = True, dropout: float = 0.0) -> None:
        super().__init__()
        self.kinds = tuple(kinds)
        for kind in self.kinds:
            if kind not in POOLINGS:
                raise unknown_name("pooling", kind, POOLINGS)
        if not 0.0 <= dropout < 1.0:
            raise OptionError(f"dropout={dropout} is no share to drop. Give a number from 0 up to, not with, 1.")
        self.bidirectional = bidirectional
        self.dropout = dropout

    def forward(self, states: Tensor, lengths: Tensor) -> Tensor:
        """Pool states [rows, tokens, size] to [rows, len(kinds) * size]."""
        return functional.dropout(self._pool(states, lengths), self.dropout, self.training)

    def _pool(self, states: Tensor, lengths: Tensor) -> Tensor:
        if may_gather(states) and len(set(self.kinds)) == len(self.kinds):
            return fused_pool(states, lengths, self.kinds, self.bidirectional)
        return torch.cat([pool(states, lengths, kind, bidirectional=self.bidirectional) for kind in self.kinds], dim=1)


class PlaceMean(nn.Module):
    """The mean of every channel over all places, with dropout."""

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)

    def forward(self, values: Tensor) -> Tensor:
        """Return the mean over all places, [rows, size]."""
        mean: Tensor = self.dropout(values.mean((2, 3)))
        return mean
