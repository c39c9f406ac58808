"""Static vectors of model2vec, held against means taken by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.numpy import load_file

import headstart as hs
from headstart.corpus import as_corpus
from headstart.errors import ArtifactError, OptionError
from headstart.features import layer_outputs, layer_table
from headstart.foreign.hf import import_model2vec

Folder = Callable[..., Path]
N_PIECES = 40
TEXTS = ["a great film.", "The hotel rooms was zzz lovely!", "", "zzz qqq", "film " * 600]


def vectors(model: Any, texts: list[str] = TEXTS) -> NDArray[np.float32]:
    return np.concatenate([part["pooled"] for part in layer_outputs(model, as_corpus(texts), ("pooled",))])


def by_hand(folder: Path, ids: list[int], *, normalize: bool = True, inner: str = "") -> NDArray[np.float64]:
    stored = load_file(folder / inner / "model.safetensors")
    table = stored.get("embeddings", stored.get("embedding.weight")).astype(np.float64)
    known = [piece for piece in ids if piece != 1]
    if not known:
        return np.zeros(table.shape[1])
    rows = table[stored["mapping"][known] if "mapping" in stored else known]
    if "weights" in stored:
        rows = rows * stored["weights"][known][:, None]
    mean = rows.mean(0)
    return mean / np.linalg.norm(mean) if normalize else mean


def drawn(*shape: int, seed: int = 2) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(0, 1, shape).astype(np.float32))


LAYOUTS: dict[str, dict[str, torch.Tensor]] = {
    "plain": {"embeddings": drawn(N_PIECES, 6)},
    "weights": {"embeddings": drawn(N_PIECES, 6), "weights": drawn(N_PIECES)},
    "mapping": {"embeddings": drawn(7, 6), "mapping": torch.arange(N_PIECES) % 7},
    "both": {"embeddings": drawn(7, 6), "mapping": torch.arange(N_PIECES) % 7, "weights": drawn(N_PIECES).double()},
    "whole numbers": {"embeddings": (drawn(N_PIECES, 6) * 40).to(torch.int8)},
    "sentence-transformers": {"embedding.weight": drawn(N_PIECES, 6)},
}


@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_vectors_are_means_over_known_pieces(make_static: Folder, pieces: Any, layout: str, normalize: bool) -> None:
    folder = make_static(LAYOUTS[layout], config={"normalize": normalize})
    base = hs.import_model2vec(folder)
    expected = [by_hand(folder, pieces(text), normalize=normalize) for text in TEXTS]
    np.testing.assert_allclose(vectors(base), expected, atol=2e-5)
    assert [row["layer"] for row in layer_table(base)] == ["embeddings", "pooled"]


def test_half_precision(make_static: Folder, pieces: Any) -> None:
    folder = make_static({"embeddings": drawn(N_PIECES, 6).half()})
    expected = [by_hand(folder, pieces(text)) for text in TEXTS]
    np.testing.assert_allclose(vectors(hs.import_model2vec(folder)), expected, atol=1e-5)


def test_the_layout_of_sentence_transformers(make_static: Folder, pieces: Any) -> None:
    modules = [
        {"type": "sentence_transformers.models.StaticEmbedding"},
        {"type": "sentence_transformers.models.Normalize"},
    ]
    files = {"config.json": None, "config_sentence_transformers.json": {}, "modules.json": modules}
    folder = make_static({"embedding.weight": drawn(N_PIECES, 6)}, files=files, inner="0_StaticEmbedding")
    expected = [by_hand(folder, pieces(text), inner="0_StaticEmbedding") for text in TEXTS]
    np.testing.assert_allclose(vectors(hs.import_model2vec(folder)), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("config", "option", "expected"),
    [({}, None, 512), ({"max_length": 3}, None, 3), ({"max_length": None}, None, None), ({"max_length": 3}, 9, 9)],
    ids=str,
)
def test_texts_are_cut_to_the_models_limit(
    make_static: Folder, pieces: Any, config: Any, option: Any, expected: Any
) -> None:
    folder = make_static(config=config)
    base = hs.import_model2vec(folder, max_tokens=option)
    assert base.predictor_.max_tokens == expected
    text = "great awful film hotel room lovely"
    np.testing.assert_allclose(vectors(base, [text])[0], by_hand(folder, pieces(text)[:expected]), atol=1e-5)


def test_it_is_saved_and_loaded_to_the_last_bit(make_static: Folder, tmp_path: Path) -> None:
    base = hs.import_model2vec(make_static(LAYOUTS["both"]))
    base.save(tmp_path / "base")
    np.testing.assert_array_equal(vectors(hs.load(tmp_path / "base")), vectors(base))


def test_nothing_is_kept_of_what_is_computed_fast(make_static: Folder, tmp_path: Path) -> None:
    corpus = as_corpus(TEXTS)
    list(layer_outputs(hs.import_model2vec(make_static()), corpus, ("pooled",), cache=tmp_path / "cache"))
    assert not (tmp_path / "cache").exists()


BROKEN: dict[str, tuple[dict[str, Any], str]] = {
    "too few vectors": ({"tensors": {"embeddings": drawn(39, 6)}}, "knows 40 pieces, and model.safetensors has vectors for 39"),
    "no vectors": ({"tensors": {"other": drawn(4, 6)}}, "holds no tensor 'embedding.weight'"),
    "one axis": ({"tensors": {"embeddings": drawn(40)}}, "embeddings in model.safetensors has 1 axes"),
    "weights": (
        {"tensors": {"embeddings": drawn(40, 6), "weights": drawn(39)}}, r"holds \[39\] weights for 40 pieces",
    ),
    "mapping": (
        {"tensors": {"embeddings": drawn(7, 6), "mapping": torch.arange(40)}}, "does not point into its 7 vectors",
    ),
    "limit": ({"config": {"max_length": "x"}}, "max_length = 'x'; expected a number of pieces"),
    "no config": ({"files": {"config.json": None}}, "holds no config.json"),
    "no tokenizer": ({"files": {"tokenizer.json": None}}, "holds no tokenizer.json"),
    "no weights": ({"files": {"model.safetensors": None}}, "holds no model.safetensors"),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_what_cannot_be_read_is_said(make_static: Folder, case: str) -> None:
    parts, message = BROKEN[case]
    with pytest.raises(ArtifactError, match=message):
        import_model2vec(make_static(parts.pop("tensors", None), **parts))


def test_a_limit_that_cannot_be(make_static: Folder) -> None:
    with pytest.raises(OptionError, match="max_tokens is 0; expected a number of pieces"):
        import_model2vec(make_static(), max_tokens=0)
