"""The command `demo`: the whole job on data that comes with the install."""

from __future__ import annotations

import time

from headstart.cli import console
from headstart.cli.commands import Demo
from headstart.cli.progress import Progress
from headstart.demo import run_demo


def demo(options: Demo) -> None:
    """Run the demo, and print the verdict on each target."""
    started, progress = time.perf_counter(), Progress()
    result = run_demo(
        options.out, say=console.note, events=(progress,), n_source=options.n_source, progress=progress.fits
    )
    lines: list[str] = []
    for name, target in result["targets"].items():
        lines += [*f"{name}: {target['verdict']['words']}".split("\n"), ""]
    minutes = (time.perf_counter() - started) / 60
    lines.append(f"done in {minutes:.1f} minutes; open {result['report']}")
    console.emit(result, as_json=options.as_json, lines=lines)
