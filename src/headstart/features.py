"""A model's layers for scikit-learn and torch: a transformer that gives their outputs, and the sub-network that ends there."""

from __future__ import annotations

import copy
import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.base import clone

from headstart.arrays import Floats, Strings
from headstart.corpus import Corpus, as_corpus, column_names, is_table
from headstart.errors import OptionError
from headstart.layers import Network
from headstart.named_outputs import as_predictor, layer_outputs, layer_table
from headstart.plain import Json
from headstart.text.steps import _UnfittedOfTexts

__all__ = [
    "LayerFeatures",
    "as_predictor",
    "clone_beside_base",
    "layer_outputs",
    "layer_table",
    "submodel",
]


def submodel(model: object, layer: str) -> Network:
    """Return a trainable network that ends at `layer`, with weights of its own.

    It takes a `headstart.batches.Batch` of tensors and returns the layer's output. Training it leaves
    `model` as it is.
    """
    net: Network = as_predictor(model).net
    return copy.deepcopy(net).until(layer)


def clone_beside_base(estimator: Any) -> Any:
    """Return an unfitted copy of an estimator that keeps its fitted `base`.

    scikit-learn's own `clone` goes into every parameter that is an estimator, and a base without what it has
    learnt is none.
    """
    given = estimator.get_params(deep=False)
    copied = type(estimator)(
        **{
            name: value if name in ("base", "encoder", "teacher") else clone(value, safe=False)
            for name, value in given.items()
        }
    )
    for name in ("_metadata_request", "_sklearn_output_config"):
        if hasattr(estimator, name):
            setattr(copied, name, copy.deepcopy(getattr(estimator, name)))
    return copied


class LayerFeatures(_UnfittedOfTexts):
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

    def fit(self, X: object, y: object = None) -> LayerFeatures:
        """Check the options against the base; nothing is learnt from `X`."""
        as_predictor(self.base).network.engine.checked(self._layers)
        self.n_features_in_ = 1
        names = column_names(X) if is_table(X) else []
        if names:
            self.feature_names_in_ = np.array(names, dtype=object)
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_
        return self

    def transform(self, X: object) -> Floats:
        """Return the outputs for texts [rows] (or a frame of one column), float32 [rows, size]."""
        rows = as_predictor(self.base).row_columns
        return self._outputs(as_corpus(X, text=None if isinstance(rows, str) else rows))

    def _outputs(self, corpus: Corpus) -> Floats:
        how: Json = {"pooling": self.pooling, "device": self.device, "cache": self.cache}
        parts = [
            np.concatenate([outputs[layer] for layer in self._layers], axis=1)
            for outputs in layer_outputs(self.base, corpus, self._layers, **how)
        ]
        return np.concatenate(parts)

    def get_feature_names_out(self, input_features: object = None) -> Strings:
        """Return a name a column: layer and number."""
        base = as_predictor(self.base)
        if base.reads_kind == "text":
            width = self._outputs(as_corpus([""])).shape[1]  # transform itself would ask for these names
        else:
            shapes = [base.net.shapes[layer] for layer in self._layers]
            width = sum(int(shape[1 if len(shape) == 4 else -1]) for shape in shapes)
        return np.array([f"{'_'.join(self._layers)}_{i}" for i in range(width)], dtype=object)

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
