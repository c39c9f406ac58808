"""`TextClassifier`: the scikit-learn classifier over all strategies."""

from __future__ import annotations

import warnings
from functools import cache
from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin

from headstart.arrays import Array, Doubles, Places
from headstart.errors import DataError
from headstart.estimators.text_estimator import TextEstimator
from headstart.estimators.values import INDICATOR, Classes

__all__ = ["TextClassifier"]


class TextClassifier(ClassifierMixin, TextEstimator):  # type: ignore[misc]
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

    classes_: Array
    positive_: Any
    _codes: Places
    """Of each of `classes_`, its code."""
    _indicator: bool

    _unless_told = "classes"

    def predict(self, X: Any) -> Array:
        """Return the predicted label of each row, as a value of `classes_` [rows].

        Of two labels it is the positive one where its probability reaches the threshold: .5, or what `threshold` said; of more
        the likeliest, of ordered ones the median; or that whose expected `costs` are the least. None stands where the model
        abstains. Of several labels a row it is 0 and 1 [rows, labels] if `y` was so in `fit`, else a list of labels [rows].
        """
        probabilities = self.score_rows(X).probabilities
        decisions = self.predictor_.decide(probabilities)
        if decisions.ndim > 1:
            return decisions.astype(np.int64) if self._indicator else self._listed(decisions)
        places = np.empty_like(self._codes)
        places[self._codes] = np.arange(len(places))
        found: Array = self.classes_[places[decisions]]
        unsure = self.predictor_.answers.abstains(probabilities, self.predictor_.rule)
        if unsure.any():
            found = found.astype(object)
            found[unsure] = None
        return found

    def predict_proba(self, X: Any) -> Doubles:
        """Return the probability of each label, in the order of `classes_` [rows, labels]."""
        found = self.score_rows(X).probabilities
        if found.ndim > 1:
            return found[:, self._codes]
        low_and_high = np.stack([1 - found, found], axis=1)
        return low_and_high[:, ::-1] if self._is_turned() else low_and_high

    def decision_function(self, X: Any) -> Doubles:
        """Return scores of `classes_`.

        Of two labels one of ``classes_[1]`` that is above 0 where it is predicted [rows]: the calibrated logit, less that of the
        threshold. Of more the logarithm of each one's probability [rows, classes]. Of several labels a row the probability
        less the threshold [rows, labels].
        """
        scores, predictor = self.score_rows(X), self.predictor_
        if scores.probabilities.ndim == 1:
            found = predictor.decisions(scores.logits)
            return -found if self._is_turned() else found
        if predictor.answers.kind == "multilabel":
            return predictor.answers.scores(scores.logits, scores.probabilities, predictor.rule)[:, self._codes]
        return np.log(np.maximum(scores.probabilities[:, self._codes], 1e-300))

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
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

    def _take_classes(self, classes: Classes) -> None:
        several = self.predictor_.task is not None and self.predictor_.task.kind == "multilabel"
        self.classes_, self._codes = classes.in_order() if several else classes.sorted()
        self.positive_ = classes.values[1] if len(classes.values) == 2 and not several else None
        self._indicator = self.predictor_.info.get("label_types") == [INDICATOR]

    def _listed(self, decisions: Array) -> Array:
        found = np.empty(len(decisions), dtype=object)
        found[:] = [self.classes_[row[self._codes] > 0].tolist() for row in decisions]
        return found

    def _is_turned(self) -> bool:
        """Tell whether the positive label is the first of `classes_`, and say once that it was the last in 0.1."""
        turned = bool(self.classes_[0] == self.positive_)
        if turned:
            _tell_of_turned_columns()
        return turned

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


@cache
def _tell_of_turned_columns() -> None:
    warnings.warn(
        "classes_ is sorted since headstart 0.2, and the columns of predict_proba and the sign of decision_function follow "
        "it: here the positive label comes first, where 0.1 put it last. Look columns up by classes_, or by positive_.",
        FutureWarning,
        stacklevel=4,
    )
