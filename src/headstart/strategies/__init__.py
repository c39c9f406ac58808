"""Ways to make a predictor: train a base, or carry one over to other texts.

==============  =====================================================================
``as-is``       the base unchanged, its labels matched to the target's
``features``    outputs of the base's layers (and columns) into CatBoost or a linear head
``fine-tune``   the base's weights as the start: head first, then everything
``self-train``  the base, taught by itself on the target's texts, without any label
``scratch``     a network from random weights; how a base begins, too
``tfidf``       TF-IDF of 1- and 2-grams into logistic regression
==============  =====================================================================

The last two are the reference points that a transfer is measured against.
"""

from headstart.strategies.blend.linear_branch import is_blend
from headstart.strategies.blend.self_training import LEAST_TEXTS, adapt_to_texts, self_train, self_training
from headstart.strategies.carry import as_is, features, fine_tune, has_closed_form, tfidf
from headstart.strategies.probing import layer_aucs
from headstart.strategies.recipes import RECIPES
from headstart.strategies.scratch import labels_of, train_network
from headstart.strategies.settings import FitResult, Settings, Strategy

__all__ = [
    "LEAST_TEXTS",
    "RECIPES",
    "STRATEGIES",
    "UNLABELLED",
    "FitResult",
    "Settings",
    "adapt_to_texts",
    "as_is",
    "features",
    "fine_tune",
    "has_closed_form",
    "is_blend",
    "labels_of",
    "layer_aucs",
    "self_train",
    "self_training",
    "tfidf",
    "train_network",
]

STRATEGIES: dict[str, Strategy] = {
    "as-is": as_is,
    "features": features,
    "fine-tune": fine_tune,
    "self-train": self_training,
    "scratch": train_network,
    "tfidf": tfidf,
}

UNLABELLED = ("as-is", "self-train")
"""Strategies that look at no label."""
