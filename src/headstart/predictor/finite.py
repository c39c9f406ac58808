"""No score that is no number: finite weights may still overflow, and the answer to that is an error, never a NaN."""

from __future__ import annotations

import numpy as np

from headstart.arrays import Array
from headstart.engines import HeldNetwork
from headstart.errors import ArtifactError, HeadstartError
from headstart.predictor.rows import Rows


def check_finite(
    values: Array, rows: Rows, *, what: str, network: HeldNetwork | None = None, device: object = "cpu"
) -> None:
    """Refuse values that are infinite or no number.

    Args:
        values: of each row, [rows] or [rows, size].
        rows: where they come from.
        what: names their source, such as ``"linear head"``, unless a stage of `network` is to blame.
        network: the network that they come through, whose stages are then searched for the first that overflows.
        device: where `network` computes.

    Raises:
        ArtifactError: names the source, and says how many rows and what to do.
    """
    finite = np.isfinite(values).reshape(len(values), -1).all(axis=1)
    if finite.all():
        return
    bad = np.flatnonzero(~finite)
    stage = None if network is None else _first_stage(network, rows, int(bad[0]), device)
    source = what if stage is None else f"stage {stage!r}"
    raise ArtifactError(
        f"the {source} of this model gives no finite number for {len(bad):,} of {len(values):,} rows, so they cannot be "
        "scored: its weights overflow. Copy the model again, or train it anew with a lower learning rate."
    )


def _first_stage(network: HeldNetwork, rows: Rows, row: int, device: object) -> str | None:
    """Return the first stage whose output for that row is not finite; None if none is, or it cannot be told."""
    if network.spec.name is None:  # A module of the user's own may run its children in any order, or not at all.
        return None
    one = rows.examples[np.array([row])]
    engine = network.on(device)
    for name in engine.stages:
        try:
            output = engine.outputs(one, (name,))[name]
        except (HeadstartError, RuntimeError):  # What has no output of its own a row is not to blame.
            continue
        if not np.isfinite(output).all():
            return name
    return None
