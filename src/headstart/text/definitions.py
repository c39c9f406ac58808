"""What counts as a token: tables over Unicode code points.

To change a definition, change its entry in ``DEFINITIONS``; nothing else knows what a token is. A saved
model holds a definition's name and version, and one of another version is refused: raise ``version`` with every change
of meaning once a version is released (a test remembers what each version is), or better, keep the entry
and give the new definition a name of its own, so that old models still load. Characters that Unicode has assigned since Python's edition
(``unicodedata.unidata_version``) count as unassigned.
"""

import functools
import string
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from headstart.kernels import tokens as kernel
from headstart.kernels.tokens import APOSTROPHE, MARK, SEPARATOR, SINGLE, TAG, WORD

N_CODE_POINTS = 0x110000
_MAPPED = 0x20000  # letter case and mixed categories end before the planes of ideographs
_FIRST_SYMBOL, _PLANE, _EMOJI = 0x2190, 0x10000, (0x1F000, 0x1FAFF)
_HIGH_MARKS = range(0xE0000, 0xE0200)  # tags and variation selectors


@dataclass(frozen=True)
class TokenDefinition:
    """Classes of characters (see ``headstart.kernels.tokens``); a later rule overrules an earlier one.

    Attributes:
        categories: class by Unicode general category ("Lu") or its first letter ("L"); all others get ``otherwise``.
        otherwise: class of every character not named.
        ranges: (first, last, class) of code points.
        characters: class of single characters.
        rewrites: characters replaced, before the classes are looked at; an ASCII one only by an ASCII one.
        version: raised with every change of the above.
    """

    categories: Mapping[str, int] = field(default_factory=dict)
    otherwise: int = WORD
    ranges: tuple[tuple[int, int, int], ...] = ()
    characters: tuple[tuple[str, int], ...] = ()
    rewrites: Mapping[str, str] = field(default_factory=dict)
    version: int = 1


_WHITE_SPACE = "".join(chr(c) for c in range(0x3001) if chr(c).isspace())

DEFINITIONS: dict[str, TokenDefinition] = {
    # Every mark of string.punctuation is a token of its own, white space separates, all else is a word.
    "tutorial": TokenDefinition(characters=((string.punctuation, SINGLE), (_WHITE_SPACE, SEPARATOR))),
    # Words with inner apostrophes; marks that end or set off a phrase (they keep n-grams inside it: docs/log.md);
    # each emoji, symbol, ideograph and kana; no tags, no other punctuation.
    "words": TokenDefinition(
        categories={"L": WORD, "N": WORD, "M": MARK, "S": SINGLE},
        otherwise=SEPARATOR,
        ranges=(
            (0x3005, 0x3007, SINGLE),  # ideographic iteration mark, closing mark, zero
            (0x3041, 0x3096, SINGLE),  # hiragana
            (0x309D, 0x309F, SINGLE),
            (0x30A1, 0x30FA, SINGLE),  # katakana
            (0x30FC, 0x30FF, SINGLE),
            (0x31F0, 0x31FF, SINGLE),
            (0x3400, 0x4DBF, SINGLE),  # ideographs
            (0x4E00, 0x9FFF, SINGLE),
            (0xF900, 0xFAFF, SINGLE),
            (0xFF66, 0xFF9D, SINGLE),  # half-width katakana
            (0xFF9E, 0xFF9F, MARK),  # and its voicing, which full-width kana have as combining marks
            (0x1B000, 0x1B16F, SINGLE),
            (0x20000, 0x3FFFD, SINGLE),
        ),
        characters=(
            (string.punctuation, SEPARATOR),
            ("_", WORD),
            ('!?.,;:()"*/-', SINGLE),
            ("'", APOSTROPHE),
            ("<", TAG),
            ("\u200c\u200d", MARK),  # the joiners of Indic and Persian words, and of composed emoji
        ),
        # Typographic, acute and grave accents typed as apostrophes, and Windows-1252 read as Latin-1.
        rewrites={"’": "'", "´": "'", "`": "'", "\x92": "'"},
    ),
}


