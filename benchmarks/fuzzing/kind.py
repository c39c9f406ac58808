"""What a kind of damage is: sound folders, ways to damage them, and a use that tells whether the damage was met rightly."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np

from fuzzing.mutations import mutate_bytes

__all__ = ["TESTS", "TEXTS", "Files", "Found", "Kind", "Rng", "finite"]

Files = dict[str, bytes]
Rng = random.Random
TESTS = Path(__file__).resolve().parents[2] / "tests"
TEXTS = ["a good hotel with a nice view", "", "awful, rude staff!"]


class Found(Exception):
    """A result that should not be."""

    def __init__(self, what: str, detail: str = "") -> None:
        super().__init__(what)
        self.detail = detail


class Kind:
    """One kind of thing that is read.

    Attributes:
        n_cases: how many are made unless another number is asked for.
        seconds: of processor time that a case may take.
        memory: bytes that a case may take beyond four times its files.
        bases: the sound folders by name: file name -> bytes.
    """

    name = ""
    n_cases = 20_000
    seconds, memory = 1.0, 64 * 2**20

    def __init__(self, folder: Path) -> None:
        self.bases: dict[str, Files] = {
            base.name: {
                str(path.relative_to(base)): path.read_bytes() for path in sorted(base.rglob("*")) if path.is_file()
            }
            for base in sorted(folder.iterdir())
        }
        self.names = list(self.bases)

    @classmethod
    def prepare(cls, folder: Path) -> None:
        """Write the sound folders below `folder`."""
        raise NotImplementedError

    def damage(self, files: Files, rng: Rng) -> tuple[str, Files]:
        """Return what was done, and the changed files: here a file's bytes, or a file lost or in another's place."""
        name, changed = rng.choice(sorted(files)), dict(files)
        match rng.randrange(12):
            case 0:
                del changed[name]
                return "lost", changed
            case 1:
                other = rng.choice(sorted(files))
                changed[name], changed[other] = changed[other], changed[name]
                return "swapped", changed
        changed[name] = mutate_bytes(files[name], rng, list(files.values()))
        return "bytes", changed

    def use(self, name: str, folder: Path) -> str:
        """Use the folder made of the base `name`; return an outcome, or raise what the package raises, or `Found`."""
        raise NotImplementedError

    def is_unnoticed(self, damage: str, outcome: str) -> bool:
        """Tell whether that damage should not have led to that outcome."""
        return False


def finite(values: Any) -> None:
    """Raise `Found` unless all values are numbers."""
    if not np.isfinite(values).all():
        raise Found("no number", str(values)[:500])
