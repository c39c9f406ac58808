"""What a rule decides beyond the likeliest class: the cheapest one, or none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from headstart.records import decoded
from headstart.tasks import PLAIN, Binary, MultiClass, MultiLabel, Ordinal, Regression, Rule, Task

THREE = np.array([[0.6, 0.3, 0.1], [0.4, 0.35, 0.25]])
DEAR = Rule(costs=(0, 1, 1, 1, 0, 1, 4, 4, 0))  # to overlook the third class costs four


@pytest.mark.parametrize("kind", [MultiClass, Ordinal])
@pytest.mark.parametrize(
    ("rule", "predicted"),
    [
        (PLAIN, ["a", "b"]),
        (DEAR, ["a", "c"]),
        (Rule(abstain_below=0.5), ["a", None]),
        (Rule(costs=DEAR.costs, abstain_below=0.3), ["a", None]),
        (Rule(abstain_below=0.0), ["a", "b"]),
    ],
)
def test_of_several_classes(kind: Any, rule: Rule, predicted: list[str | None]) -> None:
    # The second row's likeliest class is a, its median class b.
    expected = ["a" if name == "b" and kind is MultiClass else name for name in predicted]
    task = kind(("a", "b", "c"))
    assert task.columns(THREE, rule)["prediction"].tolist() == expected
    assert task.predicted(THREE, rule).tolist() == expected


def test_what_stands_out_more_is_more_in_scope() -> None:
    rows = np.array(
        [[0.5, 0.48, 0.01, 0.01], [0.5, 0.5 / 3, 0.5 / 3, 0.5 / 3], [0.25, 0.25, 0.25, 0.25], [1.0, 0.0, 0.0, 0.0]]
    )
    found = MultiClass(tuple("abcd")).columns(rows, PLAIN)["in_scope"]
    assert found[2] == 0 and found[3] > 100 and np.isfinite(found).all()
    np.testing.assert_allclose(found[:2], [np.log(r).max() - np.log(r).mean() for r in rows[:2]])


def test_of_two_classes() -> None:
    rule = Rule(threshold=0.9, abstain_below=0.25)
    found = Binary(("no", "yes")).columns(np.array([0.1, 0.7, 0.8, 0.95]), rule)["prediction"]
    assert found.tolist() == ["no", "no", None, "yes"]


@pytest.mark.parametrize(
    ("task", "probabilities"),
    [(MultiLabel(("a", "b")), np.full((2, 2), 0.5)), (Regression(), np.array([1.5, 2.0]))],
    ids=["multilabel", "regression"],
)
def test_sets_and_numbers_never_abstain(task: Task, probabilities: Any) -> None:
    assert not task.abstains(probabilities, Rule(abstain_below=1.0)).any()
    assert all(value is not None for value in task.predicted(probabilities, Rule(abstain_below=1.0)))


def test_a_rule_is_the_same_after_json() -> None:
    rule = Rule(costs=DEAR.costs, abstain_below=0.4)
    assert decoded(Rule, rule.to_json(), "rule") == rule
