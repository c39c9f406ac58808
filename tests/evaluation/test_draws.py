from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from headstart.evaluation.binary import METRICS
from headstart.evaluation.draws import Components, above_chance, components, difference, estimate, holm
from headstart.metrics import auc, auc_interval, delong_test

N_SIMULATIONS = 1000


def _draws(rng: Any, k: int, n: int, separation: float, *, of_seed: float, of_row: float) -> tuple[Any, dict[int, Any]]:
    """Scores of k models on the same rows: normal in each class, the separation drawn anew for each model."""
    labels = np.arange(n) % 2
    shared = rng.normal(size=n)
    scores = {}
    for seed in range(k):
        own = np.sqrt(1 - of_row**2) * shared + of_row * rng.normal(size=n)
        scores[seed] = own + labels * (separation + of_seed * rng.normal())
    return labels, scores


def _truth(separation: float, of_seed: float) -> float:
    return float(stats.norm.cdf(separation / np.sqrt(2 + of_seed**2)))


@pytest.mark.parametrize(
    ("k", "n", "separation", "of_seed", "of_row"),
    [(5, 120, 1.8, 0.0, 0.3), (5, 120, 1.8, 0.2, 0.3), (3, 160, 1.2, 0.3, 0.5), (1, 160, 1.8, 0.0, 0.0)],
)
def test_intervals_cover(k: int, n: int, separation: float, of_seed: float, of_row: float) -> None:
    rng = np.random.default_rng(7)
    truth, held = _truth(separation, of_seed), 0
    for _ in range(N_SIMULATIONS):
        one = estimate(components(*_draws(rng, k, n, separation, of_seed=of_seed, of_row=of_row)))
        held += one.low <= truth <= one.high
    assert 0.92 <= held / N_SIMULATIONS <= 0.98


def test_intervals_of_differences_cover() -> None:
    rng = np.random.default_rng(8)
    held = 0
    for _ in range(N_SIMULATIONS):
        labels, strong = _draws(rng, 4, 120, 1.8, of_seed=0.2, of_row=0.3)
        weak = {seed: scores - 0.6 * labels + 0.5 * rng.normal(size=120) for seed, scores in strong.items()}
        truth = _truth(1.8, 0.2) - float(stats.norm.cdf(1.2 / np.sqrt(2.5 + 0.04)))
        apart = difference(components(labels, strong), components(labels, weak))
        held += apart.low <= truth <= apart.high
    assert 0.92 <= held / N_SIMULATIONS <= 0.98


def test_one_draw_is_delong() -> None:
    labels, scores = _draws(np.random.default_rng(0), 2, 200, 1.0, of_seed=0.0, of_row=0.6)
    one = components(labels, {0: scores[0]})
    assert estimate(one).value == pytest.approx(auc(labels, scores[0]))
    assert estimate(one).standard_error == pytest.approx(auc_interval(labels, scores[0]).standard_error)
    apart, expected = difference(one, components(labels, {0: scores[1]})), delong_test(labels, scores[0], scores[1])
    assert apart.value == pytest.approx(expected.value)
    assert apart.standard_error == pytest.approx(expected.standard_error)


def test_rows_of_a_group_count_together() -> None:
    labels, scores = _draws(np.random.default_rng(1), 1, 200, 1.0, of_seed=0.0, of_row=0.0)
    twice, groups = np.repeat(labels, 2), np.repeat(np.arange(200), 2)
    doubled = {0: np.repeat(scores[0], 2)}
    alone, grouped = components(labels, scores), components(twice, doubled, groups)
    assert estimate(grouped).standard_error == pytest.approx(estimate(alone).standard_error, rel=0.01)
    assert estimate(components(twice, doubled)).standard_error < 0.75 * estimate(alone).standard_error


def test_a_candidate_without_draws_is_paired_with_every_draw() -> None:
    labels, scores = _draws(np.random.default_rng(2), 3, 100, 1.0, of_seed=0.1, of_row=0.4)
    without = components(labels, {-1: scores[0]})
    apart = difference(components(labels, scores), without)
    assert apart.draws == 3
    assert apart.value == pytest.approx(np.mean([auc(labels, s) for s in scores.values()]) - auc(labels, scores[0]))


@pytest.mark.parametrize(("seeds", "others", "shared"), [((0, 1, 2), (1, 2, 3), 2), ((0, 1), (0, 1), 2)])
def test_only_shared_draws_are_paired(seeds: tuple[int, ...], others: tuple[int, ...], shared: int) -> None:
    labels, scores = _draws(np.random.default_rng(3), 4, 80, 1.0, of_seed=0.1, of_row=0.4)
    one = components(labels, {seed: scores[seed] for seed in seeds})
    assert difference(one, components(labels, {seed: scores[seed] for seed in others})).draws == shared


def test_equal_scores_differ_by_nothing() -> None:
    labels, scores = _draws(np.random.default_rng(4), 2, 80, 1.0, of_seed=0.1, of_row=0.4)
    one = components(labels, scores)
    apart = difference(one, one)
    assert (apart.value, apart.low, apart.high, apart.p_value, apart.p_greater) == (0, 0, 0, 1, 0.5)


@pytest.mark.parametrize(("values", "expected"), [(np.zeros(40), 1.0), (np.arange(40) % 2, 0.0)])
def test_no_spread_is_no_crash(values: Any, expected: float) -> None:
    parts = components(np.arange(40) % 2, {0: values.astype(float)})
    assert above_chance(parts) == expected


@pytest.mark.parametrize("n_low", [10, 30])
def test_no_fault_leaves_an_interval(n_low: int) -> None:
    labels = np.arange(40) >= n_low
    found = estimate(components(labels, {seed: labels.astype(float) for seed in range(3)}))
    assert found[:3] == (1.0, auc_interval(labels, labels.astype(float)).low, 1.0)
    assert estimate(components(labels, {0: labels * 0.8}, metric=METRICS["brier"])).low > 0


def test_holm_adjusts_in_steps() -> None:
    assert holm({"a": 0.01, "b": 0.04, "c": 0.03}) == pytest.approx({"a": 0.03, "c": 0.06, "b": 0.06})
    assert holm({}) == {}


def test_draws_are_picked_by_seed() -> None:
    parts = Components((4, 7), np.array([0.6, 0.8]), np.zeros((2, 5)))
    assert parts.of((7,)).values.tolist() == [0.8]
