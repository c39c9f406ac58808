"""Label values of any type become the same names and codes, and what does not fit is said."""

from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from headstart.corpus import describe_labels, encode_labels, label_name, parse_label_map, require_two_classes
from headstart.errors import DataError, OptionError


@pytest.mark.parametrize(
    ("values", "names", "codes"),
    [
        ([0, 1, 1], ("0", "1"), [0, 1, 1]),
        ([1, -1], ("-1", "1"), [1, 0]),
        ([10, 9, 2], ("2", "9", "10"), [2, 1, 0]),
        (["10", "9", "2"], ("2", "9", "10"), [2, 1, 0]),
        ([1.0, 0.0, float("nan")], ("0", "1"), [1, 0, -1]),
        ([0.5, 3.0], ("0.5", "3"), [0, 1]),
        ([True, False], ("False", "True"), [1, 0]),
        (["true", "FALSE", "True"], ("False", "True"), [1, 0, 1]),
        (["neg", "pos", " pos ", None, ""], ("neg", "pos"), [0, 1, 1, -1, -1]),
        (["b", "a", "3"], ("3", "a", "b"), [2, 1, 0]),
        (np.array(["x", "y"]), ("x", "y"), [0, 1]),
        (np.array([1, 0], np.int8), ("0", "1"), [1, 0]),
        (np.array([True, False]), ("False", "True"), [1, 0]),
        (pd.Series(["x", None], dtype="category"), ("x",), [0, -1]),
        (pl.Series([1, None, 0]), ("0", "1"), [1, -1, 0]),
        (pa.chunked_array([["x"], ["y", None]]), ("x", "y"), [0, 1, -1]),
        (pa.array(["u", "y", None, "x"]).dictionary_encode().slice(1), ("x", "y"), [1, -1, 0]),
        (pa.array([Decimal("1.0"), Decimal("2.0")]), ("1", "2"), [0, 1]),
        ([b"x", b"y"], ("x", "y"), [0, 1]),
        ([], (), []),
        ([None, None], (), [-1, -1]),
    ],
)
def test_values_of_any_type_get_codes_in_a_stated_order(values: Any, names: tuple[str, ...], codes: list[int]) -> None:
    encoded = encode_labels(values)
    assert encoded.names == names
    assert encoded.codes.tolist() == codes
    assert encoded.codes.dtype == np.int64


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("007", "007"),
        ("1e3", "1000"),
        ("1.50", "1.50"),
        (np.int64(3), "3"),
        (-0.0, "0"),
        ("1e400", "1e400"),
        (2**60, str(2**60)),
    ],
)
def test_names_say_what_the_value_means(value: Any, name: str) -> None:
    assert label_name(value) == name


@pytest.mark.parametrize(
    ("options", "names", "codes"),
    [
        ({"positive": "bad"}, ("good", "bad"), [1, 0]),
        ({"label_map": {"good": 1, "bad": 0}}, ("0", "1"), [0, 1]),
        ({"label_map": {"good": "bad", "bad": "good"}}, ("bad", "good"), [1, 0]),
        ({"label_map": {"good": "bad"}}, ("bad",), [0, 0]),
        ({"label_map": {"bad": 0, "good": 1}, "positive": 0}, ("1", "0"), [1, 0]),
        ({"names": ("good", "bad")}, ("good", "bad"), [1, 0]),
        ({"names": ("good", "bad", "ugly")}, ("good", "bad", "ugly"), [1, 0]),
        ({"names": ("0", "1"), "label_map": {"bad": False, "good": True}}, None, None),
        ({"names": ("good", "bad"), "positive": "bad"}, ("good", "bad"), [1, 0]),
    ],
)
def test_maps_models_and_the_positive_label(options: dict[str, Any], names: Any, codes: Any) -> None:
    if names is None:
        with pytest.raises(DataError, match="'False', 'True' cannot be placed"):
            encode_labels(["bad", "good"], **options)
        return
    encoded = encode_labels(["bad", "good"], **options)
    assert (encoded.names, encoded.codes.tolist()) == (names, codes)


def test_ints_fit_a_model_of_strings() -> None:
    assert encode_labels([1, 0], names=encode_labels(["0", "1"]).names).codes.tolist() == [1, 0]


@pytest.mark.parametrize(
    ("values", "options", "sentence"),
    [
        (["a", "b"], {"positive": "c"}, r"The positive label 'c' is none of those in the data: 'a', 'b'\. Name one"),
        (["a", "b", "c"], {"positive": "c"}, r"but the data hold 3 classes: 'a', 'b', 'c'\. Join them into two"),
        (
            ["a", "b"],
            {"label_map": {"a": 1}},
            r"The label map names 'a' but the data also hold 'b'\. Add them to the map",
        ),
        (
            ["happy", "not happy"],
            {"names": ("0", "1")},
            r"are 'happy', 'not happy'; those of the model are '0', '1' \(0 = 0, 1 = 1 \(positive\)\).*"
            r'--label-map "happy=0,not happy=1"',
        ),
        (["a", "b"], {"names": ("a", "b"), "positive": "a"}, r"'a' was asked for, but the model's is 'b'"),
        (list("abcdefghijklmnop"), {"names": ("0", "1")}, r"and 4 more; those of the model"),
        (["a", 1], {}, r"Column 'label' of the data mixes types: row 1 \(the first is row 0\) holds int 1 where str"),
    ],
)
def test_labels_that_do_not_fit_are_listed(values: list[Any], options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        encode_labels(values, **options)


@pytest.mark.parametrize(
    ("text", "mapping"),
    [
        ("A=x,B=y", {"A": "x", "B": "y"}),
        (" a b = 1 , c=0", {"a b": "1", "c": "0"}),
        ('"a,b=1",c=0', {"a,b": "1", "c": "0"}),
    ],
)
def test_label_maps_are_parsed(text: str, mapping: dict[str, str]) -> None:
    assert parse_label_map(text) == mapping


@pytest.mark.parametrize("text", ["A", "A=", "=x", "A=x,A=y", "A=x,,B=y", ""])
def test_label_maps_that_cannot_be_read_are_refused(text: str) -> None:
    with pytest.raises(OptionError, match=r"--label-map .* cannot be read at .* Write each value of the data once"):
        parse_label_map(text)


@pytest.mark.parametrize(
    ("codes", "sentence"),
    [
        ([1, 1, 1], "All 3 rows of reviews.csv hold only the label 'yes'; training needs rows of at least two classes"),
        ([-1, -1], "All 2 rows of reviews.csv hold no label at all"),
        ([0, -1], "hold only the label 'no'"),
    ],
)
def test_one_class_cannot_be_learnt(codes: list[int], sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        require_two_classes(np.array(codes), ("no", "yes"), "reviews.csv")
    require_two_classes(np.array([0, 1]), ("no", "yes"))


def test_the_mapping_is_said() -> None:
    assert describe_labels(("not happy", "happy")) == "not happy = 0, happy = 1 (positive)"
    assert describe_labels(("3.5",)) == "3.5"
    assert describe_labels(("a", "b", "c")) == "a = 0, b = 1, c = 2"
