"""What a strategy is: a name, what it uses, needs and costs, and one function that fits it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from headstart.corpus import Corpus
from headstart.predictor import Predictor
from headstart.strategies.settings import FitResult, Settings
from headstart.strategies.shared import SharedRows

OF_BASE = "@"
"""Between a strategy's name and its base's, where a comparison has several bases."""

Uses = Literal["nothing", "base", "source"]

Fit = Callable[[Corpus, Corpus | None, Predictor | None, Settings, SharedRows], FitResult]
"""Takes training rows, validation rows or None, the base or None, settings, and what was computed of the training rows."""


def _never(base: Predictor | None, settings: Settings) -> bool:
    return False


@dataclass(frozen=True)
class Strategy:
    """One way of getting a model.

    Attributes:
        name: for tables and the command line.
        fit: fits it; see `Fit`.
        about: what it is, in a few words.
        uses: what it carries over: nothing, the trained base, or the source's texts.
        needs: what has to be there: ``"labels"`` (a base that predicts these labels by itself), ``"answers"`` (some of them),
            ``"network"`` (one with weights to train), ``"beginning"`` (one that can be trained from random weights),
            ``"ngrams"`` (one that can teach itself, and texts enough), ``"layers"``, ``"source"``, ``"columns"``, ``"texts"`` (of
            the n-gram space named behind a colon).
        columns: whether it can read tabular columns next to the text.
        expensive: whether a fit takes long, so that a comparison gives it fewer draws.
        unlabelled: whether it looks at no label, so that one fit stands for all budgets.
        stops_early: whether it trains in epochs with these settings, so that rows are held out to stop by.
        only_measures: whether held-out rows would only measure what it does with these settings.
        seconds: a first guess at the seconds of a fit on a thousand labels, or of the one fit without labels.
        reads_texts: in a comparison, whether it is given the texts of all rows to draw from, without their labels.
        with_columns: in a comparison, whether this entry is the one that reads the columns.
        of_base: in a comparison of several bases, the name of the one that it uses.
    """

    name: str
    fit: Fit
    about: str
    uses: Uses = "nothing"
    needs: tuple[str, ...] = ()
    columns: bool = False
    expensive: bool = False
    unlabelled: bool = False
    stops_early: Callable[[Predictor | None, Settings], bool] = _never
    only_measures: Callable[[Predictor | None, Settings], bool] = _never
    seconds: float = 1.0
    reads_texts: bool = False
    with_columns: bool = False
    of_base: str = ""

    def __call__(
        self,
        train: Corpus,
        valid: Corpus | None,
        base: Predictor | None,
        settings: Settings,
        shared: SharedRows | None = None,
    ) -> FitResult:
        """Fit on exactly these rows: nothing further is held out. `shared` is what was computed of `train` before."""
        return self.fit(train, valid, base, settings, shared or SharedRows(train, base, settings))


def bare_name(name: str) -> str:
    """Return a strategy's name without that of its base."""
    return name.partition(OF_BASE)[0]
