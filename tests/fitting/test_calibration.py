"""A rule for every task from held-out logits: it finds what made the rows, and leaves alone what it knows too little of."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from headstart.errors import DataError
from headstart.evaluation import sigmoid
from headstart.evaluation.multilabel import MICRO_F1
from headstart.evaluation.ordinal import KAPPA
from headstart.fitting.calibration import fit_calibration, fit_rule
from headstart.fitting.conformal import conformal_quantile
from headstart.fitting.logistic import log_loss
from headstart.tasks import PLAIN, Binary, MultiClass, MultiLabel, Ordinal, Regression, Rule, Task

STARS = Ordinal(("1", "2", "3", "4"))
TOPICS = MultiClass(("a", "b", "c"))
INTENTS = MultiLabel(("x", "y", "z"))


def drawn(task: Task, n: int, seed: int = 0) -> tuple[Any, Any, Rule]:
    """Logits, targets drawn by a rule that is not the plain one, and that rule."""
    rng = np.random.default_rng(seed)
    logits = 2 * rng.normal(size=n if task.n_outputs == 1 else (n, task.n_outputs))
    if isinstance(task, Regression):
        return logits, np.round(10 ** (sigmoid(logits) + 0.1 * rng.normal(size=n)), 1), PLAIN
    if isinstance(task, MultiLabel):
        rule = Rule(factors=(0.5, 2.0, 1.0), offsets=(-2.0, 1.0, -1.0))
        return logits, (rng.random((n, 3)) < task.probabilities(logits, rule)).astype(np.int8), rule
    rule = Rule((0.6, 0.0), offsets=(-2.0, 0.5, 1.0)) if task is STARS else Rule((0.4, 0.0))
    found = task.probabilities(logits, rule)
    found = np.stack([1 - found, found], axis=1) if found.ndim == 1 else found
    return logits, (found.cumsum(1) < rng.random((n, 1))).sum(1), rule


@pytest.mark.parametrize("task", [Binary(("n", "y")), STARS, TOPICS, INTENTS], ids=lambda task: task.kind)
def test_finds_the_rule_that_made_the_rows(task: Task) -> None:
    logits, targets, rule = drawn(task, 6000)
    found = fit_rule(task, logits, targets)
    np.testing.assert_allclose(task.probabilities(logits, found), task.probabilities(logits, rule), atol=0.04)
    weighted = fit_rule(task, logits[:300], targets[:300], np.full(300, 2.0))
    doubled = fit_rule(task, np.repeat(logits[:300], 2, axis=0), np.repeat(targets[:300], 2, axis=0))
    assert weighted.calibration == pytest.approx(doubled.calibration, abs=1e-3)
    assert weighted.offsets == pytest.approx(doubled.offsets, abs=1e-3)


def test_a_binary_rule_is_platts() -> None:
    logits, targets, _ = drawn(Binary(("n", "y")), 200)
    assert fit_rule(Binary(("n", "y")), logits, targets) == Rule(fit_calibration(logits, targets))


@pytest.mark.parametrize("n", [0, 19])
@pytest.mark.parametrize("task", [Binary(("n", "y")), STARS, TOPICS, INTENTS, Regression()], ids=lambda task: task.kind)
def test_few_rows_leave_the_logits_as_they_are(task: Task, n: int) -> None:
    logits, targets, _ = drawn(task, n)
    assert fit_rule(task, logits, targets) == PLAIN


@pytest.mark.parametrize("task", [STARS, TOPICS, INTENTS], ids=lambda task: task.kind)
def test_separable_rows_and_classes_never_met_give_finite_rules(task: Task) -> None:
    targets: Any = np.tile([0, 1], 20)
    logits: Any = 1e3 * (targets - 0.5)
    if task.n_outputs > 1:
        logits = np.stack([-logits, logits, np.zeros(40)], axis=1)
        targets = (logits > 0).astype(np.int8) if task is INTENTS else targets
    found = task.probabilities(logits, fit_rule(task, logits, targets))
    assert np.isfinite(found).all() and 0.9 < found.max() < 0.999
    assert task is INTENTS or found.min() > 0
    wrong = fit_rule(task, -logits, targets)
    assert wrong.calibration[0] > 0 and min(wrong.factors, default=1) > 0  # the order of the scores never changes


def test_the_cuts_of_an_order_ascend_whatever_came() -> None:
    rng = np.random.default_rng(0)
    for n in (20, 60, 400):
        found = fit_rule(STARS, rng.normal(size=n), rng.integers(0, 4, n))
        assert (np.diff(found.offsets) > 0).all()


def test_decisions_of_an_order_are_as_many_of_each_class_as_there_are() -> None:
    """Medians of unsure rows would all lie in the middle, where kappa is 0."""
    rng = np.random.default_rng(0)
    targets = np.repeat(np.arange(4), [40, 60, 200, 100])
    for told in (0.3, 0.0, -0.3):
        logits = told * targets + rng.normal(size=400)
        rule = fit_rule(STARS, logits, targets)
        found = STARS.decide(STARS.probabilities(logits, rule), rule)
        np.testing.assert_allclose(np.bincount(found, minlength=4), [40, 60, 200, 100], atol=2)
        if told > 0:
            kappa, plain = (
                KAPPA.influence(targets, STARS.scores(logits, STARS.probabilities(logits, one), one))[0]
                for one in (rule, Rule(rule.calibration, offsets=rule.offsets))
            )
            assert kappa > plain + 0.05


def test_labels_that_are_rare_share_one_pair_and_one_threshold() -> None:
    logits, targets, _ = drawn(INTENTS, 400)
    targets[9:, 0] = 0
    found = fit_rule(INTENTS, logits, targets)
    (rare, *often), pooled = (
        zip(found.factors, found.offsets, strict=True),
        fit_calibration(logits.reshape(-1), targets.reshape(-1)),
    )
    assert rare == pooled and all(pair != pooled for pair in often)
    none = fit_rule(INTENTS, logits[:30], targets[:30] * (np.arange(30) < 9)[:, None])
    assert not none.factors and none.calibration != (1.0, 0.0) and len(set(none.thresholds)) == 1


def test_thresholds_are_those_of_the_best_micro_f1() -> None:
    logits, targets, _ = drawn(INTENTS, 3000)
    found = fit_rule(INTENTS, logits, targets)
    probabilities = INTENTS.probabilities(logits, found)

    def reached(thresholds: Any) -> float:
        return MICRO_F1.influence(targets, probabilities - thresholds)[0]

    best = reached(found.thresholds)
    common = max(reached(threshold) for threshold in np.linspace(0.05, 0.95, 91))
    assert best >= common > reached(0.5)
    assert np.allclose(found.thresholds, best / 2, atol=0.1)  # where the probabilities mean what they say


def test_numbers_are_the_medians_of_places() -> None:
    logits, targets, _ = drawn(Regression(), 4000)
    task = Regression().fitted(targets)
    found = fit_rule(task, logits[::2], targets[::2])
    assert (np.diff(found.inputs) > 0).all() and (np.diff(found.values) >= 0).all()
    errors = [np.abs(task.probabilities(logits[1::2], rule) - targets[1::2]).mean() for rule in (found, PLAIN)]
    assert errors[0] < errors[1]
    assert not fit_rule(task, logits[:60], targets[:60]).inputs


def test_temperature_does_no_harm_where_there_is_nothing_to_learn() -> None:
    rng = np.random.default_rng(0)
    logits, targets = rng.normal(size=(500, 3)), rng.integers(0, 3, 500)
    found = fit_rule(TOPICS, logits, targets)
    assert log_loss(np.eye(3)[targets], found.calibrated(logits), None, "softmax") < np.log(3) + 0.001


class TestConformalSets:
    @pytest.mark.parametrize(
        "task", [Binary(("n", "y")), STARS, TOPICS, INTENTS, Regression()], ids=lambda task: task.kind
    )
    def test_hold_the_truth_as_often_as_was_asked(self, task: Task) -> None:
        logits, targets, _ = drawn(task, 40_000)
        task = task.fitted(targets) if isinstance(task, Regression) else task
        probabilities, covered = task.probabilities(logits, PLAIN), []  # a rule that is wrong, which does not matter
        for draw in range(100):
            rows = slice(draw * 100, (draw + 1) * 100)
            rule = Rule(coverage=0.9, quantile=conformal_quantile(task, probabilities[rows], targets[rows], 0.9))
            sets, truth = task.sets(probabilities[20_000:], rule), targets[20_000:]
            if isinstance(task, Regression):
                inside = (sets[:, 0] <= truth) & (truth <= sets[:, 1])
            elif isinstance(task, MultiLabel):
                inside = (sets >= truth).all(1)
            else:
                inside = sets[np.arange(len(truth)), truth]
            covered.append(inside.mean())
        assert 0.88 < np.mean(covered) < 0.92

    def test_of_an_order_have_no_gaps(self) -> None:
        found = STARS.sets(STARS.probabilities(np.linspace(-9, 9, 99), PLAIN), Rule(coverage=0.8, quantile=0.3))
        edges = np.abs(np.diff(np.pad(found.astype(int), ((0, 0), (1, 1))), axis=1)).sum(1)
        assert (edges == 2).all()

    def test_are_refused_where_the_rows_cannot_promise_so_much(self) -> None:
        probabilities, targets = np.full(8, 0.6), np.arange(8) % 2
        assert conformal_quantile(Binary(("n", "y")), probabilities, targets, 0.88) == 0.6
        with pytest.raises(
            DataError, match="8 held-out rows came, .* in 90% of rows .*, which at least 9 rows can promise"
        ):
            conformal_quantile(Binary(("n", "y")), probabilities, targets, 0.9)
        with pytest.raises(DataError, match="no number of rows can promise"):
            conformal_quantile(Binary(("n", "y")), probabilities, targets, 1.0)
