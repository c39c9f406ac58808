"""Named outputs of a model's layers: their shapes, their values for texts, the sub-network that ends there."""

from __future__ import annotations

import copy
import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin, clone
from torch import nn

from headstart import __version__
from headstart.arrays import Floats, Places, Strings
from headstart.artifact import read
from headstart.cache import VectorCache, cache_folder, text_keys
from headstart.corpus import Corpus, as_corpus, column_names, is_table
from headstart.errors import OptionError
from headstart.inference import network_outputs, resolve_device
from headstart.inputs import text_input_of
from headstart.layers import Network
from headstart.plain import Json, Row
from headstart.predictor import Predictor

__all__ = [
    "LayerFeatures",
    "as_predictor",
    "clone_beside_base",
    "layer_outputs",
    "layer_table",
    "submodel",
]

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
        return Predictor.from_parts(read(model))
    if hasattr(model, "fit"):
        raise OptionError(
            f"a model was expected and a {type(model).__name__} came that is not fitted; fit it first. A search over bases "
            "clones each of them, which forgets what it learnt: give it the path of the model, or the model's predictor_."
        )
    raise OptionError(
        f"a model was expected and a {type(model).__name__} came; pass a fitted TextClassifier, what headstart.load "
        "returned, or the path of a model folder."
    )


def layer_table(model: Any) -> list[Row]:
    """Return one row a layer: ``layer``, ``shape`` (``"rows"`` and ``"tokens"`` vary), ``parameters``, ``trainable``."""
    net = as_predictor(model).net
    rows = []
    for name in net.stages:
        part = dict(net.named_modules()).get(name)
        parameters = [] if part is None else list(part.parameters())
        rows.append(
            {
                "layer": name,
                "shape": list(net.shapes.get(name, ())),
                "parameters": sum(p.numel() for p in parameters),
                "trainable": sum(p.numel() for p in parameters if p.requires_grad),
            }
        )
    return rows


def submodel(model: Any, layer: str) -> Network:
    """Return a trainable network that ends at `layer`, with weights of its own.

    It takes a `headstart.batches.Batch` of tensors and returns the layer's output. Training it leaves
    `model` as it is.
    """
    net: Network = as_predictor(model).net
    return copy.deepcopy(net).until(layer)


