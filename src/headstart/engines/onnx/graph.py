"""An ONNX graph while it is built: nodes, constants, inputs and outputs, each value known by its name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from headstart.arrays import Array
from headstart.extras import optional

OPSET = 18
"""Version of ONNX's operators: ONNX Runtime knows it since 1.14, and so does onnxruntime-web."""
_IR_VERSION = 9

Value = str | Array | np.generic | Sequence[int]


def onnx_package() -> ModuleType:
    """Return the module `onnx`, with ``onnx.helper`` and ``onnx.numpy_helper``.

    Raises:
        MissingDependencyError: it is not installed.
    """
    for part in ("onnx.helper", "onnx.numpy_helper"):
        onnx: ModuleType = optional("onnx", "onnx", "A graph of ONNX")
        optional(part, "onnx", "A graph of ONNX")
    return onnx


class Graph:
    """A graph under construction.

    Methods that add something return the name of the new value. Where a value is asked for, an array or a number does
    as well, and becomes a constant; whole numbers are int64.
    """

    def __init__(self, prefix: str = "") -> None:
        self._prefix = prefix  # within a loop no name may be one of those around it
        self._onnx = onnx_package()
        self._nodes: list[object] = []
        self._constants: dict[str, Array] = {}
        self._inputs: list[object] = []
        self._outputs: list[object] = []
        self._memo: dict[str, str] = {}

    def input(self, name: str, dtype: DTypeLike, shape: Sequence[str | int]) -> str:
        """Add an input of the whole graph; sizes that are not known yet have names."""
        return self._declared(self._inputs, name, dtype, shape)

    def output(self, name: str, value: str, dtype: DTypeLike, shape: Sequence[str | int]) -> str:
        """Give a value out under a name."""
        self._nodes.append(self._onnx.helper.make_node("Identity", [value], [name]))
        return self._declared(self._outputs, name, dtype, shape)

    def constant(self, value: object, name: str = "") -> str:
        """Add a constant."""
        array = np.asarray(value)
        name = name or f"{self._prefix}constant_{len(self._constants)}"
        self._constants[name] = array
        return name

    def op(self, kind: str, *inputs: Value, n_outputs: int = 1, **attributes: Any) -> Any:
        """Add a node; of several outputs their names come as a list."""
        names = [one if isinstance(one, str) else self.constant(one) for one in inputs]
        outputs = [f"{self._prefix}{kind.lower()}_{len(self._nodes)}{f'_{i}' if i else ''}" for i in range(n_outputs)]
        self._nodes.append(self._onnx.helper.make_node(kind, names, outputs, **attributes))
        return outputs[0] if n_outputs == 1 else outputs

    def once(self, name: str, make: Callable[[], str]) -> str:
        """Return the value that `make` gave when first asked for under this name."""
        if name not in self._memo:
            self._memo[name] = make()
        return self._memo[name]

    def cast(self, value: str, dtype: DTypeLike) -> str:
        """Convert to another type of number."""
        made: str = self.op("Cast", value, to=self._type(dtype))
        return made

    def loop(self, body: Graph, go_on: str, *state: Value) -> list[str]:
        """Run `body` for as long as its first output says; its inputs are a counter, a truth value and the state."""
        made = self.op("Loop", "", go_on, *state, n_outputs=len(state), body=body.made("body"))
        return [made] if len(state) == 1 else made

    def made(self, name: str) -> object:
        """Return the graph as ONNX has it."""
        constants = [self._onnx.numpy_helper.from_array(array, one) for one, array in self._constants.items()]
        return self._onnx.helper.make_graph(self._nodes, name, self._inputs, self._outputs, constants)

    def model(self, name: str) -> Any:
        """Return the whole model, an ``onnx.ModelProto``."""
        opset = self._onnx.helper.make_opsetid("", OPSET)
        return self._onnx.helper.make_model(
            self.made(name), opset_imports=[opset], ir_version=_IR_VERSION, producer_name="headstart"
        )

    def _declared(self, into: list[object], name: str, dtype: DTypeLike, shape: Sequence[str | int]) -> str:
        into.append(self._onnx.helper.make_tensor_value_info(name, self._type(dtype), list(shape)))
        return name

    def _type(self, dtype: DTypeLike) -> int:
        found: int = self._onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        return found
