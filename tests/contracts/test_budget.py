"""Law 8: N labels are N labels in all, and nothing is chosen on test rows. Runs over every strategy."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headstart import TextClassifier
from headstart.cli.app import run
from headstart.corpus import Corpus
from headstart.strategies import STRATEGIES

Call = Callable[..., Any]


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[set[str]]:
    """The texts whose labels a strategy was given, one set a call."""
    calls: list[set[str]] = []

    def watched(real: Call) -> Call:
        def fit(train: Corpus, valid: Corpus | None, *rest: Any) -> Any:
            parts = [train] if valid is None else [train, valid]
            calls.append({text for part in parts if part.labels is not None for text in part.texts.to_pylist()})
            return real(train, valid, *rest)

        return fit

    for name, real in list(STRATEGIES.items()):
        monkeypatch.setitem(STRATEGIES, name, replace(real, fit=watched(real.fit)))
    return calls


@pytest.mark.parametrize("n", [50, 120])
def test_a_budget_counts_every_label(strategy: str, base: Any, reviews: Any, seen: list[set[str]], n: int) -> None:
    texts = [f"{text} number{i}" for i, text in enumerate(reviews.texts[:n])]
    TextClassifier(base=base, strategy=strategy, epochs=1, device="cpu").fit(texts, reviews.labels[:n])
    assert set().union(*seen) == set(texts)


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reviews: Any, others: Any, base: Any) -> Path:
    monkeypatch.chdir(tmp_path)
    reviews.write(tmp_path / "reviews.csv")
    base.save("base")
    lines = [f"{text},{1 - label}\n" for text, label in zip(others.texts, others.labels, strict=True)]
    Path("flipped.csv").write_text("text,label\n" + "".join(lines))
    return tmp_path


def transferred(strategy: str, out: str, *options: str) -> None:
    given = ["--strategy", strategy, "--set", "epochs=1", "--set", "head=linear", "--device", "cpu"]
    assert run(["transfer", "base", "reviews.csv", "--out", out, *given, *options, "--json"]) == 0


def what_was_learnt(folder: str) -> dict[str, bytes]:
    """All of a model but what only tells about it."""
    found = {path.name: path.read_bytes() for path in Path(folder).iterdir() if path.suffix != ".json"}
    model = json.loads((Path(folder) / "headstart.json").read_text())["model"]
    info = {name: value for name, value in model["info"].items() if name not in ("test", "counts")}
    return {**found, "model": json.dumps({**model, "info": info}, sort_keys=True).encode()}


def test_test_rows_decide_nothing(strategy: str, files: Path) -> None:
    transferred(strategy, "flipped", "--test", "flipped.csv")
    transferred(strategy, "none")
    assert what_was_learnt("flipped") == what_was_learnt("none")


@pytest.mark.parametrize("options", [(), ("--valid", "0.2"), ("--test", "0.3")], ids=" ".join)
def test_n_labels_counts_training_and_held_out_rows(
    strategy: str, files: Path, seen: list[set[str]], options: tuple[str, ...], reviews: Any
) -> None:
    transferred(strategy, "made", "--n-labels", "110", *options)
    # Some generated reviews may be equal, so texts are at most as many as labels.
    assert 100 <= len(set().union(*seen)) <= 110


def test_smaller_budgets_lie_inside_larger_ones(files: Path, seen: list[set[str]]) -> None:
    for n in ("40", "80", "160"):
        transferred("tfidf", f"n{n}", "--n-labels", n)
    assert seen[0] < seen[-1]
    sizes = [len(texts) for texts in seen]
    assert sizes == sorted(sizes)


def test_a_test_fraction_is_never_trained_on(files: Path, seen: list[set[str]], reviews: Any) -> None:
    transferred("tfidf", "made", "--test", "0.4")
    rest = np.setdiff1d(reviews.texts, list(set().union(*seen)))
    assert 100 <= len(rest) <= 120
