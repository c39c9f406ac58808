"""Counting n-grams against plain Python, and in little memory."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest

from headstart.errors import DataError
from headstart.kernels.ngrams import ID_BITS, count_ngrams
from headstart.text import RaggedIds


def drawn(n: int = 300, seed: int = 0) -> tuple[RaggedIds, Any]:
    """Rows of Zipf-like ids, unknown words among them."""
    rng = np.random.default_rng(seed)
    rows = [np.minimum(rng.zipf(1.5, rng.integers(0, 30)), 400) for _ in range(n)]
    return RaggedIds.from_lists(rows), rng.random(n) < 0.5


def expected(ids: RaggedIds, positive: Any, longest: int) -> dict[int, tuple[int, int]]:
    rows_with: Counter[int] = Counter()
    positives: Counter[int] = Counter()
    for r in range(len(ids)):
        row, found = ids[r].tolist(), set()
        for i in range(len(row)):
            key = 0
            for word in row[i : i + longest]:
                if word < 2:
                    break
                key = key << ID_BITS | word
                found.add(key)
        rows_with.update(found)
        positives.update(found if positive[r] else ())
    return {key: (rows_with[key], positives[key]) for key in sorted(rows_with)}


@pytest.mark.parametrize("longest", [1, 2, 3])
def test_counts_rows_that_hold_each_ngram(longest: int) -> None:
    ids, positive = drawn()
    found = count_ngrams(ids.values, ids.offsets, positive, longest)
    assert dict(
        zip(found[0].tolist(), zip(found[1].tolist(), found[2].tolist(), strict=True), strict=True)
    ) == expected(ids, positive, longest)
    assert (np.diff(found[0]) > 0).all()


def test_a_table_that_grows_counts_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    ids, positive = drawn()
    whole = count_ngrams(ids.values, ids.offsets, positive, 3)
    monkeypatch.setattr("headstart.kernels.ngrams._table_size", lambda n: 1 << 9)
    grown = count_ngrams(ids.values, ids.offsets, positive, 3)
    for one, other in zip(whole, grown, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_full_table_forgets_the_rarest_and_keeps_the_common() -> None:
    ids, positive = drawn(n=2000)
    truth = expected(ids, positive, 3)
    found, n_rows, n_positive = count_ngrams(ids.values, ids.offsets, positive, 3, most_slots=1 << 12)
    assert len(found) <= 1 << 12 < len(truth)
    assert (n_positive <= n_rows).all()
    kept = dict(zip(found.tolist(), n_rows.tolist(), strict=True))
    assert all(kept[key] <= truth[key][0] for key in kept)
    common = [key for key, (n, _) in truth.items() if n >= 200]
    assert len(common) > 5
    assert all(kept[key] >= 0.9 * truth[key][0] for key in common)


def test_a_long_text_is_refused_by_no_table_that_may_still_grow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headstart.kernels.ngrams._table_size", lambda n: 1 << 9)
    ids = RaggedIds.from_lists([range(2, 1000)])
    found, n_rows, _ = count_ngrams(ids.values, ids.offsets, np.zeros(1, bool), 3, most_slots=1 << 12)
    assert len(found) == 998 + 997 + 996
    assert set(n_rows.tolist()) == {1}


def test_a_text_that_no_table_holds_is_refused() -> None:
    ids = RaggedIds.from_lists([range(2, 3000)])
    with pytest.raises(
        DataError, match="a text of 2,998 tokens has more n-grams than fit a table of 1,024 places; cut"
    ):
        count_ngrams(ids.values, ids.offsets, np.zeros(1, bool), 3, most_slots=1 << 10)
