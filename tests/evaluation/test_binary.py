"""Metrics against scikit-learn, against definitions written out, and against simulated truth."""

import math
from typing import Any

import numpy as np
import pytest
from sklearn import metrics as theirs

from headstart.errors import DataError, OptionError
from headstart.metrics import (
    auc,
    auc_interval,
    delong_test,
    evaluate_scores,
    expected_calibration_error,
    mean_confidence,
    paired_bootstrap_auc,
)

RNG = np.random.default_rng(0)
Y = RNG.integers(0, 2, 400)
P = np.clip(0.5 + 0.2 * (Y - 0.5) + 0.2 * RNG.normal(size=400), 0, 1)


@pytest.mark.parametrize(
    "scores",
    [P, P.astype(np.float32), np.round(P, 1), np.zeros(400), -P, Y, RNG.integers(0, 3, 400), P > 0.5],
    ids=["floats", "float32", "ties", "all tied", "reversed", "perfect", "ints", "bools"],
)
def test_auc_is_scikit_learns(scores: np.ndarray) -> None:
    assert auc(Y, scores) == pytest.approx(theirs.roc_auc_score(Y, scores), abs=1e-12)


def test_every_figure_is_scikit_learns() -> None:
    figures = evaluate_scores(Y, P)
    assert figures["auc"] == pytest.approx(theirs.roc_auc_score(Y, P))
    assert figures["average_precision"] == pytest.approx(theirs.average_precision_score(Y, P))
    assert figures["accuracy"] == pytest.approx(theirs.accuracy_score(Y, P >= 0.5))
    assert figures["f1"] == pytest.approx(theirs.f1_score(Y, P >= 0.5))
    assert figures["log_loss"] == pytest.approx(theirs.log_loss(Y, P))
    assert figures["brier"] == pytest.approx(theirs.brier_score_loss(Y, P))
    assert figures["auc_low"] < figures["auc"] < figures["auc_high"]
    assert figures["n"] == 400
    assert "undefined" not in figures
    assert evaluate_scores(Y, np.stack([1 - P, P], axis=1)) == figures


def test_the_threshold_decides() -> None:
    assert evaluate_scores([0, 1, 1], [0.2, 0.3, 0.4], threshold=0.3)["accuracy"] == 1
    assert evaluate_scores([0, 1, 1], [0.2, 0.3, 0.4])["f1"] == 0


@pytest.mark.parametrize("label", [0, 1])
def test_one_class_leaves_out_what_needs_two_and_says_why(label: int) -> None:
    figures = evaluate_scores([label, label], [0.5, 0.75])
    assert (figures["auc"], figures["auc_low"], figures["auc_high"], figures["average_precision"]) == (None,) * 4
    assert f"All 2 rows hold label {label}" in figures["undefined"]
    assert figures["accuracy"] == label
    assert math.isfinite(figures["log_loss"])


def test_a_certain_float32_mistake_costs_what_float32_can_tell() -> None:
    mistake = evaluate_scores([0, 1], np.array([1, 1], np.float32))["log_loss"]
    assert 5 < mistake < 10


def reference_variance(y: np.ndarray, scores: np.ndarray) -> float:
    """DeLong's variance from the definition: every pair of a positive and a negative."""
    pairs = (scores[y == 1][:, None] > scores[y == 0]) + 0.5 * (scores[y == 1][:, None] == scores[y == 0])
    of_positives, of_negatives = pairs.mean(1), pairs.mean(0)
    return float(of_positives.var(ddof=1) / len(of_positives) + of_negatives.var(ddof=1) / len(of_negatives))


@pytest.mark.parametrize("scores", [P, np.round(P, 1)], ids=["floats", "ties"])
def test_the_standard_error_is_delongs(scores: np.ndarray) -> None:
    interval = auc_interval(Y, scores)
    assert interval.standard_error == pytest.approx(math.sqrt(reference_variance(Y, scores)))
    assert 0 < interval.low < interval.value < interval.high < 1


