"""Whether texts have moved: told from stored figures, from a reference, and left alone where chance would do it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from headstart.corpus import Corpus, as_corpus
from headstart.drift import Thresholds, drift, drift_lines, expected_auc
from headstart.evaluation.binary import auc
from headstart.predictor import Predictor


@pytest.fixture(scope="module")
def known(gru_base: Any) -> Predictor:
    found: Predictor = gru_base.predictor_
    return found


def exceeded(found: Any) -> set[str]:
    return {one["name"] for one in found["figures"] if one["exceeded"]}


def test_texts_of_the_source_have_not_moved(known: Predictor, reviews: Any) -> None:
    found = drift(known, as_corpus(reviews.texts))
    names = {one["name"] for one in found["figures"]}
    assert names >= {"unknown tokens", "distance of words", "median length", "distance of scores", "estimated accuracy"}
    assert not found["moved"], found["figures"]
    assert found["accuracy"]["low"] < found["accuracy"]["estimate"] < found["accuracy"]["high"]
    assert drift_lines(found)[-1].endswith("they have not moved beyond the thresholds.")


def test_strange_texts_have(known: Predictor) -> None:
    strange = as_corpus([f"zebra{i % 7} gnu{i % 5} okapi quagga kudu " * 8 for i in range(60)])
    found = drift(known, strange)
    assert found["moved"] and exceeded(found) >= {"unknown tokens", "distance of words", "distance of scores"}
    loose = Thresholds(unknown=1, words=1, length=1e9, scores=1, accuracy=1)
    assert not drift(known, strange, thresholds=loose)["moved"]
    few = drift(known, strange.take(np.arange(10)))
    assert not few["moved"] and "too few" in " ".join(few["left_out"])


def test_a_reference_takes_the_place_of_what_is_stored(known: Predictor, others: Any, reviews: Any) -> None:
    reference = as_corpus(others.texts)
    found = drift(known, reference, reference)
    by_name = {one["name"]: one for one in found["figures"]}
    assert by_name["unknown tokens"]["change"] == 0 and by_name["median length"]["change"] == 1
    assert by_name["distance of words"]["value"] == 0
    labelled = reference.with_labels(others.labels, base=known.task)
    measured = drift(known, reference, labelled)["accuracy"]
    scores = known.score(reference).probabilities
    right = np.mean((scores >= known.threshold) == np.asarray(labelled.labels))
    assert measured["estimate"] == pytest.approx(right)


def test_a_model_without_stored_figures_says_what_is_left_out(known: Predictor, reviews: Any) -> None:
    older = replace(known, info={})
    found = drift(older, as_corpus(reviews.texts))
    assert found["accuracy"] is None and not found["moved"]
    assert "(--reference)" in " ".join(found["left_out"])


def test_expected_auc_is_that_of_labels_drawn_from_the_probabilities() -> None:
    rng = np.random.default_rng(0)
    probabilities = np.round(rng.beta(0.7, 0.7, 4000), 2)
    drawn = np.mean([auc(rng.random(4000) < probabilities, probabilities) for _ in range(5)])
    assert expected_auc(probabilities) == pytest.approx(drawn, abs=0.004)


def test_no_text_is_no_move(known: Predictor) -> None:
    nothing = Corpus(as_corpus([""]).texts[:0])
    assert not drift(known, nothing)["moved"]
