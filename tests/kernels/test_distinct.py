"""Distinct ids, against NumPy's."""

from __future__ import annotations

import numpy as np
import pytest

from headstart.kernels.distinct import distinct


@pytest.mark.parametrize("kind", [np.int32, np.int64])
@pytest.mark.parametrize("shape", [(0,), (1,), (7,), (3, 0), (5, 40)])
def test_each_id_once_and_an_index_that_brings_them_back(shape: tuple[int, ...], kind: type) -> None:
    ids = np.random.default_rng(0).integers(0, 30, shape).astype(kind)
    words, index = distinct(ids, 30)
    assert index.shape == shape
    assert sorted(words) == list(np.unique(ids))
    np.testing.assert_array_equal(words[index], ids)


def test_first_seen_comes_first() -> None:
    words, index = distinct(np.array([[7, 0, 7], [3, 0, 0]], np.int32)[:, ::-1], 8)
    assert words.tolist() == [7, 0, 3]
    assert index.tolist() == [[0, 1, 0], [1, 1, 2]]


@pytest.mark.parametrize("wrong", [-1, 5])
def test_an_id_out_of_range_is_an_error(wrong: int) -> None:
    with pytest.raises(IndexError, match=r"token ids run from .* 5 rows\. Use the vocabulary"):
        distinct(np.array([0, wrong], np.int32), 5)
