"""How a model decides, as commands take it: ``--threshold``, ``--costs`` and ``--abstain-below``."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Protocol

from headstart.errors import OptionError
from headstart.plain import Json
from headstart.predictor import Predictor
from headstart.predictor.deciding import decided


class Decides(Protocol):
    """The options of a command that decides."""

    @property
    def threshold(self) -> float | None:
        """As ``--threshold``."""

    @property
    def costs(self) -> Path | None:
        """As ``--costs``."""

    @property
    def abstain_below(self) -> float | None:
        """As ``--abstain-below``."""


def decisions(options: Decides) -> Json:
    """Return what was given, by the names that the estimators have for it."""
    costs = None if options.costs is None else read_costs(options.costs)
    given = {"threshold": options.threshold, "costs": costs, "abstain_below": options.abstain_below}
    return {name: value for name, value in given.items() if value is not None}


def decided_by(predictor: Predictor, options: Decides) -> Predictor:
    """Return a model that decides as the options say."""
    return decided(predictor, **decisions(options))


def read_costs(path: Path) -> dict[str, dict[str, float]]:
    """Return what mistakes cost, by true and predicted label, from a CSV file: a row a true label, a column a predicted one.

    Raises:
        OptionError: a file that is none, names the place and what was expected.
    """
    example = "write the predicted labels in the first line, and in each further line a true label and its costs"
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = [row for row in csv.reader(file) if any(map(str.strip, row))]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise OptionError(f"--costs {path}: {getattr(error, 'strerror', None) or error}; {example}.") from error
    if len(rows) < 2 or len(rows[0]) < 2:
        raise OptionError(f"--costs {path} holds no table of costs; {example}.")
    predicted = [name.strip() for name in rows[0][1:]]
    if len(set(predicted)) < len(predicted):
        raise OptionError(f"--costs {path} names a predicted label twice: {', '.join(predicted)}; {example}.")
    found: dict[str, dict[str, float]] = {}
    for place, row in enumerate(rows[1:], 2):
        if len(row) != len(rows[0]) or row[0].strip() in found:
            raise OptionError(
                f"--costs {path}, row {place}, holds {len(row)} cells, and {len(rows[0])} were expected, for a true label that no "
                f"other row has; {example}."
            )
        try:
            found[row[0].strip()] = dict(zip(predicted, map(float, row[1:]), strict=True))
        except ValueError as error:
            raise OptionError(
                f"--costs {path}, row {place}, holds a cost that is no number ({error}); {example}."
            ) from error
    return found
