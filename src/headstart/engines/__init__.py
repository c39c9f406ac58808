"""What runs a stored network: compiled loops, torch, or ONNX Runtime.

Every engine is a module of this package, listed in `ENGINES`, with one function::

    def open_network(spec: NetSpec, weights: Mapping[str, Array], own: Any = None) -> Engine

`own` is the network as a torch module, where there is one already. It raises `CannotRunError` for a network that it cannot run,
naming an engine that can. `HeldNetwork` is what a model holds: a network in one form or another, and the engine that was asked
for.
"""

from headstart.engines.engine import LOGITS, POOLINGS, CannotRunError, Engine, NetSpec, Shape
from headstart.engines.held import AUTO, ENGINES, HeldNetwork, check_engine
