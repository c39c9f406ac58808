"""Training steps of the tutorial's network: ours beside MXNet 1.9.1, as the tutorial runs it, and beside Keras 3.

    HEADSTART_DATA=folder python benchmarks/frameworks.py [--rounds 30] [--peers mxnet,mxnet-flushed,keras-jax,keras-tensorflow]

The network, the batches and the meaning of a step are those of ``recurrent.py``. MXNet and Keras cannot live in our
process: each runs in a process of its own for one thread and for two, in an environment that ``environments.py``
makes, and steps when it is told to. Every round takes one batch through every contender in turn. A contender's step is
timed by itself, without the way there and back. Each waits a quarter of a second first, so that the OpenMP threads of
the one before have gone to sleep.

MXNet is hybridized, as in the tutorial. It has no switch for denormals, which slow it down on long reviews;
``mxnet-flushed`` is the same with the processor's own switch set from outside, as no user of it would. Keras compiles anew for every new width: for it, widths are rounded up to
multiples of 32, and every width is compiled before anything is timed. Ratios are taken within a round, each contender
at its better number of threads; medians and ranges go to ``benchmarks/results/frameworks.json``.
"""

from __future__ import annotations

import argparse
import contextlib
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from children import Child, write_rows
from environments import FOLDER, python_of
from headstart.batches import Batch, Examples
from headstart.text import RaggedIds
from measuring import machine, spread, versions, write
from recurrent import N_WORDS, batches, contenders, step

OURS = ("gru", "fast, window 1", "torch gru")
PEERS = {
    "mxnet": ("mxnet", "mxnet_network.py", {}),
    "mxnet-flushed": ("mxnet", "mxnet_network.py", {"FLUSH_DENORMALS": "1"}),
    "keras-jax": ("keras", "keras_network.py", {"KERAS_BACKEND": "jax"}),
    "keras-tensorflow": ("keras", "keras_network.py", {"KERAS_BACKEND": "tensorflow"}),
}
GOALS = {"gru / mxnet": 4, "gru / mxnet-flushed": 4}
PAUSE, WARM = 0.25, 4  # seconds before a step; rounds that do not count


def start(name: str, n_threads: int, folder: Path, rows: Path) -> tuple[Child, dict[str, str]]:
    """Start a peer and return it with its versions."""
    environment, script, variables = PEERS[name]
    child = Child(python_of(environment, folder), script, n_threads=n_threads, **variables)
    return child, child.ask("load", n_words=N_WORDS, learning_rate=1e-3, weight_decay=0.0, seed=0, train=str(rows))


def as_rows(taken: list[Batch], path: Path) -> Path:
    """Write batches for the peers."""
    ids = RaggedIds.from_lists([row[:n] for batch in taken for row, n in zip(batch.ids.numpy(), batch.lengths)])  # noqa: B905
    labels = np.concatenate([batch.labels.numpy() for batch in taken])
    cuts = np.cumsum([0, *(len(batch) for batch in taken)])
    return write_rows(path, Examples(ids, labels), np.split(np.arange(len(ids)), cuts[1:-1]))


def measure(taken: list[Batch], children: dict[tuple[str, int], Child]) -> dict[tuple[str, int], Any]:
    """Tokens a second of each contender by threads [rounds]; the first batches warm up."""
    nets = {name: net for name, net in contenders().items() if name in OURS}
    speeds: dict[tuple[str, int], list[float]] = {}
    for number, batch in enumerate(taken):
        n_tokens = int(batch.lengths.sum())
        for key in [(name, n) for name in nets for n in (1, 2)] + list(children):
            time.sleep(PAUSE)
            name, n_threads = key
            theirs = children.get(key)
            seconds = theirs.ask("step", number=number)["seconds"] if theirs else step(nets[name], batch, n_threads)[0]
            if number >= WARM:
                speeds.setdefault(key, []).append(n_tokens / seconds)
    return {key: np.array(values) for key, values in speeds.items()}


def report(speeds: dict[tuple[str, int], Any]) -> dict[str, Any]:
    names = list(dict.fromkeys(name for name, _ in speeds))
    best = {name: max((1, 2), key=lambda n: np.median(speeds[name, n])) for name in names}
    fastest = {name: speeds[name, best[name]] for name in names}
    peers = [name for name in names if name in PEERS]
    return {
        "tokens_per_second": {f"{name}, {n} threads": spread(values, 0) for (name, n), values in speeds.items()},
        "best_threads": best,
        "times_as_fast_as": {f"{a} / {b}": spread(fastest[a] / fastest[b]) for a in OURS for b in peers},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--peers", default=",".join(PEERS))
    parser.add_argument("--environments", type=Path, default=FOLDER)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    torch.manual_seed(0)
    torch.set_flush_denormal(True)
    before, found, children = machine(), versions("numpy", "torch", "numba"), {}
    taken = list(batches(options.rounds + WARM))
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        rows = as_rows(taken, Path(folder) / "rows.npz")
        for name in options.peers.split(","):
            for n_threads in (1, 2):
                child, own = start(name, n_threads, options.environments, rows)
                children[name, n_threads] = stack.enter_context(child)
                found |= {f"{name}: {package}": version for package, version in own.items()}
        speeds = measure(taken, children)
    result = {
        "claim": "whole training steps of the tutorial's network, real tokens a second, in turns, peers in processes of their own",
        "data": {"rounds": options.rounds, "batch_size": 64},
        "machine": before,
        "versions": found,
        **report(speeds),
        "goals": GOALS,
    }
    write("frameworks", result, options.out)


if __name__ == "__main__":
    main()
