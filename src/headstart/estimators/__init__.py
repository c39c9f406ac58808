"""The scikit-learn estimator over all strategies: fit it, save it, load it."""

from headstart.estimators.classifier import LEAST_HELD, TextClassifier, install
from headstart.estimators.labelling import labelled
from headstart.estimators.loading import import_mxnet, load
from headstart.estimators.saving import ModelPlace, run_digest

__all__ = [
    "LEAST_HELD",
    "ModelPlace",
    "TextClassifier",
    "import_mxnet",
    "install",
    "labelled",
    "load",
    "run_digest",
]
