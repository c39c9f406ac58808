"""What options of a stored network must be, for whatever builds one of them."""

from __future__ import annotations

from collections.abc import Sequence

from headstart.artifact.schema import boolean, integer, nullable, number, record, sequence, text
from headstart.errors import ArtifactError
from headstart.kernels.tokens import FIRST_WORD_ID
from headstart.plain import Options

MOST_LAYERS = 64
"""Layers of one stack; a damaged file may ask for a million."""

POOLED_BY = ("mean", "cls", "max", "last")
"""How token states become one vector: their mean, the first one, the largest of each value, the last one."""

ENCODER_ACTIVATIONS = ("gelu", "gelu_tanh", "relu")

_MOST_TARGETS = 1000
"""Every list is a stage of its own, and a file may claim any number of them."""

_PIECE = integer(0, 2**30)
_N_WORDS = integer(FIRST_WORD_ID + 1, 2**30)
_HEAD = {"n_outputs": integer(1, 100_000)}
_STATIC = record(_HEAD, size=integer(1, 2**17), normalize=boolean)
_ENCODER = record(
    {**_HEAD, "dropout": number(0, 0.95), "attention_dropout": number(0, 0.95)},
    size=integer(1, 2**17),
    inner_size=integer(1, 2**20),
    n_layers=integer(1, 256),
    n_heads=integer(1, 1024),
    n_positions=integer(1, 2**20),
    activation=text(choices=ENCODER_ACTIVATIONS),
    epsilon=number(0, 1),
    unknown=nullable(_PIECE),
    before=sequence(_PIECE, longest=16),
    after=sequence(_PIECE, longest=16),
    pooling=sequence(text(choices=POOLED_BY), shortest=1, longest=len(POOLED_BY)),
    normalize=boolean,
)


def check_static(n_words: int, options: Options) -> None:
    """Refuse options that no table of static vectors has.

    Raises:
        ArtifactError: an option is missing, unknown or out of bounds.
    """
    _N_WORDS(n_words, "the encoder's number of ids")
    _STATIC(dict(options), "the encoder's options")


def check_encoder(n_words: int, options: Options) -> None:
    """Refuse options that no transformer encoder has.

    Raises:
        ArtifactError: an option is missing, unknown, out of bounds, or does not fit the others.
    """
    _N_WORDS(n_words, "the encoder's number of ids")
    _ENCODER(dict(options), "the encoder's options")
    size, heads = options["size"], options["n_heads"]
    pieces = [options["unknown"] or 0, *options["before"], *options["after"]]
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
