"""Text steps, vocabulary and n-gram lists as ``reader.json`` has them: what a reader in any language can follow.

What is said here once, `score.py` and the reader in ``examples/browser`` do. The format is described in docs/deploy.md.
"""

from __future__ import annotations

import base64
import functools
import re
from collections.abc import Mapping, Sequence

import numpy as np

from headstart.arrays import Array
from headstart.engines.onnx.networks import Ngrams
from headstart.foreign.onnx.characters import CODE_POINTS, tokens_step
from headstart.foreign.onnx.wordpiece import pieces_spec
from headstart.heads.tfidf import TOKENS, reading
from headstart.kernels import tokens as kernel
from headstart.plain import Facts, Json
from headstart.text.definitions import DEFINITIONS, compiled_table, word_patterns

FORMAT = 1

_CLASSES = {kernel.WORD: "word", kernel.MARK: "mark", kernel.SINGLE: "single", kernel.APOSTROPHE: "apostrophe"}


def words_spec(steps: Sequence[Facts], words: Sequence[str]) -> Json:
    """Return how a model of words reads texts: its stored steps, and its words by id."""
    fill, found = None, []
    for step in steps:
        kind, options = step["kind"], step["options"]
        if kind == "NullImputer":
            fill = options["fill_value"]
        elif kind == "UnicodeNormalizer":
            found.append({"kind": "normalize", "form": options["form"]})
        elif kind == "LowerCaser":
            found.append({"kind": "replace", "characters": _lower_characters()})
        elif kind == "Tokenizer":
            found += _cut(options["pattern"])
    return {"kind": "words", "fill": fill or "", "steps": found, "vocabulary": list(words)}


def terms_spec(tokens: str, longest: int, ngrams: Sequence[str]) -> Json:
    """Return how a TF-IDF model reads texts; `tokens` is a name from `headstart.heads.tfidf.TOKENS`."""
    how = reading(tokens)
    steps: list[Json] = [] if "preprocessor" not in how else [{"kind": "normalize", "form": "NFC"}]
    steps += [{"kind": "lower"}, _cut_like(tokens)]
    return {"kind": "terms", "fill": "", "steps": steps, "longest": longest, "vocabulary": list(ngrams)}


def pretrained_spec(rules: str, *, framed: bool) -> Json:
    """Return how an imported encoder reads texts, of its ``tokenizer.json``.

    Raises:
        OptionError: it is none that the reader can follow.
    """
    return pieces_spec(rules, framed=framed)


def ngram_specs(ngrams: Mapping[str, Ngrams]) -> Json:
    """Return the lists of n-grams by stage; numbers are little-endian in base64, n-grams int64 and groups int32."""
    return {
        name: {
            "longest": one.longest,
            "last": one.last,
            "listed": _encoded(one.listed, "<i8"),
            "group": None if one.group is None else _encoded(one.group, "<i4"),
        }
        for name, one in ngrams.items()
    }


def _encoded(array: Array, kind: str) -> str:
    return base64.b64encode(np.ascontiguousarray(array, kind).tobytes()).decode()


def _lower_characters() -> dict[str, str]:
    """Every character that has a lower case of its own, as `headstart.text.LowerCaser` has it."""
    lowered = compiled_table("tutorial", True)[kernel.BYTE_ENTRIES :] & np.uint32(0x1FFFFF)
    return {chr(i): chr(lowered[i]) for i in np.flatnonzero(lowered != np.arange(CODE_POINTS))}


def _cut(pattern: str) -> list[Json]:
    """Return the steps that cut texts into tokens as a `headstart.text.Tokenizer` with this pattern does."""
    if pattern not in DEFINITIONS:
        return [{"kind": "tokens", "pattern": pattern}]
    classes = compiled_table(pattern, False)[kernel.BYTE_ENTRIES :] >> np.uint32(24)
    rewrites = DEFINITIONS[pattern].rewrites
    has_tags = bool((classes == kernel.TAG).any())
    steps: list[Json] = [{"kind": "replace", "characters": dict(rewrites)}] if rewrites else []
    return [
        *steps,
        tokens_step(
            {name: classes == kind for kind, name in _CLASSES.items()},
            longest_tag=kernel.TAG_CHARACTERS if has_tags else 0,
        ),
    ]


@functools.cache
def _cut_like(tokens: str) -> Json:
    """Return the step that cuts texts as one of the patterns of TF-IDF does, by classes of characters."""
    everything = "".join(map(chr, range(CODE_POINTS)))

    def those(pattern: str) -> Array:
        found = np.zeros(CODE_POINTS, bool)
        for match in re.finditer(f"(?:{pattern})+", everything):
            found[match.start() : match.end()] = True
        return found

    every_script, punctuated = "{" in TOKENS[tokens], "punctuated" in tokens
    single = those("[!?]") if punctuated else np.zeros(CODE_POINTS, bool)
    if not every_script:
        classes = {"word": those(r"\w"), "single": single}
    else:
        parts = word_patterns()
        letter, mark = those(rf"[^\W{parts['unspaced']}]"), those(f"[{parts['mark']}]")
        classes = {
            "word": letter,
            "mark": mark & ~letter,
            "single": single | those(f"[{parts['unspaced']}{parts['symbol']}]"),
        }
    return tokens_step(classes, shortest=1 if punctuated else 2)
