"""Fits of a comparison: what they may look at, what they share, and which of them run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from headstart.artifact import read
from headstart.comparison.fits import Fit, load_scores, perform
from headstart.comparison.planning import chosen, every_strategy
from headstart.comparison.problem import assemble
from headstart.comparison.workspace import StoredRows, Workspace, prepare
from headstart.errors import OptionError
from headstart.estimators import labelled
from headstart.predictor import Predictor
from headstart.strategies import STRATEGIES, Settings

AVAILABLE = ("text", "rows", "answers", "labels", "network", "beginning", "ngrams", "layers", "source", "columns")
RUNNING = chosen(list(every_strategy()), available=AVAILABLE)[0]
LABEL_FREE = [name for name, one in RUNNING.items() if one.unlabelled]
TIMINGS = {"seconds", "cpu_seconds", "ms_per_row", "bytes", "artifact_differs_by", "content_hash"}


@pytest.fixture(scope="module")
def workspace(blend_base: Any, draw_reviews: Any, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Rows with columns, groups, nulls and a source; one text stands in the pool and among the test rows."""
    target, source = draw_reviews(160, seed=7), draw_reviews(120, seed=8)
    names = blend_base.predictor_.label_names
    frame = target.frame()
    texts = frame.column("text").to_pylist()
    pool = labelled(frame.slice(0, 96), target.labels[:96], text="text", columns=("stars", "device"), names=names)
    test = labelled(frame.slice(96), target.labels[96:], text="text", columns=("stars", "device"), names=names)
    assert len(set(texts)) > 100
    origin = labelled(source.texts, source.labels, names=names)
    problem = assemble(pool, test, columns=("stars", "device"), source=origin)
    return prepare(problem, blend_base.predictor_, origin, tmp_path_factory.mktemp("work") / "rows")


@pytest.fixture
def logits_of(workspace: Workspace, tmp_path: Path) -> Callable[..., Any]:
    """The test rows' logits of a strategy, with the labels of all rows as they are or as given."""

    def fitted(name: str, budget: int = 60, labels: Any = None) -> Any:
        other = Workspace(workspace.folder)
        if labels is not None:
            other.__dict__["labels"] = labels
        fit = Fit(name, 0 if RUNNING[name].unlabelled else budget, 0)
        perform(other, RUNNING[name], fit, tmp_path, keep=False)
        return load_scores(tmp_path, fit)

    return fitted


@pytest.mark.parametrize("name", list(RUNNING))
def test_the_artifact_says_what_the_fit_said(workspace: Workspace, tmp_path: Path, name: str) -> None:
    fit = Fit(name, 0 if RUNNING[name].unlabelled else 40, 0)
    row = perform(workspace, RUNNING[name], fit, tmp_path, keep=True)
    assert row["artifact_differs_by"] < 1e-5
    assert row["bytes"] > 0
    assert load_scores(tmp_path, fit).shape == workspace.test.shape
    again = perform(workspace, RUNNING[name], fit, tmp_path, keep=False)
    if name.startswith(
        "features"
    ):  # layers of rows in other companies differ in the last digit, and so may what is chosen
        return
    assert again["calibration"] == pytest.approx(row["calibration"], abs=1e-5)
    assert again["choices"] == row["choices"]
    apart = {*TIMINGS, "calibration", "choices"}
    stable, repeated = ({k: v for k, v in one.items() if k not in apart} for one in (row, again))
    assert repeated == pytest.approx(stable, abs=1e-5)


def test_what_teaches_itself_reads_the_texts_of_all_rows_to_draw_from(workspace: Workspace, tmp_path: Path) -> None:
    perform(workspace, RUNNING["self-train+fine-tune"], Fit("self-train+fine-tune", 40, 0), tmp_path, keep=True)
    shipped = Predictor.from_parts(read(tmp_path / "fitted" / "self-train+fine-tune"))
    assert shipped.info["n_unlabelled"] == len(workspace.unlabelled) > 40


@pytest.mark.parametrize("name", [name for name, one in RUNNING.items() if not one.unlabelled])
def test_no_strategy_looks_beyond_its_rows(workspace: Workspace, logits_of: Any, name: str) -> None:
    """Law 8: the labels of every row outside the draw turned round, and the scores stay."""
    labels = np.array(workspace.labels)
    rows = workspace.drawn(60, 0)
    turned = 1 - labels
    turned[rows] = labels[rows]
    # The draw is stratified by the labels, so it is held as it was.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Workspace, "drawn", lambda self, budget, seed: rows)
        found = [logits_of(name, labels=given) for given in (labels, turned)]
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize("name", LABEL_FREE)
def test_what_stands_for_all_budgets_looks_at_no_label(workspace: Workspace, logits_of: Any, name: str) -> None:
    found = [logits_of(name, labels=labels) for labels in (np.array(workspace.labels), 1 - workspace.labels)]
    np.testing.assert_array_equal(*found)


def test_tfidf_is_scikit_learns(workspace: Workspace, logits_of: Any, tmp_path: Path) -> None:
    found, rows = logits_of("tfidf"), workspace.drawn(60, 0)
    row = perform(workspace, STRATEGIES["tfidf"], Fit("tfidf", 60, 0), tmp_path, keep=False)
    texts = [[text or "" for text in workspace.corpus(part).texts.to_pylist()] for part in (rows, workspace.test)]
    vectorizer = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    inputs = vectorizer.fit_transform(texts[0])
    model = LogisticRegression(C=row["choices"]["C"], max_iter=2000, tol=1e-8).fit(inputs, workspace.labels[rows])
    np.testing.assert_allclose(found, model.decision_function(vectorizer.transform(texts[1])), atol=2e-2)


def test_texts_of_test_rows_are_not_read(workspace: Workspace) -> None:
    test = set(workspace.corpus(workspace.test).texts.to_pylist())
    assert not test & set(workspace.unlabelled.texts.to_pylist())
    assert workspace.unlabelled.labels is None and len(workspace.unlabelled) > 50


def test_what_is_stored_is_what_is_computed(workspace: Workspace) -> None:
    rows, settings = np.arange(20), Settings(source=workspace.source)
    stored, computed = (StoredRows(workspace, rows, settings, exact=exact) for exact in (False, True))
    np.testing.assert_allclose(stored.outputs(stored.layers), computed.outputs(computed.layers), atol=1e-5)
    np.testing.assert_allclose(stored.base_logits(), workspace.base.score(stored.corpus).logits, atol=1e-5)


def test_an_unknown_strategy_is_named() -> None:
    with pytest.raises(OptionError, match="no strategy 'tfdif'; did you mean 'tfidf'"):
        chosen(["tfdif"], available=())


@pytest.mark.parametrize("name", ["as-is+texts", "as-is+test-texts", "self-train+test-texts"])
def test_a_strategy_of_0_1_that_is_gone_gets_a_sentence(name: str) -> None:
    with pytest.raises(OptionError, match=f"{name.replace('+', '.')}' is no longer there: it "):
        chosen(["all", name], available=AVAILABLE)


def test_what_cannot_run_says_why() -> None:
    running, left_out = chosen(None, available=("text", "rows", "layers"))
    assert "tfidf" in running
    assert left_out["fine-tune"] == "the base is no network that could be trained on"
    assert not any("columns" in name for name in {**running, **left_out})
    with pytest.raises(OptionError, match="None of the strategies columns can run here: no columns were named"):
        chosen(["columns"], available=())
