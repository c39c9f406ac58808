"""Whether the compiled loops learn as well as torch's own operations do.

    HEADSTART_DATA=folder python benchmarks/paths.py [--seeds 5] [--nets gru,fast] [--out FILE.json]

Networks are trained on ``rt_polarity`` from the same seeds along both paths: compiled loops, and the torch operations
that stand in where Numba is missing. A fifth of the rows is tested on, a tenth of the others stops early. Given are the
AUC of every run, and the mean difference with Student's 95% interval over the seeds. Seconds stand beside them.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

import headstart as hs
from headstart.corpus import Corpus, split
from headstart.layers import gathered
from headstart.metrics import auc
from measuring import half_width, machine, versions, write
from protocol import data_folder


@contextmanager
def torch_alone() -> Iterator[None]:
    """Let no compiled loop run."""
    found = gathered._switched_off
    gathered._switched_off = lambda: "switched off for this measurement"  # type: ignore[assignment]
    try:
        yield
    finally:
        gathered._switched_off = found


def measured(net: str, seed: int, train: Corpus, test: Corpus) -> tuple[float, float]:
    """Return the AUC on the test rows, and the seconds of training."""
    started = time.perf_counter()
    model = hs.TextClassifier(net=net, random_state=seed, device="cpu").fit(train)
    seconds = time.perf_counter() - started
    return float(auc(test.labels, model.score_rows(test).logits)), seconds


def difference(compiled: list[float], plain: list[float]) -> dict[str, float]:
    """Return the mean difference, and half the width of its 95% interval."""
    found = np.subtract(compiled, plain).tolist()
    return {"mean": round(float(np.mean(found)), 5), "half_width": round(half_width(found), 5)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--nets", default="gru,fast")
    parser.add_argument("--out", type=Path, help="otherwise results/paths.json")
    arguments = parser.parse_args()
    before = machine()
    corpus = hs.read(str(data_folder() / "rt_polarity.parquet"), label="label", columns=())
    rest, held = split(corpus, 0.2, random_state=0)
    train, test = corpus.take(rest), corpus.take(held)
    found: dict[str, Any] = {}
    for net in arguments.nets.split(","):
        rows: dict[str, list[tuple[float, float]]] = {"compiled": [], "torch": []}
        for seed in range(arguments.seeds):
            rows["compiled"].append(measured(net, seed, train, test))
            with torch_alone():
                rows["torch"].append(measured(net, seed, train, test))
            print(net, seed, {path: runs[-1] for path, runs in rows.items()}, flush=True)
        aucs = {path: [round(score, 5) for score, _ in runs] for path, runs in rows.items()}
        seconds = {path: [round(taken, 1) for _, taken in runs] for path, runs in rows.items()}
        found[net] = {"auc": aucs, "seconds": seconds, "compiled less torch": difference(*aucs.values())}
    result = {
        "claim": "AUC of networks trained in compiled loops less that of the same trained by torch's operations",
        "machine": before,
        "versions": versions("numpy", "torch", "numba"),
        "data": {"set": "rt_polarity", "train": len(train), "test": len(test), "seeds": arguments.seeds},
        "nets": found,
    }
    write("paths", result, arguments.out)


if __name__ == "__main__":
    main()
