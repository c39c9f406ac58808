from __future__ import annotations

import numpy as np
import pytest

from headstart.fitting.calibration import fit_calibration, fit_decision_rule
from headstart.fitting.folds import best_choice, hold_out, out_of_fold, stratified_folds
from headstart.tasks import PLAIN


def test_folds_keep_groups_together_and_classes_apart() -> None:
    labels, groups = np.arange(60) % 2, np.arange(60) // 6
    for fold in stratified_folds(labels, groups, 0):
        assert not set(groups[fold.train]) & set(groups[fold.valid])
        assert set(labels[fold.train]) == {0, 1}


@pytest.mark.parametrize(
    ("labels", "n_folds"), [([0, 1] * 2, 0), ([0] * 50 + [1] * 2, 0), ([0, 1] * 3, 3), ([0, 1] * 9, 5)]
)
def test_folds_need_three_rows_of_a_class(labels: list[int], n_folds: int) -> None:
    assert len(stratified_folds(np.array(labels), None, 0)) == n_folds


def test_a_single_group_is_no_group() -> None:
    labels = np.arange(40) % 2
    assert len(stratified_folds(labels, np.zeros(40, int), 0)) == 5
    assert hold_out(labels, np.zeros(40, int), 0.2, 0) is not None


def test_the_best_choice_is_that_of_the_rows_that_count() -> None:
    labels = np.array([1, 1, 0, 0])
    folds = stratified_folds(np.arange(12) % 2, None, 0)
    assert out_of_fold(folds, 12, lambda fold: np.zeros((2, len(fold.valid))), 2).shape == (2, 12)
    logits = np.array([[2.0, -2.0, -1.0, -1.0], [-2.0, 2.0, -1.0, -1.0]])
    assert best_choice(labels, logits, np.array([9.0, 1, 1, 1]))[0] == 0
    assert best_choice(labels, logits, np.array([1.0, 9, 1, 1]))[0] == 1


def test_the_threshold_is_learnt_from_many_rows_only() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(size=400) + np.where(np.arange(400) % 4 == 0, 2.0, 0.0)
    labels = (np.arange(400) % 4 == 0).astype(int)
    assert fit_decision_rule(labels[:100], logits[:100]).threshold == 0.5
    assert 0.2 < fit_decision_rule(labels, logits).threshold < 0.8
    assert fit_decision_rule(labels, None) == PLAIN


def test_calibration_counts_rows_by_their_weights() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(size=300)
    labels = (rng.random(300) < 1 / (1 + np.exp(-logits))).astype(int)
    doubled = fit_calibration(np.tile(logits, 2), np.tile(labels, 2))
    assert fit_calibration(logits, labels, np.full(300, 2.0)) == pytest.approx(doubled, abs=0.05)
    _, shifted = fit_calibration(logits, labels, np.where(labels == 1, 5.0, 1.0))
    assert shifted > 1.0


@pytest.mark.parametrize(
    ("sizes", "n_folds"),
    [
        ([9, 9, 9], 5),
        ([9, 9, 2, 1], 5),
        ([2] * 40, 5),
        ([1] * 40, 0),
        ([1] * 30 + [2] * 20, 5),
        ([1] * 41 + [2] * 20, 0),
    ],
)
def test_a_class_that_is_rare_prevents_no_folds(sizes: list[int], n_folds: int) -> None:
    """Each row in company is held out once, and then its class is among those trained on; the others never are."""
    strata = np.random.default_rng(0).permutation(np.repeat(np.arange(len(sizes)), sizes))
    folds = stratified_folds(strata, None, 0)
    assert len(folds) == n_folds
    if folds:
        held = np.bincount(np.concatenate([fold.valid for fold in folds]), minlength=len(strata))
        np.testing.assert_array_equal(held, np.array(sizes)[strata] > 1)
    for fold in folds:
        assert set(strata[fold.valid]) <= set(strata[fold.train])
        assert not set(fold.valid) & set(fold.train) and len(fold.valid) + len(fold.train) == len(strata)
    again = stratified_folds(strata, None, 0)
    assert all(np.array_equal(a.valid, b.valid) for a, b in zip(folds, again, strict=True))


def test_folds_of_many_classes_keep_groups_together() -> None:
    strata, groups = np.arange(60) % 6 + (np.arange(60) > 57), np.arange(60) // 4
    folds = stratified_folds(strata, groups, 0)
    assert len(folds) == 5
    for fold in (*folds, hold_out(strata, groups, 0.3, 0)):
        assert fold is not None and not set(groups[fold.train]) & set(groups[fold.valid])
        assert set(strata[fold.valid]) <= set(strata[fold.train])


def test_the_best_choice_of_several_outputs() -> None:
    folds = stratified_folds(np.arange(12) % 3, None, 0)
    assert out_of_fold(folds[1:], (12, 3), lambda fold: np.zeros((2, len(fold.valid), 3)), 2).shape == (2, 12, 3)
    goals = np.eye(3)[[0, 1, 2, 0]]
    logits = np.stack([goals * 3, goals[::-1] * 3])
    logits[:, 1] = np.nan  # never held out
    assert best_choice(goals, logits, None, "softmax") == (0, pytest.approx(np.log(1 + 2 * np.exp(-3))))
    assert best_choice(goals, logits[::-1], None, "sigmoid")[0] == 1
