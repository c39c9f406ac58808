"""The kinds of damage, by name."""

from __future__ import annotations

from fuzzing.foreign import Encoders, Folders, MXNet
from fuzzing.images import Images
from fuzzing.kind import Kind
from fuzzing.models import Arguments, Inspect, Models, Natives
from fuzzing.resumed import Cache, Checkpoints, Comparisons
from fuzzing.tables import Arrow, Csv, Json, Parquet

__all__ = ["KINDS"]

KINDS: dict[str, type[Kind]] = {
    kind.name: kind
    for kind in (
        Models, Natives, Arguments, Inspect, Encoders, Folders, MXNet, Arrow, Parquet, Csv, Json, Checkpoints, Comparisons,
        Cache, Images,
    )
}  # fmt: skip
