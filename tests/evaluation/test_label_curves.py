from __future__ import annotations

import numpy as np
import pytest
from sklearn.isotonic import isotonic_regression

from headstart.evaluation.draws import Components
from headstart.evaluation.label_curves import Resampling, isotonic, labels_needed, labels_saved, next_doubling


def _flat(value: float, n_groups: int = 50) -> Components:
    rng = np.random.default_rng(int(1000 * value))
    influence = rng.normal(size=(3, n_groups)) * 0.0005
    return Components((0, 1, 2), np.array([value - 0.001, value, value + 0.001]), influence)


def test_isotonic_is_scikit_learns() -> None:
    values = np.random.default_rng(0).normal(size=(40, 6))
    expected = np.stack([isotonic_regression(row) for row in values])
    np.testing.assert_allclose(isotonic(values), expected, atol=1e-12)


@pytest.mark.parametrize(
    ("target", "expected"),
    [(0.75, np.sqrt(100 * 400)), (0.7, 100), (0.8, 400), (0.5, 100), (0.9, 1600), (0.91, np.inf)],
)
def test_labels_are_read_off_between_budgets(target: float, expected: float) -> None:
    found = labels_needed((100, 400, 1600), np.array([0.7, 0.8, 0.9]), np.array(target))
    assert found == pytest.approx(expected)


@pytest.mark.parametrize(
    ("value", "said", "needed"),
    [
        (0.80, "400 labels [", 400),
        (0.95, "more than 1,600: not reached", None),
        (0.60, "at most 100 labels [100 to 100]", 100),
    ],
)
def test_labels_saved(value: float, said: str, needed: int | None) -> None:
    reference = {100: _flat(0.7), 400: _flat(0.8), 1600: _flat(0.9)}
    found = labels_saved(_flat(value), 50, reference, Resampling.of(50, 3))
    assert found["said"].startswith(said)
    assert found["needed"] == needed
    assert found["saved"] == (None if needed is None else needed - 50)
    if needed == 400:
        assert found["low"] <= 400 <= found["high"]
        assert found["chance_of_saving"] == 1.0


def test_the_next_doubling_shrinks_as_the_last_did() -> None:
    curve = {100: _flat(0.70), 200: _flat(0.78), 400: _flat(0.82)}
    found = next_doubling(curve, Resampling.of(50, 3))
    assert found is not None
    assert found["last_gain"] == pytest.approx(0.04)
    assert found["gain"] == pytest.approx(0.02)
    assert found["low"] <= found["gain"] <= found["high"]
    assert (found["from_labels"], found["to_labels"]) == (400, 800)


def test_one_budget_tells_nothing_of_the_next() -> None:
    assert next_doubling({100: _flat(0.7)}, Resampling.of(50, 3)) is None
