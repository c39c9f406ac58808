"""Which texts a model has learnt from, in eight bytes each: so that it is noticed when it is measured on them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from headstart.spill import Growing, text_slices

MOST = 1 << 17
"""Hashes that are kept at most, a mebibyte of them: of more texts, the smallest hashes, which are a random sample."""


class Overlap(NamedTuple):
    """Texts that stand among those of a `TextHashes`.

    Attributes:
        n: how many.
        estimated: whether `n` is scaled up from the sample that was kept.
    """

    n: int
    estimated: bool


@dataclass(frozen=True)
class TextHashes:
    """Hashes of distinct texts: the first eight bytes, little-endian, of BLAKE2b with an eight-byte digest over UTF-8.

    Texts count as they are written, nulls and blank ones not at all.

    Attributes:
        values: ascending, uint64 [at most `MOST`].
    """

    values: NDArray[np.uint64]

    @classmethod
    def of(cls, *texts: object) -> TextHashes:
        """Return the hashes of texts, Arrow strings [rows] of each set."""
        return cls._smallest(np.concatenate([_hashes(some) for some in texts]))

    def union(self, other: TextHashes | None) -> TextHashes:
        """Return the hashes of the texts of both."""
        return self if other is None else self._smallest(np.concatenate([self.values, other.values]))

    def overlap(self, texts: object) -> Overlap:
        """Return how many of the texts, Arrow strings [rows], are among these."""
        asked = _hashes(texts)
        if len(self.values) < MOST:
            return Overlap(int(np.isin(asked, self.values).sum()), estimated=False)
        sampled = asked[asked <= self.values[-1]]
        share = np.isin(sampled, self.values).mean() if len(sampled) else 0.0
        return Overlap(round(float(share) * len(asked)), estimated=True)

    @classmethod
    def _smallest(cls, values: NDArray[np.uint64]) -> TextHashes:
        return cls(np.unique(values)[:MOST])


def row_hashes(texts: Any) -> NDArray[np.uint64]:
    """Return the hash of each text, uint64 [rows]; of null 0."""
    return _hashed(texts, lambda text: text is not None)


def _hashes(texts: Any) -> NDArray[np.uint64]:
    found = _hashed(texts, lambda text: text is not None and bool(text.strip()))
    return found[found > 0]


def _hashed(texts: Any, counts: Callable[[str | None], bool]) -> NDArray[np.uint64]:
    """Return the hashes of those texts that count, and 0 of the others [rows]."""
    found = Growing(np.uint64)
    for some in text_slices(texts):
        digests = [
            hashlib.blake2b(text.encode(), digest_size=8).digest() if counts(text) else bytes(8)
            for text in some.to_pylist()
        ]
        found.append(np.frombuffer(b"".join(digests), "<u8"))
    return found.finish()
