"""A blend that reads an encoder's vectors next to its words."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import headstart as hs
from headstart.artifact import write
from headstart.corpus import as_corpus
from headstart.errors import ArtifactError, OptionError
from headstart.foreign.onnx import export_onnx
from headstart.predictor import Predictor
from headstart.strategies.encoder_branch import _chosen, check_encoder, with_encoder
from headstart.strategies.settings import Settings
from headstart.tasks import Goals
from headstart.tasks.binary import Binary

ENCODER = Path(__file__).parents[1] / "data" / "artifacts" / "v1.1-encoder"


@pytest.fixture(scope="module")
def encoder() -> Predictor:
    return Predictor.load(ENCODER)


@pytest.fixture(scope="module")
def joined(blend_base: Any, encoder: Predictor, reviews: Any) -> Predictor:
    """The base with the encoder, which counts for .3 of its spread."""
    return with_encoder(blend_base.predictor_, encoder, labelled(reviews), None, Settings())[0]


def labelled(reviews: Any, n: int = 120) -> Any:
    corpus = as_corpus(reviews.texts[:n])
    labels = np.asarray([str(label) == str(reviews.labels[0]) for label in reviews.labels[:n]])
    return replace(corpus, labels=labels.astype(np.int64), label_names=("no", "yes"), kind="binary")


def test_the_branch_adds_its_share_to_what_the_words_say(joined: Predictor, blend_base: Any, reviews: Any) -> None:
    corpus = as_corpus(reviews.texts[:120])
    alone, together = blend_base.predictor_.score(corpus).logits, joined.score(corpus).logits
    assert np.std(together - alone) == pytest.approx(0.3 * np.std(alone), rel=1e-3)


@pytest.mark.parametrize("engine", ["compiled", "torch"])
def test_a_stored_one_says_the_same_by_every_engine(
    joined: Predictor, reviews: Any, tmp_path: Path, engine: str
) -> None:
    write(tmp_path / "model", joined.to_parts())
    again = Predictor.load(tmp_path / "model", engine=engine)
    texts = as_corpus([*reviews.texts[:20], "", None])
    np.testing.assert_allclose(again.score(texts).logits, joined.score(texts).logits, atol=1e-5)
    assert again.digest() == joined.digest()


def test_it_is_carried_to_the_same_labels_and_to_others(joined: Predictor, reviews: Any, tmp_path: Path) -> None:
    texts = list(reviews.texts[:60])
    for labels in ([0, 1] * 30, ["a", "b", "c"] * 20):
        model = hs.TextClassifier(base=joined, calibrate=False).fit(texts, labels)
        model.save(tmp_path / "model")
        found = hs.load(tmp_path / "model").predict_proba(texts[:9])
        np.testing.assert_allclose(found, model.predict_proba(texts[:9]), atol=1e-5)
        assert "encoder" in model.predictor_.inputs


def test_it_teaches_itself_and_its_vector_is_a_layer(joined: Predictor, reviews: Any) -> None:
    taught = hs.TextClassifier(base=joined, strategy="self-train").fit(reviews.texts[:80])
    assert "encoder" in taught.predictor_.inputs
    vectors = hs.LayerFeatures(joined, layer="vector").transform(reviews.texts[:5])
    expected = hs.LayerFeatures(ENCODER, layer="pooled").transform(reviews.texts[:5])
    np.testing.assert_allclose(vectors, expected, atol=1e-5)


def test_training_weighs_it_on_validation_rows(encoder: Predictor, reviews: Any, small_options: Any) -> None:
    model = hs.TextClassifier(encoder=ENCODER, epochs=1, valid_fraction=0.3, random_state=0)
    model.fit(reviews.texts[:150], reviews.labels[:150])
    assert 0 <= model.predictor_.info["choices"]["encoder_share"] <= 1
    assert "encoder" not in model.predictor_.estimator
    assert model.predictor_.info["valid"]["auc"] > 0.5


@pytest.mark.parametrize(("truth", "noise", "share"), [(2.5, 0.0, 1.0), (0.8, 2.3, 0.3), (0.0, 25.0, 0.0)])
def test_its_share_costs_little_on_rows_of_the_source(truth: float, noise: float, share: float) -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 2000)
    sides = 2.0 * labels - 1
    logits, opinions = 2 * sides + rng.normal(0, 1.5, 2000), truth * sides + noise * rng.normal(0, 1, 2000)
    task = Binary(("no", "yes"))
    assert _chosen(logits[:, None], opinions[:, None], Goals(task, task.goals(labels), None)) == share


def test_what_cannot_be_joined_is_refused(
    joined: Predictor, encoder: Predictor, blend_base: Any, tmp_path: Path
) -> None:
    with pytest.raises(OptionError, match="the network is gru"):
        check_encoder("gru", encoder)
    with pytest.raises(OptionError, match="expected an encoder that others trained"):
        check_encoder("blend", blend_base.predictor_)
    with pytest.raises(OptionError, match="headstart distil"):
        export_onnx(joined, tmp_path / "onnx")
    parts = joined.to_parts()
    with pytest.raises(ArtifactError, match="reads an encoder"):
        Predictor.from_parts(replace(parts, model={**parts.model, "inputs": {}}))
    with pytest.raises(ArtifactError, match="lacks its tokenizer"):
        Predictor.from_parts(replace(parts, blobs={}))
