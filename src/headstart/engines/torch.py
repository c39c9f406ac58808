"""Networks run by torch: every kind, on any device. Of all engines this one alone imports torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from headstart.arrays import Array, Floats
from headstart.batches import Examples
from headstart.engines.engine import LOGITS, NetSpec, Shape
from headstart.engines.weights import check_weights
from headstart.errors import unknown_name
from headstart.inference import network_outputs, on_device, resolve_device
from headstart.layers import Network, adapt
from headstart.nets import STORED

_BORDER = 64
"""Bytes: where torch lets a tensor begin."""
_LARGE = 1 << 26


class TorchEngine:
    """Runs a torch module.

    Args:
        net: the network.
        device: where it computes; it is moved there when it runs.
    """

    name = "torch"

    def __init__(self, net: Network, device: str | torch.device = "cpu") -> None:
        self.net = net
        self.device = device

    @property
    def stages(self) -> tuple[str, ...]:
        """Names of the stages, in the order in which they run; of a module of the user's own, its children."""
        return self.net.stages

    @property
    def shapes(self) -> Mapping[str, Shape]:
        """The shape of each stage's output, where it is known."""
        return self.net.shapes

    def on(self, device: str | torch.device) -> TorchEngine:
        """Return the same network on another device.

        Raises:
            OptionError: there is no such device.
        """
        return TorchEngine(self.net, resolve_device(device))

    def checked(self, names: Sequence[str]) -> None:
        """Refuse names of outputs that the network does not have; see `headstart.engines.Engine`."""
        self.net.checked([name for name in names if name != LOGITS])

    def outputs(self, examples: Examples, names: Sequence[str], pooling: str = "mean") -> dict[str, Floats]:
        """Return named outputs of every row; see `headstart.engines.Engine`."""
        net = on_device(self.net, self.device)
        return network_outputs(net, examples, names, pooling=pooling, device=self.device)


def open_network(spec: NetSpec, weights: Mapping[str, Array], own: object = None) -> TorchEngine:
    """Return an engine for a stored network, or for the user's `own` module."""
    return TorchEngine(built(spec, weights, own))


def built(spec: NetSpec, weights: Mapping[str, Array], own: Any = None) -> Network:
    """Return a network with its weights in it, which keep their memory where they can.

    Raises:
        ArtifactError: the weights are not this network's.
        OptionError: there is no such network, or it refuses its options.
    """
    net = adapt(own) if own is not None else shapes_of(spec, weights)
    expected = net.state_dict()
    check_weights({name: (tuple(v.shape), str(v.dtype).partition(".")[2]) for name, v in expected.items()}, weights)
    shapes_only = any(value.is_meta for value in expected.values())
    given = {name: torch.from_numpy(placed(weights[name])).to(value.dtype) for name, value in expected.items()}
    net.load_state_dict(given, assign=shapes_only)
    return net.eval()


def shapes_of(spec: NetSpec, weights: Mapping[str, Array]) -> Network:
    """Return a network of ours as shapes alone, for `weights` to be put in."""
    if spec.name not in STORED:
        raise unknown_name("network", str(spec.name), STORED)
    tensors = {name: torch.from_numpy(array) for name, array in weights.items()}
    net = STORED[spec.name](spec.n_words, spec.options, tensors)
    return net if spec.until is None else net.until(spec.until)


def net_arrays(net: Network) -> dict[str, Array]:
    """Return a network's parameters and buffers as arrays."""
    return {name: value.detach().cpu().contiguous().numpy() for name, value in net.state_dict().items()}


def placed(weight: Array) -> Array:
    """Return a weight where torch would have put it, unless it is so large that the file's own pages are better.

    Some processors' matrix products round differently by where in memory a matrix begins, and a tensor's place in a file
    is any. What is larger than 64 MiB is a table of words, looked up by row, where that makes no difference.
    """
    if weight.nbytes > _LARGE or weight.ctypes.data % _BORDER == 0:
        return weight
    return np.asarray(torch.from_numpy(weight).clone().numpy())
