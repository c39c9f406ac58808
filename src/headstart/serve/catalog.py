"""The models of a server: addressed by name and hash, replaced while requests go on."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from headstart.artifact import inspect
from headstart.errors import HeadstartError, OptionError, near_names
from headstart.serve.limits import Refusal
from headstart.serve.served import Served

_FEWEST_DIGITS = 8


class Models:
    """Models by name, of each name the one given last first.

    A request holds the model that it found, so that one which is replaced answers what was begun with it.

    Args:
        served: at least one; the first one answers where none is named.

    Raises:
        OptionError: none, or the same name and hash twice.
    """

    def __init__(self, served: Sequence[Served]) -> None:
        self._served = tuple(served)
        self._reloading = threading.Lock()
        versions = [one.version for one in served]
        if not served or len(set(versions)) < len(versions):
            raise OptionError(
                f"the models to serve are {', '.join(versions) or 'none'}; give at least one, and each once (NAME=PATH names it)."
            )

    def __iter__(self) -> Iterator[Served]:
        return iter(self._served)

    @property
    def first(self) -> Served:
        """The model that answers where none is named."""
        return self._named(self._served[0].name)

    def find(self, address: str) -> Served:
        """Return the model of an address: a name, ``NAME@HASH`` with the first eight digits of the hash or more, or a hash.

        Raises:
            Refusal: if there is none.
        """
        name, _, digits = address.rpartition("@")
        for one in reversed(self._served):
            if address == one.name:
                return one
            right_name = one.name == name or not name
            if right_name and len(digits) >= _FEWEST_DIGITS and one.digest.startswith(digits.lower()):
                return one
        known = [one.version for one in self._served]
        near = near_names(address, [one.name for one in self._served])
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise Refusal(404, f"There is no model {address[:80]!r} here.{hint} There are: {', '.join(known)}.")

    def _named(self, name: str) -> Served:
        return next(one for one in reversed(self._served) if one.name == name)

    def changed(self) -> bool:
        """Return whether a folder holds another model than the one that is served."""
        return any(one.path is not None and _hash_at(one.path) not in (one.digest, None) for one in self._served)

    def reload(self) -> list[Served]:
        """Read the models whose folders hold another one than before, and return these. What cannot be read stays as it was.

        Raises:
            HeadstartError: of the first that cannot be read, once the others were.
        """
        with self._reloading:
            found, changed, faults = [], [], []
            for one in self._served:
                try:
                    if one.path is not None and inspect(one.path)["content_hash"] != one.digest:
                        one = Served.load(one.name, one.path, one.engine)
                        changed.append(one)
                except HeadstartError as error:
                    faults.append(error)
                found.append(one)
            self._served = tuple(found)
        if faults:
            raise faults[0]
        return changed


def _hash_at(path: Path) -> str | None:
    """Return the content hash of the model in a folder; None where there is none at present."""
    try:
        return str(inspect(path)["content_hash"])
    except HeadstartError:
        return None
