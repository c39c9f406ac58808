"""The dual's coordinates against a general minimiser of the same objective."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.optimize import minimize

from headstart.strategies.logistic import solve_logistic, solve_near


def problem(seed: int, n: int = 200, size: int = 30) -> tuple[Any, Any]:
    """Sparse rows of length 1, and labels that lean on them."""
    rng = np.random.default_rng(seed)
    dense = rng.normal(size=(n, size)) * (rng.random((n, size)) < 0.3)
    dense /= np.maximum(np.linalg.norm(dense, axis=1, keepdims=True), 1e-9)
    labels = (dense @ rng.normal(size=size) * 3 + 0.7 + rng.normal(size=n) > 0).astype(np.float32)
    return sp.csr_matrix(dense.astype(np.float32)), labels


def objective(parameters: Any, features: Any, target: Any, penalty: float, prior: Any) -> float:
    away, logits = parameters[:-1] - prior, features @ parameters[:-1] + parameters[-1]
    return float(np.sum(np.logaddexp(0, logits) - target * logits) + away @ away / (2 * penalty))


def reference(features: Any, target: Any, penalty: float, prior: Any) -> Any:
    start = np.append(prior, 0.0)
    options = {"maxiter": 2000, "ftol": 1e-14, "gtol": 1e-9}
    return minimize(objective, start, (features, target, penalty, prior), method="L-BFGS-B", options=options)


@pytest.mark.parametrize("penalty", [0.1, 1.0, 30.0])
@pytest.mark.parametrize("soft", [False, True])
def test_finds_the_least_objective(penalty: float, soft: bool) -> None:
    features, labels = problem(3)
    target = 0.1 + 0.8 * labels if soft else labels
    least = reference(features, target, penalty, np.zeros(30))
    weights, bias = solve_logistic(features, target, penalty=penalty, n_sweeps=500)
    found = objective(np.append(weights.astype(float), bias), features, target, penalty, np.zeros(30))
    assert found == pytest.approx(least.fun, rel=1e-5)
    np.testing.assert_allclose(weights, least.x[:-1], atol=0.03)


def test_default_sweeps_are_enough_for_the_order_of_scores() -> None:
    features, labels = problem(4, n=2000)
    weights, _ = solve_logistic(features, labels, penalty=30.0)
    least = reference(features, labels, 30.0, np.zeros(30))
    assert np.corrcoef(features @ weights, features @ least.x[:-1])[0, 1] > 0.9999


def test_rows_in_pieces_are_the_same_problem() -> None:
    features, labels = problem(5)
    whole = solve_logistic(features, labels, penalty=1.0, n_sweeps=500)
    pieces = solve_logistic([features[:70], features[70:71], features[71:]], labels, penalty=1.0, n_sweeps=500)
    np.testing.assert_allclose(whole[0], pieces[0], atol=1e-3)
    assert whole[1] == pytest.approx(pieces[1], abs=1e-2)


def test_the_same_seed_gives_the_same_bits() -> None:
    features, labels = problem(6)
    found = [solve_logistic(features, labels, penalty=1.0, random_state=seed)[0].tobytes() for seed in (1, 1, 2)]
    assert found[0] == found[1] != found[2]


@pytest.mark.parametrize("labels", [np.zeros(200), np.ones(200)])
def test_labels_of_one_class_end_in_finite_numbers(labels: Any) -> None:
    weights, bias = solve_logistic(problem(7)[0], labels, penalty=1.0)
    assert np.isfinite(weights).all() and np.isfinite(bias)


def test_rows_without_features_leave_only_the_intercept() -> None:
    labels = np.array([1, 1, 1, 0], np.float32)
    weights, bias = solve_logistic(sp.csr_matrix((4, 3), dtype=np.float32), labels, penalty=1.0, n_sweeps=200)
    assert weights.tolist() == [0, 0, 0]
    assert bias == pytest.approx(np.log(3), abs=1e-3)


@pytest.mark.parametrize("penalty", [1.0, 3.0, 30.0])
@pytest.mark.parametrize("spread", [0.0, 3.0, 12.0])
def test_near_a_prior_one_long_column_does_no_harm(penalty: float, spread: float) -> None:
    """Fine-tuning has the base's logit as a column, in tens where the rest has length 1."""
    features, labels = problem(8, n=1500)
    rng = np.random.default_rng(2)
    logits = spread * (2 * labels - 1 + rng.normal(size=1500))
    beside = sp.hstack([sp.csr_matrix(5 * logits[:, None]), features], format="csr").astype(np.float32)
    prior = np.append(0.2, rng.normal(size=30)).astype(np.float32)
    least = reference(beside, labels, penalty, prior)
    weights, bias = solve_near(beside, labels, prior, penalty=penalty)
    found = objective(np.append(weights.astype(float), bias), beside, labels, penalty, prior)
    assert found == pytest.approx(least.fun, rel=1e-3)
