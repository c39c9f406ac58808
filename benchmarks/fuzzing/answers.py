"""Small models of every kind of answer, with a rule whose every field is filled, for the fuzzers of stored models."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["write_models"]

WORDS = ("hotel", "view", "staff", "rude")
ROWS = 80


def write_models(folder: Path) -> None:
    """Write a model of each task below `folder`: by a sparse head, and by a network made for it or carried to it."""
    from headstart import artifact
    from headstart.strategies import STRATEGIES, Settings, learn

    short: Any = {"epochs": 1, "device": "cpu", "net_options": {"embedding_size": 4, "hidden_size": 3}}
    blend, tfidf, heads = (STRATEGIES[name] for name in ("scratch", "tfidf", "fine-tune"))
    base = learn(blend, corpus("binary"), None, None, Settings(net="blend", **short)).predictor
    made = {
        **{
            f"task-tfidf-{kind}": learn(tfidf, corpus(kind), None, None, Settings()).predictor
            for kind in ("binary", "multiclass", "multilabel", "ordinal", "regression")
        },
        "task-blend-multiclass": learn(
            blend, corpus("multiclass"), None, None, Settings(net="blend", **short)
        ).predictor,
        "task-heads-multilabel": learn(heads, corpus("multilabel"), None, base, Settings(device="cpu")).predictor,
    }
    for name, predictor in made.items():
        rule = filled(predictor.answers.kind, predictor.rule)
        artifact.write(folder / name, replace(predictor, rule=rule).to_parts())
    texts_and_columns().save(folder / "rows-text-columns")


def texts_and_columns() -> Any:
    """Return a network that reads texts and columns; other rows have models among the fixtures."""
    import headstart as hs

    labels = np.arange(ROWS) % 2
    columns = {"stars": (labels * 1.5).tolist(), "device": [["phone", "pc"][label] for label in labels]}
    gru: Any = {"net": "gru", "net_options": {"embedding_size": 4, "hidden_size": 3}, "columns": [*columns]}
    return hs.TextClassifier(epochs=1, device="cpu", valid_fraction=0, **gru).fit(
        {"text": [f"hotel {label}" for label in labels], **columns}, labels
    )


def corpus(kind: str) -> Any:
    """Return made-up rows with the targets of a task."""
    from headstart.corpus import Corpus, as_corpus

    rng = np.random.default_rng(0)
    there = rng.random((ROWS, len(WORDS))) < 0.5
    texts = [" ".join([*np.array(WORDS)[row], rng.choice(["a", "nice", "awful"])]) for row in there]
    first = np.where(there.any(1), there.argmax(1), 3)
    labels: Any = {
        "binary": (first > 1).astype(np.int64),
        "multilabel": there.astype(np.int8),
        "regression": first * 10.0,
    }
    names = {"binary": ("no", "yes"), "regression": ()}.get(kind, ("a", "b", "c", "d"))
    return Corpus(
        as_corpus(texts).texts, labels=labels.get(kind, first), label_names=names, label_values=names, kind=kind
    )


def filled(kind: str, rule: Any) -> Any:
    """Return the rule with what a user may have asked of it as well: sets, abstaining, costs."""
    more: dict[str, Any] = {"coverage": 0.9, "quantile": 0.8}
    if kind in ("multiclass", "ordinal"):
        more |= {"costs": tuple((1.0 - np.eye(4)).reshape(-1).tolist()), "abstain_below": 0.3}
    return rule.replace(**more)
