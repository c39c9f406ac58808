"""What an imported encoder is good for: the strategy `features`, layers as features, comparisons; and what it is not."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import headstart as hs
from headstart.errors import DataError, OptionError
from headstart.features import LayerFeatures, layer_table

Folder = Callable[..., Path]


GOOD, BAD = "great lovely superb charming delightful warm", "awful dreary boring clumsy terrible cold"


@pytest.fixture
def encoder(make_folder: Folder, random_weights: Any, pieces: Any) -> Any:
    """An encoder of random weights whose first value tells good words from bad ones."""
    weights = random_weights("bert")
    weights["embeddings.word_embeddings.weight"][pieces(GOOD), 0] += 5
    weights["embeddings.word_embeddings.weight"][pieces(BAD), 0] -= 5
    return hs.import_hf(make_folder(weights=weights))


@pytest.fixture
def static(make_static: Folder) -> Any:
    """A vector a word, each in a direction of its own."""
    return hs.import_model2vec(make_static({"embeddings": torch.eye(40)}))


@pytest.fixture(params=["encoder", "static"])
def imported(request: pytest.FixtureRequest) -> Any:
    return request.getfixturevalue(request.param)


@pytest.mark.parametrize("layer", [None, "embeddings", ("embeddings", "pooled")], ids=str)
def test_features_learns_labels_of_any_kind(
    imported: Any, reviews: Any, others: Any, tmp_path: Path, layer: Any
) -> None:
    labels = np.array(["bad", "good"])[reviews.labels]
    tuned = hs.TextClassifier(base=imported, strategy="features", layer=layer, device="cpu").fit(reviews.texts, labels)
    assert tuned.classes_.tolist() == ["bad", "good"]
    right = tuned.predict(others.texts) == np.array(["bad", "good"])[others.labels]
    assert right.mean() > 0.8
    tuned.save(tmp_path / "tuned")
    loaded = hs.load(tmp_path / "tuned")
    np.testing.assert_array_equal(loaded.predict_proba(others.texts), tuned.predict_proba(others.texts))
    assert loaded.classes_.tolist() == ["bad", "good"]


def test_columns_beside_a_layer(encoder: Any, reviews: Any) -> None:
    options: dict[str, Any] = {"strategy": "features", "text": "text", "columns": ["stars"], "head": "linear"}
    tuned = hs.TextClassifier(base=encoder, device="cpu", **options).fit(reviews.frame(), reviews.labels)
    assert (tuned.predict(reviews.frame()) == np.array(reviews.labels)).mean() > 0.8


def test_a_network_is_cut_off_behind_the_layer(encoder: Any, reviews: Any) -> None:
    tuned = hs.TextClassifier(base=encoder, strategy="features", layer="layer0").fit(reviews.texts, reviews.labels)
    assert [row["layer"] for row in layer_table(tuned)] == ["embeddings", "layer0"]
    assert [row["layer"] for row in layer_table(encoder)][-1] == "pooled"


def test_layer_features_in_a_pipeline(imported: Any, reviews: Any) -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    pipe = make_pipeline(LayerFeatures(imported, layer="pooled"), LogisticRegression(max_iter=1000))
    assert pipe.fit(reviews.texts, reviews.labels).score(reviews.texts, reviews.labels) > 0.8
    assert copy.deepcopy(pipe).predict(reviews.texts[:3]).tolist() == pipe.predict(reviews.texts[:3]).tolist()


def test_counts_of_what_happened_to_the_texts(encoder: Any, reviews: Any) -> None:
    tuned = hs.TextClassifier(base=encoder, strategy="features").fit(reviews.texts, reviews.labels)
    counts = tuned.score_rows(["great zzz", None, "great " * 50]).counts
    assert counts["n_null"] == 1 and counts["n_truncated"] == 1 and counts["n_unknown_tokens"] == 1


def test_it_predicts_nothing_by_itself(imported: Any) -> None:
    with pytest.raises(DataError, match="an encoder without labels, so it predicts nothing by itself"):
        imported.predict(["a great film"])


def test_as_it_is_it_predicts_nothing(imported: Any, reviews: Any) -> None:
    with pytest.raises(OptionError, match="without labels, so as it is it predicts nothing; use strategy 'features'"):
        hs.TextClassifier(base=imported, strategy="as-is").fit(reviews.texts, reviews.labels)


def test_words_have_no_map(encoder: Any) -> None:
    from headstart.words import word_vectors

    with pytest.raises(OptionError, match="keeps no list of words to draw; draw texts instead"):
        word_vectors(encoder, ["great", "awful"])


def test_compare_takes_it_as_a_base(encoder: Any, reviews: Any, tmp_path: Path) -> None:
    labels = np.array(["bad", "good"])[reviews.labels]
    result = hs.compare(
        encoder, reviews.texts, labels, budgets=[40, None], seeds=2, out=tmp_path / "out", n_jobs=1,
        candidates=["as-is", "features", "fine-tune", "scratch", "tfidf"], cache=tmp_path / "cache",
    )  # fmt: skip
    assert {row["strategy"] for row in result.rows} == {"features", "fine-tune", "tfidf"}
    assert result.facts["left_out"] == {
        "as-is": "the base is an encoder that has learnt no labels, so as it is it predicts nothing",
        "scratch": "the base's network was trained by others, and is not begun from random weights here",
    }
    assert max(row["auc"] for row in result.rows if row["strategy"] == "features") > 0.8
    assert all(row.get("artifact_differs_by", 0) < 1e-5 for row in result.rows)
    assert result.gap["confidence"] is None and result.gap["vocabulary"] is None
    assert hs.load(tmp_path / "out" / "model").classes_.tolist() == ["bad", "good"]


def test_compare_without_labels_measures_the_gap(encoder: Any, reviews: Any) -> None:
    result = hs.compare(encoder, reviews.texts)
    assert result.verdict["kind"] == "no labels"
    assert any("learnt no labels" in why for why in result.gap["left_out"])
