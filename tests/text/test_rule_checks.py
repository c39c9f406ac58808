"""A tokenizer of somebody else's: known steps pass, and what may grow or run without bound is refused."""

from __future__ import annotations

import base64
import json
import string
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headstart.errors import ArtifactError
from headstart.text.rule_checks import _growth, check_rules
from headstart.text.rules import encoded, try_rules

pytest.importorskip("tokenizers", reason="tokenizers is not installed")

WORDS = {"type": "WordLevel", "vocab": {"[UNK]": 0, "a": 1}, "unk_token": "[UNK]"}


def replace(found: str, content: str, *, kind: str = "String") -> dict[str, Any]:
    return {"type": "Replace", "pattern": {kind: found}, "content": content}


def split(expression: str) -> dict[str, Any]:
    return {"type": "Split", "pattern": {"Regex": expression}, "behavior": "Removed", "invert": False}


def charsmap(*texts: str) -> dict[str, Any]:
    raw = (4).to_bytes(4, "little") + bytes(4) + "\0".join([*texts, ""]).encode()
    return {"type": "Precompiled", "precompiled_charsmap": base64.b64encode(raw).decode()}


def in_a_row(*steps: dict[str, Any], inner: str = "normalizers") -> dict[str, Any]:
    return {"type": "Sequence", inner: list(steps)}


def rules(**parts: Any) -> dict[str, Any]:
    none = dict.fromkeys(("truncation", "padding", "normalizer", "pre_tokenizer", "post_processor", "decoder"))
    return {"version": "1.0", "added_tokens": [], **none, "model": WORDS, **parts}


# What real models are written with.
GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
BERT = {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": None, "lowercase": True}  # fmt: skip
BYTES = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
GOOD: dict[str, dict[str, Any]] = {
    "nothing": {},
    "bert": {"normalizer": BERT, "pre_tokenizer": {"type": "BertPreTokenizer"}},
    "xlm-roberta": {
        "normalizer": in_a_row(charsmap("صلى الله عليه وسلم", "a"), replace(" {2,}", " ", kind="Regex")),
        "pre_tokenizer": in_a_row({"type": "WhitespaceSplit"}, {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True}, inner="pretokenizers"),
    },
    "roberta": {"pre_tokenizer": BYTES, "post_processor": {"type": "RobertaProcessing", "sep": ["</s>", 0], "cls": ["<s>", 0], "trim_offsets": True, "add_prefix_space": False}, "decoder": BYTES},
    "gpt-2": {"pre_tokenizer": in_a_row(split(GPT2), BYTES, inner="pretokenizers")},
    "llama": {"normalizer": in_a_row({"type": "Prepend", "prepend": "▁"}, replace(" ", "▁"))},
    "model2vec": {"normalizer": in_a_row(BERT, *(replace(sign, f" {sign} ") for sign in string.punctuation), replace(r"\s+", " ", kind="Regex"), {"type": "Strip", "strip_left": True, "strip_right": True})},
    "accents": {"normalizer": in_a_row({"type": "NFKD"}, {"type": "StripAccents"}, {"type": "Lowercase"})},
}  # fmt: skip
BAD: dict[str, tuple[dict[str, Any], str]] = {
    "doubling": ({"normalizer": in_a_row(*[replace("ž", "žž")] * 40)}, "characters of one"),
    "doubling by two": ({"normalizer": in_a_row(*[replace("a", "bb"), replace("b", "aa")] * 9)}, "characters of one"),
    "doubling by case": ({"normalizer": in_a_row(*[replace("a", "AA"), {"type": "Lowercase"}] * 9)}, "characters of one"),
    "doubling any": ({"normalizer": in_a_row(*[replace(r"\w", "bb", kind="Regex")] * 9)}, "characters of one"),
    "one long": ({"normalizer": replace("a", "b" * 500)}, "characters of one"),
    "in front": ({"normalizer": {"type": "Prepend", "prepend": "b" * 5000}}, "characters of one"),
    "a map": ({"normalizer": charsmap("a" * 500)}, "characters of one"),
    "maps": ({"normalizer": in_a_row(*[charsmap("abcdefghi")] * 4)}, "characters of one"),
    "no map": ({"normalizer": {"type": "Precompiled", "precompiled_charsmap": "no base64!"}}, "cannot be told"),
    "nothing by something": ({"normalizer": replace("", "x")}, "cannot be told"),
    "perhaps nothing": ({"normalizer": replace("x*", "y", kind="Regex")}, "cannot be told"),
    "no text": ({"normalizer": {"type": "Replace", "pattern": {"String": 5}, "content": "a"}}, "cannot be told"),
    "bytes of bytes": ({"pre_tokenizer": in_a_row(*[BYTES] * 20, inner="pretokenizers")}, "doubles a text"),
    "an expression": ({"pre_tokenizer": split("(a+)+c")}, r"\(a\+\)\+c"),
    "inside": ({"pre_tokenizer": in_a_row(split("(a|a)*b"), inner="pretokenizers")}, "nothing bounds"),
    "in a normalizer": ({"normalizer": replace("(a+)+c", "", kind="Regex")}, "nothing bounds"),
    "in a decoder": ({"decoder": replace("(a+)+c", "", kind="Regex")}, "nothing bounds"),
    "an unknown step": ({"normalizer": {"type": "Explode"}}, "'Explode'"),
    "an unknown cut": ({"pre_tokenizer": {"type": "Explode"}}, "'Explode'"),
    "no step": ({"normalizer": ["Lowercase"]}, "a list"),
    "many steps": ({"normalizer": in_a_row(*[{"type": "NFC"}] * 300)}, "300 steps"),
    "many around": ({"post_processor": {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "a", "type_id": 0}}] * 1000, "pair": [], "special_tokens": {}}}, "64 pieces"),
    "a model": ({"model": {"type": "Neural"}}, "'Neural'"),
    "long words": ({"model": {**WORDS, "type": "WordPiece", "max_input_chars_per_word": 10**9}}, "1000000000"),
    "dice": ({"model": {"type": "BPE", "dropout": 0.5}}, "dropout"),
    "long pieces": ({"model": {"type": "Unigram", "vocab": [["a" * 5000, 0.0]]}}, "1,000 characters"),
}  # fmt: skip


