"""Sets and intervals that hold the truth as often as was asked, from labels that the model has not learnt from."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import headstart as hs
from headstart.errors import DataError

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


def test_no_promise_without_labels_that_were_held_out() -> None:
    texts, labels = rows_of("binary", 40, 0)
    with pytest.raises(DataError, match="fitted on labelled rows that were not learnt from, and 'scratch' had none"):
        hs.TextClassifier(net="gru", epochs=1, coverage=0.9).fit(texts, labels)
