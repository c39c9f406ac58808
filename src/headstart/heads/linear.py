"""Logistic regression over features and columns, stored as arrays."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from headstart.errors import ArtifactError
from headstart.heads.columns import ColumnEncoder

__all__ = ["LinearHead", "fit_logistic", "read_arrays"]

_FOLDS = 5


@dataclass(frozen=True)
class LinearHead:
    """Standardises its inputs and weighs them.

    Attributes:
        mean: float64 [size]; size counts the features first, then the indicators of the columns.
        scale: float64 [size], positive.
        coefficients: float64 [size].
        intercept: logit of an average row.
        encoder: of the tabular columns, or None.
    """

    mean: NDArray[np.float64]
    scale: NDArray[np.float64]
    coefficients: NDArray[np.float64]
    intercept: float
    encoder: ColumnEncoder | None = None

    kind = "linear"

    @classmethod
    def fit(
        cls,
        features: NDArray[np.float32],
        labels: NDArray[Any],
        *,
        table: pa.Table | None = None,
        encoder: ColumnEncoder | None = None,
        random_state: int = 0,
        weights: NDArray[Any] | None = None,
    ) -> LinearHead:
        """Fit on features [rows, size] and class codes [rows]; the penalty is chosen by folds inside these rows.

        Rows count by their `weights` [rows], in mean and scale too; None counts all alike.
        """
        inputs = _inputs(features, table, encoder)
        mean, scale = inputs.mean(0), inputs.std(0)
        if weights is not None:
            mean = np.average(inputs, axis=0, weights=weights)
            scale = np.sqrt(np.average((inputs - mean) ** 2, axis=0, weights=weights))
        scale = np.where(scale > 1e-9, scale, 1.0)
        standardised = (inputs - mean) / scale
        coefficients, intercept = fit_logistic(standardised, labels, random_state=random_state, weights=weights)
        return cls(mean, scale, coefficients, intercept, encoder)

    def decision(self, features: NDArray[np.float32], table: pa.Table | None = None) -> NDArray[np.float64]:
        """Return the logit of each row [rows]."""
        inputs = _inputs(features, table, self.encoder)
        logits: NDArray[np.float64] = ((inputs - self.mean) / self.scale) @ self.coefficients + self.intercept
        return logits

    @property
    def n_indicators(self) -> int:
        """How many of the inputs come from columns."""
        return 0 if self.encoder is None else self.encoder.n_indicators

    @property
    def n_inputs(self) -> int:
        """How many inputs are weighed: values of layers, and what columns become."""
        return len(self.mean)

    def config(self) -> dict[str, Any]:
        """Return what is stored beside `arrays`, JSON-able."""
        columns = None if self.encoder is None else self.encoder.config()
        return {"kind": self.kind, "columns": columns, "size": self.n_inputs}

    def blobs(self) -> dict[str, bytes]:
        """Return nothing: all is in arrays."""
        return {}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return what is stored beside `config`."""
        return {
            "mean": self.mean,
            "scale": self.scale,
            "coefficients": self.coefficients,
            "intercept": np.array([self.intercept]),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], encoder: ColumnEncoder | None) -> LinearHead:
        """Build the head again from checked arrays.

        Raises:
            ArtifactError: if an array is missing, of the wrong size, or holds no finite numbers.
        """
        mean, scale, coefficients, intercept = read_arrays(arrays, "mean", "scale", "coefficients", "intercept")
        if not (mean.shape == scale.shape == coefficients.shape and mean.ndim == 1 and intercept.shape == (1,)):
            raise ArtifactError(
                "the arrays of this model's linear head differ in size; copy the model again or train it anew."
            )
        if not (scale > 0).all():
            raise ArtifactError(
                "this model's linear head divides by a scale that is not positive; copy the model again or train it anew."
            )
        return cls(mean, scale, coefficients, float(intercept[0]), encoder)


def fit_logistic(
    inputs: Any,
    labels: NDArray[Any],
    *,
    penalties: tuple[float, ...] = (1e-3, 1e-2, 1e-1, 1.0),
    random_state: int = 0,
    weights: NDArray[Any] | None = None,
) -> tuple[NDArray[np.float64], float]:
    """Fit a logistic regression whose C comes from stratified folds inside the rows given.

    With fewer than three rows of a class there is nothing to fold, and C is the smallest of `penalties` but one.

    Args:
        inputs: dense or sparse [rows, size].
        labels: class codes 0 and 1 [rows].
        penalties: values of C (inverse strength of the penalty) to choose from.
        random_state: seed of the folds.
        weights: what each row counts for [rows], in the folds' losses too; None counts all alike.

    Returns:
        Coefficients [size] and intercept.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold

    labels = np.asarray(labels).astype(int)
    folds = min(_FOLDS, int(np.bincount(labels, minlength=2).min()))
    best = penalties[1] if len(penalties) > 1 else penalties[0]
    with warnings.catch_warnings():
        # The last digits of a weight do not matter here; the sentence about more iterations would only alarm.
        warnings.simplefilter("ignore", ConvergenceWarning)
        if folds >= 3 and len(penalties) > 1:
            splitter = StratifiedKFold(folds, shuffle=True, random_state=random_state)
            parts = list(splitter.split(np.zeros(len(labels)), labels))
            losses = [
                np.mean(
                    [_loss(LogisticRegression(C=c, max_iter=200), inputs, labels, weights, *part) for part in parts]
                )
                for c in penalties
            ]
            best = penalties[int(np.argmin(losses))]
        model = LogisticRegression(C=best, max_iter=500).fit(inputs, labels, weights)
    return np.asarray(model.coef_[0], np.float64), float(model.intercept_[0])


def _loss(
    model: Any,
    inputs: Any,
    labels: NDArray[Any],
    weights: NDArray[Any] | None,
    rest: NDArray[np.int64],
    held: NDArray[np.int64],
) -> float:
    """Return the log loss on the held-out rows of a model that is fitted on the rest."""
    from sklearn.metrics import log_loss

    model.fit(inputs[rest], labels[rest], None if weights is None else weights[rest])
    probabilities = model.predict_proba(inputs[held])
    return float(log_loss(labels[held], probabilities, sample_weight=None if weights is None else weights[held]))


def read_arrays(arrays: Mapping[str, NDArray[Any]], *names: str) -> list[NDArray[np.float64]]:
    """Return the named arrays as finite float64, or say which one cannot be used."""
    found = []
    for name in names:
        if name not in arrays or arrays[name].dtype.kind != "f" or not np.isfinite(arrays[name]).all():
            raise ArtifactError(
                f"the array {name!r} of this model's head is missing or holds no finite numbers; copy the model again."
            )
        found.append(np.asarray(arrays[name], np.float64))
    return found


def _inputs(
    features: NDArray[np.float32], table: pa.Table | None, encoder: ColumnEncoder | None
) -> NDArray[np.float64]:
    if encoder is None or table is None:
        return np.asarray(features, np.float64)
    return np.concatenate([features, encoder.indicators(table)], axis=1).astype(np.float64)
