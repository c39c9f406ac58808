"""The tabular columns of some rows, as a linear model reads them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from headstart.corpus import Corpus
from headstart.heads import ColumnEncoder
from headstart.plain import Json
from headstart.strategies.settings import Settings


@dataclass(frozen=True)
class ColumnBlock:
    """Tabular columns as standardised numbers.

    Attributes:
        encoder: fitted on the rows.
        table: the columns by the types that were learnt.
        values: float64 [rows, size].
        mean: of the rows [size]; zero for indicators.
        scale: of the rows [size]; one for indicators.
        counts: what was met in the columns; JSON-able.
    """

    encoder: ColumnEncoder
    table: pa.Table
    values: NDArray[np.float64]
    mean: NDArray[np.float64]
    scale: NDArray[np.float64]
    counts: Json

    @classmethod
    def fit(cls, train: Corpus, settings: Settings) -> ColumnBlock | None:
        """Return the columns that the settings name, or None where they name none.

        Raises:
            DataError: a column is not there, or cannot be read.
        """
        if not settings.columns:
            return None
        encoder = ColumnEncoder.fit(train.columns, settings.columns, types=settings.column_types)
        table, counts = encoder.impose(train.columns)
        raw = encoder.indicators(table).astype(np.float64)
        number = np.any((raw != 0) & (raw != 1), axis=0)
        centre, spread = mean_and_scale(raw, train.weights)
        mean, scale = np.where(number, centre, 0.0), np.where(number, np.maximum(spread, 1e-9), 1.0)
        return cls(encoder, table, (raw - mean) / scale, mean, scale, {"columns": counts})

    def of(self, corpus: Corpus) -> NDArray[np.float64]:
        """Return the columns of other rows in the same way, float64 [rows, size]."""
        found: NDArray[np.float64] = (self.encoder.indicators(corpus.columns).astype(float) - self.mean) / self.scale
        return found

    def unscaled(self, weights: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return weights of the columns, [size] or [outputs, size], as the encoder gives them, and what goes into the intercepts."""
        plain = weights / self.scale
        return plain, -(plain @ self.mean)


def mean_and_scale(
    rows: NDArray[np.float64], weights: NDArray[np.float64] | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean and standard deviation of each of the numbers of rows [rows, size]; rows count by their weights [rows]."""
    if weights is None:
        return rows.mean(0), rows.std(0)
    mean = np.average(rows, axis=0, weights=weights)
    return mean, np.sqrt(np.average((rows - mean) ** 2, axis=0, weights=weights))
