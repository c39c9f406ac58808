"""Pooling over true tokens only, against loops that spell it out."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from headstart.errors import OptionError
from headstart.layers import Pooling, pool

LENGTHS = torch.tensor([3, 0, 5, 1])


@pytest.fixture
def states() -> Tensor:
    """States [4, 5, 6]; what stands at padding is large, so that reading it would show."""
    drawn = torch.randn(4, 5, 6, generator=torch.Generator().manual_seed(0)) - 3
    padding = torch.arange(5) >= LENGTHS[:, None]
    return drawn.masked_fill(padding[:, :, None], 1e6)


def spelt_out(states: Tensor, kind: str, bidirectional: bool) -> Tensor:
    rows = []
    for row, length in zip(states, LENGTHS.tolist(), strict=True):
        true = row[:length]
        half = row.shape[1] // 2 if bidirectional else row.shape[1]
        if length == 0:
            rows.append(torch.zeros(row.shape[1]))
        elif kind == "last":
            rows.append(torch.cat([true[-1, :half], true[0, half:]]))
        else:
            rows.append(true.mean(0) if kind == "mean" else true.max(0).values)
    return torch.stack(rows)


@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize("kind", ["last", "mean", "max"])
def test_pools_true_tokens_only(states: Tensor, kind: str, bidirectional: bool) -> None:
    pooled = pool(states, LENGTHS, kind, bidirectional=bidirectional)
    torch.testing.assert_close(pooled, spelt_out(states, kind, bidirectional))


def test_several_kinds_stand_side_by_side(states: Tensor) -> None:
    pooled = Pooling(("max", "last", "mean"))(states, LENGTHS)
    parts = [spelt_out(states, kind, True) for kind in ("max", "last", "mean")]
    torch.testing.assert_close(pooled, torch.cat(parts, 1))


@pytest.mark.parametrize("kind", ["last", "mean", "max"])
def test_no_gradient_reaches_padding(states: Tensor, kind: str) -> None:
    states.requires_grad_()
    pool(states, LENGTHS, kind, bidirectional=True).sum().backward()
    assert states.grad is not None
    padding = torch.arange(5) >= LENGTHS[:, None]
    assert states.grad[padding].abs().sum() == 0
    assert torch.isfinite(states.grad).all()
    assert (states.grad[LENGTHS > 0].abs().sum((1, 2)) > 0).all()


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(OptionError, match="no pooling 'men'; did you mean 'mean'"):
        Pooling(("max", "men"))


@pytest.mark.parametrize("dropout", [-0.5, 1.0, float("nan")])
def test_a_dropout_that_is_no_share_is_refused(dropout: float) -> None:
    with pytest.raises(OptionError, match="is no share to drop. Give a number from 0 up to"):
        Pooling(("mean",), dropout=dropout)


def test_dropout_acts_in_training_alone() -> None:
    pooling, states, lengths = Pooling(("mean",), dropout=0.5), torch.ones(2, 3, 40), torch.tensor([3, 1])
    assert (pooling(states, lengths) == 0).any()
    assert torch.equal(pooling.eval()(states, lengths), torch.ones(2, 40))
