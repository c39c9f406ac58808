r"""A list of strings as a text file that a person can read.

UTF-8, one string a line, every line ended by one newline. Any string can be held: within one, a backslash
is written ``\\``, a newline ``\n``, a carriage return ``\r``. No other escape is known, and every other
character, NUL and the other separators of Unicode among them, stands as it is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from headstart.artifact.faults import damaged
from headstart.errors import ArtifactError

_ESCAPES = (("\\", "\\\\"), ("\n", "\\n"), ("\r", "\\r"))
_MEANINGS = {escape: character for character, escape in _ESCAPES}


def words_to_bytes(words: Sequence[str] | pa.Array) -> bytes:
    r"""Return the file that holds `words`.

    Raises:
        ArtifactError: if one is null, no string, or cannot be written as UTF-8.

    >>> words_to_bytes(["good", "a\nb"])
    b'good\na\\nb\n'
    """
    if len(words) == 0:
        return b""
    escaped = _as_arrow(words)
    for character, escape in _ESCAPES:
        escaped = pc.replace_substring(escaped, character, escape)
    return "\n".join([*escaped.to_pylist(), ""]).encode()


def _as_arrow(words: Sequence[str] | pa.Array) -> Any:
    try:
        array = words if isinstance(words, pa.Array) else pa.array(list(words), pa.large_string())
        array = array.cast(pa.large_string())
        array.validate(full=True)
    except (pa.ArrowException, TypeError, ValueError, UnicodeError) as error:
        raise ArtifactError(
            f"the model's words are not all text that UTF-8 can hold ({error}); remove the odd ones before saving."
        ) from error
    if array.null_count:
        raise ArtifactError(
            f"{array.null_count} of the model's words are null; leave them out or give them a text before saving."
        )
    return array


def words_from_bytes(file: NDArray[np.uint8], n_words: int, path: Path) -> Any:
    """Return the ``pa.LargeStringArray`` that `words_to_bytes` was given.

    No Python object a word is made, so a million words take little more than the file.

    Args:
        file: all its bytes, uint8 [n_bytes].
        n_words: how many there have to be.
        path: for messages.

    Raises:
        ArtifactError: if the file is not such a list of words.
    """
    n_lines = int(np.count_nonzero(file == ord("\n")))
    if n_lines != n_words or (file.size and file[-1] != ord("\n")):
        raise damaged(path, f"holds {n_lines:,} ended lines, and the manifest says {n_words:,} words")
    if n_words == 0:
        return pa.array([], pa.large_string())
    bounds = pa.py_buffer(np.array([0, file.size - 1], np.int64))
    text = pa.LargeStringArray.from_buffers(1, bounds, pa.py_buffer(file))
    try:
        text.validate(full=True)
    except pa.ArrowInvalid as error:
        raise damaged(path, "holds bytes that are not UTF-8") from error
    return _unescaped(pc.split_pattern(text, "\n").values, path)


def _unescaped(words: Any, path: Path) -> Any:
    if pc.any(pc.match_substring(words, "\r")).as_py():
        raise damaged(path, "holds a bare carriage return, so its line ends were converted on the way")
    escaped = pc.match_substring(words, "\\")
    if not pc.any(escaped).as_py():
        return words
    meant = [_meaning(word, path) for word in words.filter(escaped).to_pylist()]
    return pc.replace_with_mask(words, escaped, pa.array(meant, pa.large_string()))


def _meaning(word: str, path: Path) -> str:
    def replaced(match: re.Match[str]) -> str:
        if match[0] not in _MEANINGS:
            raise damaged(path, f"holds {match[0]!r}, which is no escape that Headstart writes")
        return _MEANINGS[match[0]]

    return re.sub(r"\\.?", replaced, word, flags=re.DOTALL)
