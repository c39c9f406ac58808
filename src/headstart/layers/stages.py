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

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from torch import Tensor, nn

from headstart.batches import Batch
from headstart.errors import OptionError, unknown_name

__all__ = ["Shape", "Stage", "StageGraph", "capture", "stage_names", "until"]

Shape = tuple[int | str, ...]
"""Sizes of a stage's output; ``"rows"`` and ``"tokens"`` stand for the batch's own."""

_BATCH_FIELDS = ("ids", "lengths", "columns")


class Stage(NamedTuple):
    """One line of the table: what runs, what it reads, and the shape of what it gives."""

    module: nn.Module
    inputs: tuple[str, ...]
    shape: Shape


class StageGraph(nn.Module):
    """Runs a table of stages.

    Args:
        stages: the table, in the order in which it runs.
        sees_padding: whether the padding of a batch changes its rows' outputs by design, as in networks
            copied from elsewhere. Prediction then groups rows of equal length.

    Attributes:
        stages: names in order.
        inputs: what each stage reads.
        shapes: the shape of each stage's output.
    """

    def __init__(self, stages: Mapping[str, Stage], *, sees_padding: bool = False) -> None:
        super().__init__()
        known = set(_BATCH_FIELDS)
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

    def forward(self, batch: Batch) -> Tensor:
        """Return the last stage's output: logits [rows, outputs] in a whole network."""
        last = self.stages[-1]
        return self.outputs(batch, (last,))[last]

    def outputs(self, batch: Batch, names: Iterable[str]) -> dict[str, Tensor]:
        """Return the outputs of the named stages, running nothing that they do not need."""
        wanted = tuple(names)
        for name in wanted:
            if name not in self.stages:
                raise unknown_name("layer", name, self.stages)
        values: dict[str, Any] = {field: getattr(batch, field) for field in _BATCH_FIELDS}
        needed = self._ancestors(wanted)
        for name in self.stages:
            if name in needed:
                values[name] = getattr(self, name)(*(values[source] for source in self.inputs[name]))
        return {name: _dense(values[name]) for name in wanted}

    def until(self, layer: str) -> StageGraph:
        """Return the trainable network that ends at `layer`. It shares this network's weights."""
        if layer not in self.stages:
            raise unknown_name("layer", layer, self.stages)
        needed = self._ancestors((layer,))
        table = {
            name: Stage(getattr(self, name), self.inputs[name], self.shapes[name])
            for name in self.stages
            if name in needed
        }
        return type(self)(table, sees_padding=self.sees_padding)

    def _ancestors(self, names: tuple[str, ...]) -> set[str]:
        needed = set(names)
        for name in reversed(self.stages):
            if name in needed:
                needed.update(source for source in self.inputs[name] if source in self.stages)
        return needed


def _dense(value: Any) -> Tensor:
    tensor: Tensor = value if isinstance(value, Tensor) else value.dense()
    return tensor


class _Reached(Exception):
    """Stops a foreign module's forward pass at the layer that was wanted."""


class _Until(nn.Module):
    """A module that is not ours, cut off behind one of its named parts.

    The parts that run after it are unknown before the first call, so `parameters` lists only what the
    chosen layer itself and the parts registered before it hold.
    """

    def __init__(self, net: nn.Module, layer: str) -> None:
        super().__init__()
        self._whole = [net]  # in a list: not a child, so that later parts' parameters stay out
        self._layer = layer
        names = stage_names(net)
        for name in names[: names.index(layer) + 1]:
            self.add_module(name.replace(".", "_"), net.get_submodule(name))

    def forward(self, batch: Batch) -> Tensor:
        """Return the layer's output."""
        return capture(self._whole[0], batch, (self._layer,))[self._layer]


def stage_names(net: nn.Module) -> tuple[str, ...]:
    """Return the names of a network's stages: its own list, or else its direct children."""
    named = getattr(net, "stages", None)
    return tuple(named) if named is not None else tuple(name for name, _ in net.named_children())


def until(net: nn.Module, layer: str) -> nn.Module:
    """Return the trainable part of `net` that ends at `layer`, sharing its weights.

    Raises:
        OptionError: if there is no such layer; the message names the near ones.
    """
    if layer not in stage_names(net):
        raise unknown_name("layer", layer, stage_names(net))
    own: Callable[[str], nn.Module] | None = getattr(net, "until", None)
    return own(layer) if own is not None else _Until(net, layer)


def capture(net: nn.Module, batch: Batch, names: Iterable[str]) -> dict[str, Tensor]:
    """Return named outputs of any network in one pass: stages, or any submodule of a foreign module.

    Raises:
        OptionError: if there is no such layer; the message names the near ones.
    """
    wanted = tuple(names)
    own: Callable[[Batch, tuple[str, ...]], dict[str, Tensor]] | None = getattr(net, "outputs", None)
    if own is not None:
        return own(batch, wanted)
    modules = dict(net.named_modules())
    for name in wanted:
        if name not in modules:
            raise unknown_name("layer", name, stage_names(net))
    found: dict[str, Tensor] = {}

    def keep(name: str) -> Callable[[nn.Module, Any, Any], None]:
        def hook(_module: nn.Module, _args: Any, output: Any) -> None:
            found[name] = output[0] if isinstance(output, tuple) else output
            if len(found) == len(wanted):
                raise _Reached

        return hook

    handles = [modules[name].register_forward_hook(keep(name)) for name in wanted]
    try:
        net(batch)
    except _Reached:
        pass
    finally:
        for handle in handles:
            handle.remove()
    for name in wanted:
        if name not in found:
            raise OptionError(
                f"the layer {name!r} does not run when the network computes its logits, so it has no output; "
                f"choose another of: {', '.join(stage_names(net))}."
            )
    return found
