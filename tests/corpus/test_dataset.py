"""``Corpus``: choosing rows, attaching labels, and one from whatever a caller holds."""

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from headstart.corpus import Corpus, as_corpus, read, text_array
from headstart.errors import DataError


@pytest.fixture
def corpus() -> Corpus:
    table = {"text": ["a", "b", None, "d"], "label": ["no", "yes", "yes", "no"], "split": ["x", "y", "x", "x"]}
    return read(table, label="label")


@pytest.mark.parametrize("rows", [[3, 0], np.array([3, 0]), np.array([3, 0], np.int32), pa.array([3, 0])])
def test_take_keeps_texts_labels_and_columns_together(corpus: Corpus, rows: Any) -> None:
    taken = corpus.take(rows)
    assert taken.texts.to_pylist() == ["d", "a"]
    assert taken.labels is not None
    assert taken.labels.tolist() == [0, 0]
    assert taken.columns.to_pydict() == {"split": ["x", "x"]}
    assert taken.label_names == ("no", "yes")
    assert (len(corpus), len(taken)) == (4, 2)


def test_take_takes_a_mask_and_counts_anew(corpus: Corpus) -> None:
    taken = corpus.take(np.array([False, False, True, True]))
    assert taken.texts.to_pylist() == [None, "d"]
    assert (taken.counts["n_rows"], taken.counts["n_null_texts"], taken.counts["n_rows_read"]) == (2, 1, 4)


def test_where_chooses_by_columns(corpus: Corpus) -> None:
    assert corpus.where({"split": "x"}).texts.to_pylist() == ["a", None, "d"]
    with pytest.raises(DataError, match=r"No row of the dict \(4 rows\) has split=z.*split holds x, y"):
        corpus.where({"split": "z"})
    with pytest.raises(DataError, match=r"the dict has no column 'splits'.*Did you mean 'split'"):
        corpus.where({"splits": "x"})


def test_a_column_that_was_not_kept_is_named(corpus: Corpus) -> None:
    assert corpus.column("split").to_pylist() == ["x", "y", "x", "x"]
    with pytest.raises(DataError, match="was read without the column 'hotel'; kept were: 'split'"):
        corpus.column("hotel")


def test_frame_puts_the_texts_beside_the_columns(corpus: Corpus) -> None:
    assert corpus.frame().to_pydict() == {"text": ["a", "b", None, "d"], "split": ["x", "y", "x", "x"]}
    assert Corpus(text_array(["a"]), text_name="review").frame().to_pydict() == {"review": ["a"]}


def test_labels_can_be_attached(corpus: Corpus) -> None:
    labelled = corpus.with_labels([True, None, False, True], label_map=None)
    assert labelled.labels is not None
    assert labelled.labels.tolist() == [1, 0, 1]
    assert labelled.texts.to_pylist() == ["a", None, "d"]
    assert labelled.label_values == (False, True)
    assert labelled.counts["n_null_labels_dropped"] == 1
    swapped = corpus.with_labels([0, 1, 1, 0], label_map={0: 1, 1: 0})
    assert (swapped.label_names, swapped.label_values) == (("0", "1"), ("0", "1"))
    with pytest.raises(DataError, match="3 labels came for 4 texts"):
        corpus.with_labels([1, 0, 1])
    with pytest.raises(DataError, match="The labels of the dict: all 4 are missing"):
        corpus.with_labels([None] * 4)


TEXTS = ["one", None, "three"]


@pytest.mark.parametrize(
    "data",
    [
        TEXTS,
        tuple(TEXTS),
        np.array(TEXTS, object),
        np.array(TEXTS, object).reshape(3, 1),
        pd.Series(TEXTS),
        pd.Series(TEXTS, dtype=object),
        pd.Series(TEXTS, dtype="category"),
        pd.Series(["one", float("nan"), "three"], dtype=object),
        pd.Series(["one", pd.NA, "three"], dtype="string"),
        pl.Series(TEXTS),
        pl.Series(TEXTS, dtype=pl.Categorical),
        pa.array(TEXTS),
        pa.array(TEXTS, pa.string_view()),
        pa.array(["zero", *TEXTS]).slice(1),
        pa.chunked_array([TEXTS[:1], TEXTS[1:]], pa.string()),
        pa.array(TEXTS).dictionary_encode(),
        pd.DataFrame({"only": TEXTS}),
        pl.DataFrame({"text": TEXTS, "n": [1, 2, 3]}),
        {"text": TEXTS, "n": [1, 2, 3]},
        Corpus(text_array(TEXTS)),
    ],
    ids=lambda data: f"{type(data).__module__}.{type(data).__name__}",
)
def test_whatever_holds_texts_becomes_a_corpus(data: Any) -> None:
    corpus = as_corpus(data)
    assert corpus.texts.to_pylist() == TEXTS
    assert corpus.texts.type == pa.large_string()
    assert isinstance(corpus.texts, pa.LargeStringArray)


def test_columns_need_a_table() -> None:
    with pytest.raises(DataError, match="The columns stars were asked for, and a list of texts has none"):
        as_corpus(["a"], columns=["stars"])
    assert as_corpus({"review": ["a"], "stars": [5]}, text="review", columns=["stars"]).columns.to_pydict() == {
        "stars": [5]
    }


@pytest.mark.parametrize(("values", "n_null"), [([], 0), ([None, None], 2), (["", "x"], 0)])
def test_columns_of_texts_may_be_empty(values: list[Any], n_null: int) -> None:
    texts = text_array(values)
    assert (len(texts), texts.null_count, texts.type) == (len(values), n_null, pa.large_string())


@pytest.mark.parametrize("nothing", [None, 5, 2.5, True, object(), "a text"])
def test_what_is_no_column_is_told(nothing: object) -> None:
    with pytest.raises(DataError, match=r"'text' of the data is one \w+, not a column. Put it into a list"):
        as_corpus(nothing)
