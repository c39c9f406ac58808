"""The weights of a stored network are held against what it expects before any of them is used."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from headstart.arrays import Array
from headstart.errors import ArtifactError

_REMEDY = "The model's files do not belong together or are damaged; copy the model again or train it anew."


def check_weights(
    expected: Mapping[str, tuple[tuple[int, ...], str]], arrays: Mapping[str, Array], *, finite: bool = True
) -> None:
    """Refuse weights that are missing, left over, of another shape or type, or no numbers.

    Args:
        expected: shape and type of each weight.
        arrays: the weights.
        finite: whether to look for values that are no finite numbers.

    Raises:
        ArtifactError: names the first such weight.
    """
    for name in arrays:
        if name not in expected:
            raise ArtifactError(f"this model holds a weight {name!r} that its network does not have. {_REMEDY}")
    for name, (shape, kind) in expected.items():
        array = arrays.get(name)
        same_type = array is not None and str(array.dtype) == kind
        if array is None or array.shape != shape or not same_type:
            found = "nothing" if array is None else str(tuple(array.shape))
            other = "" if array is None or same_type else f" of type {array.dtype}"
            raise ArtifactError(
                f"the network expects {name} of shape {shape} and the model holds {found}{other}. {_REMEDY}"
            )
        if finite and array.dtype.kind == "f" and not np.isfinite(array).all():
            raise ArtifactError(f"this model's weight {name} holds values that are no finite numbers. {_REMEDY}")
