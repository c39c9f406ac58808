"""TF-IDF and logistic regression: against scikit-learn's own, and back from arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from headstart.errors import ArtifactError, DataError
from headstart.heads import ColumnEncoder, TfidfHead


@pytest.fixture(scope="module")
def head(reviews: Any) -> TfidfHead:
    return TfidfHead.fit(reviews.texts, np.array(reviews.labels))


def test_equals_scikit_learn_at_some_penalty(head: TfidfHead, reviews: Any, others: Any) -> None:
    vectorizer = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2)
    inputs = vectorizer.fit_transform(reviews.texts)
    found = head.decision(others.texts)
    peers = [
        LogisticRegression(C=c, max_iter=500).fit(inputs, reviews.labels).decision_function(vectorizer.transform(others.texts))
        for c in (0.3, 1.0, 3.0, 10.0, 30.0)
    ]  # fmt: skip
    assert any(np.allclose(found, peer, atol=1e-3) for peer in peers)
    assert head.ngrams == tuple(vectorizer.get_feature_names_out())


def test_rare_ngrams_count_only_where_texts_are_few(reviews: Any) -> None:
    few = TfidfHead.fit([*reviews.texts[:20], "unheard"], np.arange(21) % 2)
    many = TfidfHead.fit([*reviews.texts, "unheard"], np.arange(301) % 2)
    assert "unheard" in few.ngrams
    assert "unheard" not in many.ngrams


def test_texts_without_known_words_get_the_intercept(head: TfidfHead) -> None:
    assert head.decision(["", "qwertz", "🙂 a"]).tolist() == [head.intercept] * 3


def test_columns_count_beside_the_words(reviews: Any) -> None:
    table = pa.table({"hint": [label * 100 for label in reviews.labels]})
    encoder = ColumnEncoder.fit(table, ["hint"])
    same = ["the same words"] * len(reviews.texts)
    head = TfidfHead.fit(same, np.array(reviews.labels), table=table, encoder=encoder)
    np.testing.assert_array_equal(
        head.decision(same, table) > head.decision(same, table).mean(), np.array(reviews.labels) == 1
    )


def test_a_columns_score_does_not_depend_on_the_other_rows(reviews: Any) -> None:
    table = reviews.frame().select(["stars", "device"])
    encoder = ColumnEncoder.fit(table, ["stars", "device"])
    head = TfidfHead.fit(reviews.texts, np.array(reviews.labels), table=table, encoder=encoder)
    together = head.decision(reviews.texts[:20], table.slice(0, 20))
    alone = [head.decision(reviews.texts[i : i + 1], table.slice(i, 1))[0] for i in range(20)]
    np.testing.assert_allclose(together, alone, atol=1e-9)


def test_texts_without_any_word_are_refused() -> None:
    with pytest.raises(
        DataError, match="none of the 4 texts holds a word that TF-IDF can count.*--text names the right column"
    ):
        TfidfHead.fit(["", "!", "a", "🙂"], np.arange(4) % 2)


def test_comes_back_from_arrays(head: TfidfHead, others: Any) -> None:
    again = TfidfHead.from_arrays(head.ngrams, head.arrays(), 2, None)
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
