"""Classes of characters as ``reader.json`` has them: the first and the last code point of every run."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from headstart.arrays import Array
from headstart.plain import Json

CODE_POINTS = 0x110000


def runs(chosen: Array) -> list[list[int]]:
    """Return the first and the last of every run of what is chosen, bool [code points]."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], chosen, [False]]).astype(np.int8))).reshape(-1, 2)
    return [[int(first), int(end) - 1] for first, end in edges]


def tokens_step(classes: Mapping[str, Array], *, shortest: int = 1, longest_tag: int = 0) -> Json:
    """Return the step that cuts texts into tokens.

    Args:
        classes: which characters are ``word``, ``mark``, ``single`` and ``apostrophe``, bool [code points]; those without any
            may be left out, and what is in none separates.
        shortest: characters of the shortest token that begins with a ``word``.
        longest_tag: characters of the longest HTML tag that is dropped; 0 for none.
    """
    names = ("word", "mark", "single", "apostrophe")
    ranges = {name: runs(classes[name]) if name in classes else [] for name in names}
    return {"kind": "tokens", "classes": ranges, "shortest": shortest, "longest_tag": longest_tag}
