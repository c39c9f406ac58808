"""`TextRegressor`: the scikit-learn regressor over all strategies."""

from __future__ import annotations

from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score

from headstart.arrays import Doubles
from headstart.errors import DataError, OptionError
from headstart.estimators.text_estimator import TextEstimator

_OF_CLASSES = ("positive", "label_map", "order", "class_weight", "threshold", "costs", "abstain_below")


class TextRegressor(RegressorMixin, TextEstimator):  # type: ignore[misc]
    """Predicts a number for each text, such as a price or stars, from scratch or from what a base has learnt elsewhere.

    `X` is a one-dimensional array of texts, or a table with a column of them; `y` holds numbers. Options that are about classes
    (`order`, `label_map`, `positive`, `class_weight`, `threshold`, `costs`, `abstain_below`) are refused.

    Attributes:
        predictor_: everything needed to predict.
        history_: one row an epoch; of fine-tuning in closed form one a step, measured on validation rows.
        n_features_in_: columns of `X` that are read.
        feature_names_in_: their names; only where `X` was a table.

    >>> texts = ["good", "fine and good", "bad", "a bad one"] * 10
    >>> model = TextRegressor(strategy="tfidf").fit(texts, [4.5, 5, 1, 1.5] * 10)
    >>> bool(model.predict(["a good one"])[0] > model.predict(["a bad one"])[0])
    True
    """

    _unless_told = "regression"

    def predict(self, X: object) -> Doubles:
        """Return the predicted number of each row [rows]."""
        return self.score_rows(X).probabilities

    def score(self, X: object, y: object = None, sample_weight: object = None) -> float:
        """Return R2: 1 is perfect, 0 is what the mean of `y` reaches.

        Args:
            X: texts [rows], a table, or a labelled `Corpus`.
            y: numbers [rows]; not needed with a labelled corpus.
            sample_weight: what each row counts for [rows].

        Raises:
            DataError: if there are no numbers.
        """
        corpus = self._targets(X, y, sample_weight)
        predicted = self.predictor_.score(corpus, device=self.device).probabilities
        return float(r2_score(corpus.labels, predicted, sample_weight=corpus.weights))

    def _check_kind(self, kind: str) -> None:
        given = [name for name in _OF_CLASSES if getattr(self, name) is not None]
        if given or self.task not in ("auto", "regression"):
            what = given[0] if given else f"task={self.task!r}"
            raise OptionError(
                f"{what} came with TextRegressor, which predicts numbers and knows no classes; leave it out, or take TextClassifier."
            )
        if kind != "regression":
            raise DataError(
                f"The labels are of the task {kind}, and TextRegressor learns numbers; take TextClassifier, or read the column as "
                "numbers with task='regression'."
            )
