"""What stands at the end of a fit: calibration by rows that were not learnt from, and what is kept of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from headstart.arrays import Doubles
from headstart.corpus import Corpus
from headstart.drift import scores_of
from headstart.fitting.calibration import fit_rule, held_out_metrics
from headstart.fitting.conformal import conformal_quantile
from headstart.fitting.folds import Fold, known_rows, stratified_folds
from headstart.plain import Json
from headstart.predictor import Predictor, Provenance
from headstart.strategies.inputs import group_codes_of, task_of
from headstart.strategies.settings import FitResult, Settings
from headstart.tasks import Rule


def folds_of(train: Corpus, settings: Settings) -> list[Fold]:
    """Return the folds of some rows; groups stay together."""
    strata = task_of(train).strata(np.asarray(train.labels))
    return stratified_folds(strata, group_codes_of(train, settings), settings.random_state)


def finish_head(
    result: FitResult,
    train: Corpus,
    valid: Corpus | None,
    settings: Settings,
    counts: Json,
    out_of_fold: NDArray[np.float64] | None,
) -> FitResult:
    """Calibrate a head, and measure it: on validation rows where they came, else on the logits out of fold.

    Args:
        result: with a predictor that is not calibrated yet.
        train: the rows it was fitted on.
        valid: rows to measure on, or None.
        settings: of the fit.
        counts: of data quality.
        out_of_fold: logits of the training rows by models that had not seen them, [rows] or [rows, outputs], NaN where there
            are none; or None.
    """
    facts: Provenance = {"n_train": len(train), "train_counts": counts}
    predictor, logits, rows = result.predictor, None, valid
    if valid is not None and valid.labels is not None:
        logits = predictor.score(valid, device=settings.device).logits
    elif out_of_fold is not None:
        known = np.flatnonzero(known_rows(out_of_fold))
        rows, logits = train.take(known), out_of_fold[known]
    if rows is not None and rows.labels is not None and logits is not None and len(logits):
        predictor = replace(predictor, rule=rule_of(predictor, logits, rows, settings))
        facts |= held_out_facts(predictor, rows, logits)
    return replace(result, predictor=predictor.with_facts(**facts))


def rule_of(predictor: Predictor, logits: Doubles, rows: Corpus, settings: Settings) -> Rule:
    """Return how a predictor's logits become answers, from rows that it has not learnt from.

    Args:
        predictor: whose rule stays where none is to be fitted.
        logits: of the rows, [rows] or [rows, outputs].
        rows: with labels.
        settings: whether to calibrate, and the coverage of conformal sets or intervals.
    """
    task, targets, rule = predictor.answers, np.asarray(rows.labels), predictor.rule
    if settings.calibrate:
        taught = None if settings.teacher is None else settings.teacher.rule(task, logits, rows)
        rule = (taught or fit_rule(task, logits, targets, rows.weights)).replace(threshold=rule.threshold)
    if settings.coverage is None:
        return rule
    known = task.probabilities(logits, rule)
    if rule.offsets:  # of each class or label: fitted to so few rows that these fit better than others will
        for fold in folds_of(rows, settings):
            weights = None if rows.weights is None else rows.weights[fold.train]
            of_others = fit_rule(task, logits[fold.train], targets[fold.train], weights)
            known[fold.valid] = task.probabilities(logits[fold.valid], of_others)
    quantile = conformal_quantile(task, known, targets, settings.coverage)
    return rule.replace(coverage=settings.coverage, quantile=quantile)


def measured(predictor: Predictor, valid: Corpus | None, device: str) -> Provenance:
    """Return the facts about validation rows of a model that has learnt nothing from them; none of rows without labels."""
    if valid is None or valid.labels is None:
        return {}
    return held_out_facts(predictor, valid, predictor.score(valid, device=device).logits)


def held_out_facts(predictor: Predictor, rows: Corpus, logits: Doubles) -> Provenance:
    """Return what is kept of rows that a model has not learnt from: metrics, and where its scores lie.

    Args:
        predictor: done.
        rows: with labels.
        logits: of the rows, [rows] or [rows, outputs].
    """
    probabilities = predictor.probabilities(logits)
    metrics = held_out_metrics(predictor.answers, np.asarray(rows.labels), probabilities, predictor.rule)
    facts: Provenance = {"n_valid": len(rows), "valid": metrics}
    if predictor.answers.kind != "regression":
        facts["held_out_scores"] = np.percentile(scores_of(probabilities), np.arange(101)).tolist()
    return facts
