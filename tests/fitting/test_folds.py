from __future__ import annotations

import numpy as np
import pytest

from headstart.fitting.calibration import fit_calibration, fit_decision_rule
from headstart.fitting.folds import best_choice, hold_out, out_of_fold, stratified_folds


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
    assert fit_decision_rule(labels, None) == ((1.0, 0.0), 0.5)


def test_calibration_counts_rows_by_their_weights() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(size=300)
    labels = (rng.random(300) < 1 / (1 + np.exp(-logits))).astype(int)
    doubled = fit_calibration(np.tile(logits, 2), np.tile(labels, 2))
    assert fit_calibration(logits, labels, np.full(300, 2.0)) == pytest.approx(doubled, abs=0.05)
    _, shifted = fit_calibration(logits, labels, np.where(labels == 1, 5.0, 1.0))
    assert shifted > 1.0
