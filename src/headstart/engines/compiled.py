"""Networks run by compiled loops over their stored arrays; torch is not needed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headstart.arrays import Array
from headstart.engines.engine import Engine, NetSpec
from headstart.errors import OptionError

__all__ = ["open_network", "takes"]


def takes(spec: NetSpec, net: Any = None) -> bool:
    """Tell whether there are compiled loops for a network."""
    return False


def open_network(spec: NetSpec, weights: Mapping[str, Array], own: Any = None) -> Engine:
    """Return an engine for a stored network."""
    raise OptionError(f"the engine 'compiled' has no loops for the network {spec.name!r}; load it with engine='torch'.")
