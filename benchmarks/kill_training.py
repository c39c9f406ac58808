"""A training that is killed again and again ends with the weights of one that was left alone.

    python benchmarks/kill_training.py [--protocol DIR] [--rows 5000] [--kills 10] [--seed 5]

Runs ``headstart train --net gru`` on reviews of benchmarks/protocol.py, once whole, and once killed (``kill -9``) at
random moments of its run and started again by the same command. Prints both content hashes.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import pyarrow.parquet as pq

# A fresh process needs some three seconds to begin; by nine it has written checkpoints that the next goes on from.
SOONEST, LATEST = 4.0, 9.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--protocol", type=Path, default=Path("out/protocol"))
    parser.add_argument("--rows", type=int, default=5000)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=5)
    arguments = parser.parse_args()
    random.seed(arguments.seed)
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "train.parquet"
        pq.write_table(pq.read_table(arguments.protocol / "train.parquet").slice(0, arguments.rows), data)
        whole = finish(data, Path(folder) / "whole")
        done = sum(killed(data, Path(folder) / "killed") for _ in range(arguments.kills))
        resumed = finish(data, Path(folder) / "killed")
    print(
        f"{done} kills; left alone {whole[:12]}, killed {resumed[:12]}: {'the same' if whole == resumed else 'DIFFER'}"
    )
    sys.exit(whole != resumed)


def command(data: Path, out: Path) -> list[str]:
    """Return the command, with a checkpoint every half second."""
    headstart = str(Path(sys.executable).with_name("headstart"))
    options = ["--net", "gru", "--epochs", "3", "--set", "checkpoint_seconds=0.5"]
    return [headstart, "train", str(data), *options, "--out", str(out), "--json"]


def finish(data: Path, out: Path) -> str:
    """Run to the end and return the content hash."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    said = subprocess.run(command(data, out), check=True, capture_output=True, env=environment).stdout
    return str(json.loads(said)["content_hash"])


def killed(data: Path, out: Path) -> bool:
    """Start, kill at a random moment, and return whether there was something left to kill."""
    silent, environment = subprocess.DEVNULL, {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(command(data, out), stdout=silent, stderr=silent, env=environment) as process:
        try:
            process.wait(random.uniform(SOONEST, LATEST))
        except subprocess.TimeoutExpired:
            process.kill()
            return True
    return False


if __name__ == "__main__":
    main()
