"""The linear head: against scikit-learn, alone as in a batch, and back from arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from headstart.corpus import Corpus
from headstart.errors import ArtifactError
from headstart.fitting.folds import stratified_folds
from headstart.heads import LinearHead
from headstart.strategies import Settings
from headstart.strategies.column_block import ColumnBlock
from headstart.strategies.head_choice import choose_linear, fit_linear_head
from headstart.tasks import Binary, Goals


def fit(features: Any, labels: Any, table: pa.Table | None = None) -> LinearHead:
    settings, columns = Settings(), None
    if table is not None:
        settings = Settings(columns=tuple(table.column_names))
        columns = ColumnBlock.fit(Corpus(pa.nulls(len(labels), pa.large_string()), columns=table), settings)
    goals = Goals(Binary(), labels)
    linear = choose_linear(features, columns, goals, stratified_folds(labels, None, 0), settings)
    return fit_linear_head(features, columns, goals, linear.cost)


@pytest.fixture
def features() -> Any:
    return (np.random.default_rng(0).normal(3, 2, (80, 4)) * [1, 10, 0.1, 1]).astype(np.float32)


@pytest.fixture
def labels(features: Any) -> Any:
    return (features[:, 0] + features[:, 3] + np.random.default_rng(1).normal(0, 1, 80) > 6).astype(np.float32)


def test_equals_scaling_and_logistic_regression_at_some_penalty(features: Any, labels: Any) -> None:
    found = fit(features, labels).decision(features)
    scaled = StandardScaler().fit_transform(features.astype(np.float64))
    peers = [
        LogisticRegression(C=c, max_iter=5000, tol=1e-10).fit(scaled, labels).decision_function(scaled)
        for c in (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
    ]
    assert any(np.allclose(found, peer, atol=1e-4) for peer in peers)


def test_columns_count_beside_the_features(features: Any, labels: Any) -> None:
    table = pa.table({"hint": [["no", "yes"][int(label)] for label in labels]})
    noise = np.random.default_rng(2).normal(size=(80, 3)).astype(np.float32)
    head = fit(noise, labels, table)
    assert ((head.decision(noise, table) > 0) == (labels > 0.5)).all()


def test_a_row_scores_the_same_alone(features: Any, labels: Any) -> None:
    head = fit(features, labels)
    alone = np.concatenate([head.decision(features[i : i + 1]) for i in range(len(features))])
    np.testing.assert_allclose(head.decision(features), alone, rtol=1e-12)


def test_a_feature_that_never_changes_does_no_harm(features: Any, labels: Any) -> None:
    constant = np.concatenate([features, np.full((80, 1), 7, np.float32)], axis=1)
    head = fit(constant, labels)
    assert np.isfinite(head.decision(constant)).all()


@pytest.mark.parametrize("n", [2, 4])
def test_two_rows_of_a_class_are_enough_to_fit(features: Any, n: int) -> None:
    labels = np.arange(n) % 2
    assert np.isfinite(fit(features[:n], labels).decision(features)).all()


def test_the_penalty_is_chosen_by_folds_inside_the_rows() -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(60) % 2
    noise, signal = rng.normal(size=(60, 50)), rng.normal(size=(60, 5)) + labels[:, None] * 4
    weak, strong = (np.abs(fit(inputs, labels).coefficients).sum() for inputs in (noise, signal))
    assert weak < 0.3 < strong


def test_comes_back_from_arrays(features: Any, labels: Any) -> None:
    head = fit(features, labels)
    again = LinearHead.from_arrays(head.arrays(), None)
    assert again.decision(features).tobytes() == head.decision(features).tobytes()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: a.pop("mean"), "the array 'mean' of this model's head is missing or holds no finite numbers"),
        (
            lambda a: a.update(scale=a["scale"] * np.nan),
            "the array 'scale' of this model's head is missing or holds no",
        ),
        (lambda a: a.update(intercept=np.array([1])), "the array 'intercept' of this model's head"),
        (lambda a: a.update(coefficients=a["coefficients"][:2]), "arrays of this model's linear head differ in size"),
        (lambda a: a.update(scale=a["scale"] * 0), "divides by a scale that is not positive; copy the model again"),
        (lambda a: a.update(intercept=np.zeros(2)), "arrays of this model's linear head differ in size"),
    ],
)
def test_damaged_arrays_are_refused(features: Any, labels: Any, change: Any, message: str) -> None:
    arrays = fit(features, labels).arrays()
    change(arrays)
    with pytest.raises(ArtifactError, match=message):
        LinearHead.from_arrays(arrays, None)
