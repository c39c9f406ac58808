"""What a comparison gives back."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from headstart.artifact import write
from headstart.errors import DataError
from headstart.notebook import Shown
from headstart.plain import Json
from headstart.predictor import Predictor
from headstart.report.comparison_page import comparison_report


@dataclass(repr=False)
class Comparison(Shown):
    """What a comparison found.

    Attributes:
        rows: one plain dict a fit: ``strategy``, ``budget``, ``seed``, metrics on the test rows, ``seconds``.
        verdict: plain facts, and ``words``.
        estimates: the mean AUC of every candidate at every budget, with the interval that counts in the draws of
            training rows and of test rows.
        labels_saved: what `scratch` and `tfidf` need to reach the best transfer, by budget.
        gap: how far the target lies from the source.
        counts: data-quality counts.
        facts: how it was done.
        shown: what the page shows of the winner: labels, probabilities and the worst errors on the test rows.
        predictor: the candidate to ship, ready to predict; None where there were no labels.
    """

    rows: list[Json]
    verdict: Json
    estimates: list[Json]
    labels_saved: list[Json]
    gap: Json
    counts: Json
    facts: Json
    shown: Json = field(default_factory=dict)
    predictor: Predictor | None = field(default=None, repr=False, compare=False)

    def summary(self) -> Json:
        """Return what ``repr`` and notebooks show."""
        return {
            "verdict": self.verdict.get("words"),
            "fits": len(self.rows),
            "strategies": len({row.get("strategy") for row in self.rows}) or None,
            "ships": None if self.predictor is None else self.predictor.info.get("strategy"),
        }

    def save(self, path: str | Path) -> str:
        """Write the candidate to ship as a model's folder and return its content hash.

        Raises:
            DataError: there were no labels, so there is none.
        """
        if self.predictor is None:
            raise DataError("No candidate was chosen, because no labels were there; compare with labels, then save.")
        return write(path, self.predictor.to_parts())

    def report(self, path: str | Path) -> Path:
        """Write the page and return its path."""
        return comparison_report(self.to_dict(), path)

    def to_dict(self) -> Json:
        """Return all of it as plain values."""
        names = ("verdict", "estimates", "labels_saved", "rows", "gap", "counts", "facts", "shown")
        return {name: getattr(self, name) for name in names}
