"""Metrics of every kind of target: values as scikit-learn's, influences as the jackknife's, chance levels, what is undefined."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats
from sklearn import metrics as sk

from headstart.errors import DataError
from headstart.evaluation.classes import class_figures, confusion
from headstart.evaluation.draws import above_chance, components
from headstart.evaluation.figures import interval
from headstart.evaluation.metric import Metric
from headstart.evaluation.ordinal import median_class
from headstart.tasks import PLAIN, TASKS, Binary, MultiClass, MultiLabel, Ordinal, Regression, Rule, Task

NAMES = ("a", "b", "c", "d")
OF_KIND: dict[str, Task] = {
    "binary": Binary(("no", "yes")), "multiclass": MultiClass(NAMES), "multilabel": MultiLabel(NAMES),
    "ordinal": Ordinal(NAMES), "regression": Regression(),
}  # fmt: skip
ALL = [(kind, name) for kind, task in TASKS.items() for name in task.metrics]


def rows_of(kind: str, n: int = 80, seed: int = 0) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """Return targets and what the metrics take, with ties among both."""
    rng = np.random.default_rng(seed)
    if kind == "multilabel":
        targets = (rng.random((n, 4)) < (0.5, 0.4, 0.3, 0.25)).astype(np.int8)
        return targets, np.round(targets + rng.normal(0, 0.5, (n, 4)) - 0.5, 1)
    if kind == "regression":
        truth = np.round(rng.gamma(2.0, 2.0, n), 1)
        return truth, np.round(truth + rng.normal(0, 1.0, n), 1)
    codes = rng.choice(4, n, p=(0.4, 0.3, 0.2, 0.1)) if kind != "binary" else rng.integers(0, 2, n)
    if kind == "binary":
        return codes, np.round(1 / (1 + np.exp(-(2 * codes - 1 + rng.normal(0, 1, n)))), 2)
    logits = (
        2.5 * np.eye(4)[codes] + (0.8 * np.eye(4, k=1)[codes] if kind == "ordinal" else 0) + rng.normal(0, 1, (n, 4))
    )
    return codes, np.exp(logits) / np.exp(logits).sum(1, keepdims=True)


def without(targets: NDArray[Any], scores: NDArray[np.float64], row: int) -> tuple[NDArray[Any], NDArray[np.float64]]:
    return np.delete(targets, row, 0), np.delete(scores, row, 0)


@pytest.mark.parametrize(("kind", "name"), ALL)
def test_influences_are_the_jackknifes(kind: str, name: str) -> None:
    metric, (targets, scores) = TASKS[kind].metrics[name], rows_of(kind, 400)
    value, moved = metric.influence(targets, scores)
    n = len(targets)
    left_out = np.array([metric.influence(*without(targets, scores, row))[0] for row in range(n)])
    jackknife = (value - left_out) * np.sqrt((n - 1) / n)
    assert abs(moved.sum()) < 1e-9
    assert np.corrcoef(moved, jackknife - jackknife.mean())[0, 1] > 0.99
    assert np.sqrt(moved @ moved) == pytest.approx(jackknife.std() * np.sqrt(n), rel=0.05)


def scikit_learns(kind: str, name: str, y: NDArray[Any], p: NDArray[np.float64]) -> float:
    """Return scikit-learn's (or SciPy's) figure."""
    if kind == "regression":
        return {"mae": sk.mean_absolute_error, "r2": sk.r2_score, "spearman": lambda a, b: stats.spearmanr(a, b)[0]}[
            name
        ](y, p)
    if kind == "multilabel":
        if name == "macro_average_precision":
            return sk.average_precision_score(y, p, average="macro")
        return sk.f1_score(y, p >= 0, average=name.removesuffix("_f1"))
    if kind == "ordinal":
        said = median_class(p)
        if name == "kappa":
            return sk.cohen_kappa_score(y, said, weights="quadratic")
        each = [sk.mean_absolute_error(y[y == k], said[y == k]) for k in range(4)]
        return sk.accuracy_score(y, said) if name == "accuracy" else float(np.mean(each))
    if name == "log_loss":
        return sk.log_loss(y, p)
    if kind == "binary":
        return {
            "auc": sk.roc_auc_score,
            "brier": sk.brier_score_loss,
            "accuracy": lambda a, b: np.mean(a == (b >= 0.5)),
        }[name](y, p)
    if name == "macro_auc":
        return sk.roc_auc_score(y, p, multi_class="ovr")
    return sk.accuracy_score(y, p.argmax(1)) if name == "accuracy" else sk.f1_score(y, p.argmax(1), average="macro")


@pytest.mark.parametrize(("kind", "name"), ALL)
def test_values_are_scikit_learns(kind: str, name: str) -> None:
    for seed in range(3):
        targets, scores = rows_of(kind, seed=seed)
        value, _ = TASKS[kind].metrics[name].influence(targets, scores)
        assert value == pytest.approx(scikit_learns(kind, name, targets, scores), abs=1e-12)


@pytest.mark.parametrize(("kind", "name"), ALL)
def test_no_answer_that_is_alike_for_all_rows_is_better_than_chance(kind: str, name: str) -> None:
    metric, (targets, scores) = TASKS[kind].metrics[name], rows_of(kind)
    chance = metric.chance(targets)
    for one in scores[:40]:
        alike = np.broadcast_to(one, scores.shape)
        assert metric.sign * (metric.influence(targets, alike)[0] - chance) <= 1e-12
    assert metric.sign * (metric.influence(targets, scores)[0] - chance) > 0
    parts = components(targets, {0: scores, 1: scores}, metric=metric)
    assert (parts.chance, parts.negligible) == (chance, metric.negligible_for(targets))
    assert above_chance(parts) < 0.01
    naive = np.array(metric.naive(targets))
    assert above_chance(components(targets, {-1: naive}, metric=metric)) == 1.0


def test_the_chance_level_is_measured_on_the_same_rows() -> None:
    """Accuracy just above the commonest class's share: paired, it is told from chance; as two numbers it would not be."""
    codes = np.repeat([0, 1, 2], (240, 40, 20))
    scores = np.eye(3)[np.where(np.arange(300) < 255, 0, codes)]
    metric = MultiClass.metrics["accuracy"]
    assert metric.chance(codes) == 0.8
    assert above_chance(components(codes, {-1: scores}, metric=metric)) < 1e-6


