"""Features that need no training into logistic regression: the reference points of series and images."""

from __future__ import annotations

from collections.abc import Callable

from headstart.corpus import Corpus
from headstart.heads.transforms import TRANSFORMS
from headstart.inputs import ColumnInput, encode_rows, fit_inputs
from headstart.predictor import Predictor, TransformScorer
from headstart.strategies.column_block import ColumnBlock
from headstart.strategies.finishing import finish_head, folds_of
from headstart.strategies.head_choice import choose_linear, fit_linear_head
from headstart.strategies.inputs import goals_of
from headstart.strategies.settings import FitResult, Settings
from headstart.strategies.shared import SharedRows

_Fit = Callable[[Corpus, Corpus | None, Predictor | None, Settings, SharedRows], FitResult]


def fit_fixed(kind: str) -> _Fit:
    """Return the strategy that fits a linear head on a kind of `headstart.heads.transforms.TRANSFORMS`, on the target alone."""

    def fit(
        train: Corpus, valid: Corpus | None, base: Predictor | None, settings: Settings, shared: SharedRows
    ) -> FitResult:
        goals, columns, folds = goals_of(train), ColumnBlock.fit(train, settings), folds_of(train, settings)
        inputs = dict(fit_inputs(train))
        encoded = encode_rows(inputs, train)
        transform = TRANSFORMS[kind].fit(encoded.examples, settings.random_state)
        outputs = transform.features(encoded.examples)
        linear = choose_linear(outputs, columns, goals, folds, settings)
        head = fit_linear_head(outputs, columns, goals, linear.cost)
        if columns is not None:
            inputs["columns"] = ColumnInput(settings.columns)
        predictor = Predictor(TransformScorer(transform, head), goals.task, inputs)
        counts = {**encoded.counts, **({} if columns is None else columns.counts)}
        return finish_head(
            FitResult(predictor, choices={"C": linear.cost}), train, valid, settings, counts, linear.logits
        )

    return fit
