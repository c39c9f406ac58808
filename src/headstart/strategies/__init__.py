"""Ways to make a predictor: train a base, or carry one over to other texts.

==============  =====================================================================
``as-is``       the base unchanged, its labels matched to the target's
``features``    outputs of the base's layers (and columns) into CatBoost or a linear head
``fine-tune``   the base's weights as the start: head first, then everything
``scratch``     a network from random weights; how a base begins, too
``tfidf``       TF-IDF of 1- and 2-grams into logistic regression
==============  =====================================================================

The last two are the reference points that a transfer is measured against.
"""

from headstart.strategies.carry import as_is, features, fine_tune, tfidf
from headstart.strategies.probing import layer_aucs
from headstart.strategies.scratch import RECIPES, labels_of, train_network
from headstart.strategies.settings import Learnt, Settings, Strategy
from headstart.strategies.vocabulary import read_beforehand

__all__ = [
    "RECIPES",
    "STRATEGIES",
    "Learnt",
    "Settings",
    "as_is",
    "features",
    "fine_tune",
    "labels_of",
    "layer_aucs",
    "read_beforehand",
    "tfidf",
    "train_network",
]

STRATEGIES: dict[str, Strategy] = {
    "as-is": as_is,
    "features": features,
    "fine-tune": fine_tune,
    "scratch": train_network,
    "tfidf": tfidf,
}
