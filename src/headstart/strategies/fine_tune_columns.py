"""Fine-tuning next to tabular columns: a head over what the tuned base answers, and the columns.

What a base answers on rows that it was tuned on is surer than on any others, and a head that learnt from it would leave nothing
to the columns. So the head learns from answers out of fold: each by a base that was tuned on the other rows (Wolpert, "Stacked
Generalization", Neural Networks 5:241-259, 1992).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from headstart.arrays import Floats
from headstart.corpus import Corpus
from headstart.features import layer_outputs
from headstart.predictor import LayerScorer, Predictor
from headstart.strategies.column_block import ColumnBlock
from headstart.strategies.fine_tune import fit_fine_tune, has_closed_form
from headstart.strategies.finishing import finish_head, folds_of
from headstart.strategies.head_choice import best_head, choose_linear
from headstart.strategies.inputs import goals_of
from headstart.strategies.settings import FitResult, Settings
from headstart.strategies.shared import SharedRows
from headstart.tasks import PLAIN


def only_measures(base: Predictor | None, settings: Settings) -> bool:
    """Tell whether held-out rows would only measure: in closed form, without columns, whose head is measured out of fold."""
    return has_closed_form(base, settings) and not settings.columns


def fit_fine_tune_columns(
    train: Corpus, valid: Corpus | None, base: Predictor | None, settings: Settings, shared: SharedRows
) -> FitResult:
    """Train on from the base's weights, once, and with columns once more for each fold; then fit the head."""
    own = train.input == "columns" or (base is not None and base.network_columns)  # what the network reads itself
    columns = None if own else ColumnBlock.fit(train, settings)
    if columns is None:
        return fit_fine_tune(train, valid, base, settings, shared)
    plain = replace(settings, columns=(), coverage=None)
    whole = fit_fine_tune(train, valid, base, plain, shared)
    tuned, scorer = whole.predictor, whole.predictor.scorer
    goals, folds, layer = goals_of(train), folds_of(train, settings), tuned.net.stages[-1]
    answers, quiet = _answers(tuned, train, layer, settings), replace(plain, events=(), checkpoint=None)
    for fold in folds:
        part = train.take(fold.train)
        of_others = fit_fine_tune(part, valid, base, quiet, shared.of(part)).predictor
        answers[fold.valid] = _answers(of_others, train.take(fold.valid), layer, settings)
    settings = replace(settings, C=None)  # which was for the base
    linear = choose_linear(answers, columns, goals, folds, settings, (layer,))
    head, out_of_fold, chosen = best_head(linear, answers, columns, goals, folds, settings)
    network: Any = scorer.network
    predictor = replace(
        tuned.with_columns(settings.columns or ()),
        scorer=LayerScorer(network, scorer.spec, (layer,), head, settings.pooling),  # type: ignore[arg-type]
        task=goals.task,
        rule=PLAIN,
    )
    counts = {**tuned.info.get("train_counts", {}), **columns.counts}
    choices = {**whole.choices, **{"head_C" if name == "C" else name: value for name, value in chosen.items()}}
    found = replace(whole, predictor=predictor, choices=choices, score_shared=None)
    return finish_head(found, train, valid, settings, counts, out_of_fold)


def _answers(predictor: Predictor, rows: Corpus, layer: str, settings: Settings) -> Floats:
    """Return what a tuned base says of rows, float32 [rows, outputs]."""
    how: Any = {"pooling": settings.pooling, "device": settings.device, "cache": "off"}
    return np.concatenate([part[layer] for part in layer_outputs(predictor, rows, (layer,), **how)])
