"""The compiled tokenizer against a plain one that goes character by character through Python strings."""

import re
import string
import unicodedata
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from headstart.kernels import tokens as kernel
from headstart.text import DEFINITIONS, encode, fit_steps, text_steps
from headstart.text.columns import text_column
from headstart.text.definitions import compiled_table
from headstart.text.fused import count_words, split

TAG = re.compile(r"</?[A-Za-z][^<>]*>")
VOICING = re.compile(r"HALFWIDTH KATAKANA (SEMI-)?VOICED SOUND MARK")
IDEOGRAPH = re.compile(
    r"(CJK (UNIFIED|COMPATIBILITY) IDEOGRAPH|IDEOGRAPHIC (ITERATION MARK|CLOSING MARK|NUMBER ZERO)|(HALFWIDTH )?"
    r"(HIRAGANA|KATAKANA)(-HIRAGANA)? (LETTER|ITERATION|VOICED ITERATION|PROLONGED|DIGRAPH)|HENTAIGANA LETTER)"
)


def plain_lower(text: str) -> str:
    """One character for one, without context: only U+0130 has no such mapping in ``str.lower``."""
    return "".join("i" if c == "İ" else c.lower() for c in text)


def plain_class(c: str) -> str:
    """The class of a character in "words", by its name and category instead of by ranges."""
    category, name = unicodedata.category(c), unicodedata.name(c, "")
    if c in '!?.,;:()"*/-' or (IDEOGRAPH.match(name) and "MINNAN" not in name):
        return "single"
    if c == "'":
        return "apostrophe"
    if category[0] == "M" or c in "\u200c\u200d" or VOICING.match(name):
        return "mark"
    if c == "_" or category[0] in "LN":
        return "word"
    return "single" if category[0] == "S" and c not in string.punctuation else "separator"


def plain_words(text: str) -> list[str]:
    text = re.sub("[’´`\x92]", "'", plain_lower(text))
    tokens, run, i = [], "", 0
    while i <= len(text):
        c = text[i] if i < len(text) else " "
        kind = plain_class(c)
        follows = i + 1 < len(text) and plain_class(text[i + 1]) == "word"
        if kind == "word" or (run and (kind == "mark" or (kind == "apostrophe" and follows))):
            run += c
            i += 1
            continue
        tokens += [run] if run else []
        tokens += [c] if kind == "single" else []
        run = ""
        tag = TAG.match(text, i)
        i += len(tag[0]) if tag and len(tag[0]) <= kernel.TAG_CHARACTERS else 1
    return tokens


def plain_tutorial(text: str) -> list[str]:
    return re.sub(f"([{re.escape(string.punctuation)}])", r" \1 ", plain_lower(text)).split()


PLAIN = {"words": plain_words, "tutorial": plain_tutorial}

# Characters that the rules look at, and all others: U+0130 and U+212A become ASCII, U+023A grows by a byte.
SPECIAL = "aZé'’´`\x92<>/ b!?._-\u200d\ufe0f\u0301ȺKİßΣ日かｶﾞ😀🏽\x00\x1f\x85\xa0\u2028\ufeff\ufffd𝔘𐐀𠀀"
CHARACTERS = st.one_of(
    st.sampled_from(SPECIAL), st.sampled_from(string.printable), st.characters(exclude_categories=["Cs", "Cn"])
)
TEXTS = st.lists(st.text(CHARACTERS, max_size=60), max_size=6)
TAGGED = st.builds(
    "{}<{}{}{}>{}".format,
    st.sampled_from(["", "x", "é'"]),
    st.sampled_from(["", "/", "//", " "]),
    st.sampled_from(["b", "K", "é", "1", "", "br /"]),
    st.one_of(st.text(CHARACTERS, max_size=8), st.integers(90, 101).map("ü".__mul__)),
    st.sampled_from(["", "y", "'s"]),
)


def fused_and_split(name: str, texts: list[str]) -> tuple[list[list[str]], list[list[str]]]:
    """Tokens by the one-pass encoder, and by the steps one after another."""
    steps = fit_steps(text_steps(name, min_count=1), texts, n_threads=1)
    vocabulary = steps[-1].vocabulary_.to_pylist()
    encoded = encode(steps, texts, n_threads=1)
    assert encoded.n_unknown == 0
    return [[vocabulary[i] for i in row] for row in encoded.ids], steps[:-1].transform(texts).to_pylist()


@pytest.mark.parametrize("name", PLAIN)
@settings(max_examples=150, deadline=None)
@given(texts=TEXTS)
@example(texts=["", "'", "a'", "'a", "a''b", "a'b", "a’b c´d", "don`t", "<a", "<a>", "</a>", "a<b>c", "<<b>>"])
@example(texts=["x" * 7, "x" * 8, "x" * 9, "x" * 16, "x" * 17, "ab" * 5000, "Ⱥ" * 3000, "\x00", "a\x00", "a\x00\x00"])
def test_any_text_gives_the_tokens_of_the_plain_definition(name: str, texts: list[str]) -> None:
    expected = [PLAIN[name](unicodedata.normalize("NFC", text)) for text in texts]
    assert fused_and_split(name, texts) == (expected, expected)


