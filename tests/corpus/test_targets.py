"""A column of labels says what kind of answer it asks for; where that could be wrong, so does the note."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from headstart.corpus import Corpus, read, text_array
from headstart.corpus.targets import Labelling, encode_targets, parse_order
from headstart.errors import DataError, OptionError
from headstart.tasks import Binary, MultiClass, MultiLabel, Ordinal, Regression

NAN = float("nan")
STARS = ("1", "2", "3", "4", "5")

# values, options, kind, names, codes of the rows that have a label, what the note says
TOLD: dict[str, tuple[Any, dict[str, Any], str, tuple[str, ...], list[Any], str]] = {
    "two strings": (["no", "yes", None], {}, "binary", ("no", "yes"), [0, 1], ""),
    "0.0 and 1.0": ([1.0, 0.0, NAN], {}, "binary", ("0", "1"), [1, 0], ""),
    "truths": ([True, False], {}, "binary", ("False", "True"), [1, 0], ""),
    "two fractions": ([0.5, 3.0], {}, "binary", ("0.5", "3"), [0, 1], ""),
    "one value": (["yes", "yes"], {}, "binary", ("yes",), [0, 0], ""),
    "three strings": (["b", "a", "c"], {}, "multiclass", ("a", "b", "c"), [1, 0, 2], ""),
    "a label with one row": (["a", "a", "b", "b", "c"], {}, "multiclass", ("a", "b", "c"), [0, 0, 1, 1, 2], ""),
    "commas and line breaks": (["a,b", "c\nd", 'e "f"'], {}, "multiclass", ("a,b", "c\nd", 'e "f"'), [0, 1, 2], ""),
    "stars": ([5, 1, 3, 2, 4], {}, "ordinal", STARS, [4, 0, 2, 1, 3], r"from 1 to 5.*\(ordinal\); --task regression or multiclass"),
    "stars as floats": ([5.0, 1.0, NAN, 3.0, 2.0, 4.0], {}, "ordinal", STARS, [4, 0, 2, 1, 3], "ordinal"),
    "stars as decimals": ([Decimal(1), Decimal(2), Decimal(3)], {}, "ordinal", ("1", "2", "3"), [0, 1, 2], "ordinal"),
    "from minus one": ([-1, 0, 1], {}, "ordinal", ("-1", "0", "1"), [0, 1, 2], "from -1 to 1"),
    "three numbers apart": ([1, 5, 3], {}, "multiclass", ("1", "3", "5"), [0, 2, 1], "without an order; --task ordinal or regression"),
    "strings that are numbers": (["1", "2", "3"], {}, "multiclass", ("1", "2", "3"), [0, 1, 2], "strings that are all numbers"),
    "fractions": ([1.5, 2, 3], {}, "regression", (), [1.5, 2, 3], "--task multiclass"),
    "many whole numbers": (list(range(25)), {}, "regression", (), list(range(25)), "25 different values.*--task multiclass"),
    "many fractions": ((np.arange(25) / 2).tolist(), {}, "regression", (), (np.arange(25) / 2).tolist(), ""),
    "lists": ([["b", "a"], [], None, ["a"]], {}, "multilabel", ("a", "b"), [[1, 1], [0, 0], [1, 0]], "rows with none of the labels.*: 1"),
    "lists of ints": (pl.Series([[2, 1], [1]]), {}, "multilabel", ("1", "2"), [[1, 1], [1, 0]], ""),
    "a label twice in a list": ([["a", "a", None], ["NA"]], {}, "multilabel", ("NA", "a"), [[0, 1], [1, 0]], ""),
    "delimited": (["a; b", "b", "", "NA", None], {"delimiter": ";"}, "multilabel", ("a", "b"), [[1, 1], [0, 1], [0, 0]], ": 1"),
    "JSON lists": (['["a,b", "c"]', "[]", "NA"], {}, "multilabel", ("a,b", "c"), [[1, 1], [0, 0]], ": 1"),
    "columns": ({"x": [0, 1, 1], "y": [True, False, None]}, {}, "multilabel", ("x", "y"), [[0, 1], [1, 0]], ""),
    "an order": (["ok", "bad"], {"order": "bad<ok<good"}, "ordinal", ("bad", "ok", "good"), [1, 0], ""),
    "an order of a list": (["ok", "bad"], {"order": ["bad", "ok"]}, "ordinal", ("bad", "ok"), [1, 0], ""),
    "stars as numbers": ([1, 2, 3], {"task": "regression"}, "regression", (), [1, 2, 3], ""),
    "numbers in strings": (["1.5", "2", "NA", " "], {"task": "regression"}, "regression", (), [1.5, 2], ""),
    "stars as classes": ([1, 2, 3], {"task": "multiclass"}, "multiclass", ("1", "2", "3"), [0, 1, 2], ""),
    "numbers apart in order": ([1, 5, 3], {"task": "ordinal"}, "ordinal", ("1", "3", "5"), [0, 2, 1], ""),
    "two classes of many": (["a", "b"], {"task": "multiclass"}, "multiclass", ("a", "b"), [0, 1], ""),
    "a map to two": ([1, 2, 3], {"label_map": {1: "bad", 2: "bad", 3: "good"}}, "binary", ("bad", "good"), [0, 0, 1], ""),
    "a map to three": ([1, 2, 3, 4], {"label_map": {1: "a", 2: "b", 3: "c", 4: "a"}}, "multiclass", ("a", "b", "c"), [0, 1, 2, 0], ""),
    "a map and an order": ([1, 2], {"label_map": {1: "lo", 2: "hi"}, "order": "lo<hi"}, "ordinal", ("lo", "hi"), [0, 1], ""),
    "a map of lists": ([["a"], ["b"]], {"label_map": {"a": "c", "b": "c"}}, "multilabel", ("c",), [[1], [1]], ""),
    "parts in one string": (["a;b", "b;a", "a", "b", "c;a"], {}, "multiclass", ("a", "a;b", "b", "b;a", "c;a"), [1, 3, 0, 2, 4], "3 parts between ';'"),
    "a column of texts": ([f"text {i}" for i in range(30)], {}, "multiclass", tuple(sorted(f"text {i}" for i in range(30))), [], "30 different values in 30 rows"),
    "whole numbers to a classifier": ([0, 1, 2], {"task": "classes"}, "multiclass", ("0", "1", "2"), [0, 1, 2], "task='ordinal' overrules"),
}  # fmt: skip


@pytest.mark.parametrize("name", TOLD)
def test_the_task_is_told(name: str) -> None:
    values, options, kind, names, codes, note = TOLD[name]
    found = encode_targets(values, Labelling(**options))
    assert (found.kind, found.names) == (kind, names)
    assert not codes or found.codes[found.held].tolist() == codes
    assert found.codes.dtype == {"multilabel": np.int8, "regression": np.float64}.get(kind, np.int64)
    if note:
        assert pd.Series([found.note]).str.contains(note).all(), found.note
    else:
        assert found.note == ""


@pytest.mark.parametrize(
    ("values", "options", "error", "sentence"),
    [
        ([1, 2, 3], {"task": "binary"}, DataError, r"The task is binary, and the labels hold 3 values: '1', '2', '3'\. Join"),
        (["b", "a", "c"], {"task": "ordinal"}, DataError, r"do not say which is the lowest; give their order"),
        (["a", "c"], {"order": "a<b"}, DataError, r"hold 'c', which the order a<b does not name"),
        (["a", "b"], {"task": "multilabel"}, DataError, r"holds one value a row\. Take a column of lists"),
        ([["a"]], {"task": "multiclass"}, DataError, r"holds lists, several labels a row, and the task is multiclass"),
        ([[], None], {}, DataError, r"No row has a label: all lists are empty or missing"),
        (["1", "x"], {"task": "regression"}, DataError, r"holds 'x' in row 1 \(the first is 0\), which is no number"),
        ([1.5, float("inf")], {"task": "regression"}, DataError, r"holds inf in row 1 .* has to be finite"),
        ([0.1, 0.2, -float("inf")], {}, DataError, r"holds -inf in row 2 .* has to be finite"),
        ([1, 2], {"delimiter": ";"}, DataError, r"holds int64, and --label-delimiter ';' parts strings"),
        ({"x": [0, 2]}, {}, DataError, r"The label column 'x' holds '2'; of several label columns each says with 0 or 1"),
        ({"x": [0], "y": [1]}, {"task": "ordinal"}, OptionError, r"Several columns of labels came with the task ordinal"),
        ({"x": [0], "y": [1]}, {"label_map": {"x": "z", "y": "z"}}, OptionError, r"gives two of the label columns one name: z, z"),
        ([1, 2], {"task": "regression", "label_map": {1: 2}}, OptionError, r"the task is regression, whose numbers have no names"),
        ([1, 2, 3], {"positive": 3}, OptionError, r"named \(3\), and the task is ordinal; only one of two classes"),
        ([["a"]], {"positive": "a"}, OptionError, r"the task is multilabel; only one of two classes is positive"),
        (["a"], {"task": "binary", "order": "a<b"}, OptionError, r"An order of the labels came with the task binary"),
        (["a"], {"task": "ordinal", "delimiter": ";"}, OptionError, r"A delimiter of labels, ';', came with the task ordinal"),
        (['["a"]', '["b", "a"]'], {"delimiter": ";"}, DataError, r'lists as JSON has them, such as \["a"\].*Leave it out'),
        (["a"], {"delimiter": ""}, OptionError, r"is one character or more"),
        (["a"], {"task": "ordinary"}, OptionError, r"there is no task 'ordinary'; did you mean 'ordinal'"),
        (["a"], {"order": "a"}, OptionError, r"The order 'a' cannot be read; name each class once"),
        (["a"], {"order": "a<b<a"}, OptionError, r"The order 'a<b<a' cannot be read"),
        ([["a"], ["b"]], {"order": "a<b"}, OptionError, r"An order of the labels came with the task multilabel"),
        (["1.5", "2", "inf"], {}, DataError, r"holds 'inf' among numbers, and a number to learn has to be finite"),
        (["1.5", "2", "-1e999", "7"], {}, DataError, r"holds '-1e999' among numbers"),
        ([1.5, 1e300], {"task": "regression"}, DataError, r"holds 1e\+300 in row 1 .* has to lie within 1e100 of 0\. .* a smaller number"),
        (["a", "b", "c"], {"task": Binary(("a", "b"))}, DataError, r"so 'c' cannot be placed"),
        ([["a"], ["c"]], {"task": MultiLabel(("a", "b"))}, DataError, r"so 'c' cannot be placed"),
        ({"a": [1], "c": [0]}, {"task": MultiLabel(("a", "b"))}, DataError, r"'c' cannot|those of the model are 'a', 'b'"),
        (["a"], {"task": Regression()}, DataError, r"holds 'a' in row 0"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(values: Any, options: dict[str, Any], error: type[Exception], sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        encode_targets(values, Labelling(**options))


@pytest.mark.parametrize(
    ("values", "task", "codes"),
    [
        ([5, 1, 2], Ordinal(STARS), [4, 0, 1]),
        (["c", "c"], MultiClass(("a", "b", "c")), [2, 2]),
        ([1, 2, 3], Regression(), [1.0, 2.0, 3.0]),
        ([["b"], []], MultiLabel(("a", "b")), [[0, 1], [0, 0]]),
        (["b", "a"], MultiLabel(("a", "b")), [[0, 1], [1, 0]]),
        ({"b": [1], "a": [0]}, MultiLabel(("a", "b")), [[0, 1]]),
    ],
)
def test_labels_of_a_model_keep_its_codes(values: Any, task: Any, codes: list[Any]) -> None:
    found = encode_targets(values, Labelling(task=task))
    assert (found.kind, found.names, found.codes.tolist()) == (task.kind, task.names, codes)


@pytest.mark.parametrize(
    ("values", "base", "kind", "names", "note"),
    [
        (["b", "a", "c"], MultiClass(("c", "b", "a")), "multiclass", ("c", "b", "a"), ""),
        (["a", "b", "d"], MultiClass(("c", "b", "a")), "multiclass", ("a", "b", "d"), "2 of the 3 labels are the base's too, matched by name; new are 'd'"),
        (["a", "b", "c"], MultiClass(tuple("dcba")), "multiclass", ("a", "b", "c"), "all 3 labels are the base's too, which has 4"),
        ([["a"], ["d"]], MultiLabel(("c", "a")), "multilabel", ("a", "d"), "1 of the 2 labels"),
        (["d", "e", "f"], Binary(("a", "b")), "multiclass", ("d", "e", "f"), ""),
        ([1, 2, 4], Ordinal(STARS), "ordinal", STARS, ""),
        ([1, 5], Ordinal(STARS), "binary", ("1", "5"), ""),
        (["b", "a"], Binary(("b", "a")), "binary", ("b", "a"), ""),
        (["b"], Binary(("b", "a")), "binary", ("b", "a"), ""),
        (["no", "yes"], MultiClass(("a", "b", "c")), "binary", ("no", "yes"), ""),
        ([1, 2, 3], Regression(), "ordinal", ("1", "2", "3"), "ordinal"),
    ],
)  # fmt: skip
def test_labels_beside_those_of_a_base(values: Any, base: Any, kind: str, names: Any, note: str) -> None:
    found = encode_targets(values, Labelling(base=base))
    assert (found.kind, found.names) == (kind, names)
    assert note in found.note and bool(note) == bool(found.note)


def test_two_other_labels_than_the_two_of_a_base_are_to_be_mapped() -> None:
    with pytest.raises(DataError, match=r"so 'glad', 'sad' cannot be placed"):
        encode_targets(["glad", "sad"], Labelling(base=Binary(("0", "1"))))


@pytest.mark.parametrize("text", ["bad<ok<good", "bad, ok,good", " bad < ok<good "])
def test_an_order_is_read(text: str) -> None:
    assert parse_order(text) == ("bad", "ok", "good")


class TestCorpus:
    def corpus(self, values: Any, **options: Any) -> Corpus:
        return Corpus(text_array([f"text {i}" for i in range(len(values))])).with_labels(values, **options)

    def test_rows_without_a_label_are_dropped_and_counted(self) -> None:
        found = self.corpus([["a"], None, []], column="intents")
        assert len(found) == 2 and found.counts["n_null_labels_dropped"] == 1
        assert found.labels is not None and found.labels.tolist() == [[1], [0]]
        assert found.label_note.startswith("the label column 'intents': rows with none of the labels")
        assert found.task == MultiLabel(("a",)) and "a: 1" in repr(found)

    def test_numbers(self) -> None:
        found = self.corpus([1.5, NAN, 2.25, 8.0])
        assert found.task == Regression() and found.label_names == () and len(found) == 3
        assert "numbers" in repr(found)

    def test_all_missing(self) -> None:
        with pytest.raises(DataError, match="all 2 are missing"):
            self.corpus([NAN, NAN], task="regression")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    frame = pd.DataFrame(
        {
            "text": [f"text {i}" for i in range(6)],
            "stars": [1, 2, 3, 4, 5, None],
            "price": [9.99, 12.5, "NA", 3, 4, 5],
            "tags": ["a,b", "", "b", "NA", "a", "b"],
            "angry": [0, 1, 0, 1, 0, 1],
            "happy": ["true", "false", "true", "true", "", "false"],
        }
    )
    frame.to_csv(tmp_path / "rows.csv", index=False)
    lists = pa.table({"text": ["x", "y", "z"], "tags": [["a", "b"], [], None]})
    import pyarrow.parquet as pq

    pq.write_table(lists, tmp_path / "lists.parquet")
    (tmp_path / "lists.jsonl").write_text(
        '{"text": "x", "tags": ["a", "b"]}\n{"text": "y", "tags": []}\n{"text": "z"}\n'
    )
    return tmp_path


@pytest.mark.parametrize(
    ("file", "options", "kind", "labels"),
    [
        ("rows.csv", {"label": "stars"}, "ordinal", [0, 1, 2, 3, 4]),
        ("rows.csv", {"label": "price"}, "regression", [9.99, 12.5, 3, 4, 5]),
        ("rows.csv", {"label": "tags", "label_delimiter": ","}, "multilabel", [[1, 1], [0, 0], [0, 1], [1, 0], [0, 1]]),
        ("rows.csv", {"label": ["happy", "angry"]}, "multilabel", [[1, 0], [0, 1], [1, 0], [1, 1], [0, 1]]),
        ("lists.parquet", {"label": "tags"}, "multilabel", [[1, 1], [0, 0]]),
        ("lists.jsonl", {"label": "tags"}, "multilabel", [[1, 1], [0, 0]]),
    ],
)
def test_files(folder: Path, file: str, options: dict[str, Any], kind: str, labels: list[Any]) -> None:
    corpus = read(str(folder / file), columns=(), **options)
    assert corpus.kind == kind and corpus.labels is not None
    assert corpus.labels.tolist() == labels
    assert corpus.counts["n_null_labels_dropped"] == 1 or file == "rows.csv"
    assert not set(corpus.columns.column_names) & {"stars", "happy", "angry", "tags"}


def test_several_label_columns_are_called_in_one_string(folder: Path) -> None:
    assert read(str(folder / "rows.csv"), label=("happy", "angry")).label_column == "happy,angry"
    with pytest.raises(DataError, match="'happy' was named as the label and among the columns"):
        read(str(folder / "rows.csv"), label=("angry", "happy"), columns=["happy"])
    with pytest.raises(DataError, match="'text' was named as both the text and the label"):
        read(str(folder / "rows.csv"), label=("angry", "text"))
    with pytest.raises(DataError, match="has no column 'sad'"):
        read(str(folder / "rows.csv"), label=("angry", "sad"))
