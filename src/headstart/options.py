"""What an option may hold, read off the annotation of the parameter that takes it.

Options come from people: from Python, from ``--set KEY=VALUE``, from a TOML file. A value of the wrong type is
refused where it enters, by name, before anything is computed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from numbers import Integral, Real
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import numpy as np

from headstart.errors import OptionError
from headstart.plain import Facts, Json

RandomState = int | np.random.RandomState | None
"""A seed, a source of seeds, or None for NumPy's own source, as scikit-learn takes them."""

_LARGEST_SEED = 2**31 - 1

_WORDS: dict[Any, str] = {
    str: "a string",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    NoneType: "None",
    Callable: "a function",
    Sequence: "a list",
    Mapping: "a table of names and values",
}


def check_types(owner: Callable[..., Any], given: Facts) -> None:
    """Raise `OptionError` for the first of the `given` values that does not fit its annotation.

    Args:
        owner: the function, or class of fields, whose annotations count.
        given: values by name; names without an annotation are not looked at.
    """
    for name, hint in _hints(owner).items():
        if name in given and not _fits(given[name], hint):
            raise OptionError(
                f"{name} is {given[name]!r}; expected {_described(hint)}. Leave {name} out for the default."
            )


def check_least(given: Facts, least: Mapping[str, float]) -> None:
    """Raise `OptionError` for the first number that lies below its least value; None is passed over."""
    for name, bound in least.items():
        value = given[name]
        if value is not None and not value >= bound:
            raise OptionError(
                f"{name} is {value!r}; expected a number of {bound} or more. Leave {name} out for the default."
            )


def check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    """Raise `OptionError` unless `value` is one of `choices`."""
    if value not in choices:
        raise OptionError(
            f"{name} is {value!r}; expected one of {', '.join(choices)}. Set {name}={choices[0]!r} for the default."
        )


def seed_of(random_state: RandomState) -> int:
    """Return a seed: the number itself, or one drawn from the `RandomState` (None: from NumPy's own).

    Raises:
        OptionError: if it is a negative number, or none of these.
    """
    if random_state is None:
        return int(np.random.randint(_LARGEST_SEED))  # noqa: NPY002 - `numpy.random.seed` decides it, as in scikit-learn
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(_LARGEST_SEED))
    check_types(seed_of, {"random_state": random_state})
    check_least({"random_state": random_state}, {"random_state": 0})
    return int(random_state)


@cache
def _hints(owner: Callable[..., Any]) -> Json:
    return get_type_hints(owner)


def _fits(value: Any, hint: Any) -> bool:
    kind, inner = get_origin(hint) or hint, get_args(hint)
    if kind is Any:
        return True
    if kind in (Union, UnionType):
        return any(_fits(value, one) for one in inner)
    if kind is Literal:
        return value in inner
    if kind is Callable:
        return callable(value)
    if kind is Sequence:
        listed = isinstance(value, Sequence) and not isinstance(value, str | bytes)
        return listed and all(_fits(item, inner[0]) for item in value)
    if kind is Mapping:
        return isinstance(value, Mapping) and all(_fits(v, inner[1]) and _fits(k, inner[0]) for k, v in value.items())
    if kind in (int, float):
        return isinstance(value, Integral if kind is int else Real) and not isinstance(value, bool)
    return isinstance(value, kind)


def _described(hint: object) -> str:
    kind, inner = get_origin(hint) or hint, get_args(hint)
    if kind in (Union, UnionType):
        return " or ".join(dict.fromkeys(_described(one) for one in inner))
    if kind is Literal:
        return f"one of {', '.join(map(repr, inner))}"
    return _WORDS.get(kind) or f"a {getattr(kind, '__name__', kind)}"
