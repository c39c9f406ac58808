"""The word of a verdict follows from the intervals that are printed, and its sentences say the same."""

from __future__ import annotations

from typing import Any

import pytest

from headstart.comparison.verdict import answer_of, word_of
from headstart.comparison.verdict_text import _base
from headstart.evaluation.saying import OF_AUC


def interval(low: float, high: float, budget: int = 1600) -> dict[str, Any]:
    found = {
        "budget": budget, "transfer": "fine-tune", "reference": "scratch", "difference": (low + high) / 2, "low": low,
        "high": high, "level": 0.015, "negligible": 0.01,
    }  # fmt: skip
    return {**found, "answer": answer_of(found)}


def verdict(own: dict[str, Any], *smaller: dict[str, Any], above: bool = True, carries: bool = True) -> dict[str, Any]:
    base = {**own, "by_budget": [*smaller, own]}
    for answer in ("helps", "hurts"):
        base[f"{answer}_up_to"] = max((one["budget"] for one in smaller if one["answer"] == answer), default=None)
    found: dict[str, Any] = {"chance": {"above": ["tfidf"] if above else []}, "base": base, "carries": carries}
    return {**found, "word": word_of(found)}


@pytest.mark.parametrize(
    ("low", "high", "answer"),
    [
        (0.001, 0.05, "helps"),
        (-0.05, -0.001, "hurts"),
        (-0.01, 0.01, "no difference"),
        (0.0, 0.009, "no difference"),
        (-0.011, 0.005, "cannot be told"),
        (0.0, 0.05, "cannot be told"),
    ],
)
def test_an_interval_has_one_answer(low: float, high: float, answer: str) -> None:
    assert answer_of(interval(low, high)) == answer


GOOD, BAD, NONE, OPEN = interval(0.01, 0.05), interval(-0.05, -0.01), interval(-0.005, 0.005), interval(-0.02, 0.05)


@pytest.mark.parametrize(
    ("given", "word", "said"),
    [
        (verdict(GOOD), "helps", "The base helps: fine-tune against scratch, the best without it: +0.030 AUC [+0.010, +0.050]"),
        (verdict(GOOD, BAD), "helps", "The base helps"),
        (verdict(OPEN, {**GOOD, "budget": 50}), "helps with few labels", "With 50 labels and fewer it does help (fine-tune"),
        (verdict(BAD, {**GOOD, "budget": 50}), "helps with few labels", "The base harms, don't transfer"),
        (verdict(BAD), "hurts", "The base harms, don't transfer: "),
        (verdict(NONE), "no difference", "The base makes no difference with all 1,600 labels"),
        (verdict(OPEN), "cannot be told", "Whether the base helps with all 1,600 labels cannot be told from these test rows"),
        (verdict(OPEN, {**BAD, "budget": 50}, carries=False), "hurts", "Don't transfer: with 50 labels the base harms"),
        (verdict(OPEN, {**BAD, "budget": 50}), "cannot be told", "Whether the base helps"),
        (verdict(GOOD, above=False), "nothing helps", ""),
    ],
)  # fmt: skip
def test_the_word_and_the_sentence_agree(given: dict[str, Any], word: str, said: str) -> None:
    assert given["word"] == word
    assert said in _base(given, OF_AUC)
    assert "(97% interval)" in _base(given, OF_AUC) or word == "nothing helps"
