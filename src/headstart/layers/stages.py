"""A network as a table of named stages.

Every network of ours is written as a table::

    stages = {
        "embedding": Stage(TokenEmbedding(...), inputs=("ids",), shape=("rows", "tokens", 64)),
        "encoder": Stage(Recurrent(...), inputs=("embedding", "lengths"), shape=("rows", "tokens", 100)),
        "output": Stage(nn.Linear(...), inputs=("encoder",), shape=("rows", 1)),
    }

A stage reads fields of the batch and outputs of the stages above it; the last one gives the logits. That
one table is what lets any stage's output be taken, frozen or trained on by its name.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

from torch import Tensor, nn

from headstart.batches import Batch
from headstart.engines.engine import Shape
from headstart.errors import DataError, OptionError
from headstart.layers.network import Network
from headstart.plain import Json

_BATCH_FIELDS = ("ids", "lengths")


class Stage(NamedTuple):
    """One line of the table: what runs, what it reads, and the shape of what it gives."""

    module: nn.Module
    inputs: tuple[str, ...]
    shape: Shape


class StageGraph(Network):
    """Runs a table of stages.

    A stage whose output a batch holds as a field, because it was computed before, is not run again.

    Args:
        stages: the table, in the order in which it runs.
        fields: what the inputs hold next to ``ids`` and ``lengths``, as far as stages read it.
        sees_padding: whether the padding of a batch changes its rows' outputs by design; see `Network`.
    """

    def __init__(self, stages: Mapping[str, Stage], *, fields: Iterable[str] = (), sees_padding: bool = False) -> None:
        super().__init__()
        self.fields = tuple(fields)
        known = {*_BATCH_FIELDS, *self.fields}
        for name, stage in stages.items():
            missing = [source for source in stage.inputs if source not in known]
            if missing:
                raise OptionError(
                    f"stage {name!r} reads {missing}, which no earlier stage gives; "
                    f"let it read one of {sorted(known)} or list that stage before it."
                )
            known.add(name)
            self.add_module(name, stage.module)
        self.stages = tuple(stages)
        self.inputs = {name: stage.inputs for name, stage in stages.items()}
        self.shapes = {name: stage.shape for name, stage in stages.items()}
        self.sees_padding = sees_padding

    def outputs(self, batch: Batch, names: Iterable[str]) -> dict[str, Tensor]:
        """Return the outputs of the named stages, running nothing that they do not need."""
        wanted = self.checked(names)
        if not hasattr(batch, "field"):
            raise DataError(
                f"a network takes a Batch of tensors, and a {type(batch).__name__} came; "
                "write net(batch.tensors()) for each batch of Batches(examples)."
            )
        held = {name for name in self.stages if name in batch.fields}
        needed = self._ancestors(wanted, held)
        read = {source for name in needed - held for source in self.inputs[name]} - set(self.stages)
        values: Json = {name: batch.field(name) for name in read | (needed & held)}
        for name in self.stages:
            if name in needed and name not in held:
                values[name] = getattr(self, name)(*(values[source] for source in self.inputs[name]))
        return {name: _dense(values[name]) for name in wanted}

    def until(self, layer: str) -> StageGraph:
        """Return the trainable network that ends at `layer`. It shares this network's weights."""
        needed = self._ancestors(self.checked((layer,)))
        table = {
            name: Stage(getattr(self, name), self.inputs[name], self.shapes[name])
            for name in self.stages
            if name in needed
        }
        return type(self)(table, fields=self.fields, sees_padding=self.sees_padding)

    def _ancestors(self, names: tuple[str, ...], held: Collection[str] = ()) -> set[str]:
        needed = set(names)
        for name in reversed(self.stages):
            if name in needed and name not in held:
                needed.update(source for source in self.inputs[name] if source in self.stages)
        return needed


def _dense(value: Any) -> Tensor:
    tensor: Tensor = value if isinstance(value, Tensor) else value.dense()
    return tensor
