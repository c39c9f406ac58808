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
    expected = [[1.5, 1, 1], [np.nan, np.nan, np.nan], [np.nan, 5, 3], [2.5, 3, np.nan]]  # days since 1970
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
    new = pa.table({"stars": ["4", "1.5", None, "four", "NA"]})
    np.testing.assert_array_equal(encoder.numbers(new), [[4], [1.5], [np.nan], [np.nan], [np.nan]])
    assert encoder.impose(new).counts == {"stars": {"n_null": 2, "n_unreadable": 1}}


@pytest.mark.parametrize("read", [ColumnEncoder.numbers, ColumnEncoder.texts, ColumnEncoder.impose])
def test_lists_in_the_place_of_single_values_are_told(table: pa.Table, read: Any) -> None:
    encoder = ColumnEncoder.fit(table, ["stars", "device"])
    with pytest.raises(DataError, match="the column 'device' holds values of type list<.*>; expected numbers, dates"):
        read(encoder, pa.table({"stars": [1], "device": [["a", "b"]]}))


@pytest.mark.parametrize("values", [[True, False, None], ["True", "FALSE", None], ["true", "false", None]])
def test_true_is_true_however_a_file_writes_it(values: list[Any]) -> None:
    encoder = ColumnEncoder.fit(pa.table({"paid": [True, True, False]}), ["paid"])
    assert encoder.texts(pa.table({"paid": values})).tolist() == [["true"], ["false"], ["(null)"]]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (["devise"], "the column 'devise' is not in the data, which has device, tags; did you mean 'device'"),
        (["tags"], "the column 'tags' holds values of type list<.*>; expected numbers, dates, strings or truth values"),
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


def versions() -> ColumnEncoder:
    values = ["1.10", "1.10", "2.0", "007", "beta", None]
    return ColumnEncoder.fit(pa.table({"version": values}), ["version"])


@pytest.mark.parametrize(
    ("cells", "read", "n_unseen"),
    [
        (["1.10", "beta", "", None], ["1.10", "beta", "(null)", "(null)"], 0),
        ([" 1.10 ", "BETA"], ["1.10", "BETA"], 1),
        (["1.1", "2.00", "7"], ["1.1", "2.00", "7"], 3),  # as they are written, these are other versions
        ([1.1, 2.0, 7.0, 3.0, None], ["1.10", "2.0", "007", "3", "(null)"], 1),  # numbers have lost the spelling
        (pa.array([1.1, float("nan")], pa.float32()), ["1.10", "(null)"], 0),
        ([2, 7], ["2.0", "007"], 0),
        ([Decimal("1.10"), Decimal("2.00")], ["1.10", "2.0"], 0),
        (pa.array(["beta", "1.10"]).dictionary_encode(), ["beta", "1.10"], 0),
        (pa.nulls(2), ["(null)", "(null)"], 0),
        ([b"beta", None], ["beta", "(null)"], 0),
    ],
)
def test_a_spelling_is_a_category_and_a_number_finds_its_spelling(cells: Any, read: list[str], n_unseen: int) -> None:
    table = pa.table({"version": cells})
    for encoder in (versions(), ColumnEncoder.from_config(json.loads(json.dumps(versions().config())))):
        assert encoder.texts(table)[:, 0].tolist() == read
        assert encoder.impose(table).counts["version"]["n_unseen"] == n_unseen


def test_the_number_itself_goes_before_a_spelling_of_it() -> None:
    encoder = ColumnEncoder.fit(pa.table({"x": ["1.10"] * 3 + ["1.1", "2"]}), ["x"])
    assert encoder.texts(pa.table({"x": [1.1]})).tolist() == [["1.1"]]


@pytest.mark.parametrize(
    "cells", [["1", "1.0", "2"], [1, 1, 2], [1.0, 1.0, 2.0], [True, True, 2], ["true", "1", " 2 "]]
)
def test_a_category_learnt_from_numbers_knows_every_spelling(cells: list[Any]) -> None:
    encoder = ColumnEncoder.fit(pa.table({"x": [1, 2, 2]}), ["x"], types={"x": "category"})
    table = pa.table({"x": pa.array(cells) if True not in cells[:1] else pa.array([1, 1, 2])})
    assert encoder.texts(table)[:, 0].tolist() == ["1", "1", "2"]


