"""A module of the user's own as a network: the module's own names, outputs of its parts, and where it can be cut."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from headstart.batches import Batch
from headstart.errors import OptionError
from headstart.layers import Network, StageGraph, adapt


class Foreign(nn.Module):
    """A module of somebody else's: no stages, a recurrent part that gives a tuple, a branch that is never run."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(20, 4)
        self.encoder = nn.GRU(4, 3, batch_first=True)
        self.tower = nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Dropout(0.5))
        self.output = nn.Linear(5, 1)
        self.unused = nn.Linear(5, 7)
        self.n_finished = 0

    def forward(self, batch: Batch) -> Tensor:
        states, _ = self.encoder(self.embedding(batch.ids))
        logits: Tensor = self.output(self.tower(states[:, -1]))
        self.n_finished += 1
        return logits


@pytest.fixture
def batch() -> Batch:
    return Batch(torch.tensor([[1, 2, 3], [4, 0, 0]]), torch.tensor([3, 1]))


@pytest.fixture
def foreign() -> Foreign:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Foreign().eval()


class Headed(Foreign):
    """Its parts and marks have names that a network has too."""

    def __init__(self) -> None:
        super().__init__()
        self.stages = nn.ModuleList()
        self.head = nn.Linear(1, 1)
        self.register_buffer("shift", torch.ones(1))
        self.scale = nn.Parameter(torch.ones(1))
        self.sees_padding = True

    def forward(self, batch: Batch) -> Tensor:
        logits: Tensor = self.head(super().forward(batch)) * self.scale + self.shift
        return logits


def test_a_network_is_returned_as_it_is() -> None:
    for net in (StageGraph({}), adapt(Foreign())):
        assert adapt(net) is net


def test_weights_keep_the_names_that_they_have_in_the_module() -> None:
    module = Headed()
    net = adapt(module)
    assert [*net.state_dict()] == [*module.state_dict()]
    assert dict(net.named_parameters()).keys() == dict(module.named_parameters()).keys()
    assert net.get_parameter("tower.0.weight") is module.tower[0].weight
    assert net.stages == ("embedding", "encoder", "tower", "output", "unused", "stages", "head")


def test_what_the_module_says_of_itself_counts(batch: Batch) -> None:
    net = adapt(Headed().eval())
    assert net.sees_padding and not adapt(Foreign()).sees_padding
    assert net.head == ("output",)
    assert net.n_finished == 0
    assert net.outputs(batch, ("head",))["head"].shape == (2, 1)
    assert torch.equal(net.until("head")(batch), net.outputs(batch, ("head",))["head"])
    assert net.n_finished == 3
    with pytest.raises(AttributeError, match="no attribute 'n_begun'"):
        _ = net.n_begun


def test_weights_and_mode_are_shared_with_the_module(batch: Batch) -> None:
    module = Headed()
    net = adapt(module)
    net.double().eval()
    assert module.scale.dtype is module.shift.dtype is module.tower[0].weight.dtype is torch.float64
    assert not module.training and not module.tower.training
    assert not adapt(module).training
    net.load_state_dict({name: torch.zeros_like(value) for name, value in net.state_dict().items()}, assign=True)
    assert module(batch).abs().sum() == 0


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))])
def test_a_copy_is_a_network_of_a_module(copied: Callable[[Network], Any], batch: Batch) -> None:
    net = adapt(Headed().eval())
    other = copied(net)
    assert isinstance(other, Network)
    assert torch.equal(other(batch), net(batch))
    with torch.no_grad():
        other.scale.mul_(2)
    assert torch.equal(other(batch), other.module(batch))
    assert torch.equal(other(batch), net(batch)) == (copied is copy.copy)


def test_a_part_ends_at_the_layer(foreign: Foreign, batch: Batch) -> None:
    part = adapt(foreign).until("tower")
    expected = foreign.tower(foreign.encoder(foreign.embedding(batch.ids))[0][:, -1])
    assert torch.equal(part(batch), expected)
    assert foreign.n_finished == 0


def test_a_part_trains_its_own_parameters_only(foreign: Foreign, batch: Batch) -> None:
    part = adapt(foreign).until("tower")
    names = {name.split(".")[0] for name, _ in part.named_parameters()}
    assert names == {"embedding", "encoder", "tower"}
    part(batch).sum().backward()
    assert foreign.embedding.weight.grad is not None
    assert foreign.output.weight.grad is None


def test_a_part_takes_its_mode_along(foreign: Foreign) -> None:
    part = adapt(foreign).until("tower").train()
    assert foreign.tower[2].training
    part.eval()
    assert not foreign.tower[2].training


def test_it_takes_children_and_their_parts_in_one_pass(foreign: Foreign, batch: Batch) -> None:
    found = adapt(foreign).outputs(batch, ("encoder", "tower.0", "output"))
    assert [tuple(found[name].shape) for name in ("encoder", "tower.0", "output")] == [(2, 3, 3), (2, 5), (2, 1)]
    assert torch.equal(found["output"], foreign(batch))


def test_it_stops_when_it_has_what_it_wants(foreign: Foreign, batch: Batch) -> None:
    adapt(foreign).outputs(batch, ("encoder",))
    assert foreign.n_finished == 0


def test_it_leaves_no_hook_behind_even_after_an_error(foreign: Foreign, batch: Batch) -> None:
    adapt(foreign).outputs(batch, ("encoder",))
    broken = Batch(torch.full((1, 2), 99), torch.tensor([2]))
    with pytest.raises(IndexError, match="index out of range"):
        adapt(foreign).outputs(broken, ("output",))
    assert not any(module._forward_hooks for module in foreign.modules())


def test_it_keeps_gradients_where_they_are_wanted(foreign: Foreign, batch: Batch) -> None:
    adapt(foreign).outputs(batch, ("encoder",))["encoder"].sum().backward()
    assert foreign.embedding.weight.grad is not None


def test_an_unknown_part_names_the_near_one(foreign: Foreign, batch: Batch) -> None:
    with pytest.raises(OptionError, match="no layer 'encodr'; did you mean 'encoder'"):
        adapt(foreign).outputs(batch, ("encodr",))
    with pytest.raises(OptionError, match="no layer 'towr'; did you mean 'tower'"):
        adapt(foreign).until("towr")


def test_a_part_that_never_runs_is_an_error(foreign: Foreign, batch: Batch) -> None:
    with pytest.raises(OptionError, match="the layer 'unused' does not run"):
        adapt(foreign).outputs(batch, ("encoder", "unused"))