@pytest.mark.parametrize("name", GOOD)
def test_what_real_models_are_written_with_passes(name: str) -> None:
    check_rules(rules(**GOOD[name]))


@pytest.mark.parametrize("name", BAD)
def test_what_has_no_bound_is_refused_unless_it_is_trusted(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    parts, fault = BAD[name]
    with pytest.raises(ArtifactError, match=fault) as caught:
        check_rules(rules(**parts))
    assert "trust_patterns=True" in str(caught.value)
    check_rules(rules(**parts), trusted=True)
    monkeypatch.setenv("HEADSTART_TRUST_PATTERNS", "1")
    check_rules(rules(**parts))


def test_a_document_nested_without_end_is_refused() -> None:
    value: Any = []
    for _ in range(3000):
        value = [value]
    with pytest.raises(ArtifactError, match="nested too deep"):
        check_rules(rules(post_processor={"type": "TemplateProcessing", "single": value}))


@pytest.mark.parametrize(
    "parts",
    [
        {"pre_tokenizer": {"type": "FixedLength", "length": 0}},
        {"normalizer": {"type": "Precompiled", "precompiled_charsmap": "AAAAAA=="}},
        {"normalizer": {"type": "Precompiled", "precompiled_charsmap": "//////////8="}},
        {"model": {**WORDS, "vocab": {"a": 1}}},
        {"pre_tokenizer": split("(a")},
    ],
)
def test_what_the_library_panics_at_is_an_error_of_ours(parts: dict[str, Any], capfd: Any) -> None:
    with pytest.raises(ArtifactError, match=r"tokenizer\.json (cannot be used|does not cut these texts)"):
        try_rules(json.dumps(rules(**parts)).encode())


def test_a_panic_at_one_text_is_an_error_of_ours(capfd: Any) -> None:
    evil = json.dumps(rules(pre_tokenizer=split("(a+)+c")))
    assert encoded(evil, ["b"], framed=True) == [[0]]
    with pytest.raises(ArtifactError, match="does not cut these texts"):
        encoded(evil, ["a" * 30 + "b"], framed=True)


LETTERS = "abžA "
STEPS = st.one_of(
    st.builds(replace, st.text(LETTERS, min_size=1, max_size=3), st.text(LETTERS, max_size=4)),
    st.builds(lambda c: replace(r"\w", c, kind="Regex"), st.text(LETTERS, max_size=3)),
    st.builds(lambda c: replace(r"[ab]+", c, kind="Regex"), st.text(LETTERS, max_size=3)),
    st.builds(lambda text: {"type": "Prepend", "prepend": text}, st.text(LETTERS, min_size=1, max_size=4)),
    st.sampled_from([BERT, {"type": "Lowercase"}, {"type": "StripAccents"}, {"type": "Strip", "strip_left": True, "strip_right": True}]),
)  # fmt: skip


@settings(max_examples=300)
@given(st.lists(STEPS, min_size=1, max_size=5), st.text(LETTERS + "中", min_size=1, max_size=20))
def test_no_text_grows_beyond_what_was_counted(steps: list[dict[str, Any]], text: str) -> None:
    from tokenizers import Tokenizer

    growth, added = _growth(steps)
    if growth > 10_000:
        return
    made = Tokenizer.from_str(json.dumps(rules(normalizer=in_a_row(*steps)))).normalizer.normalize_str(text)
    assert len(made) <= growth * len(text) + added