def layer_outputs(
    model: Any,
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
    net = predictor.net.to(resolve_device(device))
    net.checked(layers)
    folder = cache_folder(cache) if net.keep_outputs else None
    kept = None if folder is None else _CachedOutputs(predictor, layers, pooling, device, VectorCache(folder))
    for start in range(0, max(len(corpus), 1), _CHUNK_ROWS):
        part = corpus.take(np.arange(start, min(start + _CHUNK_ROWS, len(corpus))))
        if kept is not None and len(part):
            yield kept.outputs(part)
            continue
        rows = predictor.rows(part)
        yield network_outputs(net, rows.examples, layers, pooling=pooling, device=resolve_device(device))


class _CachedOutputs:
    """A model's layers with a cache before them: what is not there is computed once a text, and kept."""

    def __init__(
        self, predictor: Predictor, layers: Sequence[str], pooling: str, device: str, cache: VectorCache
    ) -> None:
        self._predictor, self._layers, self._pooling = predictor, tuple(layers), pooling
        self._device, self._cache = resolve_device(device), cache
        shapes: Any = predictor.net.shapes
        self._sizes = {layer: int(shapes[layer][-1]) for layer in self._layers}
        self._models = _layer_digests(predictor, self._layers, f"{pooling} {self._device.type}")

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
        made = network_outputs(self._predictor.net, examples, self._layers, pooling=self._pooling, device=self._device)
        new = {keys[layer][row]: made[layer][i] for layer in self._layers for i, row in enumerate(rows)}
        for layer in self._layers:
            found[layer].update({keys[layer][row]: made[layer][i] for i, row in enumerate(rows)})
        self._cache.put(new)


def _layer_digests(predictor: Predictor, layers: Sequence[str], how: str) -> dict[str, bytes]:
    """Return a digest of all that decides a layer's outputs for a text: 32 bytes by layer.

    Only the stages that the layer needs count, so a network that was cut off behind it has the same digest.
    """
    net, steps = predictor.net, predictor.steps
    stages = {name: _weights_digest(net.get_submodule(name)) for name in net.stages}
    pieces = text_input_of(predictor.inputs).pieces
    tokens = [repr(steps)] if pieces is None else [pieces.rules, pieces.framed]
    spec = predictor.scorer.config().get("net", {})
    common = [__version__, how, *tokens, predictor.max_tokens, predictor.clip, spec.get("name"), spec.get("options")]
    found = {}
    for layer in layers:
        needed = [stages[name] for name in net.until(layer).stages]
        found[layer] = hashlib.sha256(json.dumps([*common, layer, *needed], sort_keys=True).encode()).digest()
    return found


def _weights_digest(module: nn.Module) -> str:
    found = hashlib.sha256()
    for name, value in sorted(module.state_dict().items()):
        found.update(f"{name} {value.dtype} {list(value.shape)}".encode())
        found.update(value.detach().cpu().numpy().tobytes())
    return found.hexdigest()


def clone_beside_base(estimator: Any) -> Any:
    """Return an unfitted copy of an estimator that keeps its fitted `base`.

    scikit-learn's own `clone` goes into every parameter that is an estimator, and a base without what it has
    learnt is none.
    """
    given = estimator.get_params(deep=False)
    copied = type(estimator)(
        **{name: value if name == "base" else clone(value, safe=False) for name, value in given.items()}
    )
    for name in ("_metadata_request", "_sklearn_output_config"):
        if hasattr(estimator, name):
            setattr(copied, name, copy.deepcopy(getattr(estimator, name)))
    return copied


class LayerFeatures(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Texts to the output of a layer of a trained model; a transformer for any scikit-learn pipeline.

    It gives a number a column, so it may stand anywhere: in a ``Pipeline``, with ``set_output``, and in a
    ``ColumnTransformer``, where it takes its column by name or in a list of one.

    Args:
        base: a fitted `TextClassifier`, a `Predictor`, or the path of a model.
        layer: a layer's name, or several, side by side.
        pooling: how outputs of every token become one a row: ``"mean"``, ``"max"`` or ``"last"``.
        device: where to compute.
        cache: where outputs of a large imported encoder are kept: see `layer_outputs`.
    """

    def __init__(
        self,
        base: Any = None,
        *,
        layer: str | Sequence[str] = "pooled",
        pooling: str = "mean",
        device: str = "cpu",
        cache: str | os.PathLike[str] | None = None,
    ) -> None:
        self.base = base
        self.layer = layer
        self.pooling = pooling
        self.device = device
        self.cache = cache

    def fit(self, X: Any, y: Any = None) -> LayerFeatures:
        """Check the options against the base; nothing is learnt from `X`."""
        as_predictor(self.base).net.checked(self._layers)
        self.n_features_in_ = 1
        names = column_names(X) if is_table(X) else []
        if names:
            self.feature_names_in_ = np.array(names, dtype=object)
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_
        return self

    def transform(self, X: Any) -> Floats:
        """Return the outputs for texts [rows] (or a frame of one column), float32 [rows, size]."""
        return self._outputs(as_corpus(X))

    def _outputs(self, corpus: Corpus) -> Floats:
        how: Json = {"pooling": self.pooling, "device": self.device, "cache": self.cache}
        parts = [
            np.concatenate([outputs[layer] for layer in self._layers], axis=1)
            for outputs in layer_outputs(self.base, corpus, self._layers, **how)
        ]
        return np.concatenate(parts)

    def get_feature_names_out(self, input_features: Any = None) -> Strings:
        """Return a name a column: layer and number."""
        width = self._outputs(as_corpus([""])).shape[1]  # transform itself would ask for these names
        return np.array([f"{'_'.join(self._layers)}_{i}" for i in range(width)], dtype=object)

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        tags.input_tags.one_d_array = True
        tags.input_tags.allow_nan = True
        return tags

    def __sklearn_clone__(self) -> LayerFeatures:
        found: LayerFeatures = clone_beside_base(self)
        return found

    @property
    def _layers(self) -> tuple[str, ...]:
        if not self.layer:
            raise OptionError(
                "no layer was named; pass layer='pooled', or several names, as `headstart layers` lists them."
            )
        return (self.layer,) if isinstance(self.layer, str) else tuple(self.layer)
