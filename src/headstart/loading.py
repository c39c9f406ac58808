"""`load`, which brings a saved model back: to predict with, and, where the learning half is installed, to learn from."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NoReturn

from headstart.arrays import Array, Doubles
from headstart.artifact import write
from headstart.corpus import as_corpus
from headstart.engines import AUTO
from headstart.errors import DataError
from headstart.extras import LEARNING, is_installed, learning_half
from headstart.notebook import Shown
from headstart.plain import Facts
from headstart.predictor import Predictor, Scores
from headstart.predictor.class_labels import AnswersClasses, stored_classes


def load(path: str | Path, *, net: object = None, trust_patterns: bool = False, engine: str = AUTO) -> Any:
    """Bring a saved model back as the estimator of its rows: of texts a `TextRegressor` if it predicts numbers, else a `TextClassifier`.

    Where torch or scikit-learn are not installed it is a `LoadedModel`, which predicts as these do and does not learn.

    Args:
        path: the model's folder.
        net: the network, where it is a module of your own: a model file holds weights and no code.
        trust_patterns: use whatever regular expression the model cuts texts by. Without it only plain ones are used
            (see `headstart.text.trust.is_linear`): nothing bounds how long another may run.
        engine: what runs the model's network: ``"compiled"``, ``"torch"``, ``"onnx"``, or ``"auto"`` for the fastest that is exact.

    Raises:
        ArtifactError: if there is no sound model at `path`.
        OptionError: if the engine cannot run its network.
    """
    predictor = Predictor.load(path, net=net, trust_patterns=trust_patterns, engine=engine)
    if not all(map(is_installed, LEARNING)):
        return LoadedModel(predictor)
    return learning_half("headstart.estimators.loading", "Learning").estimator_of(predictor)


class LoadedModel(AnswersClasses, Shown):
    """A saved model on an install for prediction. It predicts as a `TextClassifier` or `TextRegressor` does.

    Args:
        predictor: everything needed to predict.

    Attributes:
        predictor_: the same.
        classes_: the label values, sorted; none of a model of numbers.
        n_features_in_: columns that are read.
    """

    def __init__(self, predictor: Predictor) -> None:
        self.predictor_ = predictor
        self.n_features_in_ = 1 + len(predictor.columns)
        self._take_classes(stored_classes(predictor))

    def score_rows(self, X: object) -> Scores:
        """Return logits, probabilities, and counts of what happened to the texts (see `Scores`)."""
        rows = self.predictor_.row_columns
        where = self.predictor_.estimator.get("text") if isinstance(rows, str) else rows
        corpus = as_corpus(X, text=where, columns=tuple(self.predictor_.columns))
        return self.predictor_.score(corpus, device="auto")

    def predict(self, X: object) -> Array:
        """Return the predicted label, or number, of each row [rows]; see `headstart.TextClassifier.predict`."""
        return self.score_rows(X).probabilities if self._is_numbers else super().predict(X)

    def predict_proba(self, X: object) -> Doubles:
        """Return the probability of each label, in the order of `classes_` [rows, labels].

        Raises:
            DataError: the model predicts numbers.
        """
        self._refuse_numbers("probabilities")
        return super().predict_proba(X)

    def decision_function(self, X: object) -> Doubles:
        """Return scores of `classes_`; see `headstart.TextClassifier.decision_function`.

        Raises:
            DataError: the model predicts numbers.
        """
        self._refuse_numbers("scores of classes")
        return super().decision_function(X)

    def save(self, path: str | Path) -> str:
        """Write the model to the folder `path` and return its content hash."""
        return write(path, self.predictor_.to_parts())

    def fit(self, X: object, y: object = None, **_: Any) -> NoReturn:
        """Refuse: this install predicts.

        Raises:
            MissingDependencyError: says what to install.
        """
        learning_half("headstart.estimators", "Learning")
        raise DataError(
            "this model was loaded to predict; make an estimator, headstart.TextClassifier(base=model).fit(X, y)."
        )

    def summary(self) -> Facts:
        """Return what ``repr`` and notebooks show."""
        return self.predictor_.summary()

    @property
    def _is_numbers(self) -> bool:
        return self.predictor_.task is not None and self.predictor_.task.kind == "regression"

    def _refuse_numbers(self, what: str) -> None:
        if self._is_numbers:
            raise DataError(f"this model predicts numbers, which have no {what}; use predict.")
