"""What the options of the text steps may be; the same checks at ``fit``, at ``transform`` and when a model is read."""

import re

import numpy as np

from headstart.errors import OptionError
from headstart.text.definitions import DEFINITIONS
from headstart.text.trust import is_linear, untrusted


def check_fill_value(value: object) -> None:
    """Raise OptionError unless it is a string of Unicode characters."""
    if not isinstance(value, str) or any("\ud800" <= c <= "\udfff" for c in value):
        raise OptionError(
            f"NullImputer needs fill_value as a string of Unicode characters, got {value!r}. "
            f"The empty string, which has no tokens, will do."
        )


def expression_of(pattern: object) -> "re.Pattern[str] | None":
    """A tokenizer's pattern as a compiled regular expression; None for the name of a definition.

    Raises:
        OptionError: it is neither, or has more than one group.
    """
    names = ", ".join(map(repr, DEFINITIONS))
    if not isinstance(pattern, str):
        raise OptionError(
            f"Tokenizer needs pattern as one of {names}, or a regular expression in a string; "
            f"got a {type(pattern).__name__}."
        )
    if pattern in DEFINITIONS:
        return None
    try:
        expression = re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as fault:
        raise OptionError(
            f"Tokenizer's pattern {pattern!r} is neither one of {names} nor a valid regular expression: {fault}. "
            f"Mend it so that re.findall(pattern, text) gives the tokens."
        ) from fault
    if expression.groups > 1:
        raise OptionError(
            f"Tokenizer's pattern {pattern!r} has {expression.groups} groups, so which one is the token is open. "
            f"Keep one, and write the others as (?:...)."
        )
    return expression


def check_pattern(pattern: str, trusted: bool) -> None:
    """Refuse a regular expression of a model that is not plain, unless whoever reads the model trusts it.

    Raises:
        ArtifactError: says how to trust it.
    """
    if pattern not in DEFINITIONS and not is_linear(pattern):
        untrusted(f"holds the regular expression {pattern!r:.80}, and nothing bounds how long that may run", trusted)


def check_limits(min_count: object, max_size: object) -> None:
    """Raise OptionError unless both are whole numbers in their range, or ``max_size`` None."""
    for name, value, least in (("min_count", min_count, 1), ("max_size", max_size, 0)):
        if not _is_whole(value, least) and not (name == "max_size" and value is None):
            raise OptionError(
                f"TokenIndexer needs {name} as a whole number from {least} up, got {value!r}. "
                f"min_count=1 and max_size=None keep every word."
            )


def check_threads(n_threads: object) -> None:
    """Raise OptionError unless it is a whole number from 1, or None."""
    if n_threads is not None and not _is_whole(n_threads, 1):
        raise OptionError(f"n_threads must be a whole number from 1, or None for all processors; got {n_threads!r}.")


def _is_whole(value: object, least: int) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and int(value) >= least
