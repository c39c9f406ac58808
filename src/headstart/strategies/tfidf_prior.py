"""`tfidf` pulled towards the weights of a model of the source's texts; how far is chosen, and not at all is a choice.

Chelba and Acero, "Adaptation of Maximum Entropy Capitalizer: Little Data Can Help a Lot", EMNLP 2004.
"""

from __future__ import annotations

from headstart.corpus import Corpus
from headstart.predictor import Predictor
from headstart.strategies.ngram_model import NgramRecipe, fit_ngram_model
from headstart.strategies.settings import FitResult, Settings
from headstart.strategies.shared import SharedRows

_RECIPE = NgramRecipe("words", (0.3, 3.0, 30.0), fractions=(0.0, 0.5, 1.0))


def fit_tfidf_prior(
    train: Corpus, valid: Corpus | None, base: Predictor | None, settings: Settings, shared: SharedRows
) -> FitResult:
    """Fit on the target, near a model of ``settings.source``."""
    return fit_ngram_model(train, valid, settings, shared, _RECIPE)
