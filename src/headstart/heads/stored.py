"""A head that a model file holds, built again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from headstart.arrays import Array
from headstart.errors import ArtifactError
from headstart.heads.boosting import CatBoostHead
from headstart.heads.columns import ColumnEncoder, StoredColumns
from headstart.heads.linear import LinearHead
from headstart.records import Number, Record, Whole

Head = LinearHead | CatBoostHead
"""What reads the outputs of layers, or columns alone."""


class StoredHead(Record, frozen=True):
    """What is stored of a head next to its arrays and blobs."""

    kind: Literal["linear", "catboost"]
    size: Whole
    columns: StoredColumns | None
    constants: tuple[Number | None, ...] = ()


def head_from_stored(stored: StoredHead, arrays: Mapping[str, Array], blobs: Mapping[str, bytes]) -> Head:
    """Build a head again from what is stored of it.

    Raises:
        ArtifactError: if its parts are missing or do not fit one another.
    """
    encoder = None if stored.columns is None else ColumnEncoder.of(stored.columns)
    if stored.kind == LinearHead.kind:
        return LinearHead.from_arrays(arrays, encoder)
    if "head.cbm" not in blobs:
        raise ArtifactError("this model's CatBoost head lacks its file head.cbm; copy the model again.")
    return CatBoostHead.from_blob(blobs["head.cbm"], stored.size, encoder, stored.constants)
