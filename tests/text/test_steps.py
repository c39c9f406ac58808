"""Each text step by itself: what it gives, what it learns, which options it refuses."""

import copy
import pickle
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import sklearn
from hypothesis import given
from hypothesis import strategies as st
from sklearn.compose import ColumnTransformer
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import Pipeline, make_pipeline

from headstart.errors import DataError, OptionError
from headstart.text import (
    LowerCaser,
    NullImputer,
    RaggedIds,
    TokenIndexer,
    Tokenizer,
    UnicodeNormalizer,
    encode,
    text_steps,
)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("Don't stop!", ["Don't", "stop", "!"]),
        ("Don’t don`t don´t don\x92t", ["Don't", "don't", "don't", "don't"]),
        ("rock 'n' roll's 'quoted' dogs'", ["rock", "n", "roll's", "quoted", "dogs"]),
        ("it's''it", ["it's", "it"]),
        ("good.<br /><br />Bad", ["good", ".", "Bad"]),
        ("a <b>c</b> <a href='x'>d</a>", ["a", "c", "d"]),
        ("1 < 2 and 3 > 2, <3", ["1", "2", "and", "3", "2", ",", "3"]),
        ("<" + "x" * 98 + ">", []),
        ("<" + "x" * 99 + ">", ["x" * 99]),
        (
            "well-known, snake_case; 10/10 3.5",
            ["well", "-", "known", ",", "snake_case", ";", "10", "/", "10", "3", ".", "5"],
        ),
        ("what?! WHAT", ["what", "?", "!", "WHAT"]),
        ("cafe\u0301 naïve", ["cafe\u0301", "naïve"]),
        ("👍🏽 ❤️ 👩‍💻 5€ ©", ["👍", "🏽", "❤", "👩", "💻", "5", "€", "©"]),
        ("日本のｶﾞ", ["日", "本", "の", "ｶ"]),
        ("한국어 ไทย हिन्दी می‌خواهم", ["한국어", "ไทย", "हिन्दी", "می‌خواهم"]),
        ("$5 + `x` ^ ~", ["5", "x"]),
        ("\x00\t\n ", []),
    ],
)
def test_words(text: str, tokens: list[str]) -> None:
    assert Tokenizer().transform([text]).to_pylist() == [tokens]


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("Don't stop!", ["Don", "'", "t", "stop", "!"]),
        ("good.<br />", ["good", ".", "<", "br", "/", ">"]),
        ("a_b “quoted”\u00a0x", ["a", "_", "b", "“quoted”", "x"]),
        ("日本 😀👍 \x00", ["日本", "😀👍", "\x00"]),
    ],
)
def test_tutorial(text: str, tokens: list[str]) -> None:
    assert Tokenizer("tutorial").transform([text]).to_pylist() == [tokens]


@pytest.mark.parametrize(
    ("pattern", "tokens"),
    [
        (r"\w+", ["Don", "t", "stop"]),
        (r"\w*", ["Don", "t", "stop"]),  # empty matches are no tokens
        (r"(\w)\w+", ["D", "s"]),
        (r"(?:\w)'\w", ["n't"]),
        (r"xyz", []),
    ],
)
def test_a_regular_expression_finds_the_tokens(pattern: str, tokens: list[str]) -> None:
    assert Tokenizer(pattern).transform(["Don't stop", ""]).to_pylist() == [tokens, []]


