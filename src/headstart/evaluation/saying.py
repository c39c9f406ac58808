"""How a metric's values and gains are written for people, as the sentences, tables and pages of one comparison share it."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Literal

from headstart.evaluation.metric import Metric
from headstart.plain import Facts, Json


@dataclass(frozen=True)
class Saying:
    """A metric as people read it, on given targets; it goes through JSON.

    Attributes:
        name: the metric's.
        title: what sentences call it.
        higher_is_better: whether a gain is a rise.
        chance: what is reached without knowing anything of a row.
        negligible: a difference that makes none in use.
    """

    name: str
    title: str
    higher_is_better: bool
    chance: float
    negligible: float

    @classmethod
    def of(cls, metric: Metric, chance: float, negligible: float) -> Saying:
        """Return how a metric is said whose values have these sizes."""
        return cls(metric.name, metric.said, metric.higher_is_better, chance, negligible)

    @classmethod
    def from_json(cls, stored: Facts | None) -> Saying:
        """Return what `to_json` gave; that of the AUC where nothing was stored, as in 0.1."""
        return cls(**stored) if stored else OF_AUC

    def to_json(self) -> Json:
        """Return it as plain values."""
        return asdict(self)

    @property
    def decimals(self) -> int:
        """Decimals of a value: a tenth of what makes a difference is still seen."""
        return min(12, max(0, 1 - math.floor(math.log10(self.negligible)))) if self.negligible > 0 else 3

    @property
    def heading(self) -> str:
        """The title at the beginning of a line."""
        return self.title[:1].upper() + self.title[1:]

    @property
    def best(self) -> Literal["max", "min"]:
        """``"max"`` or ``"min"``: which value is the best."""
        return "max" if self.higher_is_better else "min"

    @property
    def with_article(self) -> str:
        """The title after an indefinite article."""
        return f"{'an' if self.title[0] in 'AaR' or self.title == 'MAE' else 'a'} {self.title}"

    def value(self, number: float) -> str:
        """Return a value."""
        return f"{number:,.{self.decimals}f}"

    def gain(self, number: float) -> str:
        """Return a gain with its sign; of a metric where less is better, by how much it is less."""
        return f"{number:+,.{self.decimals}f}"

    def estimate(self, facts: Facts) -> str:
        """Return a value with its interval."""
        return f"{self.title} {self.value(facts['value'])} [{self.value(facts['low'])}, {self.value(facts['high'])}]"

    def gained(self, value: float, low: float, high: float) -> str:
        """Return a gain in the metric with its interval."""
        if self.higher_is_better:
            return f"{self.gain(value)} {self.title} [{self.gain(low)}, {self.gain(high)}]"
        way, value, low, high = ("lower", value, low, high) if value >= 0 else ("higher", -value, -high, -low)
        return f"{self.title} {way} by {self.value(value)} [{self.value(low)}, {self.value(high)}]"

    def more(self, gain: float) -> str:
        """Return a gain of zero or more without its interval."""
        return self.gain(gain) if self.higher_is_better else f"{self.value(gain)} less {self.title}"

    def rounded_negligible(self) -> str:
        """Return the difference that makes none in use, to two digits."""
        return f"{float(f'{self.negligible:.2g}'):g}"


OF_AUC = Saying("auc", "AUC", True, 0.5, 0.01)
