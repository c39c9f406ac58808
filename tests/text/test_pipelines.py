"""``text_steps``, ``fit_steps`` and ``encode``: the fast ways give what the pipeline itself gives."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from headstart.errors import DataError, OptionError
from headstart.text import (
    LowerCaser,
    NullImputer,
    RaggedIds,
    TokenIndexer,
    Tokenizer,
    UnicodeNormalizer,
    encode,
    fit_steps,
    text_steps,
)
from headstart.text.pipelines import fused_steps
from headstart.text.unicode_forms import normalized

TEXTS = ["The film was <b>GOOD</b>, wasn’t it?", None, "", "a film! 😀 İ cafe\u0301 \ufb01lm", "\ud800 the the caf\xe9"]

PIPELINES = {
    "words": text_steps(),
    "words, all": text_steps(min_count=1, fill_value="it was NULL"),
    "tutorial": text_steps("tutorial", min_count=1, max_size=5),
    "expression": text_steps(r"\w+", min_count=1),
    "not normalized": text_steps(min_count=1, form=None),
    "compatible": text_steps(min_count=1, form="NFKC", fill_value="e\u0301"),
    "decomposed late": Pipeline(
        [
            ("a", LowerCaser()),
            ("b", UnicodeNormalizer("NFD")),
            ("c", NullImputer("None")),
            ("d", Tokenizer("tutorial")),
            ("e", TokenIndexer()),
        ]
    ),
    "no lower": Pipeline([("nulls", NullImputer("Nothing")), ("cut", Tokenizer()), ("ids", TokenIndexer())]),
    "lower first": Pipeline(
        [("a", LowerCaser()), ("b", NullImputer("None")), ("c", Tokenizer("tutorial")), ("d", TokenIndexer())]
    ),
    "passthrough": Pipeline([("a", NullImputer()), ("b", "passthrough"), ("c", Tokenizer()), ("d", TokenIndexer())]),
    "custom": Pipeline(
        [
            ("nulls", NullImputer()),
            ("mend", FunctionTransformer(lambda texts: [text.replace("film", "movie") for text in texts])),
            ("cut", Tokenizer()),
            ("ids", TokenIndexer()),
        ]
    ),
}
FUSED = {"words", "words, all", "tutorial", "no lower", "not normalized", "compatible"}


@pytest.mark.parametrize(("name", "steps"), PIPELINES.items(), ids=PIPELINES)
def test_fitting_and_encoding_equal_the_pipelines_own(name: str, steps: Pipeline) -> None:
    plain, fast = clone(steps).fit(TEXTS), fit_steps(clone(steps), TEXTS)
    assert fast[-1].vocabulary_ == plain[-1].vocabulary_
    assert fast[-1].counts_.tolist() == plain[-1].counts_.tolist()
    unseen = [*TEXTS, "unseen words here", "film"]
    encoded = encode(fast, unseen)
    assert encoded.ids == plain.transform(unseen)
    assert (fused_steps(fast) is not None) == (name in FUSED)
    assert (encoded.n_null, encoded.n_replaced) == (1, 1)
    assert encoded.n_tokens == encoded.ids.values.size
    assert encoded.n_unknown == np.count_nonzero(encoded.ids.values == 1) > 0


@settings(max_examples=50, deadline=None)
@given(
    texts=st.lists(
        st.one_of(st.none(), st.text(max_size=30), st.text("e\u0301\u0327\xe9\uac00\u11a8\u212b ", max_size=9)),
        max_size=8,
    ),
    unseen=st.lists(st.one_of(st.none(), st.text(max_size=30)), max_size=8),
    min_count=st.integers(1, 3),
    max_size=st.one_of(st.none(), st.integers(0, 4)),
    fill_value=st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
)
@pytest.mark.parametrize("tokens", ["words", "tutorial"])
def test_one_pass_equals_one_step_after_another(
    tokens: str, texts: list[Any], unseen: list[Any], min_count: int, max_size: int | None, fill_value: str
) -> None:
    steps = text_steps(tokens, min_count=min_count, max_size=max_size, fill_value=fill_value)
    plain, fast = clone(steps).fit(texts), fit_steps(clone(steps), texts, n_threads=1)
    assert fast[-1].vocabulary_ == plain[-1].vocabulary_
    assert fast[-1].counts_.tolist() == plain[-1].counts_.tolist()
    assert encode(fast, unseen, n_threads=1).ids == plain.transform(unseen)


@pytest.mark.parametrize("tokens", ["words", r"\S+"])
def test_results_do_not_depend_on_threads_or_pieces(tokens: str, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [f"row {i % 97} {'x' * (i % 13)} it's <i>{i}</i>" for i in range(300)] + [None]
    whole = fit_steps(text_steps(tokens, min_count=1), texts, n_threads=1)
    expected = encode(whole, texts, n_threads=1)
    monkeypatch.setattr("headstart.text.columns.PIECE_ROWS", 7)
    monkeypatch.setattr("headstart.text.columns.PIECE_BYTES", 50)
    for n_threads in (1, 2, 5):
        for container in (texts, pa.array(texts)):
            cut = fit_steps(text_steps(tokens, min_count=1), container, n_threads=n_threads)
            assert cut[-1].vocabulary_ == whole[-1].vocabulary_
            found = encode(cut, container, n_threads=n_threads)
            assert found.ids == expected.ids
            assert (found.n_null, found.n_unknown, found.n_tokens) == (1, 0, expected.n_tokens)


@pytest.mark.parametrize("n_threads", [0, -1, 1.5, True, "2"])
def test_numbers_of_threads_that_cannot_be_are_refused(n_threads: Any) -> None:
    steps = fit_steps(text_steps(), ["a"])
    with pytest.raises(OptionError, match="n_threads must be a whole number from 1"):
        encode(steps, ["a"], n_threads=n_threads)


def test_a_fault_in_a_later_piece_reaches_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headstart.text.columns.PIECE_ROWS", 2)
    texts = ["a"] * 9 + [9]
    steps = fit_steps(text_steps(), ["a"])
    for act in (lambda: encode(steps, texts, n_threads=3), lambda: fit_steps(text_steps(), texts, n_threads=3)):
        with pytest.raises(DataError, match="Row 9 of the texts"):
            act()


def test_nulls_without_an_imputer_are_refused() -> None:
    steps = Pipeline([("cut", Tokenizer()), ("ids", TokenIndexer())])
    with pytest.raises(DataError, match="A text is null"):
        fit_steps(steps, ["a", None])
    with pytest.raises(DataError, match="A text is null"):
        encode(fit_steps(steps, ["a"]), ["a", None])


def test_options_are_checked_before_anything_is_read() -> None:
    def fail() -> Iterator[str]:
        raise AssertionError("the texts were read")

    class Texts(list[str]):
        __iter__ = fail  # type: ignore[assignment]

    with pytest.raises(OptionError, match="min_count"):
        fit_steps(text_steps(min_count=0), Texts(["a"]))
    with pytest.raises(OptionError, match="neither one of 'tutorial'"):
        fit_steps(text_steps("("), Texts(["a"]))


@pytest.mark.parametrize(
    "last", [FunctionTransformer(lambda ids: ids.take([0])), FunctionTransformer(lambda ids: ids.values)]
)
def test_custom_steps_must_keep_the_rows(last: FunctionTransformer) -> None:
    steps = Pipeline([*text_steps(min_count=1).steps, ("last", last)]).fit(["a b", "b"])
    with pytest.raises(DataError, match=r"must turn 2 texts into RaggedIds of as many rows"):
        encode(steps, ["a b", "b"])


@pytest.mark.parametrize("texts", [[], [""], [None], ["  "], ["<br />"]])
def test_texts_without_tokens_have_rows(texts: list[Any]) -> None:
    steps = fit_steps(text_steps(), texts)
    assert steps[-1].n_ids == 2
    assert encode(steps, texts).ids == RaggedIds.from_lists([[]] * len(texts))


def test_a_text_of_five_megabytes() -> None:
    text = "word wörd <br /> " * 250_000 + "x" * 1_000_000
    steps = fit_steps(text_steps(min_count=1), [text])
    assert steps[-1].vocabulary_.to_pylist()[2:4] == ["word", "wörd"]
    assert encode(steps, [text]).n_tokens == 500_001


def test_a_new_option_of_a_step_is_heeded() -> None:
    """``set_params`` after fitting changes how texts are cut, in the fast way too."""
    steps = fit_steps(text_steps(min_count=1), ["don't do"])
    steps.set_params(tokenizer__pattern="tutorial")
    assert encode(steps, ["don't do"]).ids == steps.transform(["don't do"])


COMPOSED = {
    "accent": ("caf\xe9", "cafe\u0301"),
    "two accents, in either order": ("\u1e69", "s\u0307\u0323"),
    "syllable": ("\ud55c\uad6d", "\u1112\u1161\u11ab\u1100\u116e\u11a8"),
    "voiced kana": ("\u304c", "\u304b\u3099"),
    "angstrom": ("\xc5", "\u212b"),
    "upper case": ("CAF\xc9", "CAFE\u0301"),
}


@pytest.mark.parametrize(("one", "other"), COMPOSED.values(), ids=COMPOSED)
@pytest.mark.parametrize("tokens", ["words", "tutorial", r"\w+"])
def test_the_same_letters_are_the_same_word(tokens: str, one: str, other: str) -> None:
    for text, same in ((one, other), (other, one)):
        steps = fit_steps(text_steps(tokens, min_count=1), [f"a {text} b"])
        assert encode(steps, [f"a {same} b"]).ids == encode(steps, [f"a {text} b"]).ids
        assert encode(steps, [same]).n_unknown == 0


def test_texts_in_the_form_already_are_not_copied() -> None:
    texts = pa.array(["plain", None, "caf\xe9 \u4e2d\u6587", ""], pa.large_string())
    assert normalized(texts, "NFC") is texts
    assert normalized(texts.slice(1, 2), "NFD").to_pylist() == [None, "cafe\u0301 \u4e2d\u6587"]
