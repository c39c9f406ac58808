"""What the command line gives: every network trained by `headstart train`, and measured by `headstart evaluate`.

    python benchmarks/commands.py [--protocol DIR] [--nets gru,tutorial] [--seeds 3] [--out DIR]

Trains on the tutorial protocol's 16,000 IMDB reviews (benchmarks/protocol.py writes them) and evaluates on its
5,000 test rows, the 25,000 official ones, and hotel sets that the base never saw, in the folder given by
HEADSTART_DATA. One process at a time, as a user would type it; rows stream to ``rows.jsonl``.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from statistics import mean
from typing import Any

from protocol import data_folder

TARGETS = ("hotel_hackerearth_sample", "hotel_opspam", "hotel_datafiniti")


def headstart(*arguments: str) -> dict[str, Any]:
    """Run one command and return the JSON that it printed."""
    command = Path(sys.executable).with_name("headstart")
    done = subprocess.run([command, *arguments, "--json"], check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def measured(net: str, seed: int, protocol: Path, out: Path) -> dict[str, Any]:
    """Train one base, evaluate it everywhere, and return its row."""
    model = str(out / f"{net}-{seed}")
    data, valid = str(protocol / "train.parquet"), str(protocol / "valid.parquet")
    started = time.perf_counter()
    headstart("train", data, "--valid", valid, "--net", net, "--seed", str(seed), "--out", model)
    row: dict[str, Any] = {"net": net, "seed": seed, "seconds": round(time.perf_counter() - started, 1)}
    sets = {name: protocol / f"{name}.parquet" for name in ("test", "official")}
    sets |= {name: data_folder() / f"{name}.parquet" for name in TARGETS}
    return row | {name: headstart("evaluate", model, str(path))["auc"] for name, path in sets.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--protocol", type=Path, default=Path("out/protocol"))
    parser.add_argument("--nets", default="gru,tutorial")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("out/commands"))
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    path = arguments.out / "rows.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    with path.open("a") as file:
        for net in arguments.nets.split(","):
            for seed in range(arguments.seeds):
                if any(row["net"] == net and row["seed"] == seed for row in rows):
                    continue
                rows.append(measured(net, seed, arguments.protocol, arguments.out))
                file.write(json.dumps(rows[-1]) + "\n")
                file.flush()
                print(json.dumps(rows[-1]), flush=True)
    for net in arguments.nets.split(","):
        own = [row for row in rows if row["net"] == net]
        print(net, {name: round(mean(row[name] for row in own), 4) for name in own[0] if name not in ("net", "seed")})


if __name__ == "__main__":
    main()
