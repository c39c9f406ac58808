"""Tabular columns: kinds, nulls, values never seen, and coming back from storage."""

from __future__ import annotations

import datetime
import json
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from headstart.errors import ArtifactError, DataError
from headstart.heads import ColumnEncoder

DAYS = [datetime.date(1970, 1, 2), None, datetime.date(1970, 1, 4), None]


@pytest.fixture
def table() -> pa.Table:
    return pa.table(
        {
            "stars": [1, None, 5, 3],
            "price": [1.5, float("nan"), None, 2.5],
            "device": ["phone", None, "phone", "tablet"],
            "paid": [True, False, None, True],
            "day": DAYS,
        }
    )


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, 2], "number"),
        ([1.5, None], "number"),
        ([Decimal("1.50"), None], "number"),
        (DAYS, "number"),
        ([datetime.datetime(2020, 1, 1)], "number"),
        (["a", None], "category"),
        (pa.array(["a"], pa.large_string()), "category"),
        (pa.array(["a"]).dictionary_encode(), "category"),
        ([True, None], "category"),
        ([None, None], "category"),
    ],
)
def test_the_type_decides_the_kind(values: Any, kind: str) -> None:
    encoder = ColumnEncoder.fit(pa.table({"x": values}), ["x"])
    assert encoder.kinds == {"x": kind}
    assert (encoder.number_names, encoder.category_names) == ((("x",), ()) if kind == "number" else ((), ("x",)))


def test_numbers_keep_their_nulls_as_nan(table: pa.Table) -> None:
    numbers = ColumnEncoder.fit(table, ["price", "device", "stars", "day"]).numbers(table)
    expected = [[1.5, 1, 86400], [np.nan, np.nan, np.nan], [np.nan, 5, 3 * 86400], [2.5, 3, np.nan]]
    np.testing.assert_array_equal(numbers, np.array(expected, np.float32))


def test_categories_keep_their_nulls_as_a_value(table: pa.Table) -> None:
    texts = ColumnEncoder.fit(table, ["device", "stars", "paid"]).texts(table)
    assert texts.tolist() == [["phone", "true"], ["(null)", "false"], ["phone", "(null)"], ["tablet", "true"]]


def test_an_empty_cell_is_a_missing_one() -> None:
    encoder = ColumnEncoder.fit(pa.table({"device": ["phone", None, "phone"]}), ["device"])
    assert encoder.texts(pa.table({"device": ["", "  ", None, "phone"]})).tolist() == [["(null)"]] * 3 + [["phone"]]


def test_indicators_fill_numbers_and_mark_common_values(table: pa.Table) -> None:
    encoder = ColumnEncoder.fit(table, ["stars", "device"])
    assert encoder.means == {"stars": 3.0}
    assert encoder.categories == {"device": ("phone",)}  # the others occur once
    expected = [[1, 0, 1], [3, 1, 0], [5, 0, 1], [3, 0, 0]]
    assert encoder.indicators(table).tolist() == expected


def test_categories_are_the_commonest_in_a_stated_order() -> None:
    values = ["b", "b", "a", "a", "c", "c", "c", "d"]
    encoder = ColumnEncoder.fit(pa.table({"x": values}), ["x"], max_categories=2)
    assert encoder.categories["x"] == ("c", "a")


def test_a_value_never_seen_is_no_error(table: pa.Table) -> None:
    encoder = ColumnEncoder.fit(table, ["stars", "device"])
    new = pa.table({"device": ["fridge", None], "stars": [2.5, None]})
    assert encoder.indicators(new).tolist() == [[2.5, 0, 0], [3, 1, 0]]


def test_nothing_is_learnt_at_prediction(table: pa.Table) -> None:
    encoder = ColumnEncoder.fit(table, ["stars", "device"])
    before = json.dumps(encoder.config())
    encoder.indicators(pa.table({"device": ["x"] * 5, "stars": [100] * 5}))
    assert json.dumps(encoder.config()) == before


def test_a_number_of_one_file_may_be_text_of_the_next(table: pa.Table) -> None:
    encoder = ColumnEncoder.fit(table, ["stars"])
    assert encoder.numbers(pa.table({"stars": ["4", "1.5", None]})).tolist()[:2] == [[4], [1.5]]
    with pytest.raises(
        DataError, match="the column 'stars' held numbers in training and now holds string values that are none"
    ):
        encoder.numbers(pa.table({"stars": ["four"]}))


def test_lists_in_the_place_of_single_values_are_told(table: pa.Table) -> None:
    encoder = ColumnEncoder.fit(table, ["stars", "device"])
    lists = pa.table({"stars": [[1]], "device": [["a", "b"]]})
    with pytest.raises(DataError, match="the column 'stars' held numbers in training and now holds list"):
        encoder.numbers(lists)
    with pytest.raises(DataError, match="the column 'device' held categories in training and now holds list"):
        encoder.texts(lists)


@pytest.mark.parametrize("values", [[True, False, None], ["True", "FALSE", None], ["true", "false", None]])
def test_true_is_true_however_a_file_writes_it(values: list[Any]) -> None:
    encoder = ColumnEncoder.fit(pa.table({"paid": [True, True, False]}), ["paid"])
    assert encoder.texts(pa.table({"paid": values})).tolist() == [["true"], ["false"], ["(null)"]]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (["devise"], "the column 'devise' is not in the data, which has device, tags; did you mean 'device'"),
        (["tags"], "the column 'tags' holds values of type list<.*>; expected numbers, times, strings or booleans"),
    ],
)
def test_columns_that_cannot_be_used(columns: list[str], message: str) -> None:
    with pytest.raises(DataError, match=message):
        ColumnEncoder.fit(pa.table({"device": ["a"], "tags": [["a", "b"]]}), columns)


def test_comes_back_from_json(table: pa.Table) -> None:
    encoder = ColumnEncoder.fit(table, ["paid", "stars", "device", "price"])
    again = ColumnEncoder.from_config(json.loads(json.dumps(encoder.config())))
    np.testing.assert_array_equal(again.indicators(table), encoder.indicators(table))
    assert again == encoder


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c.pop("kinds"),
        lambda c: c.pop("means"),
        lambda c: c["means"].pop("stars"),
        lambda c: c["categories"].update(stars=["1"]),
        lambda c: c.update(kinds=[["stars", "text"], ["device", "category"]]),
        lambda c: c.update(kinds="stars"),
        lambda c: c["kinds"].append(c["kinds"][0]),
        lambda c: c["means"].update(stars="three"),
        lambda c: c.update(categories=[1]),
    ],
)
def test_a_damaged_config_is_refused(table: pa.Table, change: Any) -> None:
    config = json.loads(json.dumps(ColumnEncoder.fit(table, ["stars", "device"]).config()))
    change(config)
    with pytest.raises(
        ArtifactError, match="column settings of this model (cannot be read|do not fit).*copy the model again"
    ):
        ColumnEncoder.from_config(config)
