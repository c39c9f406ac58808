"""Texts that a model has learnt from are known again."""

from __future__ import annotations

import hashlib

import numpy as np
import pyarrow as pa
import pytest

from headstart.corpus import TextHashes, text_hashes

TEXTS = ["a good film", "a bad film", None, "", "  ", "a good film", "caf\xe9"]


def test_a_hash_is_what_the_page_says() -> None:
    expected = sorted(
        int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")
        for text in {"a good film", "a bad film", "caf\xe9"}
    )
    assert TextHashes.of(pa.array(TEXTS)).values.tolist() == expected


def test_rows_are_counted_and_nulls_are_none_of_them() -> None:
    known = TextHashes.of(pa.array(TEXTS))
    assert known.overlap(pa.array(["a good film", "a good film", None, "", "a good film "])) == (2, False)
    assert TextHashes.of(pa.array([None, ""])).overlap(pa.array(TEXTS)) == (0, False)
    assert known.union(None) is known
    both = known.union(TextHashes.of(pa.array(["another"]), pa.chunked_array([["a third"]])))
    assert both.overlap(pa.array(["another", "a third", "caf\xe9", "none of them"])).n == 3


def test_of_very_many_texts_a_sample_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_hashes, "MOST", 500)
    first, second = (pa.array([f"text {i}" for i in range(start, start + 3000)]) for start in (0, 3000))
    known = TextHashes.of(first).union(TextHashes.of(second))
    assert len(known.values) == 500 and np.all(np.diff(known.values.astype(object)) > 0)
    assert TextHashes.of(pa.concat_arrays([first, second])).values.tolist() == known.values.tolist()
    asked = pa.array([f"text {i}" for i in range(5000, 7000)])  # half of them known
    found = known.overlap(asked)
    assert found.estimated and 800 < found.n < 1200
