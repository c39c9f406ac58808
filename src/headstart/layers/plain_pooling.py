"""Token states to one vector a text, in torch's own operations."""

from __future__ import annotations

import torch
from torch import Tensor

from headstart.engines.engine import POOLINGS
from headstart.errors import unknown_name


def pool(states: Tensor, lengths: Tensor, kind: str, *, bidirectional: bool = False) -> Tensor:
    """Pool states [rows, tokens, size] over each row's first `lengths` tokens to [rows, size]."""
    real = torch.arange(states.shape[1], device=states.device) < lengths[:, None]  # [rows, tokens]
    if kind == "mean":
        total = (states * real[:, :, None]).sum(1)
        return total / lengths.clamp(min=1)[:, None].to(states.dtype)
    if kind == "max":
        highest = states.masked_fill(~real[:, :, None], -torch.inf).amax(1)
        return highest.masked_fill((lengths == 0)[:, None], 0.0)
    if kind != "last":
        raise unknown_name("pooling", kind, POOLINGS)
    last = (lengths - 1).clamp(min=0)[:, None, None].expand(-1, 1, states.shape[2])
    at_end = states.gather(1, last)[:, 0] * (lengths > 0)[:, None]
    if not bidirectional:
        return at_end
    half = states.shape[2] // 2
    return torch.cat([at_end[:, :half], states[:, 0, half:] * (lengths > 0)[:, None]], dim=1)
