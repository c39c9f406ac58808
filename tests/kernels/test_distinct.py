"""Distinct ids, against NumPy's."""

from __future__ import annotations

import numpy as np
import pytest

from headstart.kernels.distinct import distinct


@pytest.mark.parametrize("n_words", [30, 10_000])  # a mark for each word, and a table as small as the ids are few
@pytest.mark.parametrize("kind", [np.int32, np.int64])
@pytest.mark.parametrize("shape", [(0,), (1,), (7,), (3, 0), (5, 40)])
def test_each_id_once_and_an_index_that_brings_them_back(shape: tuple[int, ...], kind: type, n_words: int) -> None:
    ids = np.random.default_rng(0).integers(0, 30, shape).astype(kind) * (n_words // 30)
    words, index = distinct(ids, n_words)
    assert index.shape == shape
    assert sorted(words) == list(np.unique(ids))
    np.testing.assert_array_equal(words[index], ids)


@pytest.mark.parametrize("n_words", [8, 10_000])
def test_first_seen_comes_first(n_words: int) -> None:
    words, index = distinct(np.array([[7, 0, 7], [3, 0, 0]], np.int32)[:, ::-1], n_words)
    assert words.tolist() == [7, 0, 3]
    assert index.tolist() == [[0, 1, 0], [1, 1, 2]]


@pytest.mark.parametrize(("wrong", "n_words"), [(-1, 5), (5, 5), (-1, 100), (100, 100)])
def test_an_id_out_of_range_is_an_error(wrong: int, n_words: int) -> None:
    with pytest.raises(IndexError, match=rf"token ids run from .* {n_words} rows\. Use the vocabulary"):
        distinct(np.array([0, wrong], np.int32), n_words)
