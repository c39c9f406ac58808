"""TF-IDF of 1- and 2-grams into logistic regression: the reference point that everybody knows."""

from __future__ import annotations

from headstart.corpus import Corpus
from headstart.predictor import Predictor
from headstart.strategies.ngram_model import NgramRecipe, fit_ngram_model
from headstart.strategies.settings import FitResult, Settings
from headstart.strategies.shared import SharedRows

_RECIPE = NgramRecipe("words")


def fit_tfidf(
    train: Corpus, valid: Corpus | None, base: Predictor | None, settings: Settings, shared: SharedRows
) -> FitResult:
    """Fit on the target alone; a base has no part in it."""
    return fit_ngram_model(train, valid, settings, shared, _RECIPE)
