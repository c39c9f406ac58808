"""Both ways of solving a logistic regression against a general minimiser of the same objective."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.optimize import minimize
from scipy.special import expit, log_softmax

from headstart.fitting.logistic import dual_path, fit_dual, logistic_path, losses_of


def problem(seed: int, n: int = 200, size: int = 30) -> tuple[Any, Any]:
    """Sparse rows of length 1, and labels that lean on them."""
    rng = np.random.default_rng(seed)
    dense = rng.normal(size=(n, size)) * (rng.random((n, size)) < 0.3)
    dense /= np.maximum(np.linalg.norm(dense, axis=1, keepdims=True), 1e-9)
    labels = (dense @ rng.normal(size=size) * 3 + 0.7 + rng.normal(size=n) > 0).astype(np.float32)
    return sp.csr_matrix(dense.astype(np.float32)), labels


def objective(parameters: Any, features: Any, target: Any, penalty: float, prior: Any, of_bias: float = 0.0) -> float:
    away, logits = parameters[:-1] - prior, features @ parameters[:-1] + parameters[-1]
    squared = away @ away + of_bias * parameters[-1] ** 2
    return float(np.sum(np.logaddexp(0, logits) - target * logits) + squared / (2 * penalty))


def reference(features: Any, target: Any, penalty: float, prior: Any, of_bias: float = 0.0) -> Any:
    start = np.append(prior, 0.0)
    options = {"maxiter": 2000, "ftol": 1e-14, "gtol": 1e-9}
    return minimize(objective, start, (features, target, penalty, prior, of_bias), method="L-BFGS-B", options=options)


def solve_logistic(
    features: Any, labels: Any, penalty: float, prior: Any = None, n_iterations: int = 2000, weights: Any = None
) -> tuple[Any, float]:
    how: dict[str, Any] = {"prior": prior, "max_iter": n_iterations, "weights": weights, "tolerance": 1e-12}
    (line,) = logistic_path(features, labels, (penalty,), **how)
    return line.coefficients[0], float(line.intercepts[0])


SOLVERS = {"dual": partial(fit_dual, n_sweeps=1000), "quasi-Newton": solve_logistic}


@pytest.mark.parametrize("penalty", [0.1, 1.0, 30.0])
@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("solver", list(SOLVERS))
def test_finds_the_least_objective(solver: str, penalty: float, soft: bool) -> None:
    features, labels = problem(3)
    target = 0.1 + 0.8 * labels if soft else labels
    least = reference(features, target, penalty, np.zeros(30), of_bias=float(solver == "dual"))
    weights, bias = SOLVERS[solver](features, target, penalty)
    found = objective(
        np.append(weights.astype(float), bias), features, target, penalty, np.zeros(30), of_bias=float(solver == "dual")
    )
    assert found == pytest.approx(least.fun, rel=1e-4)
    np.testing.assert_allclose(weights, least.x[:-1], atol=0.05)


@pytest.mark.parametrize("penalty", [0.3, 3.0, 30.0])
def test_a_prior_and_a_column_that_is_hardly_penalised(penalty: float) -> None:
    """As fine-tuning has it: the base's logit, five times as large as it is, and weights to stay near."""
    features, labels = problem(8, n=400)
    logits = (features @ np.linspace(-4, 4, 30) + np.random.default_rng(2).normal(size=400)) * 4
    wide = sp.hstack([sp.csr_matrix(5 * logits[:, None]), features], format="csr").astype(np.float32)
    prior = np.zeros(31, np.float32)
    prior[0] = 0.2
    least = reference(wide, labels, penalty, prior)
    weights, bias = solve_logistic(wide, labels, penalty, prior=prior, n_iterations=100)
    found = objective(np.append(weights.astype(float), bias), wide, labels, penalty, prior)
    assert found == pytest.approx(least.fun, rel=3e-3)


