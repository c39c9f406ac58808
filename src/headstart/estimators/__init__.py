"""The scikit-learn estimators over all strategies: fit it, save it, load it."""

from headstart.estimators.classifier import TextClassifier
from headstart.estimators.labelling import labelled
from headstart.estimators.loading import import_mxnet
from headstart.estimators.regressor import TextRegressor
from headstart.estimators.saving import ModelPlace, run_digest
from headstart.estimators.text_estimator import LEAST_HELD, TextEstimator, install
from headstart.loading import load
from headstart.predictor.deciding import decided

__all__ = [
    "LEAST_HELD",
    "ModelPlace",
    "TextClassifier",
    "TextEstimator",
    "TextRegressor",
    "decided",
    "import_mxnet",
    "install",
    "labelled",
    "load",
    "run_digest",
]