@pytest.mark.parametrize("name", PLAIN)
@settings(max_examples=80, deadline=None)
@given(texts=st.lists(TAGGED, max_size=4))
def test_tags_valid_or_not_give_the_tokens_of_the_plain_definition(name: str, texts: list[str]) -> None:
    expected = [PLAIN[name](unicodedata.normalize("NFC", text)) for text in texts]
    assert fused_and_split(name, texts) == (expected, expected)


def test_every_assigned_character_has_the_class_of_the_plain_definition() -> None:
    names = {"word": kernel.WORD, "mark": kernel.MARK, "single": kernel.SINGLE, "separator": kernel.SEPARATOR}
    names["apostrophe"] = kernel.APOSTROPHE
    classes = compiled_table("words", lower=False)[kernel.BYTE_ENTRIES :] >> 24
    rewritten = {*map(ord, DEFINITIONS["words"].rewrites), ord("<")}
    wrong = [
        hex(c)
        for c in range(0x20000)
        if unicodedata.category(chr(c)) not in ("Cn", "Cs")
        and c not in rewritten
        and classes[c] != names[plain_class(chr(c))]
    ]
    assert wrong == []


def test_every_character_is_lower_cased_as_arrow_does_it() -> None:
    code_points = np.delete(np.arange(0x110000, dtype="<u4"), np.s_[0xD800:0xE000])
    text = pa.scalar(code_points.tobytes().decode("utf-32-le"), pa.large_string())
    lowered = np.frombuffer(pc.utf8_lower(text).as_py().encode("utf-32-le"), "<u4")
    table = compiled_table("tutorial", lower=True)[kernel.BYTE_ENTRIES :]
    np.testing.assert_array_equal(table[code_points] & 0x1FFFFF, lowered)


@pytest.mark.parametrize("name", DEFINITIONS)
def test_bytes_and_characters_have_the_same_entries(name: str) -> None:
    table = compiled_table(name, lower=True)
    np.testing.assert_array_equal(table[:128], table[kernel.BYTE_ENTRIES :][:128])
    assert {*(table[128 : kernel.BYTE_ENTRIES] >> 24).tolist()} == {kernel.MULTIBYTE}


def counts_of(texts: list[str], name: str = "tutorial", n_threads: int = 1) -> dict[str, int]:
    table = count_words(text_column(texts), compiled_table(name, lower=True), "", n_threads)
    return dict(zip(table["word"].to_pylist(), table["count"].to_pylist(), strict=True))


@settings(max_examples=100, deadline=None)
@given(texts=TEXTS)
def test_words_are_counted(texts: list[str]) -> None:
    assert counts_of(texts) == Counter(token for text in texts for token in plain_tutorial(text))


@pytest.mark.parametrize(
    "texts",
    [
        [" ".join(f"w{i} w{i // 2}" for i in range(30_000))],  # every table grows, several times in one row
        [f"w{i} w{i // 2} {'long' * (i % 9)}" for i in range(20_000)],
        ["x" * 300_000, "y" * 70_000, "x" * 300_000],  # the room for words grows by more than doubling
    ],
)
def test_counts_survive_growing_tables(texts: list[str]) -> None:
    assert counts_of(texts) == Counter(" ".join(texts).split())


def test_words_that_share_a_slot_or_a_beginning_are_told_apart() -> None:
    words = [f"{a}{b}" for a in ("", "prefix-of-many-", "\x00", "é" * 9) for b in range(2_000)]
    texts = [" ".join(words)]
    steps = fit_steps(text_steps(r"\S+", min_count=1), texts)
    assert steps[-1].vocabulary_.to_pylist()[2:] == sorted(words)
    lookup = steps[-1].lookup()
    arena, starts = lookup.arena.copy(), lookup.starts.copy()
    assert [bytes(arena[a:b]).decode() for a, b in pairwise(starts)] == sorted(words)
    assert kernel.fill_slots(arena, starts, np.zeros_like(lookup.slots)) == -1


def test_rows_of_sliced_arrays_begin_where_the_slice_does() -> None:
    texts = pa.array(["skip this", "Keep  this", "", None, "and İt", "not this"], pa.large_string())
    assert split(text_column(texts.slice(1, 2)), compiled_table("words", lower=True)).to_pylist() == [
        ["keep", "this"],
        [],
    ]
    steps = fit_steps(text_steps(min_count=1), texts.slice(1, 4))
    assert steps[-1].vocabulary_.to_pylist()[2:] == ["and", "it", "keep", "this"]


def test_each_kernel_is_compiled_once_whatever_the_container() -> None:
    """A second signature would mean seconds of compiling on a user's machine."""
    for texts in (["a b"], pa.array(["a b", None]), pa.array(["a", "b"]).slice(1), np.array(["a b"])):
        steps = fit_steps(text_steps(min_count=1), texts)
        encode(steps, texts)
        steps[:-1].transform(texts)
    kernels = (kernel.encode_rows, kernel.split_rows, kernel.count_rows, kernel.fill_slots)
    assert [len(each.signatures) for each in kernels] == [1, 1, 1, 1]


def test_many_threads_may_encode_at_once() -> None:
    texts = [f"row {i} has <b>words</b> and {'ünïcode ' * (i % 7)}" for i in range(500)] * 20
    steps = fit_steps(text_steps(min_count=1), texts)
    expected = encode(steps, texts, n_threads=1).ids
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda n: encode(steps, texts, n_threads=n).ids, [1, 2, 3, 4]))
    assert all(ids == expected for ids in found)
