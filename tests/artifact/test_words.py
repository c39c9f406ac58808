"""Strings in a text file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from headstart.artifact.words import words_from_bytes, words_to_bytes
from headstart.errors import ArtifactError

PATH = Path("imdb/vocabulary.txt")
strings = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("\\\n\rnr"), max_size=6)


def read(raw: bytes, n_words: int) -> Any:
    return words_from_bytes(np.frombuffer(raw, np.uint8), n_words, PATH)


@given(words=st.lists(strings, max_size=8))
@example(words=[])
@example(words=[""])
@example(words=["", ""])
@example(words=["\\n", "\n", "\\\n", "\\\\n", "\r\n", "\u2028", "\x85", "\0", "👩‍👩‍👧"])
def test_any_strings_come_back(words: list[str]) -> None:
    back = read(words_to_bytes(words), len(words))
    assert back.type == pa.large_string()
    assert back.to_pylist() == words
    back.validate(full=True)


@pytest.mark.parametrize(
    "type_", [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())]
)
def test_arrow_strings_are_written_as_lists_are(type_: pa.DataType) -> None:
    words = ["good", "é", "", "a\nb"]
    assert words_to_bytes(pa.array(words).cast(type_)) == words_to_bytes(words)


def test_a_slice_is_written_as_it_reads() -> None:
    assert words_to_bytes(pa.array(["a", "b", "c"])[1:]) == b"b\nc\n"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["a", None], "1 of the model's words are null; leave them out"),
        (["a", 3], "words are not all text that UTF-8 can hold .*; remove the odd ones"),
        (["\ud800"], "words are not all text that UTF-8 can hold .*; remove the odd ones"),
        (pa.array([b"\xff"]), "words are not all text that UTF-8 can hold"),
        (pa.array([[1]]), "words are not all text that UTF-8 can hold"),
    ],
)
def test_what_is_no_text_is_refused(words: Any, sentence: str) -> None:
    with pytest.raises(ArtifactError, match=sentence):
        words_to_bytes(words)


@pytest.mark.parametrize(
    ("raw", "n_words", "sentence"),
    [
        (b"good\nbad\n", 3, "holds 2 ended lines, and the manifest says 3 words"),
        (b"good\nbad", 1, "holds 1 ended lines, and the manifest says 1 words"),
        (b"good\nbad", 2, "holds 1 ended lines, and the manifest says 2 words"),
        (b"", 1, "holds 0 ended lines, and the manifest says 1 words"),
        (b"a", 0, "holds 0 ended lines, and the manifest says 0 words"),
        (b"good\n", 2**53, "holds 1 ended lines, and the manifest says 9,007,199,254,740,992 words"),
        (b"\xff\n", 1, "holds bytes that are not UTF-8"),
        (b"a\xc3\n\xa9\n", 2, "holds bytes that are not UTF-8"),
        (b"\xed\xa0\x80\n", 1, "holds bytes that are not UTF-8"),
        (b"good\r\nbad\r\n", 2, "holds a bare carriage return, so its line ends were converted"),
        (b"a\\t\n", 1, r"holds '\\\\t', which is no escape that Headstart writes"),
        (b"a\\\n", 1, r"holds '\\\\', which is no escape that Headstart writes"),
    ],
)
def test_a_file_that_is_no_such_list_is_refused(raw: bytes, n_words: int, sentence: str) -> None:
    with pytest.raises(ArtifactError, match=rf"vocabulary\.txt in the model 'imdb' {sentence}.*Copy the model again"):
        read(raw, n_words)
