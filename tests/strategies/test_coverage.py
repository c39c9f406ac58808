"""Sets and intervals that hold the truth as often as was asked, from labels that the model has not learnt from."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import headstart as hs
from headstart.corpus import Corpus
from headstart.errors import DataError
from headstart.fitting.conformal import conformal_quantile
from headstart.heads import LinearHead
from headstart.predictor import ColumnScorer, Predictor
from headstart.strategies import Settings
from headstart.strategies.finishing import rule_of
from headstart.tasks import Ordinal

WORDS = ("apple", "bread", "cheese", "dates")


def rows_of(kind: str, n: int, seed: int) -> tuple[list[str], Any]:
    """Return texts that tell their label seven times in ten."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 2 if kind == "binary" else 4, n)
    shown = np.where(rng.random(n) < 0.7, codes, rng.integers(0, 4, n))
    texts = [f"{' '.join(rng.choice(['the', 'a', 'of', 'so'], 4))} {WORDS[code]}" for code in shown]
    if kind == "multilabel":
        return texts, np.eye(4, dtype=int)[codes]
    return texts, codes * 2.5 if kind == "regression" else codes


@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel", "ordinal", "regression"])
@pytest.mark.parametrize("how", ["tfidf", "fine-tune"])
def test_what_is_asked_is_kept(how: str, kind: str) -> None:
    made: Any = hs.TextRegressor if kind == "regression" else hs.TextClassifier
    own = {} if kind == "regression" else {"task": kind}
    base = made(epochs=1, device="cpu", **own).fit(*rows_of(kind, 120, 1)) if how == "fine-tune" else None
    model = made(strategy=how, base=base, coverage=0.8, device="cpu", **own).fit(*rows_of(kind, 200, 2))
    predictor, (texts, truth) = model.predictor_, rows_of(kind, 500, 3)
    task, rule = predictor.answers, predictor.rule
    found = task.misfit(model.score_rows(texts).probabilities, truth) <= rule.quantile
    assert rule.coverage == 0.8
    assert 0.7 < found.mean() < 0.9
    column = {"regression": "low"}.get(kind, "label_set")
    assert column in task.columns(model.score_rows(texts).probabilities, rule)


def test_cuts_that_were_fitted_to_the_same_rows_promise_no_more_than_they_keep() -> None:
    rng = np.random.default_rng(0)
    task, kept = Ordinal(tuple("abcde")), []
    predictor = Predictor(ColumnScorer(LinearHead(np.zeros(1), np.ones(1), np.ones(1), 0.0)), task, {})
    for _ in range(25):
        logits = rng.normal(size=1060)
        codes = np.digitize(0.6 * logits + 0.8 * rng.normal(size=1060), [-1.2, -0.4, 0.4, 1.2])
        rows = Corpus(pa.array([""] * 60), labels=codes[:60], label_names=task.names, kind=task.kind)
        rule = rule_of(predictor, logits[:60], rows, Settings(coverage=0.9))
        known, others = (task.probabilities(part, rule) for part in (logits[:60], logits[60:]))
        by_same_rows = conformal_quantile(task, known, codes[:60], 0.9)
        kept.append([np.mean(task.misfit(others, codes[60:]) <= limit) for limit in (rule.quantile, by_same_rows)])
    found, before = np.mean(kept, axis=0)
    assert before < 0.885 < 0.89 < found < 0.93


def test_no_promise_without_labels_that_were_held_out() -> None:
    texts, labels = rows_of("binary", 40, 0)
    with pytest.raises(DataError, match="fitted on labelled rows that were not learnt from, and 'scratch' had none"):
        hs.TextClassifier(net="gru", epochs=1, coverage=0.9).fit(texts, labels)
