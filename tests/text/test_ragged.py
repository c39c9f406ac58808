"""``RaggedIds``: rows, views, choosing rows, and what it refuses."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headstart.errors import DataError
from headstart.text import RaggedIds

ROWS = st.lists(st.lists(st.integers(0, 2**31 - 1), max_size=5), max_size=6)


@given(rows=ROWS)
def test_rows_come_back_as_they_went_in(rows: list[list[int]]) -> None:
    ids = RaggedIds.from_lists(rows)
    assert [row.tolist() for row in ids] == rows
    assert ids.lengths.tolist() == [len(row) for row in rows]
    assert (ids.values.dtype, ids.offsets.dtype, ids.lengths.dtype) == (np.int32, np.int64, np.int64)


@given(rows=ROWS, data=st.data())
def test_skip_leaves_out_the_first_ids_of_each_row(rows: list[list[int]], data: st.DataObject) -> None:
    counts = [data.draw(st.integers(0, len(row))) for row in rows]
    expected = [row[count:] for row, count in zip(rows, counts, strict=True)]
    assert RaggedIds.from_lists(rows).skip(np.array(counts, np.int64)) == RaggedIds.from_lists(expected)


@pytest.mark.parametrize("counts", [[0], [0, 3], [-1, 0]])
def test_skip_refuses_counts_that_do_not_fit(counts: list[int]) -> None:
    with pytest.raises(DataError, match="one count for each of 2 rows, from 0 to the row's length"):
        RaggedIds.from_lists([[2, 3], [4]]).skip(np.array(counts, np.int64))


@given(rows=ROWS.filter(bool), data=st.data())
def test_take_chooses_rows_in_order(rows: list[list[int]], data: st.DataObject) -> None:
    chosen = data.draw(st.lists(st.integers(-len(rows), len(rows) - 1)))
    assert RaggedIds.from_lists(rows).take(chosen) == RaggedIds.from_lists([rows[i] for i in chosen])


@given(a=ROWS, b=ROWS)
def test_concatenate_puts_rows_after_rows(a: list[list[int]], b: list[list[int]]) -> None:
    assert RaggedIds.concatenate([RaggedIds.from_lists(a), RaggedIds.from_lists(b)]) == RaggedIds.from_lists(a + b)


def test_a_mask_chooses_rows() -> None:
    ids = RaggedIds.from_lists([[2], [3, 4], [5]])
    assert ids.take(np.array([True, False, True])) == RaggedIds.from_lists([[2], [5]])


def test_a_row_is_a_view() -> None:
    ids = RaggedIds.from_lists([[2], [3, 4]])
    assert np.shares_memory(ids[1], ids.values)
    assert ids[-1].tolist() == [3, 4]
    with pytest.raises(IndexError, match="out of range"):
        ids[2]


def test_equality() -> None:
    assert RaggedIds.from_lists([[2], []]) != RaggedIds.from_lists([[2]])
    assert RaggedIds.from_lists([]) != []
    with pytest.raises(TypeError, match="unhashable"):
        hash(RaggedIds.from_lists([]))


VALUES = np.array([2, 3], np.int32)


@pytest.mark.parametrize(
    ("values", "offsets", "message"),
    [
        ([2, 3], np.array([0, 2]), "needs values as a one-dimensional int32 array, not a list"),
        (VALUES.astype(np.int64), np.array([0, 2]), "not a int64 array of shape"),
        (VALUES, np.array([0, 2], np.int32), "needs offsets as a one-dimensional int64"),
        (VALUES, np.array([[0, 2]]), "needs offsets as a one-dimensional int64"),
        (VALUES, np.array([], np.int64), "begin with 0 and end with the number of values"),
        (VALUES, np.array([0, 3]), "begin with 0 and end with the number of values"),
        (VALUES, np.array([1, 2]), "begin with 0 and end with the number of values"),
        (VALUES, np.array([0, 2, 1, 2]), "offsets that never fall"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(values: object, offsets: object, message: str) -> None:
    with pytest.raises(DataError, match=message):
        RaggedIds(values, offsets)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([3], "asked for row 3, but there are 3 rows"),
        ([0, -4], "asked for row -4"),
        ([0.5], "row numbers or a mask of 3 bools, not a float64 array"),
        ([True, False], "row numbers or a mask of 3 bools, not a bool array"),
        ([[0, 1]], "row numbers or a mask"),
    ],
)
def test_rows_that_do_not_exist_are_refused(rows: list[object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        RaggedIds.from_lists([[2], [3, 4], [5]]).take(rows)  # type: ignore[arg-type]
