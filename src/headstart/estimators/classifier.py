"""`TextClassifier`: the scikit-learn classifier over all strategies."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin

from headstart.errors import DataError
from headstart.estimators.text_estimator import TextEstimator
from headstart.predictor.class_labels import AnswersClasses


class TextClassifier(AnswersClasses, ClassifierMixin, TextEstimator):  # type: ignore[misc]
    """Tells kinds of text apart, from scratch or from what a base has learnt elsewhere.

    `X` is a one-dimensional array of texts, or a table with a column of them. `y` holds two values of any type, of which the
    second in sorted order is the positive one unless `positive` says otherwise; or several, without an order unless `task` or
    `order` says so; or, of several labels a row, lists of them or 0 and 1 [rows, labels]. `classes_`, and with them the columns
    of `predict_proba`, are sorted, as everywhere in scikit-learn; of several labels a row they follow the columns of `y`.

    Attributes:
        classes_: the label values, sorted.
        positive_: of two, that which is the positive one; else None.
        predictor_: everything needed to predict.
        history_: one row an epoch; of fine-tuning in closed form one a step, measured on validation rows.
        n_features_in_: columns of `X` that are read.
        feature_names_in_: their names; only where `X` was a table.

    >>> texts = ["good", "fine and good", "bad", "a bad one"] * 10
    >>> model = TextClassifier(strategy="tfidf").fit(texts, [1, 1, 0, 0] * 10)
    >>> model.predict(["a good one"]).tolist()
    [1]
    """

    _unless_told = "classes"

    def score(self, X: object, y: object = None, sample_weight: object = None) -> float:
        """Return the share of the rows whose label, or all of whose labels, are predicted, weighted where weights come.

        Args:
            X: texts [rows], a table, or a labelled `Corpus`.
            y: labels, as in `fit`; not needed with a labelled corpus.
            sample_weight: what each row counts for [rows].

        Raises:
            DataError: if there are no labels, or some that the model does not know.
        """
        corpus = self._targets(X, y, sample_weight)
        decisions = self.predictor_.decide(self.predictor_.score(corpus, device=self.device).probabilities)
        right = np.asarray(decisions == corpus.labels)
        return float(np.average(right if right.ndim == 1 else right.all(1), weights=corpus.weights))

    def _check_kind(self, kind: str) -> None:
        if kind == "regression":
            raise DataError(
                "Unknown label type: continuous. The labels are numbers on a scale, and TextClassifier tells classes; take "
                "TextRegressor, or say what they are with task='multiclass' or task='ordinal'."
            )

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
