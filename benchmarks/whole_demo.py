"""Seconds and peak memory of `headstart demo`, whole, caches warm.

    python benchmarks/whole_demo.py [--rounds 1]

What `make demo` runs once everything is installed. Goes to ``benchmarks/results/whole_demo.json``.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from measuring import headstart, machine, spread, versions, watched, write

GOAL_SECONDS = 240


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    before = machine()
    with tempfile.TemporaryDirectory() as folder:
        runs = [watched(headstart("demo", "--out", f"{folder}/{i}")) for i in range(options.rounds)]
    result = {
        "claim": "the whole demo, a process from start to end",
        "machine": before,
        "versions": versions("numpy", "torch", "numba"),
        "seconds": spread((run["seconds"] for run in runs), 1),
        "peak_mib": spread((run["peak_mib"] for run in runs), 0),
        "goal_seconds": GOAL_SECONDS,
    }
    write("whole_demo", result, options.out)


if __name__ == "__main__":
    main()
