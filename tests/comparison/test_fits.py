"""Candidates against what the same thing gives when it is done the long way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from headstart.comparison.candidates import CANDIDATES, chosen, every_candidate
from headstart.comparison.context import Context, TrainingDraw, prepare
from headstart.comparison.fits import Fit, load_scores, perform
from headstart.comparison.folds import fit_decision_rule, hold_out, stratified_folds
from headstart.comparison.logistic import log_loss, ridge_path
from headstart.comparison.problem import assemble
from headstart.errors import OptionError
from headstart.estimators import labelled

AVAILABLE = ("labels", "network", "recipe", "layers", "source", "columns")
RUNNING = chosen(list(every_candidate()), available=AVAILABLE)[0]
LABEL_FREE = [name for name, one in RUNNING.items() if one.unlabelled]


@pytest.fixture(scope="module")
def context(blend_base: Any, draw_reviews: Any, tmp_path_factory: pytest.TempPathFactory) -> Context:
    """A context with columns, groups, nulls and a source."""
    target, source = draw_reviews(160, seed=7), draw_reviews(120, seed=8)
    frame = target.frame()
    data = labelled(
        frame, target.labels, text="text", columns=("stars", "device"), names=blend_base.predictor_.label_names
    )
    origin = labelled(source.texts, source.labels, names=blend_base.predictor_.label_names)
    problem = assemble(data, 0.4, columns=("stars", "device"), source=origin)
    return prepare(problem, blend_base.predictor_, origin, tmp_path_factory.mktemp("work") / "context")


@pytest.mark.parametrize("name", list(RUNNING))
def test_the_artifact_says_what_the_fit_said(context: Context, tmp_path: Path, name: str) -> None:
    candidate = RUNNING[name]
    task = Fit(name, 0 if candidate.unlabelled else 40, 1)
    row = perform(context, candidate, task, tmp_path, keep=True)
    assert row["artifact_differs_by"] < 1e-5
    assert row["bytes"] > 0
    assert load_scores(tmp_path, task).shape == context.test.shape
    again = perform(context, candidate, task, tmp_path, keep=False)
    timings = {"seconds", "cpu_seconds", "ms_per_row", "bytes", "artifact_differs_by", "content_hash"}
    assert {k: v for k, v in again.items() if k not in timings} == {k: v for k, v in row.items() if k not in timings}


def test_no_candidate_looks_beyond_its_rows(context: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Law 8: the labels of every row outside the draw turned round, and the scores stay."""
    cheap = [name for name, one in RUNNING.items() if not one.unlabelled]
    found = {}
    for turned in (False, True):
        labels = np.array(context.labels)
        rows = np.arange(0, 60)
        if turned:
            labels[60:] = 1 - labels[60:]
        other = Context(context.folder)
        monkeypatch.setitem(other.__dict__, "labels", labels)
        found[turned] = {
            name: RUNNING[name].fit(other, TrainingDraw(rows, 0, RUNNING[name].with_columns)).logits for name in cheap
        }
    for name in cheap:
        np.testing.assert_array_equal(found[True][name], found[False][name], err_msg=name)


