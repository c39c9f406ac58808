"""MXNet's operators, computed by torch.

One table, by the name that stands in the graph file. Each entry checks a node's options and gives a function of
tensors. Defaults of absent options are those of MXNet 1.9.1. All floating types are computed in the type of
the network, float32 unless it was converted.
"""

from __future__ import annotations

from headstart.nets.mxnet.operators import (
    convolution,
    dense,
    elementwise,
    normalization,
    reduction,
    sequence,
    shaping,
)
from headstart.nets.mxnet.operators.base import Call, Kernel, Operator
from headstart.nets.mxnet.operators.growth import GROWTH

_FAMILIES = (elementwise, dense, convolution, normalization, sequence, shaping, reduction)

OPERATORS: dict[str, Operator] = {name: operator for family in _FAMILIES for name, operator in family.OPERATORS.items()}
"""Every operator covered, by MXNet's name."""
