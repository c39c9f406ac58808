"""What a candidate's fit gives back, and the tabular columns as a linear model reads them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.comparison.context import Context, TrainingDraw
from headstart.comparison.folds import DecisionRule
from headstart.heads import ColumnEncoder
from headstart.predictor import Predictor

__all__ = ["ColumnBlock", "Fitted"]


@dataclass(frozen=True)
class Fitted:
    """A candidate, fitted on one draw.

    Attributes:
        logits: of the test rows, before calibration, float64 [test].
        ready: calibration and threshold, learnt inside the draw.
        build: makes the predictor; called for few of the fits.
        choices: what was chosen by folds; JSON-able.
    """

    logits: NDArray[np.float64]
    ready: DecisionRule
    build: Callable[[], Predictor]
    choices: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ColumnBlock:
    """Tabular columns of a draw's rows and of the test rows, as standardised numbers.

    Attributes:
        encoder: fitted on the draw's rows.
        values: float64 [draw + test, size].
        mean: of the draw's rows [size]; zero for indicators.
        scale: of the draw's rows [size]; one for indicators.
    """

    encoder: ColumnEncoder
    values: NDArray[np.float64]
    mean: NDArray[np.float64]
    scale: NDArray[np.float64]

    @classmethod
    def of(cls, context: Context, draw: TrainingDraw) -> ColumnBlock | None:
        """Return the columns of a draw, or None where it may read none."""
        if not draw.columns or not context.columns:
            return None
        import pyarrow as pa

        own = context.table.take(pa.array(draw.rows))
        encoder = ColumnEncoder.fit(own, context.columns, types=context.column_types)
        raw = encoder.indicators(context.table.take(pa.array(np.concatenate([draw.rows, context.test])))).astype(float)
        mine = raw[: len(draw.rows)]
        number = np.any((mine != 0) & (mine != 1), axis=0)
        mean = np.where(number, mine.mean(0), 0.0)
        scale = np.where(number, np.maximum(mine.std(0), 1e-9), 1.0)
        return cls(encoder, (raw - mean) / scale, mean, scale)

    def unscaled(self, weights: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
        """Return the weights of the columns as the encoder gives them, and what goes into the intercept."""
        plain = weights / self.scale
        return plain, -float(plain @ self.mean)
