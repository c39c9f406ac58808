from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from headstart.errors import DataError
from headstart.foreign.mxnet import Vocabulary, read_vocabulary

WORDS = ("boyle", "the", "good", "<unk>")
GLUONNLP = {
    "idx_to_token": ["<unk>", "<pad>", "the", "good"],
    "token_to_idx": {"<unk>": 0, "<pad>": 1, "the": 2, "good": 3},
    "unknown_token": "<unk>", "padding_token": "<pad>", "bos_token": None,
}  # fmt: skip


def write(folder: Path, content: Any, name: str) -> Path:
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("name", "content", "wanted"),
    [
        ("v.json", list(WORDS), Vocabulary(WORDS, 3, 0)),
        ("v.json", {"the": 1, "<unk>": 3, "good": 2, "boyle": 0}, Vocabulary(WORDS, 3, 0)),
        ("v.json", GLUONNLP, Vocabulary(tuple(GLUONNLP["idx_to_token"]), 0, 1)),
        ("v.txt", "boyle\nthe\ngood\n<unk>\n", Vocabulary(WORDS, 3, 0)),
    ],
)
def test_kinds_of_files(tmp_path: Path, name: str, content: Any, wanted: Vocabulary) -> None:
    assert read_vocabulary(write(tmp_path, content, name)) == wanted
    assert read_vocabulary(str(tmp_path / name)) == wanted


def test_the_words_themselves_and_what_the_caller_says_of_them() -> None:
    found = read_vocabulary(["a", "RARE", "b"], unknown="RARE", padding="b")
    assert found == Vocabulary(("a", "RARE", "b"), unknown=1, padding=2)
    assert read_vocabulary(["a", "RARE"], unknown="RARE", padding=1).padding == 1


def test_ids_go_to_words_in_their_own_order() -> None:
    assert read_vocabulary(["a", "<unk>", "b"]).indexed == ["", "<unk>", "a", "b"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("v.json", "[", "is not JSON"),
        ("v.json", "[" * 100_000, "is not JSON"),
        ("v.json", "3", "no JSON list, and no object"),
        ("v.json", {"a": 0, "b": 2}, "one of the indices 0, 1, 2"),
        ("v.json", {"a": 0, "b": "1"}, "one of the indices 0, 1, 2"),
        ("v.json", {"a": 0, "b": True}, "one of the indices 0, 1, 2"),
        ("v.json", [], "or is empty"),
        ("v.json", ["a", 3], "holds 3 where a word should be"),
        ("v.json", ["a", ""], "holds '' where a word should be"),
        ("v.json", {"idx_to_token": "abc"}, "where a word should be"),
        ("v.json", ["a", "b", "a", "<unk>"], "holds 'a' twice"),
        ("v.json", ["a", "b"], "holds no '<unk>', .* unknown='WORD'"),
        ("v.txt", "a\n\n<unk>\n", "where a word should be"),
    ],
)
def test_what_is_no_vocabulary_is_refused(tmp_path: Path, name: str, content: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_vocabulary(write(tmp_path, content, name))


@pytest.mark.parametrize("padding", [-1, 9, "nowhere", True])
def test_a_padding_that_is_not_there_is_refused(padding: Any) -> None:
    with pytest.raises(DataError, match="no word of the vocabulary and no index from 0 to 3"):
        read_vocabulary(WORDS, padding=padding)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere\.json"):
        read_vocabulary(tmp_path / "nowhere.json")
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9\n")
    with pytest.raises(DataError, match="in UTF-8"):
        read_vocabulary(tmp_path / "latin.txt")