def test_a_path_ends_where_each_cost_alone_does() -> None:
    features, labels = problem(4)
    prior = np.full(30, 0.5, np.float32)
    path = list(logistic_path(features, labels, (0.3, 3.0, 30.0), prior=prior, tolerance=1e-12, max_iter=2000))
    for line, cost in zip(path, (0.3, 3.0, 30.0), strict=True):
        np.testing.assert_allclose(
            line.coefficients[0], solve_logistic(features, labels, cost, prior=prior)[0], atol=0.02
        )
        assert line.coefficients.shape == (1, 30) and line.intercepts.shape == (1,)


@pytest.mark.parametrize("solver", list(SOLVERS))
def test_a_row_that_counts_twice_is_a_row_that_stands_twice(solver: str) -> None:
    features, labels = problem(5)
    counts = np.random.default_rng(0).integers(1, 4, len(labels))
    rows = np.repeat(np.arange(len(labels)), counts)
    weighted, bias = SOLVERS[solver](features, labels, 3.0, weights=counts.astype(float))
    repeated, other = SOLVERS[solver](features[rows], labels[rows], 3.0)
    np.testing.assert_allclose(weighted, repeated, atol=0.03)
    assert bias == pytest.approx(other, abs=0.03)


@pytest.mark.parametrize("share", [0.01, 0.5, 0.99])
@pytest.mark.parametrize("penalty", [1.0, 30.0])
def test_every_sweep_of_the_dual_goes_downhill_in_the_end(penalty: float, share: float) -> None:
    """Also where nearly all rows are of one class, and the intercept has far to go."""
    features, _ = problem(9, n=1000)
    labels = (np.random.default_rng(0).random(1000) < share).astype(np.float32)
    least = reference(features, labels, penalty, np.zeros(30), of_bias=1.0).fun
    losses = []
    for n_sweeps in (10, 40, 160, 640):
        weights, bias = fit_dual(features, labels, penalty, n_sweeps=n_sweeps)
        losses.append(
            objective(np.append(weights.astype(float), bias), features, labels, penalty, np.zeros(30), of_bias=1.0)
        )
    assert losses[-1] == pytest.approx(least, rel=1e-3)
    assert losses[1] < losses[0] + 1e-6 and losses[2] < losses[1] + 0.01 * abs(losses[1])


def test_default_sweeps_are_enough_for_the_order_of_scores() -> None:
    features, labels = problem(4, n=2000)
    weights, _ = fit_dual(features, labels, 30.0)
    least = reference(features, labels, 30.0, np.zeros(30))
    assert np.corrcoef(features @ weights, features @ least.x[:-1])[0, 1] > 0.999


def test_rows_in_pieces_are_the_same_problem() -> None:
    features, labels = problem(5)
    whole = fit_dual(features, labels, 1.0, n_sweeps=500)
    pieces = fit_dual([features[:70], features[70:71], features[71:]], labels, 1.0, n_sweeps=500)
    np.testing.assert_allclose(whole[0], pieces[0], atol=5e-3)
    assert whole[1] == pytest.approx(pieces[1], abs=1e-2)


def test_the_same_seed_gives_the_same_bits() -> None:
    features, labels = problem(6)
    found = [fit_dual(features, labels, 1.0, random_state=seed)[0].tobytes() for seed in (1, 1, 2)]
    assert found[0] == found[1] != found[2]


@pytest.mark.parametrize("labels", [np.zeros(200), np.ones(200)])
def test_labels_of_one_class_end_in_finite_numbers(labels: Any) -> None:
    weights, bias = fit_dual(problem(7)[0], labels, 1.0)
    assert np.isfinite(weights).all() and np.isfinite(bias)


def test_rows_without_features_leave_only_the_intercept() -> None:
    features, labels = sp.csr_matrix((400, 3), dtype=np.float32), np.arange(400) % 4 > 0
    weights, bias = fit_dual(features, labels, 1.0, n_sweeps=200)
    assert weights.tolist() == [0, 0, 0]
    assert bias == pytest.approx(np.log(3), abs=0.05)


