"""The one way to learn: a strategy on some rows, by `TextClassifier`, `transfer` and `compare` alike.

What a strategy that trains in epochs stops by is held out here, in whole groups; a strategy that chooses by folds needs nothing
held out; one that has no use for held-out rows is measured on some, and then learns from all.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from headstart.corpus import ROW_KINDS, Corpus, split
from headstart.errors import DataError, OptionError
from headstart.fitting.folds import Fold
from headstart.predictor import Predictor, kept
from headstart.strategies.settings import FitResult, Settings
from headstart.strategies.shared import SharedRows
from headstart.strategies.strategy import Strategy

LEAST_HELD = 100
"""With fewer labels than this none is held out: the labels serve training better than a noisy stop."""

_MEASURED = "the held-out rows measured it; then it was fitted again with them among the training rows"


def learn(
    strategy: Strategy,
    train: Corpus,
    valid: Corpus | None,
    base: Predictor | None,
    settings: Settings,
    shared: SharedRows | None = None,
    *,
    measure: bool = True,
) -> FitResult:
    """Fit a strategy on training rows, and hold some of them out where it needs them.

    Args:
        strategy: what to fit.
        train: the training rows.
        valid: rows to stop early, to calibrate and to measure on; None holds some of `train` out where that is of use.
        base: what is carried over, or None.
        settings: `valid_fraction`, `groups` and `random_state` say what is held out.
        shared: what is known of the training rows already.
        measure: whether to hold rows out that would only measure, which costs a second fit.
    """
    found = _learn(strategy, train, valid, base, settings, shared or SharedRows(train, base, settings), measure=measure)
    if settings.coverage is not None and found.predictor.rule.quantile is None:
        raise DataError(
            f"sets or intervals that hold the truth in {100 * settings.coverage:g}% of rows are fitted on labelled rows that were not "
            f"learnt from, and {strategy.name!r} had none among {len(train):,} rows; give more labelled rows, validation rows, or "
            "leave the coverage out."
        )
    return found


def _learn(
    strategy: Strategy,
    train: Corpus,
    valid: Corpus | None,
    base: Predictor | None,
    settings: Settings,
    shared: SharedRows,
    *,
    measure: bool,
) -> FitResult:
    _check_asked(strategy, train, settings)
    only_measures = strategy.only_measures(base, settings)
    holds_out = strategy.stops_early(base, settings) or (measure and only_measures)
    if valid is not None or not holds_out or (fold := _fold(train, settings)) is None:
        return strategy(train, valid, base, settings, shared)
    rest, held = train.take(fold.train), train.take(fold.valid)
    found = strategy(rest, held, base, settings, shared.of(rest))
    if not only_measures:
        return found
    settings.say("learning again, with the held-out rows among the training rows")
    return _with_measures(strategy(train, None, base, _next_to(settings), shared), found)


def _check_asked(strategy: Strategy, train: Corpus, settings: Settings) -> None:
    """Refuse a strategy that reads other rows, and what the strategy would not look at.

    Raises:
        OptionError: says what is read, or who reads it.
    """
    for name in ("encoder", "teacher"):
        if getattr(settings, name) is not None and strategy.name != "scratch":
            raise OptionError(
                f"{name}= came, and only a network that is trained from random weights takes it, by the strategy 'scratch'; the strategy "
                f"is {strategy.name!r}: leave one of the two out."
            )
    wanted = [need for need in strategy.needs if need in ROW_KINDS]
    if wanted and train.input not in wanted:
        raise OptionError(
            f"the strategy {strategy.name!r} reads rows of the kind {wanted[0]!r}, and these are {train.input!r}; "
            "headstart compare tells which strategies can run on them."
        )


def _fold(train: Corpus, settings: Settings) -> Fold | None:
    """Return what is held out and what is not, in whole groups; None where there is too little, which is told."""
    if train.labels is None or not settings.valid_fraction:
        return None
    if len(train) < LEAST_HELD:
        settings.say(f"{len(train)} rows are too few to hold any out: all are trained on, and nothing is stopped early")
        return None
    if train.task is not None and train.task.kind == "binary" and np.bincount(train.labels).min() < 2:
        settings.say("one label stands in a single row, which is trained on: none is held out to stop early")
        return None
    if train.task is not None and train.task.kind == "multiclass" and np.median(_sizes(train)) < 2:
        settings.say("most labels stand in a single row, which is trained on: none is held out to stop early")
        return None
    share = settings.valid_fraction
    settings.say(
        f"no validation rows came: holding out {f'{share:.0%}' if isinstance(share, float) else share} of the training rows, "
        "stratified, to stop early and to calibrate"
    )
    return Fold(*split(train, share, groups=settings.groups, random_state=settings.random_state))


def _sizes(train: Corpus) -> NDArray[np.int64]:
    """Return how many rows each class has that has any."""
    return np.unique(np.asarray(train.labels), return_counts=True)[1]


def _next_to(settings: Settings) -> Settings:
    """Return the settings of a second training; its checkpoint stands next to the first's, which would make way for it."""
    folder = None if settings.checkpoint is None else Path(settings.checkpoint) / "whole"
    return replace(settings, checkpoint=folder)


def _with_measures(whole: FitResult, measured: FitResult) -> FitResult:
    """Return what was learnt from all rows, with what was measured on held-out rows when they were held out."""
    predictor = whole.predictor.with_facts(**kept(measured.predictor.info, ("valid", "n_valid")))
    if measured.history and not whole.history:
        predictor = replace(predictor, run={**predictor.run, "history": measured.history})
        whole = replace(whole, history=measured.history)
    return replace(whole, predictor=predictor, notes=(*whole.notes, _MEASURED))
