"""TF-IDF and logistic regression: against scikit-learn's own, and back from arrays."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from headstart import TextClassifier
from headstart.errors import ArtifactError
from headstart.heads import TfidfHead
from headstart.heads.tfidf import reading


def fit(texts: Any, labels: Any, table: pa.Table | None = None) -> TfidfHead:
    how: dict[str, Any] = {}
    if table is not None:
        texts = table.append_column("text", pa.array(list(texts)))
        how = {"text": "text", "columns": table.column_names}
    head: TfidfHead = TextClassifier(strategy="tfidf", **how).fit(texts, labels).predictor_.scorer.head  # type: ignore[union-attr]
    return head


@pytest.fixture(scope="module")
def head(reviews: Any) -> TfidfHead:
    return fit(reviews.texts, np.array(reviews.labels))


def test_equals_scikit_learn_at_some_penalty(head: TfidfHead, reviews: Any, others: Any) -> None:
    vectorizer = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2)
    inputs = vectorizer.fit_transform(reviews.texts)
    found = head.decision(others.texts)
    peers = [
        LogisticRegression(C=c, max_iter=2000, tol=1e-8).fit(inputs, reviews.labels).decision_function(vectorizer.transform(others.texts))
        for c in (0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
    ]  # fmt: skip
    assert any(np.allclose(found, peer, atol=2e-2) for peer in peers)
    assert head.ngrams == tuple(vectorizer.get_feature_names_out())


def test_rare_ngrams_count_only_where_texts_are_few(reviews: Any) -> None:
    few = fit([*reviews.texts[:20], "unheard"], np.arange(21) % 2)
    many = fit([*reviews.texts, "unheard"], np.arange(301) % 2)
    assert "unheard" in few.ngrams
    assert "unheard" not in many.ngrams


def test_texts_without_known_words_get_the_intercept(head: TfidfHead) -> None:
    assert head.decision(["", "qwertz", "a"]).tolist() == [head.intercept] * 3


def test_columns_count_beside_the_words(reviews: Any) -> None:
    hints = [100 * (1 - label if i % 5 == 0 else label) for i, label in enumerate(reviews.labels)]
    table = pa.table({"hint": hints})
    same = ["the same words"] * len(reviews.texts)
    head = fit(same, np.array(reviews.labels), table)
    np.testing.assert_array_equal(
        head.decision(same, table) > head.decision(same, table).mean(), np.array(hints) == 100
    )


def test_a_columns_score_does_not_depend_on_the_other_rows(reviews: Any) -> None:
    table = reviews.frame().select(["stars", "device"])
    head = fit(reviews.texts, np.array(reviews.labels), table)
    together = head.decision(reviews.texts[:20], table.slice(0, 20))
    alone = [head.decision(reviews.texts[i : i + 1], table.slice(i, 1))[0] for i in range(20)]
    np.testing.assert_allclose(together, alone, atol=1e-9)


def test_texts_without_any_word_get_the_share_of_the_classes_and_a_note() -> None:
    model = TextClassifier(strategy="tfidf").fit(["", "!", "a", "?"] * 5, np.arange(20) % 2)
    assert any("none of the training texts holds a word" in note for note in model.notes_)
    assert model.predict_proba(["great", ""])[:, 1] == pytest.approx([0.5, 0.5], abs=0.02)


def test_no_word_that_occurs_twice_is_no_fault() -> None:
    texts = [f"w{i}a w{i}b" for i in range(120)]
    head = fit(texts, np.arange(120) % 2)
    assert head.ngrams == () and head.decision(["w1a", "x"]).tolist() == [head.intercept] * 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("It isn't a café: über-cool, 42 or 3D!", ["It", "isn", "café", "über", "cool", "42", "or", "3D"]),
        ("房间很好abc 中x", ["房", "间", "很", "好", "abc", "中"]),
        ("とてもいい", list("とてもいい")),
        ("होटल अच्छा", ["होटल", "अच्छा"]),
        ("호텔이 좋다", ["호텔이", "좋다"]),
        ("ok 😀👍", ["ok", "😀", "👍"]),
    ],
)
def test_words_of_all_scripts_are_what_the_networks_read(text: str, words: list[str]) -> None:
    assert re.findall(reading("words of all scripts")["token_pattern"], text) == words
    if text.isascii():
        assert words == re.findall(reading("words")["token_pattern"], text)


def test_comes_back_from_arrays(head: TfidfHead, others: Any) -> None:
    again = TfidfHead.from_arrays(head.ngrams, head.arrays(), 2, None, tokens=head.tokens)
    assert again.decision(others.texts).tobytes() == head.decision(others.texts).tobytes()


@pytest.mark.parametrize(
    ("ngrams", "change", "longest", "message"),
    [
        (lambda n: n[:-1], lambda a: a, 2, "n-grams and arrays of this TF-IDF model do not fit one another"),
        (lambda n: n, lambda a: {**a, "coefficients": a["coefficients"][:-1]}, 2, "do not fit one another"),
        (lambda n: n, lambda a: {**a, "intercept": np.zeros(0)}, 2, "do not fit one another"),
        (lambda n: n, lambda a: a, 0, "do not fit one another"),
        (lambda n: (n[1], *n[1:]), lambda a: a, 2, "do not fit one another"),
        (
            lambda n: n,
            lambda a: {**a, "idf": a["idf"] * 1e200},
            2,
            "holds factors beyond 1e\\+100, whose squares overflow",
        ),
        (lambda n: n, lambda a: {"idf": a["idf"]}, 2, "the array 'coefficients' of this model's head is missing"),
        (lambda n: n, lambda a: {**a, "idf": np.full(len(a["idf"]), np.inf)}, 2, "the array 'idf' .* holds no finite"),
    ],
)
def test_damaged_parts_are_refused(head: TfidfHead, ngrams: Any, change: Any, longest: int, message: str) -> None:
    with pytest.raises(ArtifactError, match=message):
        TfidfHead.from_arrays(ngrams(head.ngrams), change(head.arrays()), longest, None)