class TestSeveralOutputs:
    """Both solvers, both links, weights and an offset: against a general minimiser of the objective, written out."""

    @staticmethod
    def goals(link: str, n: int = 200) -> Any:
        codes = np.random.default_rng(1).integers(0, 4, n)
        classes = np.eye(4, dtype=np.float32)[codes]
        return classes if link == "softmax" else np.maximum(classes, np.roll(classes, 1, 0))

    @staticmethod
    def reference(features: Any, goals: Any, link: str, of_bias: float, weights: Any, offset: Any) -> tuple[float, Any]:
        dense = np.append(features.toarray(), np.ones((features.shape[0], 1)), axis=1)

        def value(flat: Any) -> float:
            found = flat.reshape(-1, goals.shape[1])
            logits = dense @ found + offset
            if link == "softmax":
                losses = -(goals * log_softmax(logits, axis=1)).sum(1)
            else:
                losses = -(goals * np.log(expit(logits)) + (1 - goals) * np.log(expit(-logits))).sum(1)
            return float(losses @ weights + (np.square(found[:-1]).sum() + of_bias * np.square(found[-1]).sum()) / 20)

        start = np.zeros(dense.shape[1] * goals.shape[1])
        return value, minimize(value, start, method="L-BFGS-B", options={"maxfun": 10**6}).fun

    @pytest.mark.parametrize("link", ["softmax", "sigmoid"])
    @pytest.mark.parametrize("solver", [dual_path, logistic_path])
    def test_find_the_least_objective(self, solver: Any, link: str) -> None:
        (features, _), goals, rng = problem(3, size=8), self.goals(link), np.random.default_rng(0)
        weights, offset = rng.integers(1, 4, 200).astype(float), rng.normal(size=(200, 4))
        value, least = self.reference(features, goals, link, float(solver is dual_path), weights, offset)
        path = list(solver(features, goals, (1.0, 10.0), link=link, weights=weights, offset=offset))
        found = path[-1]
        assert found.coefficients.shape == (4, 8) and found.intercepts.shape == (4,)
        assert value(np.append(found.coefficients.T, found.intercepts[None], axis=0).astype(float)) <= least * 1.0005
        first = next(iter(solver(features, goals, (1.0,), link=link, weights=weights, offset=offset)))
        np.testing.assert_allclose(path[0].coefficients, first.coefficients, atol=1e-6)
        logits = found.logits(features, offset)
        assert logits.shape == (200, 4) and logits.dtype == np.float64
        assert losses_of(goals, logits, link) @ weights < least  # type: ignore[arg-type]

    @pytest.mark.parametrize("cost", [1.0, 300.0])
    def test_rare_labels_settle_whatever_the_penalty(self, cost: float) -> None:
        """Where nearly all rows lack a label and C is large, a step between bounds that are far apart must not go to and fro."""
        features, _ = problem(9, n=1000)
        goals = np.zeros((1000, 2), np.float32)
        goals[:7, 0], goals[7:20, 1] = 1, 1
        (line,) = logistic_path(features, goals, (cost,))
        least, found = (
            losses_of(goals, one.logits(features)).sum() + np.square(one.coefficients).sum() / (2 * cost)
            for one in (line, next(dual_path(features, goals, (cost,), link="sigmoid")))
        )
        assert found == pytest.approx(least, rel=0.05)

    @pytest.mark.parametrize("link", ["softmax", "sigmoid"])
    def test_a_path_may_take_long_steps(self, link: str) -> None:
        """From far away, where softmaxes are certain of the wrong class, the best probabilities of a row are found all the same."""
        (features, _), goals = problem(3), self.goals(link)
        *_, found = dual_path(features, goals, (0.1, 10.0, 1000.0), link=link)
        (alone,) = dual_path(features, goals, (1000.0,), link=link)
        losses = [losses_of(goals, one.logits(features), link).sum() for one in (found, alone)]
        assert losses[0] < 1.02 * losses[1]

    def test_one_of_two_classes_is_two_labels(self) -> None:
        features, labels = problem(4)
        goals = np.stack([1 - labels, labels], axis=1)
        (line,) = logistic_path(features, goals, (3.0,), link="softmax")
        (single,) = logistic_path(features, labels, (6.0,))  # two outputs share what one has to bear
        both = line.logits(features)
        np.testing.assert_allclose(both[:, 1] - both[:, 0], single.logits(features), atol=1e-2)
