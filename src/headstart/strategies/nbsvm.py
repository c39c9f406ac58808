"""NB-SVM with a logistic loss: 1- to 3-grams, binary, weighed by naive Bayes' log-count ratios and idf.

Wang and Manning, "Baselines and Bigrams: Simple, Good Sentiment and Topic Classification", ACL 2012.
"""

from __future__ import annotations

from headstart.corpus import Corpus
from headstart.predictor import Predictor
from headstart.strategies.ngram_model import NgramRecipe, fit_ngram_model
from headstart.strategies.settings import FitResult, Settings
from headstart.strategies.shared import SharedRows

_RECIPE = NgramRecipe("punctuated", ratios=True)


def fit_nbsvm(
    train: Corpus, valid: Corpus | None, base: Predictor | None, settings: Settings, shared: SharedRows
) -> FitResult:
    """Fit on the target alone; a base has no part in it."""
    return fit_ngram_model(train, valid, settings, shared, _RECIPE)
