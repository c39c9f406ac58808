"""What an operator is: how a node's options become a function of tensors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from headstart.nets.mxnet.attributes import Attributes


@dataclass(frozen=True)
class Call:
    """What a node may need to know besides its inputs.

    Attributes:
        rows: texts in the batch; stands for the sizes that a graph leaves open.
        dtype: the floating type in which the network runs.
        device: where it runs.
        training: whether this node is in training mode.
        most_values: refuse a node that is about to make more values than this; None for no limit.
    """

    rows: int
    dtype: torch.dtype
    device: torch.device
    training: bool = False
    most_values: int | None = None


Kernel = Callable[..., Tensor | tuple[Tensor, ...]]
"""``kernel(call, *inputs)`` gives the node's output, or a tuple of them."""

Build = Callable[[Attributes], Kernel]
"""Checks a node's options and number of inputs and gives its kernel."""


def one_output(_attributes: Attributes) -> tuple[str, ...]:
    """Name the only output, as MXNet does by default."""
    return ("output",)


@dataclass(frozen=True)
class Operator:
    """One of MXNet's operators.

    Attributes:
        build: gives the kernel of a node.
        outputs: gives the names that MXNet appends to the node's name for each visible output.
        statistics: which inputs are running statistics, changed in training.
        labels: which inputs are labels of a loss; they are cut off, for they have no part in a prediction.
    """

    build: Build
    outputs: Callable[[Attributes], tuple[str, ...]] = one_output
    statistics: tuple[int, ...] = ()
    labels: tuple[int, ...] = ()


def plain(function: Callable[..., Tensor], n_inputs: int = 1) -> Operator:
    """Return the operator without options that applies `function` to its `n_inputs` inputs."""

    def _build(attributes: Attributes) -> Kernel:
        attributes.expects(n_inputs)
        return lambda _call, *tensors: function(*tensors)

    return Operator(_build)
