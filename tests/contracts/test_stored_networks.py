"""Every network that a model file may name: built again from its spec and its weights it is the same, stage by stage."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from headstart.batches import Batches, Examples
from headstart.engines.torch import net_arrays, shapes_of
from headstart.errors import OptionError
from headstart.foreign.mxnet import read_params, read_symbol
from headstart.layers import Network
from headstart.nets import NETS, OTHER_NETS, STORED
from headstart.nets.mxnet import MXNetGraph
from headstart.predictor import NetSpec
from headstart.text import RaggedIds

N_WORDS = 40
MXNET = Path(__file__).parents[1] / "data" / "mxnet" / "tiny"
ENCODERS: dict[str, dict[str, Any]] = {
    "static": {"size": 6, "normalize": True},
    "transformer": {
        "size": 8, "inner_size": 12, "n_layers": 2, "n_heads": 2, "n_positions": 16, "activation": "gelu", "epsilon": 1e-5,
        "unknown": 1, "before": [2], "after": [3], "pooling": ["mean", "cls"], "normalize": False,
    },
}  # fmt: skip


def graph() -> MXNetGraph:
    arrays = read_params(f"{MXNET}-0000.params")
    assert isinstance(arrays, dict)
    tensors = {name.split(":")[1]: torch.from_numpy(array) for name, array in arrays.items()}
    return MXNetGraph(read_symbol(f"{MXNET}-symbol.json"), tensors)


def encoder(name: str) -> Network:
    net = STORED[name](N_WORDS, ENCODERS[name], {}).to_empty(device="cpu")
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        for parameter in net.parameters():
            parameter.normal_()
    return net


@pytest.fixture(
    params=sorted(set(STORED) - {"efficientnet"} - {name for nets in OTHER_NETS.values() for name in nets})
)  # test_inputs.py and test_efficientnet.py have those
def made(
    request: pytest.FixtureRequest, small_net: Callable[..., Any], small_options: Callable[[str], dict[str, Any]]
) -> tuple[Network, NetSpec]:
    """A small network of each kind, and how it is built."""
    name = request.param
    if name in NETS:
        return small_net(name, N_WORDS).eval(), NetSpec(name, N_WORDS, small_options(name))
    if name == "mxnet":
        return graph().eval(), NetSpec(name, N_WORDS, graph().config())
    if name not in ENCODERS:
        pytest.fail(f"the network {name!r} has no case: add one here")
    return encoder(name).eval(), NetSpec(name, N_WORDS, ENCODERS[name])


@pytest.fixture
def examples() -> Examples:
    rng = np.random.default_rng(5)
    return Examples(RaggedIds.from_lists([rng.integers(1, 20, length) for length in (7, 1, 12, 4)]))


def that_read_texts(net: Network) -> list[str]:
    """Stages that depend on token ids; a graph has others, from which no network for texts can be made."""
    found: list[str] = []
    for name in net.stages:
        if {"ids", "data0", *found} & {*net.inputs[name]}:
            found.append(name)
    return found


def rebuilt(net: Network, spec: NetSpec) -> Network:
    """What comes of storing the spec as JSON and the weights as arrays."""
    arrays = net_arrays(net)
    again = shapes_of(NetSpec(**json.loads(json.dumps(spec.to_json()))), arrays)
    again.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()}, assign=True)
    return again.eval()


def test_it_is_built_again_from_spec_and_weights(made: tuple[Network, NetSpec], examples: Examples) -> None:
    net, spec = made
    again = rebuilt(net, spec)
    assert again.stages == net.stages
    assert again.shapes == net.shapes
    assert (again.head, again.sees_padding, again.keep_outputs) == (net.head, net.sees_padding, net.keep_outputs)
    batch = Batches(examples)[0].tensors()
    with torch.no_grad():
        expected, found = net.outputs(batch, net.stages), again.outputs(batch, again.stages)
    for name, values in expected.items():
        assert torch.equal(found[name], values), name


def test_it_keeps_the_contract(made: tuple[Network, NetSpec], examples: Examples) -> None:
    net, _ = made
    batch = Batches(examples)[0].tensors()
    assert set(net.shapes) == set(net.inputs) == set(net.stages)
    assert net.head and set(net.head) <= set(net.stages)
    with torch.no_grad():
        outputs = net.outputs(batch, net.stages)
        for name in that_read_texts(net):
            part = net.until(name)
            assert name in part.stages and set(part.stages) <= set(net.stages)
            assert torch.equal(part(batch), outputs[name]), name
            assert {*part.state_dict()} <= {*net.state_dict()}
    with pytest.raises(OptionError, match="no layer 'nowhere'"):
        net.until("nowhere")
