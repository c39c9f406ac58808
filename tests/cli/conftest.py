"""The command line, run in this process."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

SMALL = ("--net", "gru", "--epochs", "1", "--set", "embedding_size=8", "--set", "hidden_size=6", "--set", "dense=[8]")


class Ended(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON object on stdout."""
        assert self.code == 0, self.err
        assert self.out.count("\n") == 1 and self.out.endswith("\n"), self.out
        return json.loads(self.out)


@pytest.fixture
def cli(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ended]:
    """Run ``headstart`` with these arguments."""
    from headstart.cli.app import run

    def call(*arguments: object) -> Ended:
        written = list(map(str, arguments))
        monkeypatch.setattr("sys.argv", ["headstart", *written])
        capfd.readouterr()
        code = run(written)
        return Ended(code, *capfd.readouterr())

    return call


@pytest.fixture
def small() -> tuple[str, ...]:
    """Options that make `train` quick."""
    return SMALL


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, which is the current one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def files(place: Path, reviews: Any, others: Any) -> Path:
    """A folder with ``reviews.csv`` and ``hotel.csv``, which is the current one."""
    reviews.write(place / "reviews.csv")
    others.write(place / "hotel.csv")
    return place
