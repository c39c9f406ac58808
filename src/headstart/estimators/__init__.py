"""The scikit-learn estimators over all strategies: fit it, save it, load it."""

from headstart.estimators.by_rows import estimator_for
from headstart.estimators.classifier import TextClassifier
from headstart.estimators.labelling import labelled
from headstart.estimators.loading import import_mxnet
from headstart.estimators.other_rows import (
    ImageClassifier,
    ImageRegressor,
    SeriesClassifier,
    SeriesRegressor,
    TabularClassifier,
    TabularRegressor,
)
from headstart.estimators.regressor import TextRegressor
from headstart.estimators.saving import ModelPlace, run_digest
from headstart.estimators.text_estimator import TextEstimator, install
from headstart.loading import load
from headstart.predictor.deciding import decided
