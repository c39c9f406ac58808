"""Which estimator reads which rows."""

from __future__ import annotations

from typing import Any

from headstart.corpus import Corpus
from headstart.errors import DataError, unknown_name
from headstart.predictor import Predictor

ESTIMATORS: dict[tuple[str, bool], Any] = {}
"""The estimator of each kind of rows, for classes or labels (False) and for numbers (True); a class adds itself."""


def estimator_for(kind: str, *, numbers: bool) -> Any:
    """Return the estimator of a kind of rows, for numbers or for classes and labels.

    Raises:
        OptionError: there is none.
    """
    if (kind, numbers) not in ESTIMATORS:
        raise unknown_name("estimator for rows of the kind", kind, dict.fromkeys(name for name, _ in ESTIMATORS))
    return ESTIMATORS[kind, numbers]


def check_rows(rows: Corpus, kind: str, name: str, base: Predictor | None) -> None:
    """Refuse rows of another kind than an estimator reads, or the base that it starts from.

    Raises:
        DataError: says which kind is which.
    """
    if rows.input != kind:
        raise DataError(
            f"{name} reads rows of the kind {kind!r}, and a corpus of the kind {rows.input!r} came; "
            f"take {estimator_for(rows.input, numbers=False).__name__}, or read the columns as {kind!r}."
        )
    if base is not None:
        base.check_reads(rows)
