"""A comparison in every task, from a base of two labels: figures by the task's metric, and the verdict from what is stored."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import headstart as hs
from headstart.comparison.verdict import answer_of, word_of
from headstart.corpus import Corpus, as_corpus
from headstart.errors import DataError, OptionError
from headstart.evaluation.saying import Saying
from headstart.tasks import TASKS

TOPICS = ("noise", "price", "staff", "view")
WORDS = (("loud", "street"), ("cheap", "euro"), ("rude", "kind"), ("sea", "balcony"))
KINDS = tuple(kind for kind in TASKS if kind != "binary")


def text_of(topics: list[int], rng: np.random.Generator) -> str:
    words = [f"w{k}" for k in rng.integers(0, 40, 6)]
    return " ".join(rng.permutation([*words, *(word for topic in topics for word in rng.choice(WORDS[topic], 2))]))


def rows_of(kind: str, n: int = 240, seed: int = 0, *, shuffled: bool = False) -> Corpus:
    """Return rows whose words tell their label; `shuffled` ones tell nothing."""
    rng = np.random.default_rng(seed)
    topics = [[k for k in range(4) if rng.random() < 0.4] for _ in range(n)] if kind == "multilabel" else None
    topics = topics or [[int(k)] for k in rng.integers(0, 4, n)]
    labels: list[Any] = {
        "multilabel": lambda: [[TOPICS[k] for k in one] for one in topics],
        "multiclass": lambda: [TOPICS[k] for (k,) in topics],
        "ordinal": lambda: [k + 1 for (k,) in topics],
        "regression": lambda: [round(100.0 * k + float(rng.gamma(2.0, 20.0)), 2) for (k,) in topics],
    }[kind]()
    texts = [text_of(one, rng) for one in topics]
    labels = [labels[i] for i in rng.permutation(n)] if shuffled else labels
    return as_corpus(texts).with_labels(labels, task=kind)


@pytest.fixture(scope="module")
def base() -> hs.TextClassifier:
    rng = np.random.default_rng(1)
    topics = rng.integers(0, 2, 160)
    texts = [text_of([int(k)], rng) for k in topics]
    return hs.TextClassifier(epochs=1, random_state=0).fit(texts, np.where(topics, "good", "bad"))


def compared(base: Any, corpus: Corpus, **how: Any) -> hs.Comparison:
    asked = {"budgets": [60, None], "seeds": 2, "candidates": ["as-is", "tfidf", "fine-tune"], "n_jobs": 1, **how}
    return hs.compare(base, corpus, **asked)


@pytest.mark.parametrize("kind", KINDS)
def test_the_verdict_follows_from_what_is_stored(kind: str, base: hs.TextClassifier, tmp_path: Path) -> None:
    found = compared(base, rows_of(kind), out=tmp_path)
    stored = json.loads((tmp_path / "verdict.json").read_text())
    verdict, metric = stored["verdict"], TASKS[kind].primary
    assert verdict["word"] == word_of(verdict)
    for one in verdict["base"]["by_budget"]:
        assert one["answer"] == answer_of(one)
    assert Saying.from_json(verdict["metric"]).name == metric.name
    assert {one["strategy"] for one in stored["estimates"]} == {"tfidf", "fine-tune"}
    assert "gives other answers" in stored["facts"]["left_out"]["as-is"]
    own = [one for one in stored["estimates"] if one["budget"] == verdict["own_budget"]]
    best = (max if metric.higher_is_better else min)(own, key=lambda one: one[metric.name])
    assert best["strategy"] == verdict["best"]
    assert verdict[f"best_{metric.name}"] == best[metric.name]
    assert verdict["chance"]["above"]
    assert metric.said in found.verdict["words"]
    assert "AUC" not in found.verdict["words"]


@pytest.mark.parametrize("kind", KINDS)
def test_the_page_names_the_metric_and_shows_the_answers(kind: str, base: hs.TextClassifier, tmp_path: Path) -> None:
    compared(base, rows_of(kind), out=tmp_path, budgets=[None], seeds=1, candidates=["tfidf"])
    page = (tmp_path / "report.html").read_text()
    said = TASKS[kind].primary.said
    assert f"Mean {said} over draws, on the test rows" in page
    assert "AUC on the test rows" not in page
    shown = {
        "multiclass": "Confusion table",
        "ordinal": "Confusion table",
        "multilabel": "Each label",
        "regression": "Predicted and true",
    }
    assert shown[kind] in page


@pytest.mark.parametrize("kind", KINDS)
def test_labels_that_texts_do_not_tell_help_nothing(kind: str, base: hs.TextClassifier) -> None:
    found = compared(base, rows_of(kind, 400, 3, shuffled=True), budgets=[None], candidates=["tfidf", "nbsvm"])
    assert found.verdict["word"] == "nothing helps", found.verdict["words"]
    assert "Do not ship any of them" in found.verdict["words"]


def test_another_metric_decides_if_it_is_asked_for(base: hs.TextClassifier, tmp_path: Path) -> None:
    corpus = rows_of("multiclass")
    found = compared(base, corpus, metric="log_loss", out=tmp_path, budgets=[None], candidates=["tfidf"])
    (one,) = found.estimates
    rows = [row["log_loss"] for row in found.rows]
    assert one["log_loss"] == pytest.approx(np.mean(rows))
    assert not Saying.from_json(found.verdict["metric"]).higher_is_better
    with pytest.raises(OptionError, match="metric"):
        compared(base, corpus, out=tmp_path, budgets=[None], candidates=["tfidf"])  # rows of another metric are there
    with pytest.raises(OptionError, match="auc"):
        compared(base, corpus, metric="auc")


def test_test_rows_of_another_kind_are_refused(base: hs.TextClassifier) -> None:
    with pytest.raises(DataError):
        compared(base, rows_of("ordinal"), test=rows_of("multiclass", 60))


def test_a_base_that_gives_the_same_answers_is_scored_as_it_is() -> None:
    corpus = rows_of("multiclass", 200, 5)
    names = np.array(corpus.label_names)[corpus.labels]
    base = hs.TextClassifier(epochs=1, random_state=0).fit(corpus.texts, names)
    found = compared(base, rows_of("multiclass", 120, 6), budgets=[None], seeds=1, candidates=["as-is", "tfidf"])
    assert {row["strategy"] for row in found.rows} == {"as-is", "tfidf"}
    assert found.gap["confidence"]["average_confidence"] > 0