def test_tokens_are_arrow_lists_of_strings() -> None:
    kind = pa.large_list(pa.large_string())
    for pattern in ("words", "tutorial", r"\w+"):
        assert Tokenizer(pattern).transform(["a b", ""]).type == kind
        assert Tokenizer(pattern).transform([]).type == kind


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (Tokenizer("(unclosed"), r"'\(unclosed' is neither one of 'tutorial', 'words' nor a valid regular expression"),
        (Tokenizer(r"(a)(b)"), r"has 2 groups, so which one is the token is open"),
        (Tokenizer(None), "regular expression in a string; got a NoneType"),  # type: ignore[arg-type]
        (NullImputer(None), "needs fill_value as a string of Unicode characters, got None"),  # type: ignore[arg-type]
        (UnicodeNormalizer("NFX"), "needs form as one of NFC, NFD, NFKC, NFKD, got 'NFX'"),
        (NullImputer("\ud800"), "needs fill_value as a string of Unicode characters"),
        (TokenIndexer(min_count=0), "needs min_count as a whole number from 1 up, got 0"),
        (TokenIndexer(min_count=1.5), "needs min_count as a whole number from 1 up, got 1.5"),  # type: ignore[arg-type]
        (TokenIndexer(min_count=True), "needs min_count as a whole number from 1 up, got True"),
        (TokenIndexer(max_size=-1), "needs max_size as a whole number from 0 up, got -1"),
        (TokenIndexer(max_size="9"), "needs max_size as a whole number from 0 up, got '9'"),  # type: ignore[arg-type]
    ],
)
def test_options_that_cannot_be_used_are_refused_at_fit(step: Any, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        step.fit([])


def test_a_null_text_cannot_be_cut() -> None:
    for pattern in ("words", r"\w+"):
        with pytest.raises(DataError, match=r"A text is null.*Put NullImputer\(\) before this step"):
            Tokenizer(pattern).transform(["a", None])


@pytest.mark.parametrize(
    ("rows", "options", "words", "counts"),
    [
        ([["b", "a"], ["b"], []], {}, ["b", "a"], [0, 0, 2, 1]),
        ([["b", "a", "c", "b"]], {"min_count": 2}, ["b"], [0, 2, 2]),
        ([["b", "a", "c", "b"]], {"max_size": 2}, ["b", "a"], [0, 1, 2, 1]),
        ([["b", "a", "c", "b"]], {"max_size": 0}, [], [0, 4]),
        ([["z", "é", "Z", "😀", "\uffff", "a"]], {}, ["Z", "a", "z", "é", "\uffff", "😀"], [0, 0, 1, 1, 1, 1, 1, 1]),
        ([["", "a", "<unk>"]], {}, ["<unk>", "a"], [0, 0, 1, 1]),
        ([], {}, [], [0, 0]),
    ],
)
def test_words_are_ordered_by_frequency_then_code_points(
    rows: list[list[str]], options: dict[str, int], words: list[str], counts: list[int]
) -> None:
    indexer = TokenIndexer(**options).fit(rows)
    assert indexer.vocabulary_.to_pylist() == ["", "<unk>", *words]
    assert indexer.counts_.tolist() == counts
    assert (indexer.counts_.dtype, indexer.n_ids) == (np.int64, len(words) + 2)


@given(rows=st.lists(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=3), max_size=5), max_size=5))
def test_ids_give_the_words_back(rows: list[list[str]]) -> None:
    indexer = TokenIndexer().fit(rows)
    vocabulary = indexer.vocabulary_.to_pylist()
    ids = indexer.transform(rows)
    assert [[vocabulary[i] for i in row] for row in ids] == [[token or "<unk>" for token in row] for row in rows]
    assert all(indexer.index_of(word) == i for i, word in enumerate(vocabulary[2:], 2))


@pytest.mark.parametrize(("word", "expected"), [("b", 2), ("a", 3), ("c", 1), ("", 1), ("<unk>", 1)])
def test_index_of(word: str, expected: int) -> None:
    assert TokenIndexer().fit([["b", "a", "b"]]).index_of(word) == expected


def test_padding_and_unknown_are_never_words() -> None:
    """A text may well hold "<unk>": it is a word then, with an id of its own."""
    indexer = TokenIndexer().fit([["<unk>", "a", "a"]])
    assert indexer.transform([["<unk>", "b", ""]])[0].tolist() == [3, 1, 1]
    assert indexer.index_of("<unk>") == 3