def test_a_wider_confidence_gives_a_wider_interval() -> None:
    narrow, wide = auc_interval(Y, P, confidence=0.8), auc_interval(Y, P, confidence=0.99)
    assert wide.low < narrow.low < narrow.high < wide.high


@pytest.mark.parametrize(
    ("labels", "scores", "low", "high"),
    [
        ([0] * 10 + [1] * 10, range(20), 0.025**0.1, 1.0),
        ([1] * 10 + [0] * 10, range(20), 0.0, 1 - 0.025**0.1),
        ([0, 1], [0.1, 0.9], 0.025, 1.0),
        ([0, 0, 0, 1], [1, 2, 3, 2], 0.0, 1.0),
        ([0, 0, 1, 1], [1, 1, 1, 1], 0.5 - (1 - 0.025**0.5), 1.0),
    ],
)
def test_without_a_standard_error_the_interval_is_exact(labels: Any, scores: Any, low: float, high: float) -> None:
    interval = auc_interval(labels, list(scores))
    assert interval.low == pytest.approx(max(0.0, low))
    assert interval.high == pytest.approx(high)


def simulate(rng: np.random.Generator, n: int, shift: float, noise: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels and two scores whose AUC is known: normal scores apart by ``shift``, the second blurred."""
    y = np.arange(n) % 2
    a = rng.normal(size=n) + shift * y
    return y, a, a + noise * rng.normal(size=n)


def true_auc(shift: float, noise: float = 0.0) -> float:
    return 0.5 * (1 + math.erf(shift / math.sqrt(2 * (1 + noise**2)) / math.sqrt(2)))


@pytest.mark.parametrize(("n", "shift"), [(50, 0.5), (200, 1.5), (100, 2.5)])
def test_the_interval_holds_the_truth_as_often_as_it_says(n: int, shift: float) -> None:
    rng = np.random.default_rng(1)
    truth = true_auc(shift)
    intervals = [auc_interval(*simulate(rng, n, shift, 0)[:2]) for _ in range(1000)]
    assert 0.92 <= np.mean([interval.low <= truth <= interval.high for interval in intervals]) <= 0.98


def test_delongs_difference_holds_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(2)
    truth = true_auc(1.0) - true_auc(1.0, 0.7)
    tests = [delong_test(*simulate(rng, 150, 1.0, 0.7)) for _ in range(1000)]
    assert 0.92 <= np.mean([test.low <= truth <= test.high for test in tests]) <= 0.98
    alike = [
        delong_test(y, a + rng.normal(size=150), a + rng.normal(size=150))
        for y, a, _ in (simulate(rng, 150, 1.0, 0.0) for _ in range(1000))
    ]
    assert 0.02 <= np.mean([test.p_value < 0.05 for test in alike]) <= 0.08


def test_the_bootstraps_difference_holds_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(3)
    truth = true_auc(1.0) - true_auc(1.0, 0.7)
    tests = [paired_bootstrap_auc(*simulate(rng, 150, 1.0, 0.7), n=150, random_state=i) for i in range(120)]
    assert 0.88 <= np.mean([test.low <= truth <= test.high for test in tests]) <= 0.99


def test_the_bootstrap_agrees_with_delong() -> None:
    y, a, b = simulate(np.random.default_rng(4), 600, 1.0, 0.5)
    drawn, computed = paired_bootstrap_auc(y, a, b, n=2000), delong_test(y, a, b)
    assert drawn.value == pytest.approx(computed.value)
    assert drawn.standard_error == pytest.approx(computed.standard_error, rel=0.1)
    assert drawn.low == pytest.approx(computed.low, abs=0.004)
    assert drawn.high == pytest.approx(computed.high, abs=0.004)
    assert drawn == paired_bootstrap_auc(y, a, b, n=2000)
    assert drawn != paired_bootstrap_auc(y, a, b, n=2000, random_state=1)


def test_the_bootstrap_counts_ties_half_and_never_says_zero() -> None:
    tied, sharp = np.round(P, 1), Y + 0.1 * P
    drawn = paired_bootstrap_auc(Y, sharp, tied, n=200)
    assert drawn.value == pytest.approx(1 - theirs.roc_auc_score(Y, tied))
    assert drawn.low <= drawn.value <= drawn.high
    assert drawn.p_value == pytest.approx(2 / 201)


@pytest.mark.parametrize("compare", [delong_test, paired_bootstrap_auc])
def test_swapping_the_two_turns_the_difference_round(compare: Any) -> None:
    y, a, b = simulate(np.random.default_rng(5), 100, 1.0, 1.0)
    there, back = compare(y, a, b), compare(y, b, a)
    assert there.value == pytest.approx(-back.value)
    assert there.p_value == pytest.approx(back.p_value)
    assert (there.low, there.high) == pytest.approx((-back.high, -back.low))


@pytest.mark.parametrize("compare", [delong_test, paired_bootstrap_auc])
def test_the_same_ranking_differs_by_nothing(compare: Any) -> None:
    same = compare(Y, P, P * 2)
    assert (same.value, same.low, same.high, same.p_value) == (0, 0, 0, 1)


def test_perfect_against_perfectly_wrong_is_not_certain() -> None:
    few = delong_test([0, 0, 1, 1], [1, 2, 3, 4], [4, 3, 2, 1])
    assert few.value == 1
    assert few.p_value == 0.5
    assert few.low < 0.2


def test_calibration_error_is_the_distance_in_each_bin() -> None:
    assert expected_calibration_error([0, 0, 1, 1], [0.1, 0.3, 0.6, 0.8], n_bins=2) == pytest.approx((0.2 + 0.3) / 2)
    assert expected_calibration_error([0, 1] * 50, [0.5] * 100) == 0
    p = np.linspace(0, 1, 20001)
    y = (np.random.default_rng(0).random(20001) < p).astype(int)
    assert expected_calibration_error(y, p) < 0.02
    assert expected_calibration_error(y, p**3) > 0.1


@pytest.mark.parametrize(
    ("said", "found"), [([0.1, 0.7], 0.8), ([0.5, 0.5], 0.5), ([0.0, 1.0], 1.0), ([], float("nan"))]
)
def test_confidence_is_in_the_likelier_label(said: list[float], found: float) -> None:
    assert mean_confidence(said) == pytest.approx(found, nan_ok=True)


def test_calibration_error_does_not_know_the_order_of_the_rows() -> None:
    p, order = np.round(P, 1), RNG.permutation(400)
    assert expected_calibration_error(Y, p) == pytest.approx(expected_calibration_error(Y[order], p[order]), abs=1e-12)


@pytest.mark.parametrize(
    ("call", "error", "sentence"),
    [
        (lambda: auc([1, 1], [0.5, 0.6]), DataError, "All 2 rows hold label 1; AUC and average precision need"),
        (lambda: delong_test([0, 0], [1, 2], [1, 2]), DataError, "All 2 rows hold label 0"),
        (lambda: auc([0, 1], [0.5]), DataError, r"Labels of shape \(2,\) and scores of shape \(1,\) came"),
        (lambda: auc([], []), DataError, r"Labels of shape \(0,\)"),
        (lambda: auc([1, 2], [0.5, 0.6]), DataError, "Labels 2 came; expected class codes 0 and 1"),
        (lambda: auc(["a", "b"], [0.5, 0.6]), DataError, "Labels a, b came; expected class codes"),
        (lambda: auc([0, 1], [0.5, float("nan")]), DataError, "1 of 2 scores are NaN or infinite"),
        (lambda: evaluate_scores([0, 1], [-1, 3]), DataError, "The probabilities reach from -1 to 3; expected 0 to 1"),
        (lambda: evaluate_scores([0, 1], np.ones((2, 3))), DataError, r"scores of shape \(2, 3\)"),
        (
            lambda: auc_interval([0, 1, 1, 0], [1, 2, 0, 1], confidence=95),
            OptionError,
            "The confidence is 95; expected",
        ),
        (lambda: paired_bootstrap_auc(Y, P, P, n=10), OptionError, "10 bootstrap draws cannot give an interval"),
    ],
)
def test_what_cannot_be_scored_is_refused(call: Any, error: type[Exception], sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        call()
