"""What some rows teach."""

from __future__ import annotations

from typing import Any, NamedTuple

from headstart.arrays import Array, Doubles, Floats
from headstart.tasks.task import Task


class Goals(NamedTuple):
    """What the outputs of a model learn from some rows.

    Attributes:
        task: the kind of answers.
        values: between 0 and 1, float32 [rows], or [rows, outputs] of several.
        weights: how much each row counts, float64 [rows]; None for 1 each.
    """

    task: Task
    values: Floats
    weights: Doubles | None = None

    def take(self, rows: Array | slice) -> Goals:
        """Return those of some rows: positions or a mask."""
        chosen: Any = rows
        return self._replace(values=self.values[chosen], weights=None if self.weights is None else self.weights[chosen])
