"""Logistic regression over features and columns, stored as arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from headstart.arrays import Array
from headstart.errors import ArtifactError
from headstart.heads.columns import ColumnEncoder
from headstart.plain import Json


@dataclass(frozen=True)
class LinearHead:
    """Standardises its inputs and weighs them.

    Attributes:
        mean: float64 [size]; size counts the features first, then the indicators of the columns.
        scale: float64 [size], positive.
        coefficients: float64 [size]; of several outputs [outputs, size].
        intercept: logit of an average row; of several outputs [outputs].
        encoder: of the tabular columns, or None.
    """

    mean: NDArray[np.float64]
    scale: NDArray[np.float64]
    coefficients: NDArray[np.float64]
    intercept: float | NDArray[np.float64]
    encoder: ColumnEncoder | None = None

    kind = "linear"

    def decision(self, features: NDArray[np.float32], table: pa.Table | None = None) -> NDArray[np.float64]:
        """Return the logits of each row: [rows], or [rows, outputs] of several."""
        inputs = _inputs(features, table, self.encoder)
        logits: NDArray[np.float64] = ((inputs - self.mean) / self.scale) @ self.coefficients.T + self.intercept
        return logits

    @property
    def n_outputs(self) -> int:
        """Logits a row."""
        return 1 if self.coefficients.ndim == 1 else len(self.coefficients)

    @property
    def n_indicators(self) -> int:
        """How many of the inputs come from columns."""
        return 0 if self.encoder is None else self.encoder.n_indicators

    @property
    def n_inputs(self) -> int:
        """How many inputs are weighed: values of layers, and what columns become."""
        return len(self.mean)

    def config(self) -> Json:
        """Return what is stored next to `arrays`, JSON-able."""
        columns = None if self.encoder is None else self.encoder.config()
        return {"kind": self.kind, "columns": columns, "size": self.n_inputs}

    def blobs(self) -> dict[str, bytes]:
        """Return nothing: all is in arrays."""
        return {}

    def arrays(self) -> dict[str, Array]:
        """Return what is stored next to `config`."""
        return {
            "mean": self.mean,
            "scale": self.scale,
            "coefficients": self.coefficients,
            "intercept": np.atleast_1d(np.asarray(self.intercept, np.float64)),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Array], encoder: ColumnEncoder | None) -> LinearHead:
        """Build the head again from checked arrays.

        Raises:
            ArtifactError: if an array is missing, of the wrong size, or holds no finite numbers.
        """
        mean, scale, coefficients, intercept = read_arrays(arrays, "mean", "scale", "coefficients", "intercept")
        sizes_fit = mean.shape == scale.shape == coefficients.shape[-1:] and mean.ndim == 1
        if not sizes_fit or not outputs_fit(coefficients, intercept):
            raise ArtifactError(
                "the arrays of this model's linear head differ in size; copy the model again or train it anew."
            )
        if not (scale > 0).all():
            raise ArtifactError(
                "this model's linear head divides by a scale that is not positive; copy the model again or train it anew."
            )
        return cls(mean, scale, coefficients, intercept_of(coefficients, intercept), encoder)


def outputs_fit(coefficients: Array, intercept: Array) -> bool:
    """Tell whether stored coefficients, [size] or [outputs, size], have an intercept [outputs]; two outputs at least are several."""
    if coefficients.ndim == 1:
        return intercept.shape == (1,)
    return coefficients.ndim == 2 and len(coefficients) > 1 and intercept.shape == coefficients.shape[:1]


def intercept_of(coefficients: Array, intercept: NDArray[np.float64]) -> float | NDArray[np.float64]:
    """Return the intercept of stored coefficients: one number, or [outputs] of several."""
    return float(intercept[0]) if coefficients.ndim == 1 else intercept


def read_arrays(arrays: Mapping[str, Array], *names: str) -> list[Array]:
    """Return the named arrays as finite float64, large tables as they are; or say which one cannot be used."""
    found = []
    for name in names:
        if name not in arrays or arrays[name].dtype.kind != "f" or not np.isfinite(arrays[name]).all():
            raise ArtifactError(
                f"the array {name!r} of this model's head is missing or holds no finite numbers; copy the model again."
            )
        found.append(arrays[name] if arrays[name].ndim > 1 else np.asarray(arrays[name], np.float64))
    return found


def _inputs(
    features: NDArray[np.float32], table: pa.Table | None, encoder: ColumnEncoder | None
) -> NDArray[np.float64]:
    if encoder is None or table is None:
        return np.asarray(features, np.float64)
    return np.concatenate([features, encoder.indicators(table)], axis=1).astype(np.float64)
