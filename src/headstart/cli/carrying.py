"""The command `demo`: the whole job on data that comes with the install."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from headstart.cli import console
from headstart.cli import options as opt

__all__ = ["register"]


def demo(
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where to write.")] = Path("headstart-demo"),
    n_source: Annotated[
        int | None,
        typer.Option("--n-source", metavar="N", help="Train on only N movie reviews.", show_default="all 25,000"),
    ] = None,
    threads: opt.Threads = None,
    as_json: opt.Json = False,
) -> None:
    """Do the whole job on real data that comes with the install, and end with a report page."""
    import time

    from headstart.demo import run_demo

    started = time.perf_counter()
    result = run_demo(
        out, say=console.note, events=(console.TrainingProgress(),), n_source=n_source, progress=_Progress()
    )
    lines: list[str] = []
    for name, target in result["targets"].items():
        lines += [*f"{name}: {target['verdict']['words']}".split("\n"), ""]
    minutes = (time.perf_counter() - started) / 60
    console.emit(result, as_json=as_json, lines=[*lines, f"done in {minutes:.1f} minutes; open {result['report']}"])


def register(app: typer.Typer) -> None:
    """Add this command to the application."""
    app.command()(demo)


class _Progress:
    """Says how far a comparison is: a line every few seconds."""

    def __init__(self) -> None:
        import time

        self._clock = time.perf_counter
        self._said = self._clock()

    def __call__(self, done: int, total: int, seconds_left: float | None, last: str) -> None:
        if self._clock() - self._said < 10 and done < total:
            return
        self._said = self._clock()
        left = "" if seconds_left is None else f", about {seconds_left:.0f} s left"
        console.note(f"  {done} of {total} fits{left}")
