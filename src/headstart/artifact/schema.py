"""What a JSON value has to look like, said in a line and checked with a sentence.

::

    network = record(name=text(choices=("gru", "tutorial")), size=integer(1, 4096), dropout=number(0, 1))
    network({"name": "gru", "size": "64", "dropout": 0.5}, "model.network")
    # ArtifactError: model.network.size is '64', expected a whole number from 1 to 4096. Copy the model ...

A check is a function of a value and the name of its place. It returns nothing, or raises `ArtifactError`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from headstart.artifact.faults import REMEDY, shortened
from headstart.errors import ArtifactError
from headstart.printing import has_controls

Check = Callable[[Any, str], None]


def _refuse(value: object, where: str, expected: str) -> None:
    raise ArtifactError(f"{where} is {shortened(value)}, expected {expected}. {REMEDY}")


def anything(value: object, where: str) -> None:
    """Check nothing: any JSON value will do."""


def boolean(value: object, where: str) -> None:
    """Check for true or false."""
    if type(value) is not bool:
        _refuse(value, where, "true or false")


def integer(low: int, high: int) -> Check:
    """Check for a whole number from `low` to `high`, both included; true is not 1."""

    def check(value: object, where: str) -> None:
        if type(value) is not int or not low <= value <= high:
            _refuse(value, where, f"a whole number from {low} to {high}")

    return check


def number(low: float, high: float) -> Check:
    """Check for a finite number from `low` to `high`, both included, whole or not."""

    def check(value: Any, where: str) -> None:
        if type(value) not in (int, float) or not low <= value <= high:
            _refuse(value, where, f"a number from {low:g} to {high:g}")

    return check


def text(
    *, longest: int = 1000, pattern: str | None = None, choices: Iterable[str] | None = None, users_own: bool = False
) -> Check:
    """Check for text of at most `longest` characters that matches `pattern` in full or is one of `choices`.

    Control characters have no business in a name that we give; in one of the user's own, such as a label, they may be.
    """
    compiled = None if pattern is None else re.compile(pattern)
    allowed = None if choices is None else tuple(choices)

    def check(value: Any, where: str) -> None:
        if type(value) is not str or len(value) > longest:
            _refuse(value, where, f"text of at most {longest} characters")
        if compiled is not None and not compiled.fullmatch(value):
            _refuse(value, where, f"text that matches {compiled.pattern}")
        if allowed is not None and value not in allowed:
            _refuse(value, where, f"one of {', '.join(allowed)}")
        if not users_own and has_controls(value):
            _refuse(value, where, "text without control characters")

    return check


def nullable(check: Check) -> Check:
    """Check for null or what `check` wants."""

    def checked(value: object, where: str) -> None:
        if value is not None:
            check(value, where)

    return checked


def either(*checks: Check) -> Check:
    """Check for what passes one of `checks`; what passes none is refused as the last of them says."""

    def checked(value: object, where: str) -> None:
        for check in checks[:-1]:
            try:
                return check(value, where)
            except ArtifactError:
                continue
        return checks[-1](value, where)

    return checked


def sequence(item: Check, *, shortest: int = 0, longest: int = 10_000) -> Check:
    """Check for a list of `shortest` to `longest` values that all pass `item`."""

    def check(value: Any, where: str) -> None:
        if type(value) is not list or not shortest <= len(value) <= longest:
            _refuse(value, where, f"a list of {shortest} to {longest} values")
        for position, inner in enumerate(value):
            item(inner, f"{where}[{position}]")

    return check


def mapping(item: Check, *, keys: Check = anything, most: int = 10_000) -> Check:
    """Check for an object of at most `most` keys that pass `keys`, with values that pass `item`."""

    def check(value: Any, where: str) -> None:
        if type(value) is not dict or len(value) > most:
            _refuse(value, where, f"an object of at most {most} keys")
        for key, inner in value.items():
            keys(key, f"a key of {where}")
            item(inner, f"{where}.{shortened(key)[1:-1]}")

    return check


def record(optional: Mapping[str, Check] | None = None, /, **required: Check) -> Check:
    """Check for an object with exactly the `required` keys and any of the `optional` ones."""
    checks = {**required, **(optional or {})}

    def check(value: Any, where: str) -> None:
        if type(value) is not dict:
            _refuse(value, where, f"an object with {', '.join(required)}")
        missing = sorted(required.keys() - value.keys())
        if missing:
            raise ArtifactError(f"{where} lacks {', '.join(missing)}, which every model of this kind has. {REMEDY}")
        for key, inner in value.items():
            if key not in checks:
                raise ArtifactError(
                    f"{where} has the key {shortened(key)}, which is not one of {', '.join(checks)}. {REMEDY}"
                )
            checks[key](inner, f"{where}.{key}")

    return check


def holding(**known: Check) -> Check:
    """Check for an object whose `known` keys, as far as they are there, pass; any other key may stand next to them."""

    def check(value: Any, where: str) -> None:
        mapping(anything)(value, where)
        for key in known.keys() & value.keys():
            known[key](value[key], f"{where}.{key}")

    return check
