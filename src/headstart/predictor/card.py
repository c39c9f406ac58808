"""What people say of a model: its card."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TypedDict, cast

from headstart.errors import OptionError, near_names
from headstart.plain import Facts

LONGEST = 10_000
"""Characters of a part of a card."""


class Card(TypedDict, total=False):
    """What people say of a model; every part may be left out.

    Attributes:
        description: what it is.
        tags: words to find it by.
        licence: under which it may be used, such as ``Apache-2.0``.
        intended_use: what it is for, and what it is not for.
    """

    description: str
    tags: list[str]
    licence: str
    intended_use: str


def checked_card(values: Facts, where: str = "the card") -> Card:
    """Return values as a card.

    Raises:
        OptionError: a part that no card has, or one that is no text.
    """
    for name, value in values.items():
        if name not in Card.__annotations__:
            near = near_names(name, Card.__annotations__)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise OptionError(f"{where} has {name!r}, and expected were {', '.join(Card.__annotations__)}{hint}.")
        texts = value if name == "tags" else [value]
        if not isinstance(texts, list) or not all(isinstance(one, str) and len(one) <= LONGEST for one in texts):
            what = "a list of texts" if name == "tags" else f"a text of at most {LONGEST:,} characters"
            raise OptionError(f"{where} has {value!r:.60} as {name!r}, and {what} was expected.")
    return cast(Card, dict(values))


def read_card(path: Path) -> Card:
    """Return the card in a TOML file.

    Raises:
        OptionError: if it cannot be read, or is none.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise OptionError(
            f'--card {path}: {reason}; give a TOML file with {", ".join(Card.__annotations__)}, such as description = "...".'
        ) from error
    return checked_card(values, f"--card {path}")
