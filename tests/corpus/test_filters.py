"""``--where``: how conditions are written, what equals what, and what is said when nothing passes."""

from typing import Any

import pyarrow as pa
import pytest

from headstart.corpus import parse_where, read
from headstart.errors import DataError, OptionError


@pytest.mark.parametrize(
    ("conditions", "where"),
    [
        ([], {}),
        (["split=train"], {"split": ["train"]}),
        (["split=train", "split=valid", "stars=5"], {"split": ["train", "valid"], "stars": ["5"]}),
        (["url=a=b", " city = New York "], {"url": ["a=b"], "city": ["New York"]}),
        (["city="], {"city": [""]}),
    ],
)
def test_conditions_are_parsed(conditions: list[str], where: dict[str, list[str]]) -> None:
    assert parse_where(conditions) == where


@pytest.mark.parametrize("condition", ["split", "=train", ""])
def test_a_condition_that_is_none_is_refused(condition: str) -> None:
    with pytest.raises(OptionError, match=r"is not COL=VALUE. Write a column and the value to keep"):
        parse_where([condition])


@pytest.mark.parametrize(
    ("cells", "wanted", "rows"),
    [
        (["a", "b", None], "a", [0]),
        (["a", "b", None], ["a", "b"], [0, 1]),
        (["a", "b", None], None, [2]),
        (["a", "b", None], "", [2]),
        (["5", "05", "5.0"], "5", [0, 2]),
        ([5, 6, None], "5", [0]),
        ([5, 6, None], 5.0, [0]),
        ([5.0, 5.5, None], "5", [0]),
        ([True, False, None], "true", [0]),
        ([True, False, None], False, [1]),
        (["TRUE", "false", "x"], "True", [0]),
        (pa.array(["a", "b", "a"]).dictionary_encode(), "a", [0, 2]),
        (pa.array([0, 86400], pa.timestamp("s")), "1970-01-02 00:00:00", [1]),
    ],
)
def test_cells_compare_by_what_they_mean(cells: Any, wanted: Any, rows: list[int]) -> None:
    texts = [str(row) for row in range(len(cells))]
    corpus = read({"text": texts, "cell": cells}, where={"cell": wanted})
    assert [int(text) for text in corpus.texts.to_pylist()] == rows
    assert corpus.counts["n_filtered_out"] == len(cells) - len(rows)


def test_columns_must_all_hold() -> None:
    table = {"text": list("abcd"), "x": [1, 1, 2, 2], "y": ["p", "q", "p", "q"]}
    assert read(table, where={"x": "1", "y": "q"}).texts.to_pylist() == ["b"]


@pytest.mark.parametrize(
    ("where", "sentence"),
    [
        ({"split": "dev"}, r"No row of the dict \(30 rows\) has split=dev\. .* split holds train, test\."),
        ({"split": ["dev", "x"]}, r"has split=dev or x"),
        (
            {"split": "train", "n": "99"},
            r"has split=train and n=99\. .*; n holds 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, \.\.\.\.",
        ),
        ({"spilt": "train"}, r"has no column 'spilt'.* Did you mean 'split'\?"),
        ({"lists": "1"}, r"Column 'lists' of the dict holds list<.*>; expected numbers, truth values or strings"),
    ],
)
def test_a_filter_that_lets_nothing_through_says_what_is_there(where: dict[str, Any], sentence: str) -> None:
    table = {"text": ["a"] * 30, "split": ["train", "test"] * 15, "n": range(30), "lists": [[1]] * 30}
    with pytest.raises(DataError, match=sentence):
        read(table, where=where)
