"""The interval of a gain over the best of several: right where it can be checked, and paying for the picking."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from headstart.evaluation import METRICS
from headstart.evaluation.draws import Components, components, difference
from headstart.evaluation.picking import against_best, best_of

LABELS = np.arange(300) % 2


def scores(seed: int, gains: dict[str, float], shared: float = 0.6) -> dict[str, Components]:
    """Strategies of three draws whose scores tell the labels by 1.5 and a gain; a part of the noise is common to all."""
    rng = np.random.default_rng(seed)
    common = rng.normal(size=300)
    found = {}
    for name, gain in gains.items():
        own = rng.normal(size=300)
        drawn = {
            k: (1.5 + gain) * LABELS
            + shared * common
            + np.sqrt(0.9 - shared**2) * own
            + np.sqrt(0.1) * rng.normal(size=300)
            for k in range(3)
        }
        found[name] = components(LABELS, drawn)
    return found


def test_of_two_it_is_the_difference_with_its_own_interval() -> None:
    parts = scores(0, {"a": 0.3, "b": 0.0})
    found, pair = against_best(parts, ["a"], ["b"], level=0.02), difference(parts["a"], parts["b"], confidence=0.96)
    assert (found.value, found.low, found.high) == pytest.approx((pair.value, pair.low, pair.high))
    assert (found.one, found.other, found.draws) == ("a", "b", 3)


def test_the_best_is_named_and_the_gain_is_over_it() -> None:
    parts = scores(1, {"a": 0.5, "b": 0.0, "c": 0.2, "d": -0.4})
    found = against_best(parts, ["a"], ["b", "c", "d"], level=0.01)
    assert found.other == best_of(parts, ["b", "c", "d"])
    assert found.value == pytest.approx(parts["a"].gain - parts[found.other].gain)
    assert found.low < found.value < found.high


def test_both_ends_pay() -> None:
    """With several ways of carrying the lower end is further down; with several equal references the upper end further up."""
    parts = scores(2, {"a": 0.2, "b": 0.19, "c": 0.18, "x": 0.0, "y": 0.0, "z": 0.0})
    best = best_of(parts, ["x", "y", "z"])
    alone = against_best(parts, ["a"], [best], level=0.01)
    ways = against_best(parts, ["a", "b", "c"], [best], one="a", level=0.01)
    references = against_best(parts, ["a"], ["x", "y", "z"], level=0.01)
    assert ways.low < alone.low and ways.high == pytest.approx(alone.high, abs=0.004)
    assert references.high > alone.high
    assert references.low > alone.low  # the best of equals measures too well


def test_a_noisy_reference_that_measures_low_does_not_stand_in_the_way() -> None:
    rng = np.random.default_rng(3)
    parts = scores(3, {"a": 1.2, "b": 0.0})
    noisy = {k: (0.2 + k * 0.6) * LABELS + rng.normal(size=300) for k in range(3)}
    parts["noisy"] = components(LABELS, noisy)
    assert difference(parts["a"], parts["noisy"], confidence=0.97).low < 0
    assert against_best(parts, ["a"], ["b", "noisy"], level=0.015).low > 0


def test_equal_scores_gain_nothing() -> None:
    parts = scores(4, {"a": 0.0})
    found = against_best({"a": parts["a"], "b": parts["a"]}, ["a"], ["b"], level=0.01)
    assert (found.value, found.low, found.high) == (0, 0, 0)


@pytest.mark.parametrize("tied", [1, 3])
def test_errors_are_as_rare_as_they_should_be(tied: int) -> None:
    """Nothing is gained: 400 simulations at 5% a side, where a rate of 8% would be seen."""
    names = {"a": 0.0, "b": 0.0} | {f"r{i}": 0.0 for i in range(tied)}
    helps = hurts = 0
    for seed in range(400):
        found = against_best(scores(seed, names), ["a", "b"], list(names)[2:], level=0.05)
        helps, hurts = helps + (found.low > 0), hurts + (found.high < 0)
    most = stats.binom.ppf(0.995, 400, 0.05)
    assert helps <= most and hurts <= most


@pytest.mark.parametrize("name", sorted(METRICS))
def test_any_metric_has_estimates_differences_and_a_verdict(name: str) -> None:
    """A better model has a gain above zero, whether more or less of the metric is better."""
    metric, rng = METRICS[name], np.random.default_rng(0)
    parts = {}
    for strength in (0.2, 1.0, 3.0):
        logits = {k: strength * (LABELS - 0.5) + 0.3 * rng.normal(size=300) for k in range(3)}
        given = {k: v if name == "auc" else 1 / (1 + np.exp(-v)) for k, v in logits.items()}
        parts[strength] = components(LABELS, given, metric=metric)
    apart = difference(parts[3.0], parts[1.0])
    assert apart.value > 0 if name != "accuracy" else apart.value >= 0
    found = against_best({str(k): v for k, v in parts.items()}, ["3.0"], ["1.0"], level=0.01)
    assert found.value == pytest.approx(apart.value)
    several = against_best({str(k): v for k, v in parts.items()}, ["3.0"], ["0.2", "1.0"], level=0.01)
    assert several.other == "1.0" or parts[0.2].gain >= parts[1.0].gain


@pytest.mark.parametrize("name", ["log_loss", "brier", "accuracy"])
def test_influence_of_a_mean_is_its_standard_error(name: str) -> None:
    rng = np.random.default_rng(1)
    probabilities = rng.uniform(0.05, 0.95, 300)
    value, moved = METRICS[name].influence(LABELS, probabilities)
    terms = {
        "log_loss": -np.log(np.where(LABELS == 1, probabilities, 1 - probabilities)),
        "brier": (probabilities - LABELS) ** 2,
        "accuracy": ((probabilities >= 0.5) == (LABELS == 1)).astype(float),
    }[name]
    assert value == pytest.approx(terms.mean())
    assert np.sqrt(moved @ moved) == pytest.approx(stats.sem(terms))
