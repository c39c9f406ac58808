"""A WordPiece tokenizer of an imported encoder, told in the terms of ``reader.json``.

What BERT's tokenizers do to a character depends on nothing around it, so the library is asked once about each, and the answers
are a table. Tokenizers of other kinds are not told: their rules are a language of their own.
"""

from __future__ import annotations

import unicodedata
from typing import Any

import numpy as np

from headstart.errors import OptionError
from headstart.foreign.onnx.characters import CODE_POINTS, runs, tokens_step
from headstart.kernels.tokens import FIRST_WORD_ID, UNKNOWN_ID
from headstart.plain import Facts, Json
from headstart.text.rules import opened_rules, parsed_rules, vocabulary_of

_NORMALIZERS = {"BertNormalizer", "Lowercase"}
_APART = "|"
"""Stands between characters that are asked about together."""


def pieces_spec(rules: str, *, framed: bool) -> Json:
    """Return how a ``tokenizer.json`` cuts texts.

    Raises:
        OptionError: it is not BERT's.
    """
    stored, tokenizer = parsed_rules(rules.encode()), opened_rules(rules)
    _check(stored)
    own, model = vocabulary_of(rules, framed), stored["model"]
    words = [""] * (own.n_pieces + FIRST_WORD_ID)
    for piece, number in tokenizer.get_vocab(with_added_tokens=True).items():
        words[number + FIRST_WORD_ID] = "" if number == own.unknown else piece

    def ids(numbers: tuple[int, ...]) -> list[int]:
        return [UNKNOWN_ID if one == own.unknown else one + FIRST_WORD_ID for one in numbers]

    return {
        "kind": "pieces",
        "fill": "",
        "steps": _steps(tokenizer),
        "kept": sorted((one["content"] for one in stored.get("added_tokens", ())), key=len, reverse=True),
        "before": ids(own.before),
        "after": ids(own.after),
        "continued": model["continuing_subword_prefix"],
        "longest_word": model["max_input_chars_per_word"],
        "vocabulary": words,
    }


def _check(stored: Facts) -> None:
    normalizer = stored.get("normalizer") or {}
    parts = normalizer["normalizers"] if normalizer.get("type") == "Sequence" else [normalizer]
    kinds = [part.get("type") for part in parts]
    cut = (stored.get("pre_tokenizer") or {}).get("type")
    added = stored.get("added_tokens", ())
    plain = all(not any(one[how] for how in ("single_word", "lstrip", "rstrip", "normalized")) for one in added)
    is_bert = stored["model"].get("type") == "WordPiece" and cut == "BertPreTokenizer" and {*kinds} <= _NORMALIZERS
    if not is_bert or not plain:
        raise OptionError(
            f"this model cuts texts by a tokenizer of the kind {stored['model'].get('type')}, which the reader of an ONNX "
            "folder does not know (it knows WordPiece as BERT has it); predict with headstart itself, where the package "
            'tokenizers cuts texts: headstart.load(path, engine="onnx").'
        )


def _steps(tokenizer: Any) -> list[Json]:
    strips = tokenizer.normalizer.normalize_str("é") == "e"
    characters = [chr(i) for i in range(CODE_POINTS) if not 0xD800 <= i < 0xE000 and chr(i) != _APART]
    if strips:
        characters = [one for one in characters if unicodedata.normalize("NFD", one) == one]
    said = tokenizer.normalizer.normalize_str(_APART.join(characters)).split(_APART)
    space, single, gone = (np.zeros(CODE_POINTS, bool) for _ in range(3))
    replaced = {}
    for one, became in zip(characters, said, strict=True):
        if became != one:
            bare = became.strip(" ")
            gone[ord(one)] = not became
            space[ord(one)] = became != "" and bare == ""
            if bare and len(became) > len(bare):  # spaces are put around it, so that it is a word by itself
                single[ord(bare)] = True
            if bare and bare != one:
                replaced[one] = bare
    for i in range(CODE_POINTS):
        kind = unicodedata.category(chr(i))
        if kind[0] in "PSZC" and kind not in ("Cs", "Cn", "Co") and not space[i]:
            n = len(tokenizer.pre_tokenizer.pre_tokenize_str(f"a{chr(i)}a"))
            space[i], single[i] = n == 2, n == 3
    steps: list[Json] = [{"kind": "normalize", "form": "NFD"}] if strips else []
    return [
        *steps,
        {"kind": "remove", "ranges": runs(gone)},
        {"kind": "replace", "characters": replaced},
        tokens_step({"word": ~(space | single), "single": single}),
    ]