@pytest.mark.parametrize(
    "rows",
    [
        [["a", "b"], [], ["a"]],
        [("a", "b"), (), ("a",)],
        np.array([["a", "b"], [], ["a"]], dtype=object),
        pd.Series([["a", "b"], [], ["a"]]),
        pl.Series([["a", "b"], [], ["a"]], dtype=pl.List(pl.String)),
        pa.array([["a", "b"], [], ["a"]]),
        pa.chunked_array([[["a", "b"]], [[], ["a"]]], pa.list_(pa.string())),
        pa.array([["x"], ["a", "b"], [], ["a"]]).slice(1),
    ],
    ids=["lists", "tuples", "numpy", "pandas", "polars", "arrow", "chunked", "slice"],
)
def test_rows_of_tokens_come_in_many_containers(rows: Any) -> None:
    indexer = TokenIndexer()
    assert indexer.fit_transform(rows) == RaggedIds.from_lists([[2, 3], [], [2]])
    assert indexer.counts_.tolist() == [0, 0, 2, 1]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["a text"], "needs one list of string tokens a row, which a list here is not"),
        ([[1, 2]], "needs one list of string tokens a row"),
        (3, "which a int here is not"),
        ([["a"], None], r"found a null among the tokens. Put NullImputer\(\)"),
        ([["a", None]], "found a null among the tokens"),
    ],
)
def test_what_is_no_rows_of_tokens_is_refused(rows: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        TokenIndexer().fit(rows)
    with pytest.raises(DataError, match=message):
        TokenIndexer().fit([["a"]]).transform(rows)


def test_a_step_that_is_not_fitted_says_so() -> None:
    for act in (lambda s: s.transform([["a"]]), lambda s: s.index_of("a"), lambda s: s.n_ids, lambda s: s.lookup()):
        with pytest.raises(NotFittedError, match="TokenIndexer instance is not fitted yet"):
            act(TokenIndexer())
    with pytest.raises(NotFittedError, match="TokenIndexer instance is not fitted yet"):
        encode(text_steps(), ["a"])


def test_from_vocabulary_is_a_fitted_indexer() -> None:
    fitted = TokenIndexer(min_count=2).fit([["b", "a", "b"]])
    made = TokenIndexer.from_vocabulary(fitted.vocabulary_, fitted.counts_, min_count=2)
    assert made.get_params() == fitted.get_params()
    assert made.transform([["b", "a"]]) == fitted.transform([["b", "a"]])
    assert TokenIndexer.from_vocabulary(["", "<unk>", "x"]).counts_.tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("words", "counts", "message"),
    [
        (["a", "b"], None, r"begins with '' \(id 0, padding\) and '<unk>' .* this one begins with \('a', 'b'\)"),
        ([], None, r"this one begins with \(\)"),
        (["", "<unk>", None], None, "holds no nulls; this one .* holds 1"),
        (["", "<unk>", "a", ""], None, "word at id 3 of the vocabulary is empty"),
        (["", "<unk>", "a", "b", "a"], None, "'a' stands in the vocabulary twice, the second time at id 4"),
        (["", "<unk>", 3], None, "must be a sequence of strings, one for each id, and this one is not"),
        (["", "<unk>", "\ud800"], None, "must be a sequence of strings"),
        (7, None, "must be a sequence of strings"),
        (pa.array([1, 2]), None, r"this one begins with \('1', '2'\)"),
        (["", "<unk>", "a"], [1], "must be 3 whole numbers from 0"),
        (["", "<unk>", "a"], [0, 0, -1], "the least -1"),
        (["", "<unk>", "a"], [0, 0, 1.5], "of type float64"),
    ],
)
def test_vocabularies_that_do_not_fit_are_refused(words: Any, counts: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        TokenIndexer.from_vocabulary(words, counts)


def test_names_of_columns_are_kept() -> None:
    frame = pd.DataFrame({"review": ["A", None]})
    steps = make_pipeline(NullImputer("-"), LowerCaser()).fit(frame)
    assert steps.get_feature_names_out().tolist() == ["review"]
    assert NullImputer().get_feature_names_out().tolist() == ["text"]
    mixed = ColumnTransformer([("text", make_pipeline(NullImputer("-"), LowerCaser()), ["review"])])
    assert mixed.set_output(transform="pandas").fit_transform(frame)["text__review"].tolist() == ["a", "-"]


def one_column(frame: Any) -> Any:
    return lambda texts: frame({"review": texts})


@pytest.mark.parametrize("output", ["pandas", "polars", "default"])
@pytest.mark.parametrize(
    "make",
    [list, pd.Series, pl.Series, pa.array, one_column(pd.DataFrame), one_column(pl.DataFrame), one_column(pa.table)],
)
def test_set_output_changes_no_ids(output: str, make: Any) -> None:
    texts = make(["A b", "b"])
    steps = text_steps(min_count=1).set_output(transform=output)
    assert steps.fit_transform(texts) == RaggedIds.from_lists([[3, 2], [2]])
    with sklearn.config_context(transform_output=output):
        assert text_steps(min_count=1).fit_transform(texts) == RaggedIds.from_lists([[3, 2], [2]])


@pytest.mark.parametrize("output", ["pandas", "polars"])
def test_set_output_gives_frames_of_texts(output: str) -> None:
    found = LowerCaser().set_output(transform=output).fit_transform(["A", "B"])
    assert list(found.columns) == ["text"]
    assert found["text"].to_list() == ["a", "b"]


@pytest.mark.parametrize("remake", [copy.deepcopy, lambda steps: pickle.loads(pickle.dumps(steps))])
def test_fitted_steps_travel_between_processes(remake: Any) -> None:
    """joblib sends estimators to its workers this way; our own files never hold a pickle."""
    steps: Pipeline = text_steps(min_count=1).fit(["a b", "b"])
    assert encode(remake(steps), ["b a c"]).ids[0].tolist() == [2, 3, 1]


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame, pa.table])
def test_a_table_of_texts_is_no_rows_of_tokens(make: Any) -> None:
    with pytest.raises(DataError, match=r"a \w+ here is not .*Cut the texts first, as Tokenizer\(\) does"):
        TokenIndexer().fit(make({"review": ["A", "b"]}))
