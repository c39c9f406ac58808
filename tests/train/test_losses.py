"""Losses by name against torch's own, one value a row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from headstart.errors import OptionError
from headstart.train import LOSSES, loss_function
from headstart.train.losses import weighted_mean

LOGITS = torch.tensor([[2.0], [-1.0], [0.5], [-60.0]])
LABELS = torch.tensor([1.0, 1.0, 0.0, 0.0])
SEVERAL = torch.tensor([[1.0, 0.0, 1.0], [0.0, 0.0, 0.0], [1.0, 1.0, 1.0], [0.0, 1.0, 0.0]])


def binary(smoothing: float) -> Tensor:
    target = LABELS * (1 - smoothing) + smoothing / 2
    p = torch.sigmoid(LOGITS[:, 0].double())
    return -(target * p.log() + (1 - target) * torch.sigmoid(-LOGITS[:, 0].double()).log())


def categorical(smoothing: float) -> Tensor:
    logits = LOGITS.expand(-1, 3) * torch.tensor([1.0, -0.5, 0.2])
    return functional.cross_entropy(logits, LABELS.long(), reduction="none", label_smoothing=smoothing).double()


def multilabel(smoothing: float) -> Tensor:
    logits = LOGITS.expand(-1, 3) * torch.tensor([1.0, -0.5, 0.2])
    target = SEVERAL * (1 - smoothing) + smoothing / 2
    return functional.binary_cross_entropy_with_logits(logits, target, reduction="none").mean(1).double()


EXPECTED: dict[str, Callable[[float], Tensor]] = {
    "binary": binary,
    "categorical": categorical,
    "multilabel": multilabel,
}


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("name", sorted(LOSSES))
def test_a_named_loss_gives_one_value_a_row(name: str, smoothing: float) -> None:
    assert name in EXPECTED, f"the loss {name!r} has no case"
    logits = LOGITS if name == "binary" else LOGITS.expand(-1, 3) * torch.tensor([1.0, -0.5, 0.2])
    losses = loss_function(name, smoothing)(logits, SEVERAL if name == "multilabel" else LABELS)
    assert losses.shape == (4,)
    torch.testing.assert_close(losses.double(), EXPECTED[name](smoothing), rtol=1e-5, atol=1e-6)


def test_the_users_own_loss_is_taken_as_it_is() -> None:
    own = torch.nn.L1Loss()
    assert loss_function(own) is own


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("binari",), "there is no loss 'binari'; did you mean 'binary'.*categorical"),
        (("binary", 1.0), "label_smoothing is 1.0; expected 0 .none. or a share below 1, such as 0.1"),
        (("binary", -0.1), "label_smoothing is -0.1"),
    ],
)
def test_what_is_no_loss_is_refused(arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        loss_function(*arguments)


@pytest.mark.parametrize(
    ("losses", "weights", "mean"),
    [
        ([1.0, 2.0, 6.0], None, 3.0),
        ([1.0, 2.0, 6.0], [1.0, 1.0, 0.0], 1.5),
        ([1.0, 2.0], [0.5, 1.5], 1.75),
        ([1.0, 2.0], [0.0, 0.0], 0.0),
        (4.0, [1.0, 2.0], 4.0),
    ],
)
def test_rows_count_by_their_weight(losses: Any, weights: Any, mean: float) -> None:
    found = weighted_mean(torch.tensor(losses), None if weights is None else torch.tensor(weights))
    assert found.item() == pytest.approx(mean)
