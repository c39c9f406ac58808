"""What can go wrong, for code that wants to catch it.

::

    HeadstartError
    ├── DataError               (ValueError)   texts, labels, columns or files that cannot be used
    ├── OptionError             (ValueError)   an option, layer name or pattern that cannot be used
    ├── ArtifactError           (ValueError)   a saved model that is damaged, foreign or too new
    ├── OutputError             (OSError)      a result that cannot be written: a full disk, no permission
    └── MissingDependencyError  (ImportError)  an optional package is needed; the message installs it

Every one of these is a mistake that the reader can mend: its message says what came, what was
expected and what to do now. The command line prints the message and exits with code 2.

`HeadstartWarning` is the category of every warning: work goes on, and the reader should know how.
The command line prints its message, whatever Python's own filters are set to.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from headstart.printing import printable

__all__ = [
    "ArtifactError",
    "DataError",
    "HeadstartError",
    "HeadstartWarning",
    "MissingDependencyError",
    "OptionError",
    "OutputError",
    "near_names",
    "unknown_name",
]


class HeadstartError(Exception):
    """Base of every error that Headstart raises on purpose.

    Its message may quote labels, file names and other libraries; as text it is one line without control characters.
    """

    def __str__(self) -> str:
        return printable(super().__str__())


class HeadstartWarning(RuntimeWarning):
    """Work goes on, in a way that its user should know of."""


class DataError(HeadstartError, ValueError):
    """Texts, labels, columns or a data file cannot be used as they are."""


class OptionError(HeadstartError, ValueError):
    """An option, a layer name or a pattern does not fit."""


class ArtifactError(HeadstartError, ValueError):
    """A saved model is damaged, is not a model, or was written by a newer version."""


class OutputError(HeadstartError, OSError):
    """A result cannot be written: the disk is full, nobody may write there, a name is too long."""


class MissingDependencyError(HeadstartError, ImportError):
    """An optional package is not installed.

    Args:
        package: its name.
        extra: of headstart, which brings it.
        purpose: what needs it; begins the sentence.
        whole: whether the extra is to be installed, with all that it brings, and not the package alone.
    """

    def __init__(self, package: str, extra: str, purpose: str, *, whole: bool = False) -> None:
        command = f"'headstart[{extra}]'" if whole else f"{package} (the extra {extra!r} of headstart brings it too)"
        super().__init__(
            f"{purpose} needs the package {package!r}, which is not installed. Install it with: pip install {command}."
        )
        self.package = package


def near_names(name: str, known: Iterable[str], n: int = 3) -> list[str]:
    """Return the up to `n` known names that `name` is the initials of (``lr``) or looks most like, best first."""
    lowered = {str(item).lower(): str(item) for item in known}
    short = str(name).lower()
    near = [
        item for item in lowered if len(short) > 1 and "".join(word[0] for word in item.split("_") if word) == short
    ]
    near += difflib.get_close_matches(short, list(lowered), n=n, cutoff=0.5)
    return [lowered[match] for match in dict.fromkeys(near)][:n]


def unknown_name(kind: str, name: str, known: Iterable[str]) -> OptionError:
    """Return the error for an unknown `kind` of thing called `name`, with the near names first."""
    names = [str(item) for item in known]
    near = near_names(name, names)
    hint = f"did you mean {' or '.join(map(repr, near))}? Choose" if near else "choose"
    return OptionError(f"there is no {kind} {name!r}; {hint} one of: {', '.join(names) or '(none)'}.")
