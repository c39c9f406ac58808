"""The reference points read what the network reads, whatever the script, and groups reach every inner choice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from headstart import TextClassifier
from headstart.comparison import compare
from headstart.fitting import folds as folding
from headstart.strategies import learning

GOOD, BAD = "好很干净喜欢棒", "坏脏吵差糟糕烂"
FILLING = "房间酒店我们住了在和的是早餐服务员"


def chinese(n: int, seed: int) -> tuple[list[str], list[int]]:
    """Reviews without a space, two in three characters of which say nothing."""
    rng = np.random.default_rng(seed)
    labels = (np.arange(n) % 2).tolist()
    texts = []
    for label in labels:
        characters = [*rng.choice(list(FILLING), 8), *rng.choice(list(GOOD if label else BAD), 4)]
        rng.shuffle(characters)
        texts.append("".join(characters))
    return texts, labels


@pytest.mark.parametrize("budget", [50, 200])
def test_a_reference_point_reads_chinese(budget: int) -> None:
    base = TextClassifier(net="gru", net_options={"embedding_size": 8, "hidden_size": 8}, epochs=1, device="cpu").fit(
        *chinese(200, 0)
    )
    found = compare(base, *chinese(400, 1), budgets=[budget], seeds=2, candidates=["as-is", "tfidf", "nbsvm"], n_jobs=1)
    means = {one["strategy"]: one["auc"] for one in found.estimates}
    assert means["tfidf"] > 0.9 and means["nbsvm"] > 0.9
    assert found.verdict["word"] != "nothing helps"


def test_texts_without_a_word_twice_end_in_a_verdict() -> None:
    texts, labels = [f"w{i}a w{i}b w{i}c" for i in range(250)], [i % 2 for i in range(250)]
    base = TextClassifier(net="fast", net_options={"embedding_size": 4}, epochs=1, device="cpu").fit(texts, labels)
    found = compare(base, texts, labels, budgets=[200], seeds=2, candidates=["as-is", "tfidf", "nbsvm"], n_jobs=1)
    assert found.verdict["word"] == "nothing helps"
    assert {one["auc"] for one in found.estimates if one["strategy"] == "tfidf"} == {0.5}


@pytest.fixture
def sides(monkeypatch: pytest.MonkeyPatch) -> list[tuple[set[int], set[int]]]:
    """The groups on both sides of every division inside the rows, as they are drawn."""
    found: list[tuple[set[int], set[int]]] = []
    folds, split = folding.stratified_folds, learning.split

    def noted(labels: Any, groups: Any, seed: int) -> Any:
        drawn = folds(labels, groups, seed)
        assert groups is not None
        found.extend(({*groups[fold.train]}, {*groups[fold.valid]}) for fold in drawn)
        return drawn

    def noted_split(corpus: Any, fraction: Any, **how: Any) -> Any:
        rest, held = split(corpus, fraction, **how)
        groups = np.array(corpus.column("hotel").to_pylist())
        found.append(({*groups[rest]}, {*groups[held]}))
        return rest, held

    monkeypatch.setattr("headstart.strategies.finishing.stratified_folds", noted)
    monkeypatch.setattr(learning, "split", noted_split)
    return found


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("tfidf", {}),
        ("nbsvm", {}),
        ("columns", {"columns": ["stars"]}),
        ("features", {"head": "linear"}),
        ("features", {"head": "catboost", "columns": ["stars"], "layer": "pooled"}),
        ("scratch", {"epochs": 1, "net": "gru"}),
        ("fine-tune", {"epochs": 1}),
        ("fine-tune-gradual", {"epochs": 1}),
    ],
)
def test_groups_reach_every_inner_choice(
    name: str, options: dict[str, Any], gru_base: Any, draw_reviews: Any, sides: Any
) -> None:
    if options.get("head") == "catboost":
        pytest.importorskip("catboost")
    rows = draw_reviews(160, seed=3)
    frame = rows.frame().append_column("hotel", pa.array([f"h{i // 4}" for i in range(160)]))
    model = TextClassifier(base=gru_base, strategy=name, groups="hotel", text="text", device="cpu", **options)
    model.fit(frame, rows.labels)
    assert sides
    assert not any(one & other for one, other in sides)


def test_a_large_fine_tuning_chooses_c_by_whole_groups(
    blend_base: Any, draw_reviews: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from headstart.strategies.blend import ridge_fine_tuning

    seen: list[Any] = []
    hold_out = ridge_fine_tuning.hold_out

    def noted(labels: Any, groups: Any, fraction: float, seed: int) -> Any:
        fold = hold_out(labels, groups, fraction, seed)
        seen.append((groups, fold))
        return fold

    monkeypatch.setattr(ridge_fine_tuning, "_MANY", 100)
    monkeypatch.setattr(ridge_fine_tuning, "hold_out", noted)
    rows = draw_reviews(160, seed=3)
    frame = rows.frame().append_column("hotel", pa.array([f"h{i // 4}" for i in range(160)]))
    TextClassifier(
        base=blend_base, strategy="fine-tune", groups="hotel", text="text", device="cpu", valid_fraction=0.0
    ).fit(frame, rows.labels)
    groups, fold = seen[0]
    assert not {*groups[fold.train]} & {*groups[fold.valid]}
