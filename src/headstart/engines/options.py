"""What options of a stored network must be, for whatever builds one of them."""

from __future__ import annotations

from collections.abc import Sequence
from math import log
from typing import Annotated, Literal, get_args

import numpy as np
from msgspec import Meta

from headstart.arrays import Places
from headstart.errors import ArtifactError
from headstart.kernels.tokens import FIRST_WORD_ID
from headstart.plain import Options
from headstart.records import Fraction, Record, decoded

MOST_LAYERS = 64
"""Layers of one stack; a damaged file may ask for a million."""

_PooledBy = Literal["mean", "cls", "max", "last"]
POOLED_BY = get_args(_PooledBy)
"""How token states become one vector: their mean, the first one, the largest of each value, the last one."""

_Activation = Literal["gelu", "gelu_tanh", "relu"]
ENCODER_ACTIVATIONS = get_args(_Activation)

_FARTHEST = 128

_MOST_TARGETS = 1000
"""Every list is a stage of its own, and a file may claim any number of them."""

_Piece = Annotated[int, Meta(ge=0, le=2**30)]
_NWords = Annotated[int, Meta(ge=FIRST_WORD_ID + 1, le=2**30)]
_Size = Annotated[int, Meta(ge=1, le=2**17)]
_NOutputs = Annotated[int, Meta(ge=1, le=100_000)]
_Dropout = Annotated[float, Meta(ge=0, le=0.95)]
_Pieces = Annotated[tuple[_Piece, ...], Meta(max_length=16)]


class _Static(Record, frozen=True):
    """Options of a table of static vectors."""

    size: _Size
    normalize: bool
    n_outputs: _NOutputs | None = None


class _Encoder(Record, frozen=True):
    """Options of a transformer."""

    size: _Size
    inner_size: Annotated[int, Meta(ge=1, le=2**20)]
    n_layers: Annotated[int, Meta(ge=1, le=256)]
    n_heads: Annotated[int, Meta(ge=1, le=1024)]
    n_positions: Annotated[int, Meta(ge=1, le=2**20)]
    activation: _Activation
    epsilon: Fraction
    unknown: _Piece | None
    before: _Pieces
    after: _Pieces
    pooling: Annotated[tuple[_PooledBy, ...], Meta(min_length=1, max_length=len(POOLED_BY))]
    normalize: bool
    n_outputs: _NOutputs | None = None
    dropout: _Dropout = 0.0
    attention_dropout: _Dropout = 0.0
    n_distances: Annotated[int, Meta(ge=4, le=4096)] | None = None


def check_static(n_words: int, options: Options) -> None:
    """Refuse options that no table of static vectors has.

    Raises:
        ArtifactError: an option is missing, unknown or out of bounds.
    """
    decoded(_NWords, n_words, "the encoder's number of ids")
    decoded(_Static, options, "the encoder's options")


def check_encoder(n_words: int, options: Options) -> None:
    """Refuse options that no transformer encoder has.

    Raises:
        ArtifactError: an option is missing, unknown, out of bounds, or does not fit the others.
    """
    decoded(_NWords, n_words, "the encoder's number of ids")
    known = decoded(_Encoder, options, "the encoder's options")
    size, heads = known.size, known.n_heads
    pieces = [known.unknown or 0, *known.before, *known.after]
    if max(pieces) >= n_words - FIRST_WORD_ID:
        raise ArtifactError(
            f"the encoder names piece {max(pieces)}, and its table has {n_words - FIRST_WORD_ID} of them; "
            "the files do not belong together. Import the model again from its own folder."
        )
    if size % heads:
        raise ArtifactError(
            f"the encoder's states of size {size} cannot be shared among {heads} heads of attention; "
            "expected a multiple. Import the model again from its own folder."
        )


def target_names(n_ngrams: int | Sequence[int]) -> dict[str, int]:
    """Return the stages of targets' own n-grams, ``target``, ``target2`` ..., with the lengths of their lists."""
    lengths = [n_ngrams] if isinstance(n_ngrams, int) else list(n_ngrams)
    if len(lengths) > _MOST_TARGETS or not all(isinstance(length, int) for length in lengths):
        raise ValueError(f"n_target_ngrams are {lengths!r:.60}; expected at most {_MOST_TARGETS} whole numbers")
    kept = [length for length in lengths if length]
    return {"target" if i == 0 else f"target{i + 1}": length for i, length in enumerate(kept)}


def checked_heads(new_heads: Sequence[Sequence[int]]) -> list[tuple[int, int]]:
    """Return width and number of n-grams of each new head of a blend."""
    if len(new_heads) > _MOST_TARGETS or not all(
        len(one) == 2 and all(isinstance(size, int) and size > 0 for size in one) for one in new_heads
    ):
        raise ValueError(
            f"new_heads is {new_heads!r:.60}; expected at most {_MOST_TARGETS} pairs of whole numbers above 0"
        )
    return [(one[0], one[1]) for one in new_heads]


def checked_vectors(size: int) -> int:
    """Return the size of the vectors that a blend reads next to its words; 0 of none."""
    if type(size) is not int or not 0 <= size <= 2**17:
        raise ValueError(f"vector_size is {size!r:.60}; expected a whole number from 0 to {2**17:,}")
    return size


def distance_kinds(n_tokens: int, n_kinds: int) -> Places:
    """Return which kind of distance lies between tokens, int64 [2 * n_tokens - 1], of ``j - i + n_tokens - 1`` for j seen from i.

    Half of the kinds look back and half ahead; half of these are exact, the others grow by the logarithm up to 128 tokens, as
    in T5 (Raffel and others, JMLR 2020) and MPNet.
    """
    away = np.arange(n_tokens - 1, -n_tokens, -1)
    half = n_kinds // 2
    exact, distance = half // 2, np.abs(away)
    far = np.log(np.maximum(distance, 1).astype(np.float32) / exact) / log(_FARTHEST / exact) * (half - exact)
    kinds = np.where(distance < exact, distance, np.minimum(exact + far.astype(np.int64), half - 1))
    return np.asarray(kinds + half * (away < 0), np.int64)
