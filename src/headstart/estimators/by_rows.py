"""Which estimator reads which rows."""

from __future__ import annotations

from typing import Any

from headstart.errors import unknown_name

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
