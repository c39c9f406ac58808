"""What a column is told to be, and one value out of many spellings."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from headstart.corpus import check_column_types, parse_column_types
from headstart.corpus.column_types import COLUMN_TYPES, as_raw, as_type, is_raw, tell_type
from headstart.corpus.columns import arrow_column
from headstart.errors import DataError, OptionError

NOON = datetime.datetime(2024, 1, 5, 12)
SENTENCES = [f"the {word} was rather good" for word in "room bed lift food bar view pool staff desk bath".split()]


@pytest.mark.parametrize(
    ("values", "typed", "raw"),
    [
        (["1", "2.5", "-3e4"], "category", "number"),
        (["1,234.5", "12", "1,000,000"], "category", "number"),
        (["1", "NA", "", "null"], "category", "number"),
        (["007", "008"], "category", "category"),
        (["1.10", "2.0", "beta"], "category", "category"),
        (["1,5", "2,25"], "category", "category"),
        (["0", "1"], "category", "number"),
        (["true", "FALSE", None], "truth", "truth"),
        (["true", "true"], "truth", "truth"),
        (["yes", "No"], "truth", "truth"),
        (["no", "no"], "category", "category"),  # Norway, perhaps
        (["yes", "no", "maybe"], "category", "category"),
        (["2024-01-05", "2024-01-06T10:00"], "date", "date"),
        (["2024-01-05 10:00:00+02:00", ""], "date", "date"),
        (["2024-01-05", "2024-13-05"], "category", "category"),
        (["05.01.2024", "06.01.2024"], "category", "category"),
        (["08:30:00", "8:30", None], "number", "number"),
        (["0 days 01:30:00", "2 days", "NaT"], "number", "number"),
        (["PT1H30M", "-P2DT0.5S"], "number", "number"),
        (["3:16", "1:5"], "category", "category"),  # chapter and verse
        (["08:30", "noon"], "category", "category"),
        (SENTENCES, "text", "text"),
        ([s[:8] for s in SENTENCES], "category", "category"),
        (SENTENCES[:2] * 10, "category", "category"),
        ([None, None], "category", "category"),
        (["", "NA"], "category", "category"),
        ([], "category", "category"),
    ],
)
def test_strings_are_told_by_all_their_cells(values: list[Any], typed: str, raw: str) -> None:
    column = pa.array(values, pa.string())
    assert (tell_type(column), tell_type(column, raw=True)) == (typed, raw)
    assert tell_type(pa.chunked_array([column[:1], column[1:]]), raw=True) == raw
    assert tell_type(column.dictionary_encode()) == typed


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, None], "number"),
        ([1.5], "number"),
        ([Decimal("1.10")], "number"),
        ([datetime.time(12, 30)], "number"),
        ([datetime.timedelta(hours=1)], "number"),
        ([True, None], "truth"),
        ([datetime.date(2024, 1, 5)], "date"),
        ([NOON], "date"),
        (pa.array([NOON], pa.timestamp("ns", "Europe/Paris")), "date"),
        (pa.array([1, 2]).dictionary_encode(), "number"),
        (pa.nulls(3), "category"),
        ([b"a"], "category"),
    ],
)
def test_other_columns_are_told_by_their_type(values: Any, kind: str) -> None:
    assert tell_type(values if isinstance(values, pa.Array) else pa.array(values)) == kind


READ: dict[str, tuple[str, Any, list[Any], int]] = {
    "numerals": ("number", ["1", " 2.5 ", "+3", ".5", "1e3", "007"], [1, 2.5, 3, 0.5, 1000, 7], 0),
    "thousands": ("number", ["1,234", "-1,234,567.5", "1,23", "1.234,5"], [1234, -1234567.5, None, None], 2),
    "words for numbers": ("number", ["NA", "null", "", "n/a", "four", "0x10", None], [None] * 7, 2),
    "truth values as numbers": ("number", ["True", "false"], [1, 0], 0),
    "bool as numbers": ("number", [True, False, None], [1, 0, None], 0),
    "integers": ("number", [1, None], [1, None], 0),
    "decimals": ("number", [Decimal("1.10"), None], [1.1, None], 0),
    "not finite": ("number", [1.0, float("inf"), float("nan")], [1, None, None], 1),
    "not finite, written": ("number", ["1", "inf", "nan", "1e999"], [1, None, None, None], 2),
    "clock": ("number", [datetime.time(0, 1, 0)], [60], 0),
    "durations": ("number", [datetime.timedelta(seconds=1.5)], [1.5], 0),
    "clock, written": ("number", ["08:30:00", "8:30", "23:59:59.5", "8:60", "8:5", "8:30 pm"], [30600, 30600, 86399.5, None, None, None], 3),
    "durations, written": (
        "number", ["0 days 01:30:00", "-1 days +22:30:00", "1 day, 2:03:04", "2 days", "-0:30:00", "26:00:00.000001", "days"],
        [5400, -5400, 93784, 172800, -1800, 93600.000001, None], 1,
    ),
    "durations in ISO 8601": (
        "number", ["PT1H30M", "P1DT0.5S", "-PT2S", "P1W", "pt1m", "P", "PT", "P1DT", "P1M"],
        [5400, 86400.5, -2, 604800, 60, None, None, None, None], 4,
    ),
    "nanoseconds": ("number", pa.array([1], pa.duration("ns")), [1e-9], 0),
    "clock as truth": ("truth", [datetime.time(0, 0, 1), datetime.time(8)], [True, None], 1),
    "clock as truth, written": ("truth", ["00:00:01", "08:00"], [True, None], 1),
    "clock as strings": ("category", [datetime.time(8, 30), datetime.time(8, 30, 0, 120000)], ["08:30:00", "08:30:00.12"], 0),
    "durations as strings": ("category", [datetime.timedelta(hours=1.5), datetime.timedelta(seconds=0.5)], ["5400", "0.5"], 0),
    "dates as numbers": ("number", [NOON, None], [None, None], 1),
    "iso": ("date", ["2024-01-05T12:00", "2024-01-05 12:00:00.000", "soon", "", None], [NOON, NOON, None, None, None], 1),
    "iso with zones": ("date", ["2024-01-05T13:00+01:00", "2024-01-05 12:00:00Z"], [NOON, NOON], 0),
    "dates": ("date", [datetime.date(2024, 1, 5)], [datetime.datetime(2024, 1, 5)], 0),
    "moments": ("date", pa.array([NOON], pa.timestamp("ns")), [NOON], 0),
    "moments in a zone": (
        "date", pa.array([NOON], pa.timestamp("s", "UTC")).cast(pa.timestamp("s", "Asia/Tokyo")), [NOON], 0,
    ),
    "numbers as dates": ("date", [20240105], [None], 1),
    "truth": ("truth", ["true", "F", "YES", "off", "1", "0.0", "maybe", "2"], [True, False, True, False, True, False, None, None], 2),
    "numbers as truth": ("truth", [1, 0, 2, None], [True, False, None, None], 1),
    "decimals as truth": ("truth", [Decimal("1.0"), Decimal("0.0")], [True, False], 0),
    "dates as truth": ("truth", [NOON], [None], 1),
    "strings": ("category", [" a ", "TRUE", "", "  ", None, "NA"], ["a", "true", None, None, None, "NA"], 0),
    "composed": ("category", ["cafe\u0301", "caf\xe9"], ["caf\xe9", "caf\xe9"], 0),
    "numbers as strings": ("category", [1.0, 1.5, float("nan")], ["1", "1.5", None], 0),
    "bool as strings": ("category", [True, None], ["true", None], 0),
    "dates as strings": ("category", [datetime.date(2024, 1, 5)], ["2024-01-05"], 0),
    "moments as strings": (
        "category", [NOON, datetime.datetime(2024, 1, 5), datetime.datetime(2024, 1, 5, 0, 0, 0, 120000)],
        ["2024-01-05 12:00:00", "2024-01-05", "2024-01-05 00:00:00.12"], 0,
    ),
    "bytes": ("text", [b"caf\xc3\xa9"], ["caf\xe9"], 0),
}  # fmt: skip


@pytest.mark.parametrize(("kind", "cells", "values", "n_unreadable"), READ.values(), ids=READ.keys())
def test_reads_any_column_as_its_type(kind: str, cells: Any, values: list[Any], n_unreadable: int) -> None:
    column = cells if isinstance(cells, pa.Array) else pa.array(cells)
    found = as_type(column, kind)
    assert found.values.to_pylist() == values
    assert found.n_unreadable == n_unreadable
    again = as_type(pa.chunked_array([found.values]), kind)
    assert (again.values, again.n_unreadable) == (found.values, 0)


@pytest.mark.parametrize("kind", COLUMN_TYPES)
@pytest.mark.parametrize(
    "nothing", [pa.nulls(2), pa.array([None, None], pa.float64()), pa.array(["", " "]), pa.array([])]
)
def test_what_is_null_throughout_is_null(kind: str, nothing: Any) -> None:
    found = as_type(nothing, kind)
    assert found.values.null_count == len(nothing) == len(found.values)
    assert found.n_unreadable == 0


@pytest.mark.parametrize(
    "column",
    [
        pd.Series(["a", None]), pd.Series(["a", "b"], dtype="category"), pd.Series([True, None], dtype="boolean"),
        pd.Series([1, None], dtype="Int64"), pd.Series([NOON, None]), pd.Series([pd.Timedelta("1s")]),
        pl.Series(["a", None]), pl.Series(["a"], dtype=pl.Categorical), pl.Series([NOON.date()]), pl.Series([1.5]),
        pl.Series([Decimal("1.1")]), pl.Series([None]), pl.Series(["a"], dtype=pl.Enum(["a", "b"])),
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", COLUMN_TYPES)
def test_takes_what_frames_hold(column: Any, kind: str) -> None:
    array = column.to_arrow() if hasattr(column, "to_arrow") else pa.array(column, from_pandas=True)
    assert len(as_type(array, kind).values) == len(column)
    assert tell_type(array) in COLUMN_TYPES


@pytest.mark.parametrize(
    ("column", "kind", "values"),
    [
        (pd.Series(pd.arrays.SparseArray([0, 1.5, float("nan")])), "number", [0, 1.5, None]),
        (pd.Series(pd.arrays.SparseArray([0, 7, 0])), "number", [0, 7, 0]),
        (pd.Series(pd.arrays.SparseArray([False, True])), "truth", [False, True]),
        (pd.Series(pd.arrays.SparseArray(["a", None])), "category", ["a", None]),
        (np.array([1, "NaT"], "m8[h]"), "number", [3600, None]),
        (np.array([1.5], np.longdouble), "number", [1.5]),
        (np.array(["2024-01", "NaT"], "M8[M]"), "date", [datetime.datetime(2024, 1, 1), None]),
        (pl.Series([1, None], dtype=pl.Int128), "number", [1, None]),
        (pa.RunEndEncodedArray.from_arrays([1, 3], ["a", "b"]), "category", ["a", "b", "b"]),
        (pa.ExtensionArray.from_storage(pa.bool8(), pa.array([1, 0], pa.int8())), "truth", [True, False]),
        (pa.ExtensionArray.from_storage(pa.json_(), pa.array(["1"])), "category", ["1"]),
    ],
    ids=lambda value: str(getattr(value, "dtype", getattr(value, "type", "")))[:30],
)
def test_takes_what_arrow_has_no_type_for(column: Any, kind: str, values: list[Any]) -> None:
    array = arrow_column(column, "size", "the data")
    assert tell_type(array, name="size") == kind
    assert as_type(array, kind, "size").values.to_pylist() == values


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (pd.Series([1j, 2]), "Column 'size' of the data holds complex128, not one kind of value. Convert"),
        (pd.Series([pd.Interval(0, 1)]), "the column 'size' holds values of type .*interval.*Leave it out or convert it"),
        (pd.Series(pd.cut([1, 2], 2)), "the column 'size' holds values of type .*interval.*Leave it out or convert it"),
        (np.array([1], "m8[M]"), "Column 'size' of the data holds timedelta64.M., not one kind of value. Convert"),
        (pl.Series([object()], dtype=pl.Object), "the column 'size' holds values of type .*Leave it out or convert it"),
    ],
    ids=lambda value: str(getattr(value, "dtype", ""))[:20],
)  # fmt: skip
def test_refuses_what_has_no_single_value(column: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        tell_type(arrow_column(column, "size", "the data"), name="size")


def test_lists_are_refused() -> None:
    for read in (lambda c: tell_type(c, name="tags"), lambda c: as_type(c, "text", "tags")):
        with pytest.raises(DataError, match="the column 'tags' holds values of type list<.*>; expected .*convert it"):
            read(pa.array([["a"]]))
    with pytest.raises(DataError, match="the column 'tags' holds bytes that are no UTF-8; decode them"):
        as_type(pa.array([b"\xff"]), "category", "tags")


def test_raw_cells_are_marked_and_stay_so() -> None:
    table = pa.table({"a": ["1", "2"]}, schema=pa.schema([as_raw(pa.field("a", pa.large_string()))]))
    for same in (
        table.take([1]),
        table.slice(1),
        table.filter([True, False]),
        table.select(["a"]),
        pa.concat_tables([table] * 2),
    ):
        assert is_raw(same.schema.field("a"))
    assert not is_raw(pa.field("a", pa.string())) and not is_raw(pa.field("a", pa.string(), metadata={"b": "c"}))


def test_types_are_parsed_and_checked() -> None:
    types = parse_column_types('price=number, "a,b=c"=category')
    assert types == {"price": "number", "a,b=c": "category"}
    check_column_types(types, ["price", "a,b=c"])
    for text in ("price", "price=", "=number", "price=number,price=date", ""):
        with pytest.raises(
            OptionError, match="--column-types .* cannot be read at .* types are number, category, truth"
        ):
            parse_column_types(text)
    with pytest.raises(OptionError, match="there is no column type 'numbr'; did you mean 'number'"):
        check_column_types({"price": "numbr"}, ["price"])
    with pytest.raises(
        OptionError, match="a type was given for the column 'prize', and the columns that are read are price"
    ):
        check_column_types({"prize": "number"}, ["price"])
