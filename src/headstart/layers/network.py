"""What the rest of the package knows of a network: its stages by name, their shapes, and their outputs."""

from __future__ import annotations

import copy
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from torch import Tensor, nn

from headstart.batches import Batch
from headstart.engines.engine import Shape
from headstart.errors import OptionError, unknown_name

_HEAD = ("dense", "deep", "output")


class Network(nn.Module):
    """Takes a `Batch` and returns logits [rows, outputs]; gives the output of each of its stages by name.

    `headstart.layers.StageGraph` builds one from a table. A subclass of its own sets `stages` and writes `outputs` and
    `until`; everything else has a default. Any other module becomes a network by `adapt`.

    Attributes:
        stages: names of the stages, in the order in which they run.
        shapes: the shape of each stage's output, where it is known.
        inputs: what each stage reads: fields of the batch and earlier stages; empty where it is not known, and then
            the order of `stages` says nothing about the order in which they run.
        aliases: for a parameter whose name does not lead to its stages, the names of these.
        sees_padding: whether the padding of a batch changes its rows' outputs by design, as in networks copied from
            elsewhere. Prediction then groups rows of equal length.
        cpu_batch_tokens: most tokens of a batch in prediction on a CPU, padding included, so that what one layer hands
            to the next stays in the processor's caches; None for the usual number.
        keep_outputs: whether outputs take so long to compute that they are worth their room on disk.
    """

    stages: tuple[str, ...] = ()
    shapes: Mapping[str, Shape] = {}
    inputs: Mapping[str, tuple[str, ...]] = {}
    aliases: Mapping[str, tuple[str, ...]] = {}
    sees_padding: bool = False
    cpu_batch_tokens: int | None = None
    keep_outputs: bool = False

    @property
    def head(self) -> tuple[str, ...]:
        """The stages that fine-tuning trains first: dense blocks and the output, or else the last stage."""
        return tuple(name for name in self.stages if name.startswith(_HEAD)) or self.stages[-1:]

    def forward(self, batch: Batch) -> Tensor:
        """Return the last stage's output: logits [rows, outputs] in a whole network."""
        last = self.stages[-1]
        return self.outputs(batch, (last,))[last]

    @abstractmethod
    def outputs(self, batch: Batch, names: Iterable[str]) -> dict[str, Tensor]:
        """Return the outputs of the named stages, running nothing that they do not need.

        Raises:
            OptionError: if there is no such stage; the message names the near ones.
        """

    @abstractmethod
    def until(self, layer: str) -> Network:
        """Return the trainable network that ends at the stage `layer`. It shares this network's weights.

        Raises:
            OptionError: if there is no such stage; the message names the near ones.
        """

    def checked(self, names: Iterable[str]) -> tuple[str, ...]:
        """Return the names of layers whose outputs are wanted.

        Raises:
            OptionError: if there is no such layer; the message names the near ones.
        """
        wanted = tuple(names)
        for name in wanted:
            if name not in self.stages:
                raise unknown_name("layer", name, self.stages)
        return wanted


def adapt(module: nn.Module) -> Network:
    """Return a module of the user's own as a `Network` that shares its weights; a network is returned as it is.

    The module's direct children become the stages. It may say ``sees_padding = True``.
    """
    return module if isinstance(module, Network) else _Adapted(module)


class _Reached(Exception):
    """Stops a module's forward pass at the layer that was wanted."""


class _Adapted(Network):
    """A module of the user's own, whole or cut off behind one of its parts.

    Weights and parts are the module's, under the names they have there. The parts that run after `layer` are unknown
    before the first call, so a network that is cut off holds only what the layer and the parts registered before it do.
    """

    def __init__(self, module: nn.Module, layer: str | None = None) -> None:
        super().__init__()
        names = [name for name, _ in module.named_children()]
        self.stages = tuple(names if layer is None else names[: names.index(layer) + 1])
        self.sees_padding = bool(getattr(module, "sees_padding", False))
        self.training = module.training
        self._layer = layer
        self.__dict__["module"] = module  # not as a child, which would put "module." before every name
        if layer is None:
            self._parameters, self._buffers, self._modules = module._parameters, module._buffers, module._modules
            self._non_persistent_buffers_set = module._non_persistent_buffers_set
        else:
            self._modules = {name: module.get_submodule(name) for name in self.stages}

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["module"], name)

    def __reduce__(self) -> tuple[type[Network], tuple[nn.Module, str | None]]:
        return _Adapted, (self.module, self._layer)  # else a copy would share nothing with the copy of its module

    def __deepcopy__(self, memo: dict[int, Any]) -> Network:
        return _Adapted(copy.deepcopy(self.module, memo), self._layer)

    def get_submodule(self, target: str) -> nn.Module:
        found: nn.Module = self.module.get_submodule(target)  # a part may have the name of an attribute of this class
        return found

    def train(self, mode: bool = True) -> _Adapted:
        if self._layer is None:
            self.module.train(mode)
        return super().train(mode)

    def forward(self, batch: Batch) -> Tensor:
        logits: Tensor = self.module(batch) if self._layer is None else super().forward(batch)
        return logits

    def checked(self, names: Iterable[str]) -> tuple[str, ...]:
        """Return the names of layers, which may be parts of parts, such as ``"tower.0"``."""
        wanted, modules = tuple(names), dict(self.named_modules())
        for name in wanted:
            if name not in modules:
                raise unknown_name("layer", name, self.stages)
        return wanted

    def outputs(self, batch: Batch, names: Iterable[str]) -> dict[str, Tensor]:
        """Return the outputs of parts, all in one forward pass that ends with the last of them."""
        wanted = self.checked(names)
        found: dict[str, Tensor] = {}

        def keep(name: str) -> Callable[[nn.Module, object, Tensor | tuple[Tensor, ...]], None]:
            def hook(_module: nn.Module, _inputs: object, output: Tensor | tuple[Tensor, ...]) -> None:
                found[name] = output[0] if isinstance(output, tuple) else output
                if len(found) == len(wanted):
                    raise _Reached

            return hook

        handles = [self.get_submodule(name).register_forward_hook(keep(name)) for name in wanted]
        try:
            self.module(batch)
        except _Reached:
            pass
        finally:
            for handle in handles:
                handle.remove()
        for name in wanted:
            if name not in found:
                raise OptionError(
                    f"the layer {name!r} does not run when the network computes its logits, so it has no output; "
                    f"choose another of: {', '.join(self.stages)}."
                )
        return found

    def until(self, layer: str) -> Network:
        if layer not in self.stages:
            raise unknown_name("layer", layer, self.stages)
        return _Adapted(self.module, layer)
