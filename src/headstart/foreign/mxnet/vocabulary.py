"""The vocabulary that a network was trained with: a file of words, the position being the index."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headstart.errors import DataError
from headstart.plain import Json

_MOST_BYTES = 256 << 20
_EXAMPLES = (
    'a JSON list of words, a JSON object such as {"word": 0}, a vocabulary of gluonnlp, or a text of one word a line'
)


@dataclass(frozen=True)
class Vocabulary:
    """A network's words.

    Attributes:
        words: every word; the position is the network's index.
        unknown: index of the word that stands for all others.
        padding: index that fills rows behind their end.
    """

    words: tuple[str, ...]
    unknown: int
    padding: int

    @property
    def indexed(self) -> list[str]:
        """The words as `headstart.text.TokenIndexer.from_vocabulary` takes them: padding, unknown, then all others."""
        return ["", "<unk>", *self.words[: self.unknown], *self.words[self.unknown + 1 :]]


def read_vocabulary(
    source: str | os.PathLike[str] | Sequence[str], *, unknown: str | None = None, padding: int | str | None = None
) -> Vocabulary:
    """Read a vocabulary file.

    Args:
        source: the file (a JSON list; a JSON object of word and index; gluonnlp's ``Vocab.to_json``; one word
            a line), or the words themselves.
        unknown: the word for all others; what the file says, or ``"<unk>"``, where it is None.
        padding: word or index that fills rows; what the file says, or index 0, where it is None.

    Raises:
        DataError: if the file is none of these, a word stands there twice, or there is no such unknown word.
    """
    found = _load(Path(source)) if isinstance(source, str | os.PathLike) else {"idx_to_token": list(source)}
    words = _words(found)
    place = {word: index for index, word in enumerate(words)}
    if len(place) != len(words):
        twice = next(word for index, word in enumerate(words) if place[word] != index)
        raise DataError(f"the vocabulary holds {twice!r} twice; each index must have a word of its own. Mend the file.")
    rare = unknown or found.get("unknown_token") or "<unk>"
    if rare not in place:
        raise DataError(
            f"the vocabulary of {len(words):,} words holds no {rare!r}, the word for unknown ones; "
            "name the one that your network was trained with: unknown='WORD'."
        )
    filler = found.get("padding_token") if padding is None else padding
    return Vocabulary(tuple(words), place[rare], _padding(filler, place))


def _padding(filler: object, place: dict[str, int]) -> int:
    index = 0 if filler is None else place.get(filler, -1) if isinstance(filler, str) else filler
    if type(index) is not int or not 0 <= index < len(place):
        raise DataError(
            f"the padding is {filler!r}, which is no word of the vocabulary and no index from 0 to {len(place) - 1:,}; "
            "say what your training loader filled short rows with: padding=0."
        )
    return index


def _load(path: Path) -> Json:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise DataError(
                f"the vocabulary file {str(path)!r} is larger than 256 MiB; expected {_EXAMPLES}. Check the path."
            )
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"the vocabulary file {str(path)!r} cannot be read ({error}); expected {_EXAMPLES}, in UTF-8. Check the path."
        ) from error
    if path.suffix.lower() != ".json":
        return {"idx_to_token": text.splitlines()}
    try:
        loaded = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(
            f"the vocabulary file {str(path)!r} is not JSON ({str(error)[:100]}); expected {_EXAMPLES}. Mend the file."
        ) from error
    if isinstance(loaded, list):
        return {"idx_to_token": loaded}
    if isinstance(loaded, dict) and "idx_to_token" in loaded:
        return loaded
    return {"idx_to_token": _by_index(loaded, path)}


def _by_index(loaded: Any, path: Path) -> list[str]:
    indices = sorted(loaded.values(), key=str) if isinstance(loaded, dict) else []
    if not indices or not all(type(i) is int for i in indices) or sorted(indices) != list(range(len(indices))):
        raise DataError(
            f"the vocabulary file {str(path)!r} is no JSON list, and no object that gives each word one of the "
            f"indices 0, 1, 2, ...; expected {_EXAMPLES}. Write it again from the training code."
        )
    return sorted(loaded, key=loaded.__getitem__)


def _words(found: Json) -> list[str]:
    words = found["idx_to_token"]
    odd = (
        next((word for word in words if not isinstance(word, str) or not word), None) if isinstance(words, list) else ""
    )
    if not isinstance(words, list) or not words or odd is not None:
        raise DataError(
            f"the vocabulary holds {odd!r:.60} where a word should be, or is empty; expected {_EXAMPLES}. Mend the file."
        )
    return words
