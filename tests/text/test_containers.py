"""Texts in every container: the same Arrow strings inside, the same kind of container outside."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from headstart.errors import DataError
from headstart.text import LowerCaser, NullImputer, encode, fit_steps, text_steps
from headstart.text.columns import PIECE_BYTES, PIECE_ROWS, text_column

TEXTS = ["One TWO", None, "", "ÜÑÏ 😀"]
WHOLE = ["One TWO", "three", "", "ÜÑÏ 😀"]

# name -> a function that makes the container of a list of texts and nulls
CONTAINERS: dict[str, Callable[[list[Any]], Any]] = {
    "list": list,
    "tuple": tuple,
    "numpy object": lambda texts: np.array(texts, dtype=object),
    "numpy column": lambda texts: np.array(texts, dtype=object).reshape(-1, 1),
    "numpy masked": lambda texts: np.ma.array([t or "" for t in texts], mask=[t is None for t in texts]),
    "pandas object": lambda texts: pd.Series(texts, dtype=object, name="review"),
    "pandas str": lambda texts: pd.Series(texts, dtype="str", name="review"),
    "pandas string": lambda texts: pd.Series(texts, dtype="string"),
    "pandas string python": lambda texts: pd.Series(texts, dtype=pd.StringDtype("python")),
    "pandas arrow": lambda texts: pd.Series(texts, dtype=pd.ArrowDtype(pa.string())),
    "pandas category": lambda texts: pd.Series(texts, dtype="category"),
    "pandas index": lambda texts: pd.Index(texts, dtype=object),
    "pandas odd index": lambda texts: pd.Series(texts, dtype="str", index=range(9, 9 - len(texts), -1)),
    "pandas frame": lambda texts: pd.DataFrame({"review": texts}, dtype="str"),
    "polars": lambda texts: pl.Series("review", texts, dtype=pl.String),
    "polars categorical": lambda texts: pl.Series("review", texts, dtype=pl.Categorical),
    "polars frame": lambda texts: pl.DataFrame({"review": texts}, schema={"review": pl.String}),
    "arrow string": lambda texts: pa.array(texts, pa.string()),
    "arrow large": lambda texts: pa.array(texts, pa.large_string()),
    "arrow view": lambda texts: pa.array(texts, pa.string_view()),
    "arrow dictionary": lambda texts: pa.array(texts, pa.string()).dictionary_encode(),
    "arrow chunked": lambda texts: pa.chunked_array([texts[:1], [], texts[1:]], pa.string()),
    "arrow slice": lambda texts: pa.array(["x", *texts, "y"], pa.string()).slice(1, len(texts)),
    "arrow table": lambda texts: pa.table({"review": pa.array(texts, pa.string())}),
    "arrow batch": lambda texts: pa.record_batch({"review": pa.array(texts, pa.string())}),
}
WITHOUT_NULLS = {
    "numpy str": lambda texts: np.array(texts),
    "numpy string": lambda texts: np.array(texts, dtype=np.dtypes.StringDType()),
}


def inside(container: Any) -> list[str | None]:
    return [text for piece, _ in text_column(container).pieces() for text in piece.to_pylist()]


def outside(container: Any) -> list[str | None]:
    """The texts of any container, null as None."""
    if isinstance(container, pa.Table | pa.RecordBatch | pl.DataFrame):
        container = container["review"]
    if isinstance(container, pd.DataFrame):
        container = container.iloc[:, 0]
    listed = container.to_pylist() if hasattr(container, "to_pylist") else list(np.asarray(container).reshape(-1))
    return [None if pd.isna(text) else text for text in listed]


@pytest.mark.parametrize("make", CONTAINERS.values(), ids=CONTAINERS)
@pytest.mark.parametrize("texts", [TEXTS, WHOLE, [None, None], []], ids=["mixed", "whole", "null", "empty"])
def test_every_container_holds_the_same_texts(make: Callable[[list[Any]], Any], texts: list[Any]) -> None:
    assert inside(make(texts)) == texts
    assert len(text_column(make(texts))) == len(texts)


@pytest.mark.parametrize("make", WITHOUT_NULLS.values(), ids=WITHOUT_NULLS)
def test_numpy_strings_hold_the_same_texts(make: Callable[[list[Any]], Any]) -> None:
    assert inside(make(WHOLE)) == WHOLE
    assert NullImputer().transform(make(WHOLE)).tolist() == WHOLE


@pytest.mark.parametrize("make", CONTAINERS.values(), ids=CONTAINERS)
@pytest.mark.parametrize("texts", [TEXTS, []], ids=["mixed", "empty"])
def test_new_texts_come_in_the_kind_of_container_of_the_old(make: Callable[[list[Any]], Any], texts: list[Any]) -> None:
    given = make(texts)
    found = LowerCaser().fit_transform(given)
    assert outside(found) == [text and text.lower() for text in texts]
    expected_kind = np.ndarray if isinstance(given, list | tuple | np.ndarray) else type(given)
    if isinstance(given, pa.Array):
        expected_kind = pa.LargeStringArray
    assert isinstance(found, expected_kind)
    if isinstance(given, pd.Series | pd.DataFrame):
        pd.testing.assert_index_equal(found.index, given.index)
    for names in ("name", "columns", "column_names", "shape"):
        if hasattr(given, names) and not isinstance(given, pa.Array | pa.Table | pa.RecordBatch):
            assert np.all(getattr(found, names) == getattr(given, names))


@pytest.mark.parametrize("null", [None, float("nan"), np.nan, pd.NA, pd.NaT, np.float32("nan")])
@pytest.mark.parametrize("rest", [["text"], []])
def test_every_kind_of_null_is_one(null: object, rest: list[str]) -> None:
    steps = fit_steps(text_steps(min_count=1, fill_value="nothing here"), [null, *rest])
    encoded = encode(steps, [null, *rest])
    assert encoded.n_null == 1
    assert encoded.ids.lengths.tolist() == [2] + [1] * len(rest)
    assert NullImputer("-").transform([null, *rest]).tolist() == ["-", *rest]


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["a", None, 3], r"Row 2 of the texts \(the first is 0\) is a int, not a string: 3"),
        (["a", b"bytes"], "Row 1 of the texts .* is a bytes"),
        ([["a"], "b"], "Row 0 of the texts .* is a list"),
        ([1.5, "b"], "Row 0 of the texts .* is a float"),
        ([np.float32(1), "b"], "Row 0 of the texts .* is a float32"),
        ([True, None], "Row 0 of the texts .* is a bool"),
        ([float("nan"), object()], "Row 1 of the texts .* is a object"),
        (["a", 2**70], "Row 1 of the texts .* is a int"),
        (["a"] * (PIECE_ROWS + 1) + [()], f"Row {PIECE_ROWS + 1} of the texts .* is a tuple"),
        (np.array([1, 2]), "Row 0 of the texts .* is a int64"),
        (np.array([b"a"]), "Row 0 of the texts .* is a bytes"),
        (pd.Series([1, 2]), "Row 0 of the texts .* is a int"),
        (pd.Series(["a", 2], dtype=object), "Row 1 of the texts .* is a int"),
        (pd.Series([1, 2], dtype="category"), "column of strings, got a column of type dictionary"),
        (pl.Series([1, 2]), "column of strings, got a column of type int64"),
        (pa.array([b"a"]), "column of strings, got a column of type binary"),
        ("one text", r"many texts, got a single str \('one text'\). Put it into a list"),
        (b"one text", "many texts, got a single bytes"),
        (pd.DataFrame({"a": ["x"], "b": ["y"]}), r"one column of texts, got 2 columns: \['a', 'b'\]"),
        (pl.DataFrame({"a": ["x"], "b": ["y"]}), "got 2 columns"),
        (pa.table({"a": ["x"], "b": ["y"]}), "got 2 columns"),
        (pd.DataFrame(index=[1]), "got 0 columns"),
        (np.array([["x", "y"]]), r"one column of texts, got a NumPy array of shape \(1, 2\)"),
        (np.array("x"), r"a NumPy array of shape \(\)"),
        ({"a": 1}, "got a dict. Make it one of these"),
        (iter(["a"]), "got a list_iterator. Make it one of these"),
        (None, "got a NoneType"),
    ],
)
def test_what_is_no_column_of_texts_is_refused(texts: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        NullImputer().transform(texts)


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.string_view()])
def test_arrow_bytes_that_are_not_utf8_are_refused(kind: pa.DataType) -> None:
    """The kernel trusts lead bytes, so such an array must not reach it."""
    binary = {pa.string(): pa.binary(), pa.large_string(): pa.large_binary(), pa.string_view(): pa.binary_view()}
    bad = pa.array([b"fine", b"\xf0\x9f"], binary[kind]).view(kind)
    with pytest.raises(DataError, match="damaged or not UTF-8"):
        inside(bad)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\ud800b", "a\ufffdb"),
        ("\udc00", "\ufffd"),
        ("\ud83d\ude00", "😀"),
        ("\ud800\ud800\udc00x", "\ufffd𐀀x"),
        ("x\ud800", "x\ufffd"),
    ],
)
@pytest.mark.parametrize("others", [[], ["plain", None]])
def test_surrogates_become_characters(text: str, expected: str, others: list[Any]) -> None:
    assert inside([text, *others]) == [expected, *others]
    steps = fit_steps(text_steps("tutorial", min_count=1), [text, *others])
    assert steps[-1].index_of(expected) > 1
    assert encode(steps, [text, *others]).n_replaced == 1


def test_pieces_are_bounded() -> None:
    texts = ["x" * 10] * (2 * PIECE_ROWS + 1) + ["y" * (PIECE_BYTES // 2 + 1)] * 3 + ["z" * (2 * PIECE_BYTES)]
    for container in (texts, pa.array(texts)):
        pieces = [piece for piece, _ in text_column(container).pieces()]
        assert [text for piece in pieces for text in piece.to_pylist()] == texts
        assert max(map(len, pieces)) <= PIECE_ROWS
        sizes = [sum(map(len, piece.to_pylist())) for piece in pieces if len(piece) > 1]
        assert max(sizes) <= PIECE_BYTES
