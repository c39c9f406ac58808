"""Candidates that read the target's texts without labels."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from headstart.comparison import CANDIDATES, Comparison, compare
from headstart.comparison.context import Context, TrainingDraw, prepare
from headstart.comparison.fitted import Fitted
from headstart.comparison.folds import DecisionRule
from headstart.comparison.problem import assemble
from headstart.comparison.unlabelled import told_before
from headstart.corpus import Corpus
from headstart.estimators import labelled

NONE = TrainingDraw(np.zeros(0, np.int64), 0)


def _with_words(texts: list[str], word: str) -> list[str]:
    return [f"{text} {word}{i % 3}" for i, text in enumerate(texts)]


def _corpus(texts: list[str], labels: list[int], gru_base: Any) -> Corpus:
    return labelled(texts, labels, names=gru_base.predictor_.label_names)


@pytest.fixture(scope="module")
def context(gru_base: Any, draw_reviews: Any, tmp_path_factory: pytest.TempPathFactory) -> Context:
    """The pool has words of its own, so have the test rows, and one text stands in both."""
    pool, test, source = draw_reviews(60, seed=7), draw_reviews(40, seed=9), draw_reviews(240, seed=8)
    texts = [*_with_words(pool.texts[:-1], "poolish"), "shared shared shared"]
    others = [*_with_words(test.texts[:-1], "testish"), "shared shared shared"]
    problem = assemble(_corpus(texts, pool.labels, gru_base), _corpus(others, test.labels, gru_base))
    origin = _corpus(source.texts, source.labels, gru_base)
    return prepare(problem, gru_base.predictor_, origin, tmp_path_factory.mktemp("work") / "context")


def _words(fitted: Fitted) -> set[str]:
    steps: Any = fitted.build().steps
    return set(steps[-1].vocabulary_.to_pylist())


def test_inductive_reads_the_pool_and_no_test_text(context: Context) -> None:
    fitted = CANDIDATES["as-is+texts"].fit(context, NONE)
    words = _words(fitted)
    assert {"poolish0", "great", "awful"} <= words
    assert not {"testish0", "shared"} & words
    assert fitted.choices == {"n_source": 216, "n_texts": 59}


@pytest.mark.parametrize(("name", "n_texts"), [("self-train", 59), ("self-train+test-texts", 100)])
def test_a_base_that_teaches_itself_reads_the_same_texts(
    context: Context, blend_base: Any, monkeypatch: pytest.MonkeyPatch, name: str, n_texts: int
) -> None:
    other = Context(context.folder)
    monkeypatch.setitem(other.__dict__, "base", blend_base.predictor_)
    fitted = CANDIDATES[name].fit(other, NONE)
    assert ("testish0" in _words(fitted)) == (name == "self-train+test-texts")
    assert fitted.choices == {"n_texts": n_texts}
    assert fitted.build().info["n_self_trained"] == n_texts


def test_fine_tuning_in_closed_form_holds_no_label_back(
    context: Context, blend_base: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Context(context.folder)
    monkeypatch.setitem(other.__dict__, "base", blend_base.predictor_)
    monkeypatch.setattr("headstart.comparison.networks._LEAST_HELD_OUT_OF", 10)
    draw = TrainingDraw(np.arange(50), 0)
    made = {
        name: CANDIDATES[name].fit(other, draw).build().info
        for name in ("fine-tune", "self-train+fine-tune", "scratch")
    }
    assert [info["n_train"] for info in made.values()] == [50, 50, 40]
    assert [made[name]["n_self_trained"] for name in ("fine-tune", "self-train+fine-tune")] == [50, 59]


def test_transductive_reads_the_test_rows_too(context: Context) -> None:
    fitted = CANDIDATES["as-is+test-texts"].fit(context, NONE)
    assert {"poolish0", "testish0", "shared"} <= _words(fitted)
    assert fitted.choices["n_texts"] == 100


def test_the_network_is_the_bases_and_learns_from_the_source(context: Context, gru_base: Any) -> None:
    made = CANDIDATES["as-is+texts"].fit(context, NONE).build()
    spec, own = made.scorer.spec, gru_base.predictor_.scorer.spec  # type: ignore[union-attr]
    assert (spec.name, json.dumps(spec.options)) == (own.name, json.dumps(own.options))
    assert made.info["n_train"] == 216 and made.info["n_valid"] == 24
    assert made.calibration != (1.0, 0.0)


def test_a_base_is_trained_by_what_it_was_told(gru_base: Any) -> None:
    settings = told_before(gru_base.predictor_)
    assert (settings.epochs, settings.learning_rate, settings.batch_size) == (2, 0.03, 16)
    assert (settings.random_state, settings.columns, settings.unlabelled) == (3, (), None)
    tuned = replace(gru_base.predictor_, estimator={**gru_base.predictor_.estimator, "strategy": "fine-tune"})
    assert told_before(tuned).epochs is None


def _knows_all(context: Context, draw: TrainingDraw) -> Fitted:
    """Scores that no honest candidate has."""
    return Fitted(context.labels[context.test] * 8.0 - 4.0, DecisionRule(), lambda: replace(context.base, run={}))


@pytest.fixture(scope="module")
def cheat(
    gru_base: Any, targets: Any, reviews: Any, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Comparison, Path]:
    """A comparison in which what is only reported is by far the best."""
    name, out = "as-is+test-texts", tmp_path_factory.mktemp("cheat") / "out"
    target = targets["shuffled"](240, 1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(CANDIDATES, name, replace(CANDIDATES[name], fit=_knows_all))
        found = compare(
            gru_base, target.frame, target.labels, source=(reviews.texts, reviews.labels), budgets=[20, None], seeds=2,
            candidates=["as-is", "tfidf", name], test=0.5, n_jobs=1, out=out,
        )  # fmt: skip
    return found, out


def test_what_is_only_reported_is_neither_shipped_nor_counted(cheat: tuple[Comparison, Path]) -> None:
    result, _ = cheat
    verdict = result.verdict
    assert verdict["kind"] == "nothing helps"
    assert "as-is+test-texts" not in {
        verdict["ship"],
        verdict["best"],
        *verdict["in_the_running"],
        *verdict["chance"]["above"],
    }
    assert all(one["transfer"] != "as-is+test-texts" for one in (*result.labels_saved, *verdict["base"]["by_budget"]))
    assert verdict["shipped"]["chosen_on_other_rows"] < 0.8


def test_what_is_only_reported_is_reported(cheat: tuple[Comparison, Path], read_page: Any) -> None:
    result, out = cheat
    (one,) = result.verdict["reported_only"]
    assert (one["strategy"], one["auc"]) == ("as-is+test-texts", 1.0)
    assert any(row["strategy"] == "as-is+test-texts" and "seconds" in row for row in result.rows)
    assert (
        "Reported only, since it has read the test rows' texts (not their labels): AUC of as-is+test-texts 1.000"
        in (result.verdict["words"])
    )
    page = read_page((out / "report.html").read_text())
    assert "Reported only, since it has read the test rows" in page.texts("main")[0]


def test_what_read_texts_can_be_shipped(
    gru_base: Any, targets: Any, reviews: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what its scores mean, the labels say."""
    target = targets["like source"](300, 1)
    name = "as-is+texts"
    found = compare(
        gru_base, pa.table({"text": target.frame["text"]}), target.labels, source=(reviews.texts, reviews.labels),
        budgets=[None], seeds=1, candidates=[name], n_jobs=1,
    )  # fmt: skip
    assert found.verdict["ship"] == name
    assert found.verdict["recalibration"]["n_labels"] == 240
    assert found.predictor is not None and found.predictor.info["n_unlabelled"] == 240
