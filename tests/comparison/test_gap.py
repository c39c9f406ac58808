from __future__ import annotations

from dataclasses import replace
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


def _without_confidence(base: Any) -> Any:
    """The base as a release that did not keep its confidence on held-out rows stored it."""
    valid = {name: value for name, value in base.info["valid"].items() if name != "confidence"}
    return replace(base, info={**base.info, "valid": valid})


def test_the_confidence_is_that_on_rows_that_were_held_out(base: Any, reviews: Any, others: Any) -> None:
    """The base is surer of the texts that it was trained on than of any others, so these say nothing."""
    target, source = as_corpus(others.texts), as_corpus(reviews.texts)
    with_source, without = (domain_gap(base.predictor_, target, one) for one in (source, None))
    sure, valid = with_source["confidence"], base.predictor_.info["valid"]
    assert sure == without["confidence"]
    assert sure["confidence_on_source_measured"]
    assert sure["confidence_on_source"] == valid["confidence"]
    expected = valid["accuracy"] - (valid["confidence"] - sure["average_confidence"])
    assert sure["difference_of_confidences"] == pytest.approx(expected)
    assert any("Proxy A-distance" in line for line in gap_lines(with_source))


@pytest.mark.parametrize("with_source", [True, False])
def test_an_older_base_is_taken_to_be_as_sure_as_it_is_right(
    base: Any, reviews: Any, others: Any, with_source: bool
) -> None:
    source = as_corpus(reviews.texts) if with_source else None
    sure = domain_gap(_without_confidence(base.predictor_), as_corpus(others.texts), source)["confidence"]
    assert not sure["confidence_on_source_measured"]
    assert sure["difference_of_confidences"] == pytest.approx(sure["average_confidence"])


def test_a_base_without_held_out_rows_foretells_no_accuracy(base: Any, others: Any) -> None:
    bare = replace(base.predictor_, info={})
    assert domain_gap(bare, as_corpus(others.texts))["confidence"]["difference_of_confidences"] is None


def test_a_base_of_bare_texts_has_no_vocabulary(reviews: Any, others: Any) -> None:
    from headstart import TextClassifier

    model = TextClassifier(strategy="tfidf").fit(reviews.texts, reviews.labels)
    gap = domain_gap(model.predictor_, as_corpus(others.texts))
    assert gap["vocabulary"] is None
    assert "no vocabulary" in gap["left_out"][0]
