"""Phases, learning rates and optimizers: what they do to the rate, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from headstart.errors import OptionError
from headstart.train import OPTIMIZERS, SCHEDULES, Phase
from headstart.train.schedule import make_optimizer, schedule_function

# Factors at 0, 1/10, 1/2, 5/6 and 1 of a phase.
EXPECTED: dict[str, list[float]] = {
    "constant": [1, 1, 1, 1, 1],
    "linear": [1, 0.9, 0.5, 1 / 6, 0],
    "cosine": [1, 0.9755283, 0.5, 0.0669873, 0],
    "one-cycle": [0.04, 0.5, 0.625, 0.2083333, 0],
    "step": [1, 1, 1, 0.1, 0.1],
    "warm-up": [0.01, 1, 0.5555556, 0.1851852, 0],
}


@pytest.mark.parametrize("name", sorted(SCHEDULES))
def test_schedules(name: str) -> None:
    assert name in EXPECTED, f"the schedule {name!r} has no case"
    factors = [schedule_function(name)(done) for done in (0, 0.1, 0.5, 5 / 6, 1)]
    assert factors == pytest.approx(EXPECTED[name], abs=1e-6)


def test_ones_own_schedule_is_taken_and_a_slip_named() -> None:
    assert schedule_function(abs) is abs
    with pytest.raises(OptionError, match="no learning-rate schedule 'cosin'; did you mean 'cosine'"):
        schedule_function("cosin")


@pytest.mark.parametrize("epochs", [-1, 1.5, "3", True, None])
def test_epochs_are_whole_numbers(epochs: Any) -> None:
    with pytest.raises(OptionError, match="epochs is .*; expected a (whole number|number of 0 or more)"):
        Phase(epochs)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"learning_rate": "fast"}, "learning_rate is 'fast'; expected a number or None"),
        ({"learning_rate": -1}, "learning_rate is -1; expected a number of 0 or more"),
        ({"freeze": ["embedding"]}, r"freeze is \['embedding'\]; expected a string or None"),
        ({"rates": {"embedding": "slow"}}, "rates is {'embedding': 'slow'}; expected a table of names and values"),
    ],
)
def test_the_rest_of_a_phase_is_looked_at_too(given: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        Phase(1, **given)


@pytest.fixture
def net() -> nn.Module:
    return nn.ModuleDict({"encoder": nn.Linear(2, 2), "output": nn.Linear(2, 1)})


def made(net: nn.Module, optimizer: Any = "adam", **given: Any) -> torch.optim.Optimizer:
    options = {"learning_rate": 0.1, "weight_decay": 0.02, "rates": {}, "options": {}, **given}
    return make_optimizer(optimizer, net, **options)


@pytest.mark.parametrize("name", sorted(OPTIMIZERS))
def test_every_optimizer_learns_and_takes_rate_and_decay(net: nn.Module, name: str) -> None:
    optimizer = made(net, name)
    assert isinstance(optimizer, OPTIMIZERS[name])
    assert {(group["lr"], group["weight_decay"]) for group in optimizer.param_groups} == {(0.1, 0.02)}
    before = {key: value.clone() for key, value in net.state_dict().items()}
    for _ in range(2):
        optimizer.zero_grad()
        net["output"](net["encoder"](torch.ones(3, 2))).sum().backward()
        optimizer.step()
    assert all(not torch.equal(value, before[key]) for key, value in net.state_dict().items())


def test_rates_make_groups_and_the_first_match_counts(net: nn.Module) -> None:
    optimizer = made(net, rates={r"encoder\.weight": 0.5, "encoder": 0.1})
    rates = {id(p): group["lr"] for group in optimizer.param_groups for p in group["params"]}
    found = {name: rates[id(p)] for name, p in net.named_parameters()}
    assert found == pytest.approx(
        {"encoder.weight": 0.05, "encoder.bias": 0.01, "output.weight": 0.1, "output.bias": 0.1}
    )
    assert all(group["base_rate"] == group["lr"] for group in optimizer.param_groups)


def test_what_is_frozen_has_no_place_in_the_optimizer(net: nn.Module) -> None:
    net["encoder"].requires_grad_(False)
    optimizer = made(net)
    assert {id(p) for group in optimizer.param_groups for p in group["params"]} == {id(p) for p in net["output"].parameters()}  # fmt: skip


def test_ones_own_optimizer_gets_the_groups(net: nn.Module) -> None:
    optimizer = made(net, lambda groups: torch.optim.SGD(groups, momentum=0.5), rates={"encoder": 0.1})
    assert sorted(group["lr"] for group in optimizer.param_groups) == pytest.approx([0.01, 0.1])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"optimizer": "adm"}, "no optimizer 'adm'; did you mean 'adam'"),
        ({"options": {"betas": 3}}, "the optimizer 'adam' refuses .*See torch.optim.Adam for what it takes"),
        ({"options": {"momentum": 0.9}}, "the optimizer 'adam' refuses .*momentum"),
        ({"learning_rate": -1.0}, "refuses learning_rate=-1.0.*Invalid learning rate"),
        ({"weight_decay": -1.0}, "refuses .*weight_decay=-1.0.*Invalid weight_decay"),
        ({"rates": {"encodr": 0.1}}, "the pattern 'encodr' matches no stage or parameter.*encoder"),
    ],
)
def test_what_is_refused(net: nn.Module, given: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        made(net, **given)


def test_nothing_left_to_train_is_told(net: nn.Module) -> None:
    net.requires_grad_(False)
    with pytest.raises(OptionError, match="every parameter is frozen, so there is nothing to train; freeze less"):
        made(net)
