"""Rows through a table of stages on arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numba.core import config

from headstart.arrays import Array, Floats
from headstart.batches import Batch, Batches, Examples
from headstart.engines.compiled.kinds import Indexed, check_poolings, pool_rows
from headstart.engines.compiled.tables import TABLES, Line, ancestors, table_of
from headstart.engines.engine import LOGITS, CannotRunError, NetSpec, Shape
from headstart.engines.weights import check_weights
from headstart.errors import unknown_name
from headstart.kernels import workers
from headstart.plain import Json

_BATCH_ROWS = 256


class CompiledEngine:
    """Runs a network of ours, or an imported encoder, on the CPU.

    Args:
        spec: how it is built.
        weights: parameters and buffers by name; they are used where they lie.
        stored: whether they come from a file, whose values are looked at.

    Attributes:
        weight_names: names of all weights, in the order of the network.

    Raises:
        ArtifactError: the weights are not this network's.
    """

    name = "compiled"

    def __init__(self, spec: NetSpec, weights: Mapping[str, Array], *, stored: bool = True) -> None:
        table = table_of(spec)
        self._lines = table.lines
        self._sees_padding, self._batch_tokens = table.sees_padding, table.batch_tokens
        expected = {
            f"{stage}.{name}": shape for stage, line in self._lines.items() for name, shape in line.kind.weights.items()
        }
        check_weights(expected, weights, finite=stored)
        self.weight_names = tuple(expected)
        self._run = {
            stage: line.kind.make({name: weights[f"{stage}.{name}"] for name in line.kind.weights})
            for stage, line in self._lines.items()
        }

    @property
    def stages(self) -> tuple[str, ...]:
        """Names of the stages, in the order in which they run."""
        return tuple(self._lines)

    @property
    def shapes(self) -> Mapping[str, Shape]:
        """The shape of each stage's output."""
        return {name: line.shape for name, line in self._lines.items()}

    def checked(self, names: Sequence[str]) -> None:
        """Refuse names of outputs that the network does not have; see `headstart.engines.Engine`."""
        for name in names:
            if name != LOGITS and name not in self._lines:
                raise unknown_name("layer", name, self._lines)

    def outputs(self, examples: Examples, names: Sequence[str], pooling: str = "mean") -> dict[str, Floats]:
        """Return named outputs of every row; see `headstart.engines.Engine`."""
        self.checked(names)
        check_poolings((pooling,))
        stages = {name: name or self.stages[-1] for name in names}
        needed = ancestors(self._lines, stages.values())
        if not len(examples):
            return {name: value[:0] for name, value in self.outputs(examples.blank_row(), names, pooling).items()}
        found: dict[str, Floats] = {}
        batches = Batches(
            examples,
            batch_size=_BATCH_ROWS,
            order="length",
            equal_lengths=self._sees_padding,
            max_batch_tokens=self._batch_tokens,
        )
        n_threads = workers.n_threads()  # asked for once: every kernel would read the environment again
        for batch in batches:
            # Whoever asked looks for what is no finite number.
            with workers.limit_threads(n_threads), np.errstate(over="ignore", invalid="ignore"):
                values = self._through(batch, needed)
            for name, stage in stages.items():
                flat = _by_row(values[stage], batch, pooling)
                if name not in found:
                    found[name] = np.empty((len(examples), flat.shape[1]), np.float32)
                found[name][batch.rows] = flat
        return found

    def _through(self, batch: Batch, needed: Mapping[str, Line]) -> Json:
        values: Json = {"ids": batch.ids, "lengths": batch.lengths, **batch.fields}
        for name, line in needed.items():
            values[name] = self._run[name](*(values[source] for source in line.inputs))
        return values


def _by_row(value: Any, batch: Batch, pooling: str) -> Floats:
    """Return a stage's output as one vector a row [rows, size]."""
    dense: Floats = value.dense() if isinstance(value, Indexed) else value
    return pool_rows(dense, batch.lengths, (pooling,)) if dense.ndim == 3 else dense


def takes(spec: NetSpec, net: Any = None) -> bool:
    """Tell whether there are compiled loops for a network.

    Args:
        spec: how it is built.
        net: it as a torch module, whose numbers may be others than float32.
    """
    known = TABLES.get(spec.name or "")
    if (
        known is None
        or spec.reads_columns
        or not known.required <= {*spec.options}
        or getattr(config, "DISABLE_JIT", False)
    ):
        return False
    return net is None or all(str(one.dtype) == "torch.float32" for one in net.parameters())


def open_network(spec: NetSpec, weights: Mapping[str, Array], own: object = None) -> CompiledEngine:
    """Return an engine for a stored network.

    Raises:
        CannotRunError: there are no compiled loops for it.
        ArtifactError: the weights are not this network's.
    """
    if not takes(spec):
        what = "a module of your own" if spec.name is None else f"the network {spec.name!r} as this model has it"
        raise CannotRunError(
            f"the engine 'compiled' has no loops for {what}; load it with engine='torch' "
            "(pip install 'headstart[train]')."
        )
    return CompiledEngine(spec, weights, stored=own is None)
