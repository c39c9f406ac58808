"""Pooling in compiled loops, as a differentiable function of torch tensors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from headstart.errors import DataError
from headstart.kernels import pooling, workers
from headstart.layers.indexed_vectors import borrow
from headstart.layers.plain_pooling import pool


def fused_pool(states: Tensor, lengths: Tensor, kinds: Sequence[str], bidirectional: bool) -> Tensor:
    """Pool states as `headstart.layers.pooling.Pooling` does, in one pass over them.

    Where a maximum stands at several tokens, its slope goes to the first of them; torch's ``amax``
    shares it out.

    Args:
        states: float32 on the CPU, [rows, tokens, size].
        lengths: true tokens of each row, integers [rows].
        kinds: some of ``last``, ``mean``, ``max``, each once.
        bidirectional: whether the second half of the states runs backward.

    Returns:
        [rows, len(kinds) * size].

    Raises:
        DataError: if a length points outside the batch.
    """
    if states.numel() == 0:
        return states.new_zeros(states.shape[0], len(kinds) * states.shape[2])
    low, high = (int(bound) for bound in lengths.aminmax())  # compiled loops do not check
    if low < 0 or high > states.shape[1]:
        raise DataError(
            f"lengths to pool over run from {low} to {high}, but the batch has {states.shape[1]} tokens a row. "
            f"Give whole numbers from 0 to {states.shape[1]}."
        )
    if not torch.is_grad_enabled():  # torch's bookkeeping takes as long as a short text does
        return _run(states, lengths.to(torch.int64).contiguous(), kinds, bidirectional)[0]
    pooled: Tensor = _FusedPool.apply(states, lengths, tuple(kinds), bidirectional)  # type: ignore[no-untyped-call]
    return pooled


def _run(states: Tensor, lengths: Tensor, kinds: Sequence[str], bidirectional: bool) -> tuple[Tensor, Tensor, Any]:
    """Return the pooled values, at which token each maximum stands, and the places of the values."""
    rows, n_tokens, size = states.shape
    pooled, where = torch.empty(rows, len(kinds) * size), torch.empty(rows, size)
    places = _places(kinds, size, bidirectional)
    given = (_flat(states), _flat(pooled), _flat(where))
    _over_rows(lambda texts: pooling.pool(places, texts, *given), lengths, n_tokens)
    return pooled, where, places


class _FusedPool(torch.autograd.Function):
    """``apply(states, lengths, kinds, bidirectional) -> pooled``."""

    @staticmethod
    def forward(ctx: Any, states: Tensor, lengths: Tensor, kinds: tuple[str, ...], bidirectional: bool) -> Tensor:
        known = lengths.to(torch.int64).contiguous()
        pooled, where, ctx.places = _run(states, known, kinds, bidirectional)
        ctx.save_for_backward(states, known, where)
        ctx.kinds, ctx.bidirectional = kinds, bidirectional
        return pooled

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor | None, ...]:
        (d_pooled,) = gradients
        states, lengths, where = ctx.saved_tensors
        if torch.is_grad_enabled():  # somebody wants gradients of these gradients
            return _plain_backward(states, lengths, ctx.kinds, ctx.bidirectional, d_pooled), None, None, None
        d_states = borrow(*states.shape)
        given = (_flat(d_pooled), _flat(where), _flat(d_states))
        _over_rows(lambda texts: pooling.pool_back(ctx.places, texts, *given), lengths, states.shape[1])
        return d_states, None, None, None


def _flat(tensor: Tensor) -> Any:
    return tensor.detach().contiguous().numpy().reshape(-1)


def _places(kinds: Sequence[str], size: int, bidirectional: bool) -> Any:
    last, mean, highest = (kinds.index(kind) * size if kind in kinds else -1 for kind in ("last", "mean", "max"))
    return pooling.Places(last, mean, highest, len(kinds) * size, size, size // 2 if bidirectional else size)


def _over_rows(work: Callable[[pooling.Texts], None], lengths: Tensor, n_tokens: int) -> None:
    cuts = workers.shares(len(lengths), 4 * workers.n_threads(), 4)  # small, so that nobody waits for the last one
    workers.run([partial(work, pooling.Texts(lengths.numpy(), n_tokens, cut.start, cut.stop)) for cut in cuts])


def _plain_backward(
    states: Tensor, lengths: Tensor, kinds: Sequence[str], bidirectional: bool, d_pooled: Tensor
) -> Tensor:
    """The gradients as functions that can be differentiated again."""
    pooled = torch.cat([pool(states, lengths, kind, bidirectional=bidirectional) for kind in kinds], dim=1)
    return torch.autograd.grad(pooled, states, d_pooled, create_graph=True)[0]
