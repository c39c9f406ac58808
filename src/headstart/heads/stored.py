"""A head that a model file holds, built again."""

from __future__ import annotations

from collections.abc import Mapping

from headstart.arrays import Array
from headstart.errors import ArtifactError
from headstart.heads.boosting import CatBoostHead
from headstart.heads.columns import ColumnEncoder
from headstart.heads.linear import LinearHead
from headstart.plain import Facts

Head = LinearHead | CatBoostHead
"""What reads the outputs of layers, or columns alone."""


def head_from_stored(config: Facts, arrays: Mapping[str, Array], blobs: Mapping[str, bytes]) -> Head:
    """Build a head again from what its `config`, `arrays` and `blobs` gave.

    Raises:
        ArtifactError: if its parts are missing or do not fit one another.
    """
    encoder = None if config.get("columns") is None else ColumnEncoder.from_config(config["columns"])
    if config.get("kind") == LinearHead.kind:
        return LinearHead.from_arrays(arrays, encoder)
    if config.get("kind") == CatBoostHead.kind and "head.cbm" in blobs:
        return CatBoostHead.from_blob(blobs["head.cbm"], int(config["size"]), encoder, config.get("constants", ()))
    raise ArtifactError(
        f"this model's head of kind {config.get('kind')!r} is incomplete or unknown here; copy the model again or upgrade headstart."
    )
