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

__all__ = ["LinearHead", "read_arrays"]


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
            "intercept": np.array([self.intercept]),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Array], encoder: ColumnEncoder | None) -> LinearHead:
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


def read_arrays(arrays: Mapping[str, Array], *names: str) -> list[NDArray[np.float64]]:
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