@pytest.mark.parametrize("kind", TASKS)
def test_a_task_measures_all_its_metrics_and_the_first_ones_interval(kind: str) -> None:
    task, (targets, scores) = OF_KIND[kind], rows_of(kind, 200)
    found = task.measure(targets, scores + 0.5 if kind == "multilabel" else scores)
    assert next(iter(task.metrics.values())) is task.primary
    first = task.primary.name
    assert set(found) >= {*task.metrics, f"{first}_low", f"{first}_high", "n"}
    assert found[f"{first}_low"] < found[first] < found[f"{first}_high"]
    for name, metric in task.metrics.items():
        assert found[name] == pytest.approx(metric.influence(targets, scores)[0])
    assert kind == "binary" or found["chance"] == task.primary.chance(targets)


MISSING = {
    "multiclass": ({"macro_auc", "macro_f1"}, "no row holds d: no macro AUC, no macro F1."),
    "ordinal": ({"macro_mae"}, "no row holds d: no macro MAE."),
    "multilabel": ({"macro_f1", "macro_average_precision"}, "no row holds d: no macro F1, no macro average precision."),
}


@pytest.mark.parametrize("kind", MISSING)
def test_a_class_without_rows_leaves_none_and_a_sentence(kind: str) -> None:
    task, (targets, scores) = OF_KIND[kind], rows_of(kind)
    kept = targets[:, 3] == 0 if kind == "multilabel" else targets != 3
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found, rest = task.measure(targets[kept], scores[kept]), task.details(targets[kept], scores[kept])
    names, sentence = MISSING[kind]
    assert {name for name in task.metrics if found[name] is None} == names
    assert found["undefined"] == sentence
    assert rest["classes"][3] == {**rest["classes"][3], "label": "d", "recall": None, "f1": None, "support": 0}


@pytest.mark.parametrize(
    ("kind", "target", "names"),
    [
        ("ordinal", 1, {"kappa", "macro_mae"}),
        ("regression", 2.5, {"r2", "spearman"}),
        ("multiclass", 2, {"macro_auc", "macro_f1"}),
    ],
)
def test_equal_targets_leave_none_and_a_sentence(kind: str, target: float, names: set[str]) -> None:
    task, (targets, scores) = OF_KIND[kind], rows_of(kind)
    found = task.measure(np.full_like(targets, target), scores)
    assert {name for name in task.metrics if found[name] is None} == names
    assert "undefined" in found


