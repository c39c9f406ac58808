"""Five cases whose truth is known, five verdicts. benchmarks/verdicts.py has them at full size."""

from __future__ import annotations

from typing import Any

import pytest

from headstart.comparison import CANDIDATES, Comparison, compare
from headstart.comparison.verdict import Measured, _kind

CHEAP = ("as-is", "tfidf", "features")


def _compare(
    base: Any, target: Any, *names: str, budgets: tuple[int | None, ...] = (None,), seeds: int = 2
) -> Comparison:
    return compare(
        base, target.frame, target.labels, text="text", columns=target.columns, candidates=names or CHEAP,
        budgets=budgets, seeds=seeds, test=0.5, n_jobs=1,
    )  # fmt: skip


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_shuffled_labels_help_nobody(base: Any, targets: Any, seed: int) -> None:
    verdict = _compare(base, targets["shuffled"](300, seed)).verdict
    assert verdict["kind"] == "nothing helps"
    assert verdict["words"].startswith("Nothing helps")


def test_where_the_target_is_the_source_the_base_is_enough(base: Any, targets: Any) -> None:
    verdict = _compare(base, targets["like source"](300, 5)).verdict
    assert (verdict["kind"], verdict["ship"]) == ("as-is is enough", "as-is")


def test_a_misled_base_is_not_carried_over(misled_base: Any, targets: Any) -> None:
    verdict = _compare(misled_base, targets["like source"](500, 5), "as-is", "tfidf").verdict
    assert (verdict["kind"], verdict["ship"], verdict["base"]["answer"]) == ("do not transfer", "tfidf", "hurts")
    assert "Don't transfer" in verdict["words"]


@pytest.mark.parametrize(
    ("answer", "ship", "helps", "hurts", "kind"),
    [
        ("cannot be told", "tfidf", None, 100, "do not transfer"),
        ("cannot be told", "tfidf", None, None, "cannot be told"),
        ("cannot be told", "fine-tune", None, 100, "cannot be told"),
        ("cannot be told", "tfidf", 50, 100, "helps with few labels only"),
        ("helps", "fine-tune", None, 100, "transfer"),
        ("helps", "tfidf", None, 100, "cannot be told"),
    ],
)
def test_labels_enough_to_make_up_for_a_bad_base_do_not_speak_for_it(
    answer: str, ship: str, helps: int | None, hurts: int | None, kind: str
) -> None:
    base = {"answer": answer, "helps_up_to": helps, "hurts_up_to": hurts}
    facts = {"chance": {"above": ["tfidf"]}, "ship": ship, "columns": None, "base": base}
    assert _kind(facts, Measured(CANDIDATES, {}, (100, 500))) == kind


def test_a_base_that_helps_with_few_labels_only(base: Any, targets: Any) -> None:
    result = _compare(base, targets["own words"](1200, 3), "as-is", "tfidf", budgets=(10, 500), seeds=8)
    base_says = {one["budget"]: one["answer"] for one in result.verdict["base"]["by_budget"]}
    assert base_says[10] == "helps"
    assert base_says[500] == "hurts"
    assert result.verdict["kind"] == "helps with few labels only"
    assert result.verdict["base"]["helps_up_to"] == 10


def test_columns_that_decide(base: Any, targets: Any) -> None:
    result = _compare(base, targets["columns"](300, 2), "as-is", "tfidf", "tfidf+columns", "columns")
    assert result.verdict["kind"] == "columns decide"
    assert result.verdict["columns"]["answer"] == "help"
    assert "columns" in result.verdict["ship"]
