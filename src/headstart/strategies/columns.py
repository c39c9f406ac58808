"""The tabular columns alone, the texts left unread: a reference point."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from headstart.corpus import Corpus
from headstart.errors import OptionError
from headstart.predictor import ColumnInput, ColumnScorer, Inputs, Predictor, reads
from headstart.strategies.column_block import ColumnBlock
from headstart.strategies.finishing import finish_head, folds_of
from headstart.strategies.head_choice import best_head, choose_linear
from headstart.strategies.inputs import goals_of
from headstart.strategies.settings import FitResult, Settings
from headstart.strategies.shared import SharedRows


def fit_columns(
    train: Corpus, valid: Corpus | None, base: Predictor | None, settings: Settings, shared: SharedRows
) -> FitResult:
    """Fit a head on the columns that ``settings.columns`` names."""
    alone = train.input == "columns"
    settings = replace(settings, columns=train.reads) if alone else settings
    goals, columns = goals_of(train), ColumnBlock.fit(train, settings)
    if columns is None:
        raise OptionError(
            "the strategy 'columns' reads tabular columns alone, and none were named; name them: --columns A,B."
        )
    folds, nothing = folds_of(train, settings), np.zeros((len(train), 0), np.float32)
    linear = choose_linear(nothing, columns, goals, folds, settings)
    head, out_of_fold, chosen = best_head(linear, nothing, columns, goals, folds, settings)
    own: Inputs = (
        {"columns": ColumnInput(settings.columns)} if alone else reads(settings.columns, column=train.text_name)
    )
    predictor = Predictor(ColumnScorer(head), goals.task, own)

    def score(rows: SharedRows) -> NDArray[np.float64]:
        return head.decision(np.zeros((len(rows.corpus), 0), np.float32), rows.corpus.columns)

    counts = {"n_null": train.texts.null_count, **columns.counts}
    fitted = FitResult(predictor, choices=chosen, score_shared=score)
    return finish_head(fitted, train, valid, settings, counts, out_of_fold)
