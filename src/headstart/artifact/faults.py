"""The sentences that say a stored model cannot be used."""

from __future__ import annotations

import reprlib
from pathlib import Path

from headstart.errors import ArtifactError
from headstart.records import REMEDY

_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 80
_SHORT.maxlist = _SHORT.maxdict = 3


def damaged(path: Path, fault: str) -> ArtifactError:
    """Return the error for the file at `path` in a model's folder; `fault` goes on from the file's name."""
    return ArtifactError(f"{path.name} in the model {str(path.parent)!r} {fault}. {REMEDY}")


def shortened(value: object) -> str:
    """Return `value` as Python would write it, cut so that a hostile one cannot flood a terminal."""
    if type(value) is int and value.bit_length() > 64:
        return f"a whole number of {value.bit_length():,} bits"
    return _SHORT.repr(value)
