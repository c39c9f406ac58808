"""A base tuned on the rows, next to columns: the head learns from what it answers on rows that it was not tuned on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import headstart as hs
from headstart.corpus import Corpus, read

WORDS = ("apple pear plum", "wheel motor brake", "cloud rain wind", "bread salt cheese")


def rows_of(kind: str, n: int, seed: int) -> Corpus:
    """Return rows whose texts say nothing; the column tells the label eight times in ten."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 2 if kind == "binary" else 4, n)
    told = np.where(rng.random(n) < 0.8, codes, rng.integers(0, codes.max() + 1, n))
    texts = [f"{' '.join(rng.choice(WORDS[k].split(), 4))} {rng.integers(10**6)}" for k in rng.integers(0, 4, n)]
    labels: dict[str, Any] = {
        "binary": lambda: [("no", "yes")[code] for code in codes],
        "multiclass": lambda: [WORDS[code].split()[0] for code in codes],
        "multilabel": lambda: [["any", *WORDS[code].split()[:1]] for code in codes],
        "ordinal": lambda: codes.tolist(),
        "regression": lambda: (codes * 2.5 + rng.random(n)).tolist(),
    }
    table = pa.table({"text": texts, "label": labels[kind](), "told": pa.array([f"c{k}" for k in told])})
    return read(table, text="text", label="label", task=kind, columns=("told",))


@pytest.fixture(scope="module")
def base() -> hs.TextClassifier:
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 2, 120)
    texts = [" ".join(rng.choice(WORDS[code].split(), 4)) for code in codes]
    return hs.TextClassifier(epochs=1, device="cpu").fit(texts, np.where(codes, "yes", "no"))


@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel", "ordinal", "regression"])
def test_columns_count_for_what_they_tell(kind: str, base: hs.TextClassifier, tmp_path: Path) -> None:
    made: Any = hs.TextRegressor if kind == "regression" else hs.TextClassifier
    own = {} if kind == "regression" else {"task": kind}
    train, test = rows_of(kind, 100, 1), rows_of(kind, 100, 2)
    model = made(base=base, columns=["told"], text="text", device="cpu", **own).fit(train)
    figures = model.predictor_.answers.measure(np.asarray(test.labels), model.predictor_.score(test).probabilities)
    value, chance = figures[model.predictor_.answers.primary.name], figures.get("chance", 0.5)
    assert (
        value < 0.5 * chance if kind == "regression" else value > {"multilabel": 0.85, "ordinal": 0.55}.get(kind, 0.7)
    )
    assert model.predictor_.columns == ("told",)
    assert model.predictor_.info["valid"]["n"] >= 20  # measured out of fold
    model.save(tmp_path / "model")
    loaded = hs.load(tmp_path / "model").predictor_
    np.testing.assert_array_equal(loaded.score(test).logits, model.predictor_.score(test).logits)
