"""Vectors of a batch's tokens, kept as a table of distinct vectors and an index into it.

A batch of 64 reviews holds some 15,000 tokens but only 3,000 to 4,000 distinct words. Whatever is
linear in a word's vector (the input half of a recurrent cell) need be computed once a *word*, not
once a *token*. A stage that only knows ordinary tensors calls `expand` and sees no difference.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from numba.core import config
from torch import Tensor, nn
from torch.nn import functional

from headstart.kernels import memory


@dataclass(frozen=True)
class IndexedVectors:
    """The vectors ``table[index]``, not yet laid out.

    Attributes:
        table: distinct vectors, float [distinct, size]. Gradients flow through it.
        index: row of ``table`` for every token, int32 or int64 [rows, tokens], each in [0, distinct).
    """

    table: Tensor
    index: Tensor

    def dense(self) -> Tensor:
        """Return the same vectors as one tensor, [rows, tokens, size]."""
        return functional.embedding(self.index, self.table)


def expand(vectors: Tensor | IndexedVectors) -> Tensor:
    """Return ``vectors`` as an ordinary tensor [rows, tokens, size], whichever form they came in."""
    return vectors.dense() if isinstance(vectors, IndexedVectors) else vectors


def may_gather(like: Tensor) -> bool:
    """Return whether compiled loops may work on ``like``; see `obstacle`."""
    return obstacle(like) is None


def obstacle(like: Tensor) -> str | None:
    """Return what keeps compiled loops from working on ``like``, or None: they want plain float32 on a CPU."""
    if like.device.type != "cpu":
        return f"the tensor is on {like.device}"
    if like.dtype != torch.float32 or torch.is_autocast_enabled("cpu"):
        return f"the numbers are {torch.get_autocast_dtype('cpu') if torch.is_autocast_enabled('cpu') else like.dtype}"
    if torch.compiler.is_compiling() or torch.jit.is_tracing():  # type: ignore[attr-defined,no-untyped-call]
        return "torch is exporting or tracing"
    if type(like) not in (Tensor, nn.Parameter) or torch._C._are_functorch_transforms_active():
        return "the tensor stands for others (a transform or a subclass)"
    if torch.autograd.forward_ad._current_level >= 0:
        return "torch differentiates forward"
    return _switched_off()


def borrow(*shape: int) -> Tensor:
    """Return a float32 tensor of ``shape`` with arbitrary values, in memory that is used again after it."""
    return torch.from_numpy(memory.borrow(*shape))


def _switched_off() -> str | None:
    return "Numba's compiler is switched off (NUMBA_DISABLE_JIT)" if getattr(config, "DISABLE_JIT", 0) else None
