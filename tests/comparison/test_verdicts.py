"""Five cases whose truth is known, five verdicts. benchmarks/verdicts.py has them at full size."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from headstart.comparison import Comparison, compare
from headstart.comparison.verdict import answer_of, word_of

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
    assert "don't transfer" in verdict["words"]
    assert verdict["word"] == "hurts"


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


def test_the_word_is_recomputed_from_the_file(base: Any, targets: Any, tmp_path: Path) -> None:
    """By rule from the intervals in ``verdict.json``: of the recommended strategy against the best without the base."""
    target = targets["own words"](400, 4)
    compare(
        base, target.frame, target.labels, text="text", candidates=("as-is", "tfidf", "nbsvm", "features"),
        budgets=(20, None), seeds=3, test=0.5, n_jobs=1, out=tmp_path / "out",
    )  # fmt: skip
    verdict = json.loads((tmp_path / "out" / "verdict.json").read_text())["verdict"]
    judged = verdict["base"]
    for one in judged["by_budget"]:
        assert one["answer"] == answer_of({name: one[name] for name in ("low", "high", "negligible")})
    assert {name: judged[name] for name in ("low", "high", "answer")} == {
        name: judged["by_budget"][-1][name] for name in ("low", "high", "answer")
    }
    assert verdict["word"] == word_of(verdict)
    means = {
        one["strategy"]: one["auc"]
        for one in json.loads((tmp_path / "out" / "verdict.json").read_text())["estimates"]
        if one["budget"] in (0, verdict["own_budget"])
    }
    assert judged["reference"] == max(("tfidf", "nbsvm"), key=means.__getitem__)
    assert judged["difference"] == pytest.approx(means[judged["transfer"]] - means[judged["reference"]])
    if verdict["carries"]:
        assert judged["transfer"] == verdict["ship"]
    assert f"[{judged['low']:+.3f}, {judged['high']:+.3f}]" in verdict["words"]
