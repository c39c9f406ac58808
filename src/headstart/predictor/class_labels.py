"""The label values behind a model's codes, and predictions in these values."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from headstart.arrays import Array, Doubles, Places
from headstart.corpus import label_name
from headstart.predictor.predictor import Predictor, Scores
from headstart.predictor.provenance import Provenance

INDICATOR = "indicator"
"""The type of labels that came as columns of 0 and 1."""


@dataclass(frozen=True)
class Classes:
    """The label values behind a model's codes, as `y` held them.

    Attributes:
        names: what the model calls them, by code; none of an encoder.
        values: what `y` held, by code.
    """

    names: tuple[str, ...]
    values: tuple[Any, ...]

    @property
    def facts(self) -> Provenance:
        """What a stored model keeps of them: their types, and the values themselves where it calls them otherwise."""
        facts: Provenance = {"label_types": [type(value).__name__ for value in self.values]}
        renamed = [label_name(value) for value in self.values] != list(self.names)
        if renamed and all(isinstance(value, bool | int | float | str) for value in self.values):
            facts["label_values"] = list(self.values)
        return facts

    def in_order(self) -> tuple[Array, Places]:
        """Return the values by code, and the codes [classes]."""
        return as_array(list(self.values)), np.arange(len(self.values))

    def sorted(self) -> tuple[Array, Places]:
        """Return the values in ascending order, as scikit-learn has them, and the code of each [classes]."""
        values = as_array(list(self.values))
        try:
            codes = np.argsort(values, kind="stable")
        except TypeError:  # values of two types have no order
            codes = np.argsort(values.astype(str), kind="stable")
        return values[codes], codes


def stored_classes(predictor: Predictor) -> Classes:
    """Return a loaded model's labels in the values and types that they had in training."""
    names = tuple(predictor.label_names)
    own = predictor.info.get("label_values")
    if own:
        return Classes(names, tuple(own))
    kinds = set(predictor.info.get("label_types", []))
    turn = _TYPES.get(next(iter(kinds)), str) if len(kinds) == 1 else str
    if kinds == {INDICATOR} and names == tuple(map(str, range(len(names)))):
        turn = int
    try:
        values = tuple(turn(name) for name in names)
    except ValueError:
        return Classes(names, names)
    return Classes(names, values if len(set(values)) == len(names) else names)


_TYPES: dict[str, Callable[[str], Any]] = {"int": int, "float": float, "bool": "True".__eq__}


def as_array(values: list[Any]) -> Array:
    """Return values as an array that keeps numbers numbers and strings strings."""
    array = np.array(values)
    return (
        array
        if array.dtype.kind in "biuf" or all(isinstance(v, str) for v in values)
        else np.array(values, dtype=object)
    )


class AnswersClasses:
    """Predictions as values of `classes_`, of whatever scores rows with a `Predictor`.

    Attributes:
        predictor_: everything needed to predict.
        classes_: the label values, sorted.
        positive_: of two, that which is the positive one; else None.
    """

    predictor_: Predictor
    classes_: Array
    positive_: Any
    _codes: Places
    """Of each of `classes_`, its code."""
    _indicator: bool

    if TYPE_CHECKING:  # the other parent has it, which would else be hidden

        def score_rows(self, X: object) -> Scores:
            """Return logits, probabilities, and counts of what happened to the texts (see `Scores`)."""

    def predict(self, X: object) -> Array:
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

    def predict_proba(self, X: object) -> Doubles:
        """Return the probability of each label, in the order of `classes_` [rows, labels]."""
        found = self.score_rows(X).probabilities
        if found.ndim > 1:
            return found[:, self._codes]
        low_and_high = np.stack([1 - found, found], axis=1)
        return low_and_high[:, ::-1] if self._is_turned() else low_and_high

    def decision_function(self, X: object) -> Doubles:
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


@cache
def _tell_of_turned_columns() -> None:
    warnings.warn(
        "classes_ is sorted since headstart 0.2, and the columns of predict_proba and the sign of decision_function follow "
        "it: here the positive label comes first, where 0.1 put it last. Look columns up by classes_, or by positive_.",
        FutureWarning,
        stacklevel=4,
    )