def test_a_truth_value_is_one_however_it_is_written() -> None:
    encoder = ColumnEncoder.fit(pa.table({"paid": ["yes", "no", None]}), ["paid"])
    assert encoder.types == {"paid": "truth"}
    for cells in (["true", "FALSE", ""], ["1", "0", "NA"], [True, False, None], [1, 0, None], [1.0, 0.0, None]):
        assert encoder.texts(pa.table({"paid": cells}))[:, 0].tolist() == ["true", "false", "(null)"]


def test_what_is_imposed_stays_when_it_is_imposed_again(table: pa.Table) -> None:
    encoder = ColumnEncoder.fit(table, ["stars", "price", "device", "paid", "day"])
    once = encoder.impose(table)
    twice = encoder.impose(once.table)
    assert twice.table == once.table
    assert once.counts["day"] == {"n_null": 2, "n_unreadable": 0}
    np.testing.assert_array_equal(encoder.indicators(once.table), encoder.indicators(table))


def test_a_date_is_years_from_the_mean_for_a_linear_model() -> None:
    days = [datetime.date(2020, 1, 1), datetime.date(2021, 1, 1), None]
    encoder = ColumnEncoder.fit(pa.table({"day": days}), ["day"])
    expected = [[-183 / 365.25, 0], [183 / 365.25, 0], [0, 1]]
    np.testing.assert_allclose(encoder.indicators(pa.table({"day": days})), expected, atol=1e-4)
    as_written = pa.table({"day": ["2020-01-01", "2021-01-01 00:00:00", "soon"]})
    np.testing.assert_array_equal(encoder.indicators(as_written), encoder.indicators(pa.table({"day": days})))


def test_a_text_is_its_commonest_words() -> None:
    encoder = ColumnEncoder.fit(
        pa.table({"title": ["A nice hotel", "nice view", None, "(null)", "(null)"]}), ["title"], types={"title": "text"}
    )
    assert encoder.categories == {"title": ("nice", "null")}
    new = pa.table({"title": ["NICE, nice", None, "nothing"]})
    assert encoder.indicators(new).tolist() == encoder.numbers(new).tolist() == [[1, 0], [0, 0], [0, 0]]


def test_of_very_many_values_not_all_are_kept_and_none_is_said_to_be_new() -> None:
    ids = [f"customer {i:07}" for i in range(10_000)]
    encoder = ColumnEncoder.fit(pa.table({"id": ids}), ["id"])
    assert len(json.dumps(encoder.config())) < 100_000
    assert encoder.impose(pa.table({"id": ["nobody"]})).counts == {"id": {"n_null": 0, "n_unreadable": 0}}


def test_a_model_of_format_1_0_reads_columns_as_it_did() -> None:
    kinds, categories = {"day": "number", "device": "category"}, {"device": ("phone", "(null)")}
    encoder = ColumnEncoder(kinds, categories, {"day": 0.0})
    assert "learnt" not in encoder.config()
    assert ColumnEncoder.from_config(encoder.config()) == encoder
    table = pa.table({"day": [datetime.date(1970, 1, 2), None], "device": ["TRUE", "  "]})
    np.testing.assert_array_equal(encoder.numbers(table), [[86400], [np.nan]])
    assert encoder.texts(table).tolist() == [["true"], ["(null)"]]
    assert encoder.texts(table.set_column(1, "device", [[" a", "1.0"]])).tolist() == [[" a"], ["1.0"]]
    assert encoder.impose(table).counts["device"] == {"n_null": 1, "n_unreadable": 0}


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
        lambda c: c["learnt"].pop("stars"),
        lambda c: c["learnt"]["stars"].update(type="category"),
        lambda c: c["learnt"]["stars"].update(type="colour"),
        lambda c: c["learnt"].update(more={"type": "number"}),
    ],
)
def test_a_damaged_config_is_refused(table: pa.Table, change: Any) -> None:
    config = json.loads(json.dumps(ColumnEncoder.fit(table, ["stars", "device"]).config()))
    change(config)
    with pytest.raises(
        ArtifactError,
        match="(the columns that this model reads.*: |column settings of this model do not fit).*[cC]opy the model again",
    ):
        ColumnEncoder.from_config(config)