@functools.cache
def compiled_table(name: str, lower: bool) -> npt.NDArray[np.uint32]:
    """The kernel's table for a definition: uint32 [256 + 0x110000], read-only (layout in ``kernels.tokens``).

    Args:
        name: a key of ``DEFINITIONS``.
        lower: lower-case first, exactly as ``LowerCaser`` does.
    """
    definition = DEFINITIONS[name]
    rewritten = _lower_map().copy() if lower else np.arange(N_CODE_POINTS, dtype=np.uint32)
    for before, after in definition.rewrites.items():
        rewritten[ord(before)] = ord(after)
    table = np.empty(kernel.BYTE_ENTRIES + N_CODE_POINTS, np.uint32)
    table[kernel.BYTE_ENTRIES :] = _classes(definition)[rewritten] << np.uint32(24) | rewritten
    table[:128] = table[kernel.BYTE_ENTRIES :][:128]
    table[128 : kernel.BYTE_ENTRIES] = kernel.MULTIBYTE << 24
    table.setflags(write=False)
    return table


@functools.cache
def word_patterns() -> dict[str, str]:
    """Return parts of regular expressions after the definition ``"words"``, each the inside of a ``[...]``.

    ``unspaced``: characters that ``\\w`` matches and that are tokens by themselves, ideographs and kana. ``symbol``: other
    such characters, from the arrows of Unicode on, emoji among them. ``mark``: marks on letters, such as vowel signs.
    """
    definition = DEFINITIONS["words"]
    classes = _classes(definition)[:_PLANE]
    symbols = classes == SINGLE
    symbols[:_FIRST_SYMBOL] = False
    unspaced = [(first, last) for first, last, kind in definition.ranges if kind == SINGLE]
    for first, last in unspaced:
        symbols[first : last + 1] = False
    marks = classes == MARK
    return {
        "unspaced": _as_set(unspaced),
        "symbol": _as_set([*_runs(symbols), _EMOJI]),
        "mark": _as_set(_runs(marks)),
    }


def _runs(chosen: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], chosen, [False]]).astype(np.int8))).reshape(-1, 2)
    return [(int(first), int(end) - 1) for first, end in edges]


def _as_set(ranges: list[tuple[int, int]]) -> str:
    return "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in ranges)


def _classes(definition: TokenDefinition) -> npt.NDArray[np.uint32]:
    """Class of every code point, uint32 [0x110000]."""
    classes = np.full(N_CODE_POINTS, definition.otherwise, np.uint32)
    if definition.categories:
        of_category = {c: _class_of_category(c, definition) for c in {*_categories()}}
        for block in (range(_MAPPED), _HIGH_MARKS):
            names = map(unicodedata.category, map(chr, block))
            classes[block.start : block.stop] = [of_category[name] for name in names]
    for first, last, kind in definition.ranges:
        classes[first : last + 1] = kind
    for characters, kind in definition.characters:
        classes[[ord(c) for c in characters]] = kind
    return classes


def _categories() -> list[str]:
    return [a + b for a in "LMNPSZC" for b in "abcdefiklmnopstu"]


def _class_of_category(category: str, definition: TokenDefinition) -> int:
    by_letter = definition.categories.get(category[0], definition.otherwise)
    return definition.categories.get(category, by_letter)


@functools.cache
def _lower_map() -> npt.NDArray[np.uint32]:
    """Simple (one to one) lower case of every code point, uint32 [0x110000].

    Asked of Arrow rather than of ``str.lower``: LowerCaser is Arrow's function, and the two know
    different editions of Unicode.
    """
    import pyarrow.compute as pc

    from headstart.text.columns import arrow_strings

    lowered = np.arange(N_CODE_POINTS, dtype="<u4")
    scalars = np.delete(lowered[:_MAPPED], np.s_[0xD800:0xE000])
    text = arrow_strings([scalars.tobytes().decode("utf-32-le")])
    lowered[scalars] = np.frombuffer(pc.utf8_lower(text)[0].as_py().encode("utf-32-le"), "<u4")
    return lowered.astype(np.uint32)
