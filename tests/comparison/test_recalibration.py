"""A candidate that looked at no label, shipped to a user who has labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import headstart as hs
from headstart.comparison import Comparison, compare
from headstart.comparison.recalibration import recalibrated, recalibration
from headstart.comparison.workspace import Workspace
from headstart.metrics import evaluate_scores
from headstart.tasks import Rule

TOLD = ("log_loss", "brier", "ece", "accuracy")


@pytest.fixture(scope="module")
def skewed(gru_base: Any) -> Any:
    """The base, far too sure of itself and shy of label 1."""
    return gru_base.predictor_.with_rule(calibration=(4.0, -6.0))


@pytest.fixture(scope="module")
def out(skewed: Any, targets: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shipped") / "out"


@pytest.fixture(scope="module")
def result(skewed: Any, targets: Any, out: Path) -> Comparison:
    target = targets["like source"](400, 5)
    return compare(
        skewed, target.frame, target.labels, candidates=["as-is", "tfidf"], budgets=[None], seeds=2, test=0.4, n_jobs=1,
        out=out,
    )  # fmt: skip


def test_the_users_labels_say_what_the_scores_mean(result: Comparison, skewed: Any) -> None:
    told = result.verdict["recalibration"]
    assert (result.verdict["ship"], told["used"], told["n_labels"]) == ("as-is", True, 240)
    assert told["log_loss_in_folds"]["refitted"] < told["log_loss_in_folds"]["own"]
    before, after = told["test"]["before"], told["test"]["after"]
    assert after["log_loss"] < before["log_loss"]
    assert set(before) == set(after) == set(TOLD)
    row = next(row for row in result.rows if row["strategy"] == "as-is")
    assert {name: row[name] for name in TOLD} == before
    assert row["calibration"] == list(skewed.calibration)


def test_what_is_stored_and_shown_is_what_was_measured(result: Comparison, out: Path, targets: Any) -> None:
    told, model = result.verdict["recalibration"], hs.load(out / "model")
    probabilities = model.predict_proba(targets["like source"](400, 5).frame)[:, 1]
    shown = np.array(result.shown["probabilities"])
    assert np.abs(shown[:, None] - probabilities[None]).min(1).max() < 1e-5
    found = evaluate_scores(result.shown["labels"], shown, threshold=result.shown["threshold"])
    assert {name: found[name] for name in TOLD} == pytest.approx(told["test"]["after"], abs=1e-4)
    assert model.predictor_.threshold == result.shown["threshold"] == told["threshold"]
    assert found["auc"] == pytest.approx(result.verdict["shipped"]["value"])


def test_its_held_out_metrics_are_of_the_new_probabilities(result: Comparison, skewed: Any) -> None:
    """So that the model may be a base itself: what it is sure of, and right in, is what it was out of fold."""
    info = result.predictor.info if result.predictor else {}
    assert info["valid"] == result.verdict["recalibration"]["held_out"]
    assert info["valid"]["log_loss"] == pytest.approx(
        result.verdict["recalibration"]["log_loss_in_folds"]["refitted"], abs=1e-6
    )
    assert info["base"]["valid"] == skewed.info["valid"]


def test_words_and_page_say_so(result: Comparison, out: Path, read_page: Any) -> None:
    words = result.verdict["words"]
    assert "Ship it with probabilities fitted to your labels: AUC" in words
    assert "fitted to the 240 labels change, on the test rows, log loss from" in words
    page = read_page((out / "report.html").read_text())
    table = next(text for text in page.texts("table") if "before and after" in text)
    assert "fitted to 240 labels (shipped)" in table


def test_few_labels_change_nothing(skewed: Any, targets: Any) -> None:
    target = targets["like source"](400, 5)
    found = compare(
        skewed, target.frame, target.labels, candidates=["as-is", "tfidf"], budgets=[190], seeds=1, n_jobs=1
    )
    assert found.verdict["recalibration"] is None
    assert found.predictor is not None and found.predictor.calibration == skewed.calibration
    assert "Ship it unchanged: AUC" in found.verdict["words"]


class _Rows:
    """What `recalibration` reads of a context: labels that are right as often as their logits say."""

    n_pool = 400

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.logits = rng.normal(size=600) * 2
        self.labels = (rng.random(600) < 1 / (1 + np.exp(-self.logits))).astype(np.int64)
        self.test = np.arange(400, 600)

    def group_codes(self, rows: Any) -> None:
        return None


def _told(rows: Any, own: Rule, n: int = 220) -> dict[str, Any] | None:
    workspace: Workspace = rows
    return recalibration(workspace, np.arange(n), rows.logits[:n], own, rows.logits[rows.test])


def test_a_calibration_that_is_right_is_kept(gru_base: Any) -> None:
    told = _told(_Rows(0), Rule())
    assert told is not None and not told["used"]
    assert (told["calibration"], told["threshold"], told["test"]["after"]) == ([1.0, 0.0], 0.5, None)
    assert recalibrated(gru_base.predictor_, told) is gru_base.predictor_


@pytest.mark.parametrize("own", [Rule((3.0, 0.0)), Rule((1.0, 2.0)), Rule((0.2, -1.0))])
def test_a_calibration_that_is_wrong_is_not(own: Rule) -> None:
    told = _told(_Rows(0), own, n=300)
    assert told is not None and told["used"]
    assert told["calibration"] == pytest.approx([1.0, 0.0], abs=0.4)
    assert told["test"]["after"]["log_loss"] < told["test"]["before"]["log_loss"]


def test_no_label_beyond_the_budget_is_looked_at() -> None:
    rows = _Rows(1)
    found = _told(rows, Rule((3.0, 0.0)))
    rows.labels[220:] = 1 - rows.labels[220:]
    again = _told(rows, Rule((3.0, 0.0)))
    assert found is not None and again is not None
    assert {k: v for k, v in found.items() if k != "test"} == {k: v for k, v in again.items() if k != "test"}


@pytest.mark.parametrize("n_positive", [0, 2])
def test_labels_nearly_all_of_one_class_change_nothing(n_positive: int) -> None:
    rows = _Rows(2)
    rows.labels[:220] = np.arange(220) < n_positive
    assert _told(rows, Rule((3.0, 0.0))) is None
