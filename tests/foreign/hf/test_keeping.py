"""Outputs of an encoder are computed once a text, and what decides them decides under which key they are kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import headstart as hs
from headstart.corpus import as_corpus
from headstart.engines.torch import TorchEngine
from headstart.features import layer_outputs

Folder = Callable[..., Path]
TEXTS = ["a great film.", "awful", None, "a great film.", "the hotel room was lovely", ""]


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rows each pass through a network had."""
    passes: list[int] = []
    through = TorchEngine.outputs

    def counted(engine: TorchEngine, examples: Any, *arguments: Any) -> Any:
        passes.append(len(examples))
        return through(engine, examples, *arguments)

    monkeypatch.setattr(TorchEngine, "outputs", counted)
    return passes


def outputs(model: Any, texts: list[Any], folder: Any, layers: tuple[str, ...] = ("pooled",), **options: Any) -> Any:
    parts = list(layer_outputs(model, as_corpus(texts), layers, cache=folder, **options))
    return {layer: np.concatenate([part[layer] for part in parts]) for layer in layers}


def test_each_text_is_computed_once(make_folder: Folder, tmp_path: Path, computed: list[int]) -> None:
    base, folder, layers = hs.import_hf(make_folder()), tmp_path / "cache", ("layer0", "pooled")
    expected = outputs(base, TEXTS, "off", layers)
    computed.clear()
    for _ in range(2):
        found = outputs(base, TEXTS, folder, layers)
        for layer in layers:
            np.testing.assert_allclose(found[layer], expected[layer], atol=1e-6)
    assert computed == [4]  # null and "" are one text
    more = outputs(base, ["new", *TEXTS], folder, layers)
    np.testing.assert_array_equal(more["pooled"][1:], found["pooled"])
    assert computed == [4, 1]


def test_without_a_cache_all_is_computed(make_folder: Folder, computed: list[int]) -> None:
    base = hs.import_hf(make_folder())
    for _ in range(2):
        outputs(base, TEXTS, "off")
    assert computed == [6, 6]


def test_a_small_network_keeps_nothing(base: Any, tmp_path: Path) -> None:
    outputs(base, TEXTS, tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def test_no_rows_at_all(make_folder: Folder, tmp_path: Path) -> None:
    assert outputs(hs.import_hf(make_folder()), [], tmp_path / "cache")["pooled"].shape == (0, 12)


CHANGES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "a longer limit": ({"max_tokens": 9}, {}),
    "another pooling of tokens": ({}, {"pooling": "max"}),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_changes_a_vector_changes_its_key(
    make_folder: Folder, tmp_path: Path, computed: list[int], change: str
) -> None:
    folder, path = make_folder(), tmp_path / "cache"
    imported, options = CHANGES[change]
    outputs(hs.import_hf(folder), TEXTS, path, ("layer0",))
    outputs(hs.import_hf(folder, **imported), TEXTS, path, ("layer0",), **options)
    assert computed == [4, 4]


def test_other_weights_and_another_tokenizer_have_other_keys(
    make_folder: Folder, random_weights: Any, tmp_path: Path, computed: list[int]
) -> None:
    weights = random_weights("bert")
    weights["encoder.layer.2.output.dense.bias"][0] += 1
    first, second = hs.import_hf(make_folder()), hs.import_hf(make_folder(name="second", weights=weights))
    outputs(first, TEXTS, tmp_path / "cache", ("layer0", "layer2"))
    outputs(second, TEXTS, tmp_path / "cache", ("layer0",))
    assert computed == [4]  # the layers up to the first one are the same
    outputs(second, TEXTS, tmp_path / "cache", ("layer2",))
    step = second.predictor_.steps[-1]
    step.set_params(rules=step.rules.replace('"great"', '"grand"'))
    outputs(second, TEXTS, tmp_path / "cache", ("layer0",))
    assert computed == [4, 4, 4]


def test_a_network_that_was_cut_off_and_a_saved_one_find_what_the_whole_one_kept(
    make_folder: Folder, reviews: Any, tmp_path: Path, computed: list[int]
) -> None:
    base = hs.import_hf(make_folder())
    outputs(base, reviews.texts, tmp_path / "cache", ("layer1",))
    n_passes = len(computed)
    options: dict[str, Any] = {"strategy": "features", "layer": "layer1", "cache": tmp_path / "cache", "device": "cpu"}
    tuned = hs.TextClassifier(base=base, **options).fit(reviews.texts, reviews.labels)
    tuned.save(tmp_path / "tuned")
    outputs(hs.load(tmp_path / "tuned"), reviews.texts, tmp_path / "cache", ("layer1",))
    assert len(computed) == n_passes
    assert "cache" not in tuned.predictor_.estimator