@pytest.mark.parametrize("name", LABEL_FREE)
def test_what_stands_for_all_budgets_looks_at_no_label(
    context: Context, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The labels of every row turned round, and the scores stay."""
    found = []
    for labels in (np.array(context.labels), 1 - context.labels):
        other = Context(context.folder)
        monkeypatch.setitem(other.__dict__, "labels", labels)
        found.append(RUNNING[name].fit(other, TrainingDraw(np.zeros(0, np.int64), 0)).logits)
    np.testing.assert_array_equal(*found)


def test_tfidf_is_scikit_learns(context: Context) -> None:
    rows = np.arange(60)
    fitted = CANDIDATES["tfidf"].fit(context, TrainingDraw(rows, 0))
    texts = [text or "" for text in context.table.column("text").to_pylist()]
    vectorizer = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    inputs = vectorizer.fit_transform([texts[i] for i in rows])
    model = LogisticRegression(C=fitted.choices["C"], max_iter=2000, tol=1e-8).fit(inputs, context.labels[rows])
    expected = model.decision_function(vectorizer.transform([texts[i] for i in context.test]))
    np.testing.assert_allclose(fitted.logits, expected, atol=2e-3)


@pytest.mark.parametrize("sparse", [False, True])
def test_ridge_path_is_logistic_regression(sparse: bool) -> None:
    from scipy.sparse import csr_matrix

    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(80, 5))
    labels = (inputs[:, 0] + rng.normal(size=80) > 0).astype(int)
    lines = ridge_path(csr_matrix(inputs) if sparse else inputs, labels, (0.1, 1.0))
    for line, penalty in zip(lines, (0.1, 1.0), strict=True):
        model = LogisticRegression(C=penalty, tol=1e-10, max_iter=1000).fit(inputs, labels)
        np.testing.assert_allclose(line.coefficients, model.coef_[0], atol=1e-3)


def test_a_strong_ridge_stays_at_the_prior() -> None:
    rng = np.random.default_rng(1)
    inputs, prior = rng.normal(size=(60, 3)), np.array([2.0, -1.0, 0.5])
    labels = (rng.random(60) < 0.5).astype(int)
    line = ridge_path(inputs, labels, (1e-6,), offset=inputs @ prior)[0]
    assert np.abs(line.coefficients).max() < 1e-3
    assert log_loss(labels, line.logits(inputs)) == pytest.approx(np.log(2), abs=0.05)


def test_folds_keep_groups_together_and_classes_apart() -> None:
    labels, groups = np.arange(60) % 2, np.arange(60) // 6
    for fold in stratified_folds(labels, groups, 0):
        assert not set(groups[fold.fit]) & set(groups[fold.held])
        assert set(labels[fold.fit]) == {0, 1}


@pytest.mark.parametrize(
    ("labels", "n_folds"), [([0, 1] * 2, 0), ([0] * 50 + [1] * 2, 0), ([0, 1] * 3, 3), ([0, 1] * 9, 5)]
)
def test_folds_need_three_rows_of_a_class(labels: list[int], n_folds: int) -> None:
    assert len(stratified_folds(np.array(labels), None, 0)) == n_folds


def test_a_single_group_is_no_group() -> None:
    labels = np.arange(40) % 2
    assert len(stratified_folds(labels, np.zeros(40, int), 0)) == 5
    assert hold_out(labels, np.zeros(40, int), 0.2, 0) is not None


def test_the_threshold_is_learnt_from_many_rows_only() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(size=400) + np.where(np.arange(400) % 4 == 0, 2.0, 0.0)
    labels = (np.arange(400) % 4 == 0).astype(int)
    assert fit_decision_rule(labels[:100], logits[:100]).threshold == 0.5
    assert 0.2 < fit_decision_rule(labels, logits).threshold < 0.8
    assert fit_decision_rule(labels, None) == ((1.0, 0.0), 0.5)


def test_an_unknown_candidate_is_named() -> None:
    with pytest.raises(OptionError, match="no candidate 'tfdif'; did you mean 'tfidf'"):
        chosen(["tfdif"], available=())


@pytest.mark.parametrize(
    ("names", "runs", "told"),
    [
        (None, False, "it takes minutes, so it runs where it is named (--candidates all,as-is+texts)"),
        (["all"], False, "it takes minutes"),
        (["all", "as-is+texts"], True, ""),
        (["as-is+texts"], True, ""),
        (["tfidf"], False, ""),
    ],
)
def test_what_takes_minutes_runs_where_it_is_named(names: list[str] | None, runs: bool, told: str) -> None:
    running, left_out = chosen(names, available=AVAILABLE)
    assert ("as-is+texts" in running) == runs
    assert left_out.get("as-is+texts", "").startswith(told) and bool(told) == ("as-is+texts" in left_out)
    assert ("scratch" in running) == (names is None or "all" in names)


@pytest.mark.parametrize(
    ("missing", "why"),
    [("source", "the base's own texts were not given"), ("recipe", "no network that could be built anew")],
)
def test_what_is_named_and_cannot_run_says_why(missing: str, why: str) -> None:
    there = [need for need in AVAILABLE if need != missing]
    assert why in chosen(["all", "as-is+texts"], available=there)[1]["as-is+texts"]
    assert "as-is+texts" not in chosen(None, available=there)[1]


def test_what_is_only_reported_does_not_run_alone() -> None:
    with pytest.raises(
        OptionError, match="as-is\\+test-texts can run, and is only reported: it has read the test rows"
    ):
        chosen(["as-is+test-texts"], available=AVAILABLE)


def test_what_cannot_run_says_why() -> None:
    running, left_out = chosen(None, available=("layers",))
    assert "tfidf" in running
    assert left_out["fine-tune"] == "the base is no network that could be trained on"
    assert not any("columns" in name for name in {**running, **left_out})
    with pytest.raises(OptionError, match="None of the candidates columns can run here: no columns were named"):
        chosen(["columns"], available=())


def test_what_a_candidate_starts_from_is_there(context: Context) -> None:
    for candidate in RUNNING.values():
        assert getattr(context, candidate.starts_from).label_names
