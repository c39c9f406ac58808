"""How far long work is: a bar on a terminal, lines elsewhere, all on stderr."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

from headstart.cli import console
from headstart.plain import Facts
from headstart.progress import TrainingLines

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

_LINE_EVERY = 15.0  # seconds between two lines about the fits of a comparison
_DRAW_EVERY = 0.1


class track:
    """A bar over `total` units of work, drawn on a terminal only, once the work has taken `after` seconds.

    >>> with track("scoring", 2) as bar:
    ...     bar.advance(2)
    """

    def __init__(self, what: str, total: int | None, *, after: float = 1.0) -> None:
        self._what, self._total = what, total
        self._done = 0
        self._started = time.perf_counter()
        self._next = self._started + after
        self._bar: Bar | None = None
        self._task: Any = None

    def __enter__(self) -> track:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def advance(self, units: int = 1) -> None:
        """Count `units` more as done."""
        self.reach(self._done + units)

    def reach(self, done: int, seconds_left: float | None = None) -> None:
        """Count `done` units as done; the time left is reckoned from these unless it is given."""
        self._done = done
        now = time.perf_counter()
        if not sys.stderr.isatty() or now < self._next:
            return
        self._next = now + _DRAW_EVERY
        if seconds_left is None and self._total and done:
            seconds_left = (now - self._started) / done * (self._total - done)
        left = _left(seconds_left)
        if self._bar is None:
            self._bar = _bar()
            self._bar.start()
            self._task = self._bar.add_task(self._what, total=self._total, left=left)
        self._bar.update(self._task, completed=done, left=left)

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


class Progress(TrainingLines):
    """What a person sees of a training, to which it is an event, and of the fits of a comparison."""

    def __init__(self) -> None:
        super().__init__(console.note)
        self._track: track | None = None
        self._said = -_LINE_EVERY

    def __call__(self, name: str, trainer: Any, row: Facts) -> None:
        """Take in what has happened in a training."""
        if name == "step_end":
            self._tracked(f"epoch {row['epoch']}", row["steps"]).reach(row["step"])
        elif name in ("epoch_end", "train_end"):
            self.close()
        super().__call__(name, trainer, row)

    def fits(self, done: int, total: int, seconds_left: float | None, last: str) -> None:
        """Take in that one more fit of a comparison is done."""
        if sys.stderr.isatty():
            self._tracked("fits", total).reach(done, seconds_left)
        elif time.perf_counter() - self._said >= _LINE_EVERY or done == total:
            self._said = time.perf_counter()
            left = _left(seconds_left) if done < total else ""
            console.note(f"{done} of {total} fits done" + (f", {left}" if left else ""))
        if done == total:
            self.close()

    def close(self) -> None:
        """Take the bar away."""
        if self._track is not None:
            self._track.close()
            self._track = None

    def _tracked(self, what: str, total: int) -> track:
        if self._track is None:
            self._track = track(what, total, after=0)
        return self._track


def _left(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return f"about {seconds:.0f} s left" if seconds < 90 else f"about {seconds / 60:.0f} min left"


def _bar() -> Bar:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    what, left = TextColumn("{task.description}", markup=False), TextColumn("{task.fields[left]}", markup=False)
    return Progress(what, BarColumn(), MofNCompleteColumn(), left, console=Console(stderr=True), transient=True)
