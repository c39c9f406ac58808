"""Law: a row of weight n counts as n rows do, as far as the method allows; weights of 1 change no bit.

What is solved in closed form keeps the first to the last digits; what draws rows into folds or batches cannot.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.typing import NDArray

from headstart import TextClassifier
from headstart.corpus import as_corpus
from headstart.errors import DataError, OptionError
from headstart.estimators import labelled
from headstart.fitting.calibration import fit_calibration
from headstart.fitting.logistic import fit_dual, logistic_path
from headstart.heads import TfidfHead
from headstart.strategies import UNLABELLED, Settings
from headstart.strategies.blend import ridge_fine_tune
from headstart.strategies.blend.fit_branches import list_ngrams
from headstart.strategies.head_choice import fit_linear_head
from headstart.tasks import Binary, Goals

SMALL: dict[str, Any] = {"net_options": {"embedding_size": 4, "hidden_size": 4}, "device": "cpu", "valid_fraction": 0.0}


@pytest.fixture(scope="module")
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture(scope="module")
def weights(rng: np.random.Generator) -> NDArray[np.float64]:
    return rng.integers(1, 4, 120).astype(float)


@pytest.fixture(scope="module")
def noisy(others: Any, rng: np.random.Generator) -> NDArray[np.int64]:
    return np.where(rng.random(120) < 0.15, 1 - np.array(others.labels), others.labels)


@pytest.fixture(scope="module")
def inputs(rng: np.random.Generator) -> NDArray[np.float32]:
    return rng.normal(size=(120, 6)).astype(np.float32)


def fit_tfidf(texts: Any, labels: Any, weights: Any = None) -> TfidfHead:
    model = TextClassifier(strategy="tfidf").fit(texts, labels, weights)
    head: TfidfHead = model.predictor_.scorer.head  # type: ignore[assignment]
    return head


class TestWholeWeightsAreRepeatedRows:
    def test_solvers(self, inputs: Any, noisy: Any, weights: Any) -> None:
        again = np.repeat(np.arange(120), weights.astype(int))
        rows = sp.csr_matrix(inputs / np.linalg.norm(inputs, axis=1, keepdims=True))
        found, bias = fit_dual(rows, noisy, 1.0, weights=weights)
        expected, other = fit_dual(rows[again], noisy[again], 1.0)
        np.testing.assert_allclose(found, expected, atol=5e-3)
        assert bias == pytest.approx(other, abs=5e-3)
        for given in (inputs, rows):
            (line,) = logistic_path(given, noisy, (1.0,), weights=weights)
            (repeated,) = logistic_path(given[again], noisy[again], (1.0,))
            np.testing.assert_allclose(line.coefficients, repeated.coefficients, atol=1e-3)
            np.testing.assert_allclose(line.intercepts, repeated.intercepts, atol=1e-3)

    def test_scaling_of_a_linear_head(self, inputs: Any, noisy: Any, weights: Any) -> None:
        again = np.repeat(np.arange(120), weights.astype(int))
        found = fit_linear_head(inputs, None, Goals(Binary(), noisy, weights), 0.01)
        expected = fit_linear_head(inputs[again], None, Goals(Binary(), noisy[again]), 0.01)
        np.testing.assert_allclose(found.mean, expected.mean, atol=1e-9)
        np.testing.assert_allclose(found.scale, expected.scale, atol=1e-9)

    def test_n_grams_of_tfidf(self, others: Any, noisy: Any, weights: Any) -> None:
        again = np.repeat(np.arange(120), weights.astype(int))
        found = fit_tfidf(others.texts, noisy, weights)
        expected = fit_tfidf([others.texts[row] for row in again], noisy[again])
        assert found.ngrams == expected.ngrams
        np.testing.assert_allclose(found.idf, expected.idf)

    def test_n_grams_of_a_blend(self, make_examples: Any, weights: Any) -> None:
        examples = make_examples(120)
        again = np.repeat(np.arange(120), weights.astype(int))
        found = list_ngrams(examples.ids, examples.labels, 3, (2, 3, 3), weights)
        expected = list_ngrams(examples.ids.take(again), examples.labels[again], 3, (2, 3, 3))
        assert (found[0] == expected[0]).all()
        np.testing.assert_allclose(found[1], expected[1], rtol=1e-5)

    def test_fine_tuning_in_closed_form(self, blend_base: Any, others: Any, noisy: Any, weights: Any) -> None:
        predictor, again = blend_base.predictor_, np.repeat(np.arange(120), weights.astype(int))
        rows, weighted = (
            labelled(others.texts, noisy.tolist(), names=predictor.label_names, sample_weight=given)
            for given in (None, weights)
        )
        found, _ = ridge_fine_tune(predictor, weighted, Settings(C=3.0))
        expected, _ = ridge_fine_tune(predictor, rows.take(again), Settings(C=3.0))
        probabilities = [made.score(as_corpus(others.texts)).probabilities for made in (found, expected)]
        np.testing.assert_allclose(*probabilities, atol=0.01)
        plain = ridge_fine_tune(predictor, rows, Settings(C=3.0))[0].score(as_corpus(others.texts))
        assert np.abs(plain.probabilities - probabilities[1]).max() > 0.05

    def test_calibration(self, rng: np.random.Generator, noisy: Any, weights: Any) -> None:
        logits, again = rng.normal(size=120) + noisy, np.repeat(np.arange(120), weights.astype(int))
        found = fit_calibration(logits, noisy, weights)
        np.testing.assert_allclose(found, fit_calibration(logits[again], noisy[again]), atol=1e-4)


@pytest.fixture
def classifier(strategy: str, base: Any) -> TextClassifier:
    options = {"net": "gru", "epochs": 4, "learning_rate": 0.03} if strategy == "scratch" else {}
    return TextClassifier(base=base, strategy=strategy, head="linear", **{**SMALL, **options})


class TestEveryStrategy:
    def test_weights_of_1_change_no_bit(self, strategy: str, classifier: Any, others: Any) -> None:
        if strategy in UNLABELLED:
            with pytest.raises(OptionError, match="looks at no label, so sample_weight and class_weight mean nothing"):
                classifier.fit(others.texts, others.labels, np.ones(120))
            with pytest.raises(OptionError, match="looks at no label, so sample_weight and class_weight mean nothing"):
                classifier.set_params(class_weight="balanced").fit(others.texts, others.labels)
            return
        plain = classifier.fit(others.texts, others.labels).predict_proba(others.texts)
        for weights in (np.ones(120), [1] * 120, 1.0):
            found = classifier.fit(others.texts, others.labels, weights).predict_proba(others.texts)
            assert found.tobytes() == plain.tobytes()

    def test_rows_of_weight_0_are_not_there(self, strategy: str, classifier: Any, others: Any) -> None:
        if strategy in UNLABELLED:
            pytest.skip("takes no weights")
        wrong = np.arange(120) % 3 == 0
        labels = np.where(wrong, 1 - np.array(others.labels), others.labels)
        found = classifier.fit(others.texts, labels, np.where(wrong, 0.0, 1.0)).predict_proba(others.texts)
        assert "40 rows of weight 0 were left out" in classifier.notes_
        texts = [text for text, odd in zip(others.texts, wrong, strict=True) if not odd]
        expected = classifier.fit(texts, labels[~wrong]).predict_proba(others.texts)
        assert found.tobytes() == expected.tobytes()

    def test_a_label_that_counts_more_is_predicted_more(self, strategy: str, classifier: Any, others: Any) -> None:
        if strategy in UNLABELLED:
            pytest.skip("takes no weights")
        labels = np.where(np.arange(120) % 5 == 0, 1 - np.array(others.labels), others.labels)
        means = []
        for weight in ({1: 1}, {1: 20}):
            classifier.set_params(class_weight=weight).fit(others.texts, labels)
            means.append(classifier.predict_proba(others.texts)[:, 1].mean())
        assert means[1] > means[0] + 0.02


def test_balanced_is_the_weights_by_class(others: Any) -> None:
    rare = (
        np.flatnonzero(np.array(others.labels) == 0).tolist()
        + np.flatnonzero(np.array(others.labels) == 1)[:6].tolist()
    )
    texts, labels = [others.texts[row] for row in rare], np.array(others.labels)[rare]
    quick = {"strategy": "tfidf", "valid_fraction": 0.0}
    balanced = TextClassifier(class_weight="balanced", **quick).fit(texts, labels).predict_proba(others.texts)
    by_hand = np.where(labels == 1, 66 / 12, 66 / 120)
    expected = TextClassifier(**quick).fit(texts, labels, by_hand).predict_proba(others.texts)
    np.testing.assert_allclose(balanced, expected, atol=1e-9)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1.0] * 7, "7 sample weights came for 120 texts"),
        (np.ones((120, 2)), "Sample weights must be 1D array or scalar"),
        ([-1.0] + [1.0] * 119, "Input sample_weight contains negative values, first in row 0"),
        ([float("nan")] * 120, "Input sample_weight contains NaN"),
        ([float("inf")] * 120, "Input sample_weight contains infinity"),
        (["heavy"] * 120, "sample_weight holds values that are no numbers"),
        ([0.0] * 120, "all 120 sample weights are zero"),
    ],
)
def test_weights_that_cannot_be(others: Any, weights: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        TextClassifier(strategy="tfidf").fit(others.texts, others.labels, weights)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("heavy", "class_weight is 'heavy'; expected 'balanced'"),
        ({2: 1.0}, "class_weight names the label 2, and the labels are 0, 1"),
        ({1: -1.0}, "class_weight of 1 is -1.0; expected a number of 0 or more"),
    ],
)
def test_class_weights_that_cannot_be(others: Any, given: Any, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        TextClassifier(strategy="tfidf", class_weight=given).fit(others.texts, others.labels)
