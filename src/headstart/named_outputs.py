"""Named outputs of a model's layers: their shapes, and their values for texts."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from headstart import __version__
from headstart.arrays import Array, Floats, Places
from headstart.cache import VectorCache, cache_folder, text_keys
from headstart.corpus import Corpus
from headstart.engines import Engine
from headstart.errors import OptionError
from headstart.inputs import chunk_rows, text_input_of
from headstart.plain import Row
from headstart.predictor import Predictor

_CHUNK_ROWS = 8192
_KEPT_ROWS = 1024  # computed between two writes to the cache: what a killed run loses


def as_predictor(model: Any) -> Predictor:
    """Return the `Predictor` in whatever stands for a model: itself, a fitted estimator, or a path.

    Raises:
        OptionError: if it is none of these, or an estimator that was not fitted.
        ArtifactError: if it is a path at which there is no sound model.
    """
    if isinstance(model, Predictor):
        return model
    if hasattr(model, "predictor_"):
        found: Predictor = model.predictor_
        return found
    if isinstance(model, str) or hasattr(model, "__fspath__"):
        return Predictor.load(model)
    if hasattr(model, "named_parameters"):
        raise OptionError(
            f"a model was expected, which reads texts, and a bare network ({type(model).__name__}) came; pass a fitted "
            "TextClassifier(net=...). headstart.layers.adapt(net).until(layer) is the part of a network that ends at a layer."
        )
    if hasattr(model, "fit"):
        raise OptionError(
            f"a model was expected and a {type(model).__name__} came that is not fitted; fit it first. A search over bases "
            "clones each of them, which forgets what it learnt: give it the path of the model, or the model's predictor_."
        )
    raise OptionError(
        f"a model was expected and a {type(model).__name__} came; pass a fitted TextClassifier, what headstart.load "
        "returned, or the path of a model folder."
    )


def layer_table(model: object) -> list[Row]:
    """Return one row a layer: ``layer``, ``shape`` (``"rows"`` and ``"tokens"`` vary), ``parameters``, ``trainable``."""
    network = as_predictor(model).network
    counts = network.parameter_counts()
    return [
        {"layer": name, "shape": list(network.shapes.get(name, ())), "parameters": n, "trainable": n_trainable}
        for name, (n, n_trainable) in counts.items()
    ]


def layer_outputs(
    model: object,
    corpus: Corpus,
    layers: Sequence[str],
    *,
    pooling: str = "mean",
    device: str = "cpu",
    cache: str | os.PathLike[str] | None = None,
) -> Iterator[dict[str, Floats]]:
    """Yield the named outputs of consecutive rows, all layers in one pass, in bounded memory.

    Args:
        model: what `as_predictor` takes.
        corpus: the rows.
        layers: names from `layer_table`.
        pooling: how outputs of every token become one a row: ``"mean"``, ``"max"`` or ``"last"``.
        device: where to compute.
        cache: the folder in which the outputs of a large imported encoder are kept, or ``"off"``; None for
            ``HEADSTART_CACHE`` or the user's own cache folder. Networks that are fast keep nothing.

    Yields:
        Layer name -> float32 [up to 8,192 rows, size].
    """
    predictor = as_predictor(model)
    engine = predictor.network.on(device)
    engine.checked(layers)
    folder = cache_folder(cache) if predictor.network.keep_outputs else None
    kept = None if folder is None else _CachedOutputs(predictor, engine, layers, pooling, VectorCache(folder))
    size = chunk_rows(predictor.inputs, _CHUNK_ROWS)
    for start in range(0, max(len(corpus), 1), size):
        part = corpus.slice(start, size)
        if kept is not None and len(part):
            yield kept.outputs(part)
            continue
        rows = predictor.rows(part)
        yield engine.outputs(rows.examples, layers, pooling)


class _CachedOutputs:
    """A model's layers with a cache before them: what is not there is computed once a text, and kept."""

    def __init__(
        self, predictor: Predictor, engine: Engine, layers: Sequence[str], pooling: str, cache: VectorCache
    ) -> None:
        self._predictor, self._layers, self._pooling = predictor, tuple(layers), pooling
        self._engine, self._cache = engine, cache
        self._sizes = {layer: int(engine.shapes[layer][-1]) for layer in self._layers}
        self._models = _layer_digests(predictor, self._layers, f"{pooling} {engine.name}")

    def outputs(self, corpus: Corpus) -> dict[str, Floats]:
        """Return the layers' outputs for some rows, each float32 [rows, size]."""
        texts = ["" if text is None else text for text in corpus.texts.to_pylist()]
        keys = {layer: text_keys(self._models[layer], texts) for layer in self._layers}
        found = {layer: self._cache.get(keys[layer], self._sizes[layer]) for layer in self._layers}
        first = {text: row for row, text in reversed(list(enumerate(texts)))}
        missing = [row for row in first.values() if any(keys[layer][row] not in found[layer] for layer in self._layers)]
        missing.sort()
        for start in range(0, len(missing), _KEPT_ROWS):
            self._compute(corpus, np.array(missing[start : start + _KEPT_ROWS]), keys, found)
        return {layer: np.stack([found[layer][key] for key in keys[layer]]) for layer in self._layers}

    def _compute(
        self,
        corpus: Corpus,
        rows: Places,
        keys: Mapping[str, list[bytes]],
        found: dict[str, dict[bytes, Floats]],
    ) -> None:
        examples = self._predictor.rows(corpus.take(rows)).examples
        made = self._engine.outputs(examples, self._layers, self._pooling)
        new = {keys[layer][row]: made[layer][i] for layer in self._layers for i, row in enumerate(rows)}
        for layer in self._layers:
            found[layer].update({keys[layer][row]: made[layer][i] for i, row in enumerate(rows)})
        self._cache.put(new)


def _layer_digests(predictor: Predictor, layers: Sequence[str], how: str) -> dict[str, bytes]:
    """Return a digest of all that decides a layer's outputs for a text: 32 bytes by layer.

    Only the stages up to the layer count, so a network that was cut off behind it has the same digest.
    """
    network, text = predictor.network, text_input_of(predictor.inputs)
    tokens = [text.spec() if text.pieces is None else [text.pieces.rules, text.pieces.framed]]
    common = [__version__, how, tokens, text.max_tokens, text.clip, network.spec.name, network.spec.options]
    found = {}
    for layer in layers:
        needed = [
            _weights_digest(network.weights, stage) for stage in network.stages[: network.stages.index(layer) + 1]
        ]
        found[layer] = hashlib.sha256(json.dumps([*common, layer, *needed], sort_keys=True).encode()).digest()
    return found


def _weights_digest(weights: Mapping[str, Array], stage: str) -> str:
    found = hashlib.sha256()
    for name, value in sorted(weights.items()):
        if name.startswith(f"{stage}."):
            found.update(f"{name} {value.dtype} {list(value.shape)}".encode())
            found.update(np.ascontiguousarray(value).tobytes())
    return found.hexdigest()
