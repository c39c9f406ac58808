"""The network of a model: as arrays or as a torch module, and the engine that runs it."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from headstart.arrays import Array
from headstart.engines.engine import Engine, NetSpec, Shape
from headstart.errors import ArtifactError, OptionError, unknown_name
from headstart.extras import is_installed, learning_half
from headstart.plain import Json

AUTO = "auto"
"""The fastest engine that is exact: compiled loops for networks of ours; for an imported encoder torch, where it is installed."""

ENGINES = {
    "compiled": "headstart.engines.compiled",
    "torch": "headstart.engines.torch",
    "onnx": "headstart.engines.onnx",
}
"""Every engine and the module that opens it; none is imported before it is asked for."""

_TORCH = "Running this model's network"
_EXPENSIVE = ("transformer",)
_BUFFERS = ("running_mean", "running_var", "num_batches_tracked", "listed", "scale", "group")
"""What is stored with parameters and is none, by the last part of its name."""
_DRIVER = Path("/proc/driver/nvidia/version")


def check_engine(name: str) -> None:
    """Refuse the name of an engine that there is not.

    Raises:
        OptionError: names those that there are.
    """
    if name != AUTO and name not in ENGINES:
        raise unknown_name("engine", name, (AUTO, *ENGINES))


class HeldNetwork:
    """A network that a scorer holds; it is done learning.

    Args:
        spec: how it is built.
        weights: its parameters and buffers by name; None takes those of `net`.
        net: it as a torch module, where there is one already.
        own: the module, where it is one of the user's own.
        engine: a name from `ENGINES`, or ``"auto"``.

    Raises:
        OptionError: there is no such engine, or it cannot run this network.
        ArtifactError: the weights are not this network's.
    """

    def __init__(
        self,
        spec: NetSpec,
        weights: Mapping[str, Array] | None = None,
        *,
        net: Any = None,
        own: Any = None,
        engine: str = AUTO,
    ) -> None:
        check_engine(engine)
        self.spec = spec
        self.asked = engine
        self._weights, self._net = weights, net
        self._engines: dict[str, Engine] = {}
        if net is None:
            if spec.name is None and own is None:
                raise ArtifactError(
                    "this model's network is a module of its maker's own, and a model file holds no code; "
                    "build that module and pass it: headstart.load(path, net=module)."
                )
            if own is not None:
                self._net, self._weights = self._torch.built(spec, weights or {}, own), None
            opened: Any = self.engine  # what is damaged is refused here, before anything is scored
            if self._weights is not None:  # a file has them in another order
                names = getattr(opened, "weight_names", tuple(self._weights))
                self._weights = {name: self._weights[name] for name in names}

    @property
    def engine(self) -> Engine:
        """What runs the network on the CPU."""
        return self._opened(self.asked if self.asked != AUTO else self._fastest())

    def on(self, device: object) -> Engine:
        """Return what runs the network on a device: ``"cpu"``, ``"cuda"``, ``"cuda:1"``, or ``"auto"``.

        Raises:
            OptionError: there is no such device here, or the engine that was asked for computes on the CPU alone.
        """
        if str(device) == "cpu" or (str(device) == AUTO and not (self.asked in (AUTO, "torch") and _has_cuda())):
            return self.engine
        if self.asked not in (AUTO, "torch"):
            if str(device) == AUTO:
                return self.engine
            raise OptionError(
                f"the engine {self.asked!r} computes on the CPU, and the device is {str(device)!r}; "
                "load the model with engine='torch', or leave the device out."
            )
        found: Engine = self._opened("torch").on(device)  # type: ignore[attr-defined]
        return found

    @property
    def net(self) -> Any:
        """It as a torch module (a `headstart.layers.Network`), whose weights share memory with `weights`.

        Raises:
            MissingDependencyError: torch is not installed.
        """
        if self._net is None:
            self._net = self._torch.built(self.spec, self._weights or {})
            self._weights, self._engines = None, {}  # what is done to the module's weights is done to the model's
        return self._net

    @property
    def weights(self) -> Mapping[str, Array]:
        """Parameters and buffers by name."""
        if self._weights is not None:
            return self._weights
        found: Mapping[str, Array] = self._torch.net_arrays(self._net)
        return found

    @property
    def stages(self) -> tuple[str, ...]:
        """Names of its stages, in the order in which they run."""
        found: tuple[str, ...] = self._known.stages
        return found

    @property
    def shapes(self) -> Mapping[str, Shape]:
        """The shape of each stage's output, where it is known."""
        found: Mapping[str, Shape] = self._known.shapes
        return found

    def parameter_counts(self) -> dict[str, tuple[int, int]]:
        """Return how many parameters each stage has, and how many of them would be trained, by name."""
        if self._net is not None:
            modules = dict(self._net.named_modules())
            of_stage = {name: list(modules[name].parameters()) if name in modules else [] for name in self.stages}
            return {
                name: (sum(p.numel() for p in own), sum(p.numel() for p in own if p.requires_grad))
                for name, own in of_stage.items()
            }
        found = dict.fromkeys(self.stages, 0)
        for name, array in self.weights.items():
            if name.rpartition(".")[2] not in _BUFFERS:
                found[name.partition(".")[0]] += array.size
        return {name: (n, n) for name, n in found.items()}

    @property
    def keep_outputs(self) -> bool:
        """Whether outputs take so long to compute that they are worth their room on disk."""
        return self.spec.name in _EXPENSIVE if self._net is None else bool(self._net.keep_outputs)

    @property
    def _known(self) -> Any:
        return self.engine if self._net is None else self._net

    @property
    def _torch(self) -> Any:
        return learning_half(ENGINES["torch"], _TORCH)

    def _fastest(self) -> str:
        if self.spec.name in _EXPENSIVE and (self._net is not None or is_installed("torch")):
            return "torch"  # its products of large matrices are a quarter faster than NumPy's
        takes: bool = importlib.import_module(ENGINES["compiled"]).takes(self.spec, self._net)
        return "compiled" if takes else "torch"

    def _opened(self, name: str) -> Engine:
        if name not in self._engines:
            if name == "torch":
                self._engines[name] = self._torch.TorchEngine(self.net)
            else:
                module = importlib.import_module(ENGINES[name])
                self._engines[name] = module.open_network(self.spec, self.weights, self._net)
        return self._engines[name]

    def __getstate__(self) -> Json:
        return {**self.__dict__, "_engines": {}}  # another process lays out its own


def _has_cuda() -> bool:
    """Tell whether torch sees a CUDA device; torch is imported for that only where there may be one."""
    if not is_installed("torch") or not ("torch" in sys.modules or _DRIVER.exists()):
        return False
    return bool(importlib.import_module("torch").cuda.is_available())
