"""What fine-tuning puts behind an encoder: one linear stage over its vector of a text."""

from __future__ import annotations

from torch import nn

from headstart.layers.stages import Stage
from headstart.plain import Options


def with_output(table: dict[str, Stage], options: Options) -> dict[str, Stage]:
    """Return an encoder's stages, and behind ``pooled`` the stage ``output`` where it has learnt labels and has a width."""
    n_outputs = options.get("n_outputs")
    if n_outputs is None:
        return table
    return {
        **table,
        "output": Stage(nn.Linear(int(table["pooled"].shape[-1]), n_outputs), ("pooled",), ("rows", n_outputs)),
    }