def test_one_answer_for_all_rows_is_worth_nothing_and_no_warning() -> None:
    for kind in ("multiclass", "ordinal", "regression"):
        targets, scores = rows_of(kind)
        found = OF_KIND[kind].measure(targets, np.array(np.broadcast_to(scores[0], scores.shape)))
        assert all(found[name] is None or np.isfinite(found[name]) for name in OF_KIND[kind].metrics)


@pytest.mark.parametrize("kind", [kind for kind in TASKS if kind != "binary"])
def test_rows_that_cannot_be_measured_are_refused_in_a_sentence(kind: str) -> None:
    task, (targets, scores) = OF_KIND[kind], rows_of(kind)
    for y, p, said in (
        (targets[:0], scores[:0], "0 rows"),
        (targets[:3], scores, "3 rows"),
        (targets, scores * np.nan, "no finite"),
    ):
        with pytest.raises(DataError, match=said):
            task.measure(y, p)


def test_figures_of_classes_are_scikit_learns() -> None:
    targets, scores = rows_of("multiclass")
    said = scores.argmax(1)
    precision, recall, f1, support = sk.precision_recall_fscore_support(targets, said)
    found = class_figures(targets, said, NAMES)
    for k, one in enumerate(found):
        expected = {
            "label": NAMES[k],
            "precision": precision[k],
            "recall": recall[k],
            "f1": f1[k],
            "support": support[k],
        }
        assert one == pytest.approx(expected)
    table = confusion(targets, said, NAMES)
    assert table["counts"] == sk.confusion_matrix(targets, said).tolist()
    worst = table["most_confused"][0]
    off = np.array(table["counts"]) * (1 - np.eye(4, dtype=int))
    assert worst["n"] == off.max() == off[NAMES.index(worst["label"]), NAMES.index(worst["predicted"])]
    assert worst["share"] == worst["n"] / support[NAMES.index(worst["label"])]


def test_many_classes_give_pairs_and_no_table() -> None:
    targets = np.arange(400) % 200
    found = confusion(targets, np.where(targets < 5, 199, targets), [str(k) for k in range(200)])
    assert found["counts"] is None
    assert {(one["label"], one["predicted"], one["n"]) for one in found["most_confused"]} == {
        (str(k), "199", 2) for k in range(5)
    }


def test_details_of_numbers_are_residuals() -> None:
    truth = np.arange(101.0)
    found = Regression().details(truth, truth + truth - 50)["residuals"]
    assert (found["mean"], found["5"], found["50"], found["95"]) == pytest.approx((0, -45, 0, 45))


def test_a_metric_without_fault_has_an_interval_all_the_same() -> None:
    targets = np.arange(30) % 3
    low, high = interval(MultiClass.primary, targets, np.eye(3)[targets])
    assert low == pytest.approx(0.025 ** (1 / 30))
    assert high == 1.0


@pytest.mark.parametrize("kind", TASKS)
def test_a_task_gives_each_metric_what_it_takes(kind: str) -> None:
    task = OF_KIND[kind]
    targets, _ = rows_of(kind, 40)
    logits = np.random.default_rng(0).normal(0, 1, (40, task.n_outputs) if task.n_outputs > 1 else 40)
    fitted = Regression().fitted(targets) if kind == "regression" else task
    probabilities = fitted.probabilities(logits, PLAIN)
    found = fitted.measure(targets, probabilities)
    for name, metric in task.metrics.items():
        taken = fitted.taken(metric, logits, probabilities, PLAIN)
        assert metric.influence(targets, taken)[0] == pytest.approx(found[name], abs=1e-12)


def test_a_difference_in_the_targets_unit_grows_with_it() -> None:
    targets, _ = rows_of("regression")
    mae: Metric = Regression.primary
    assert mae.negligible_for(1000 * targets) == pytest.approx(1000 * mae.negligible_for(targets))
    assert mae.negligible_for(targets) == pytest.approx(0.02 * np.abs(targets - np.median(targets)).mean())


@pytest.mark.parametrize("kind", ["multiclass", "ordinal"])
def test_what_costs_decide_is_what_is_measured(kind: str) -> None:
    task, (targets, scores) = OF_KIND[kind], rows_of(kind)
    never_a = Rule(costs=(9.0, 1.0, 1.0, 1.0) * 4)
    found = task.measure(targets, scores, never_a)
    assert found["accuracy"] == np.mean(task.decide(scores, never_a) == targets)
    assert found["accuracy"] != task.measure(targets, scores)["accuracy"]
    assert "log_loss" not in found or found["log_loss"] == task.measure(targets, scores)["log_loss"]
