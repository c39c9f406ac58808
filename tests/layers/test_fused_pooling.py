"""Pooling in compiled loops against pooling by torch operations."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from headstart.errors import DataError
from headstart.layers.fused_pooling import fused_pool
from headstart.layers.pooling import pool

LENGTHS = torch.tensor([9, 0, 1, 4, 9, 3, 7])
KINDS = [("last",), ("mean",), ("max",), ("mean", "max"), ("max", "last", "mean")]


def states(size: int = 34) -> Tensor:
    return torch.randn(7, 9, size, generator=torch.Generator().manual_seed(0))


def plain(values: Tensor, lengths: Tensor, kinds: Any, bidirectional: bool) -> Tensor:
    return torch.cat([pool(values, lengths, kind, bidirectional=bidirectional) for kind in kinds], dim=1)


@pytest.mark.parametrize("kinds", KINDS, ids="+".join)
@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize("size", [2, 16, 34])
def test_values_and_slopes_are_torchs(kinds: Any, bidirectional: bool, size: int) -> None:
    results = []
    for run in (fused_pool, plain):
        values = states(size).requires_grad_()
        pooled = run(values, LENGTHS, kinds, bidirectional)
        weight = torch.randn(pooled.shape, generator=torch.Generator().manual_seed(1))
        (slope,) = torch.autograd.grad((pooled * weight).sum(), values)
        results.append((pooled, slope))
    for mine, theirs in zip(*results, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=0, atol=1e-6)


def test_slopes_of_slopes_are_torchs() -> None:
    found = []
    for run in (fused_pool, plain):
        values = states().requires_grad_()
        pooled = run(values, LENGTHS, ("mean", "max"), True)
        (slope,) = torch.autograd.grad(pooled.square().sum(), values, create_graph=True)
        found.append(torch.autograd.grad(slope.square().sum(), values)[0])
    torch.testing.assert_close(*found)


@pytest.mark.parametrize("kinds", KINDS, ids="+".join)
def test_a_nan_shows(kinds: Any) -> None:
    values = states()
    values[0, 8] = torch.nan
    values[0, 0] = torch.nan
    pooled = fused_pool(values, LENGTHS, kinds, True)
    assert pooled[0].isnan().all()
    assert pooled[1:].isfinite().all()


@pytest.mark.parametrize("shape", [(0, 4, 6), (3, 0, 6)])
def test_an_empty_batch_pools_to_zeros(shape: tuple[int, int, int]) -> None:
    pooled = fused_pool(torch.zeros(shape), torch.zeros(shape[0], dtype=torch.int64), ("mean", "max"), True)
    assert pooled.shape == (shape[0], 12)
    assert not pooled.any()


@pytest.mark.parametrize("wrong", [-1, 10])
def test_a_length_outside_the_batch_is_an_error(wrong: int) -> None:
    lengths = torch.where(torch.arange(7) == 2, wrong, LENGTHS)
    with pytest.raises(
        DataError, match=r"lengths to pool over run from .* 9 tokens a row\. Give whole numbers from 0 to 9"
    ):
        fused_pool(states(), lengths, ("mean",), True)
