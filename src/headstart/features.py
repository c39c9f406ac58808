"""Named outputs of a model's layers: their shapes, their values for texts, the sub-network that ends there."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin, clone
from torch import nn

from headstart.corpus import Corpus, as_corpus
from headstart.errors import OptionError, unknown_name
from headstart.inference import network_outputs, resolve_device
from headstart.layers import stage_names, until
from headstart.predictor import Predictor

__all__ = ["LayerFeatures", "as_predictor", "clone_beside_base", "layer_outputs", "layer_table", "submodel"]

_CHUNK_ROWS = 8192


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
        from headstart.artifact import read

        return Predictor.from_parts(read(model))
    raise OptionError(
        f"a model was expected and a {type(model).__name__} came; pass a fitted TextClassifier, what headstart.load "
        "returned, or the path of a model folder."
    )


def layer_table(model: Any) -> list[dict[str, Any]]:
    """Return one row a layer: ``layer``, ``shape`` (``"rows"`` and ``"tokens"`` vary), ``parameters``, ``trainable``."""
    net = as_predictor(model).net
    shapes = getattr(net, "shapes", {})
    rows = []
    for name in stage_names(net):
        part = dict(net.named_modules()).get(name)
        parameters = [] if part is None else list(part.parameters())
        rows.append(
            {
                "layer": name,
                "shape": list(shapes.get(name, ())),
                "parameters": sum(p.numel() for p in parameters),
                "trainable": sum(p.numel() for p in parameters if p.requires_grad),
            }
        )
    return rows


def submodel(model: Any, layer: str) -> nn.Module:
    """Return a trainable network that ends at `layer`, with weights of its own.

    It takes a `headstart.batches.Batch` of tensors and returns the layer's output. Training it leaves
    `model` as it is.
    """
    return until(copy.deepcopy(as_predictor(model).net), layer)


def layer_outputs(
    model: Any, corpus: Corpus, layers: Sequence[str], *, pooling: str = "mean", device: str = "cpu"
) -> Iterator[dict[str, NDArray[np.float32]]]:
    """Yield the named outputs of consecutive rows, all layers in one pass, in bounded memory.

    Args:
        model: what `as_predictor` takes.
        corpus: the rows.
        layers: names from `layer_table`.
        pooling: how outputs of every token become one a row: ``"mean"``, ``"max"`` or ``"last"``.
        device: where to compute.

    Yields:
        Layer name -> float32 [up to 8,192 rows, size].
    """
    predictor = as_predictor(model)
    net = predictor.net.to(resolve_device(device))
    _check_layers(net, layers)
    for start in range(0, max(len(corpus), 1), _CHUNK_ROWS):
        part = corpus.take(np.arange(start, min(start + _CHUNK_ROWS, len(corpus))))
        rows = predictor.rows(part)
        yield network_outputs(net, rows.examples, layers, pooling=pooling, device=resolve_device(device))


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


def _check_layers(net: nn.Module, layers: Sequence[str]) -> None:
    for name in layers:
        if name not in stage_names(net) and name not in dict(net.named_modules()):
            raise unknown_name("layer", name, stage_names(net))


class LayerFeatures(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Texts to the output of a layer of a trained model; a transformer for any scikit-learn pipeline.

    Args:
        base: a fitted `TextClassifier`, a `Predictor`, or the path of a model.
        layer: a layer's name, or several, side by side.
        pooling: how outputs of every token become one a row: ``"mean"``, ``"max"`` or ``"last"``.
        device: where to compute.
    """

    def __init__(
        self, base: Any = None, *, layer: str | Sequence[str] = "pooled", pooling: str = "mean", device: str = "cpu"
    ) -> None:
        self.base = base
        self.layer = layer
        self.pooling = pooling
        self.device = device

    def fit(self, X: Any, y: Any = None) -> LayerFeatures:
        """Check the options against the base; nothing is learnt from `X`."""
        _check_layers(as_predictor(self.base).net, self._layers)
        return self

    def transform(self, X: Any) -> NDArray[np.float32]:
        """Return the outputs for texts [rows] (or a frame of one column), float32 [rows, size]."""
        corpus = as_corpus(X)
        parts = [
            np.concatenate([outputs[layer] for layer in self._layers], axis=1)
            for outputs in layer_outputs(self.base, corpus, self._layers, pooling=self.pooling, device=self.device)
        ]
        return np.concatenate(parts)

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Return a name a column: layer and number."""
        width = self.transform([""]).shape[1]
        return np.array([f"{'_'.join(self._layers)}_{i}" for i in range(width)], dtype=object)

    def __sklearn_is_fitted__(self) -> bool:
        return True

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
