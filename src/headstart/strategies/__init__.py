"""Strategies: ways to make a predictor. One file each; `STRATEGIES` lists them, simplest first.

============================  ===========================================================================
``as-is``                     the base unchanged, its labels matched to the target's
``self-train``                the base, taught by itself on the target's texts, without any label
``columns``                   the tabular columns alone
``tfidf``                     TF-IDF of 1- and 2-grams into logistic regression
``nbsvm``                     1- to 3-grams by naive Bayes' ratios into logistic regression
``minirocket``                random convolutions of series into logistic regression
``pixels``, ``hog``           points of images, or histograms of their gradients, into logistic regression
``tfidf-prior``               ``tfidf``, pulled towards the weights of a model of the source's texts
``features``                  outputs of the base's layers (and columns) into a linear head or CatBoost
``fine-tune``                 the base trained on with the labels; with columns, a head over its answers out of fold
``self-train+fine-tune``      the base reads texts, learns the labels, then teaches itself
``fine-tune-gradual``         the base trained on, thawed stage by stage
``scratch``                   a network from random weights; how a base begins, too
============================  ===========================================================================

`headstart.TextClassifier`, ``headstart transfer`` and ``headstart compare`` all run them by `learn`.
"""

from typing import Any

from headstart.errors import OptionError, unknown_name
from headstart.strategies.as_is import answers_some, fit_as_is, read_as_is, said_of_shared
from headstart.strategies.blend import LEAST_TEXTS, adapt_to_texts, is_blend, self_train
from headstart.strategies.columns import fit_columns
from headstart.strategies.features import fit_features
from headstart.strategies.fine_tune import (
    fit_gradual,
    fit_self_trained,
    has_closed_form,
    has_no_closed_form,
)
from headstart.strategies.fine_tune_columns import fit_fine_tune_columns, only_measures
from headstart.strategies.fixed_features import fit_fixed
from headstart.strategies.inputs import require_goals
from headstart.strategies.label_names import is_encoder
from headstart.strategies.learning import learn
from headstart.strategies.nbsvm import fit_nbsvm
from headstart.strategies.probing import layer_aucs
from headstart.strategies.recipes import RECIPES
from headstart.strategies.scratch import fit_scratch
from headstart.strategies.self_train import fit_self_train
from headstart.strategies.settings import FitResult, Settings
from headstart.strategies.shared import SharedRows
from headstart.strategies.strategy import Strategy
from headstart.strategies.tfidf import fit_tfidf
from headstart.strategies.tfidf_prior import fit_tfidf_prior

_TABLE = (
    Strategy("as-is", fit_as_is, "the base unchanged", uses="base", needs=("answers",), unlabelled=True, seconds=0.1),
    Strategy(
        "self-train", fit_self_train, "the base, taught by itself on your texts without labels", uses="base",
        needs=("ngrams", "labels"), unlabelled=True, seconds=10.0,
    ),
    Strategy("columns", fit_columns, "the tabular columns alone", needs=("columns",), with_columns=True, seconds=0.5),
    Strategy(
        "tfidf", fit_tfidf, "TF-IDF of 1,2-grams, logistic regression", needs=("text", "texts:words"), columns=True,
    ),
    Strategy(
        "nbsvm", fit_nbsvm, "1-3-grams by naive Bayes' ratios", needs=("text", "texts:punctuated"), columns=True, seconds=2.0
    ),
    Strategy(
        "tfidf-prior", fit_tfidf_prior, "TF-IDF, pulled towards a source model's weights", uses="source",
        needs=("source", "text", "texts:words"), columns=True, seconds=3.0,
    ),
    Strategy(
        "minirocket", fit_fixed("minirocket"), "MiniRocket's convolutions, logistic regression", needs=("series",), columns=True,
    ),
    Strategy("pixels", fit_fixed("pixels"), "the points of the images, logistic regression", needs=("image",), columns=True),
    Strategy(
        "hog", fit_fixed("hog"), "histograms of the images' gradients, logistic regression", needs=("image",), columns=True,
    ),
    Strategy(
        "features", fit_features, "a layer of the base, linear head or trees", uses="base", needs=("layers",),
        columns=True, seconds=3.0,
    ),
    Strategy(
        "fine-tune", fit_fine_tune_columns, "the base trained on with your labels", uses="base", needs=("network",),
        columns=True, expensive=True, stops_early=has_no_closed_form, only_measures=only_measures, seconds=12.0,
    ),
    Strategy(
        "self-train+fine-tune", fit_self_trained, "the base, which reads your texts, learns your labels, then teaches itself",
        uses="base", needs=("ngrams",), expensive=True, stops_early=has_no_closed_form, only_measures=has_closed_form,
        reads_texts=True, seconds=14.0,
    ),
    Strategy(
        "fine-tune-gradual", fit_gradual, "the base trained on, thawed stage by stage", uses="base",
        needs=("network",), expensive=True, stops_early=lambda base, settings: True, seconds=12.0,
    ),
    Strategy(
        "scratch", fit_scratch, "the base's network from random weights", needs=("beginning",), expensive=True,
        stops_early=lambda base, settings: True, seconds=16.0,
    ),
)  # fmt: skip

STRATEGIES: dict[str, Strategy] = {strategy.name: strategy for strategy in _TABLE}
"""All strategies by name, simplest first: of equals the one that stands higher is shipped."""

UNLABELLED = tuple(name for name, strategy in STRATEGIES.items() if strategy.unlabelled)
"""Strategies that look at no label."""

WITH_COLUMNS = "+columns"
"""What a comparison puts behind the name of a strategy that reads the columns."""

_GONE = {
    "as-is+texts": "it trained a base anew on the source's rows and the target's texts, which was worth nothing (docs/compare.md); "
    "'self-train' makes more of such texts",
    "as-is+test-texts": "it read the test rows' texts; benchmarks/transductive.py measures what that is worth",
    "self-train+test-texts": "it read the test rows' texts; benchmarks/transductive.py measures what that is worth",
}


def strategy_of(name: str) -> Strategy:
    """Return a strategy by its name, also as a comparison calls it: ``"tfidf+columns"``.

    Raises:
        OptionError: there is none of this name, or no longer.
    """
    bare = name.removesuffix(WITH_COLUMNS)
    if name in _GONE:
        raise OptionError(f"the strategy {name!r} is no longer there: {_GONE[name]}.")
    if bare not in STRATEGIES or (bare != name and not STRATEGIES[bare].columns):
        raise unknown_name("strategy", name, STRATEGIES)
    return STRATEGIES[bare]


# Names of 0.1.
_FORMER = {
    "Learnt": FitResult,
    "as_is": STRATEGIES["as-is"],
    "features": STRATEGIES["features"],
    "fine_tune": STRATEGIES["fine-tune"],
    "in_closed_form": has_closed_form,
    "labels_of": require_goals,
    "read_beforehand": adapt_to_texts,
    "self_training": STRATEGIES["self-train"],
    "tfidf": STRATEGIES["tfidf"],
    "train_network": STRATEGIES["scratch"],
}


def __getattr__(name: str) -> Any:
    if name in _FORMER:
        return _FORMER[name]
    raise AttributeError(f"module 'headstart.strategies' has no attribute {name!r}")
