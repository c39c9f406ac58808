from __future__ import annotations

from typing import Any

import pytest

from headstart.comparison.gap import domain_gap, gap_lines, proxy_a_distance
from headstart.corpus import as_corpus


@pytest.fixture(scope="module")
def strange() -> Any:
    return as_corpus([f"zebra{i % 7} gnu{i % 5} okapi quagga{i % 3} kudu eland" for i in range(80)])


def test_the_same_kind_of_text_is_near(base: Any, reviews: Any, others: Any, strange: Any) -> None:
    near, far = (domain_gap(base.predictor_, as_corpus(texts)) for texts in (others.texts, strange))
    assert near["vocabulary"]["unknown_token_rate"] < 0.05 < 0.9 < far["vocabulary"]["unknown_token_rate"]
    assert near["vocabulary"]["jensen_shannon"] < 0.1 < 0.9 < far["vocabulary"]["jensen_shannon"]
    assert near["vocabulary"]["share_of_target_in_top_100"] > 0.9
    assert near["lengths"]["ratio_of_medians"] == pytest.approx(1, abs=0.2)
    assert near["confidence"]["average_confidence"] > 0.7
    assert "source's texts were not given" in near["left_out"][0]


def test_a_classifier_tells_strange_texts_apart(reviews: Any, others: Any, strange: Any) -> None:
    source = as_corpus(reviews.texts)
    assert proxy_a_distance(source, strange)["value"] == pytest.approx(2, abs=0.01)
    assert proxy_a_distance(source, as_corpus(others.texts))["value"] < 0.8


def test_too_few_texts_give_no_distance(reviews: Any) -> None:
    found = proxy_a_distance(as_corpus(reviews.texts), as_corpus(["one", "two"]))
    assert found["value"] is None


def test_the_source_measures_the_confidence(base: Any, reviews: Any, others: Any) -> None:
    gap = domain_gap(base.predictor_, as_corpus(others.texts), as_corpus(reviews.texts))
    sure = gap["confidence"]
    assert sure["confidence_on_source_measured"]
    expected = sure["accuracy_on_source"] - sure["confidence_on_source"] + sure["average_confidence"]
    assert sure["difference_of_confidences"] == pytest.approx(expected)
    assert any("Proxy A-distance" in line for line in gap_lines(gap))


def test_a_base_of_bare_texts_has_no_vocabulary(reviews: Any, others: Any) -> None:
    from headstart import TextClassifier

    model = TextClassifier(strategy="tfidf").fit(reviews.texts, reviews.labels)
    gap = domain_gap(model.predictor_, as_corpus(others.texts))
    assert gap["vocabulary"] is None
    assert "no vocabulary" in gap["left_out"][0]
