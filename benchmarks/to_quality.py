"""Seconds until a validation AUC: `headstart train` beside the tutorial's code on MXNet and beside fastText.

    HEADSTART_DATA=folder python benchmarks/to_quality.py [--protocol DIR] [--rounds 3] [--nets fast,fast:2,gru,blend]
        [--peers mxnet,mxnet-flushed,fasttext] [--auc .9634] [--rows N]

All train on the tutorial protocol's 16,000 IMDB reviews (``protocol.py`` writes them) and are measured on its 4,000
validation rows, in turns, one process at a time with all processors that there are.

* ``headstart train`` runs as a user types it. Its seconds are those from the start of the process to the line that
  tells of the first epoch with the AUC; beside them those of the whole command, and the AUC of the model that it leaves.
  ``blend`` tells of its recurrent part alone in between: for it only the end of the command counts. ``fast:2`` is ``--net
  fast --epochs 2``.
* MXNet runs the tutorial's training: five epochs at .01, one at .001, batches of 64 in five buckets. It gets token ids
  ready made; its seconds are from the start of the process to the end of the measurement of its best epoch.
  ``mxnet-flushed`` has denormals flushed from outside (see ``frameworks.py``).
* fastText gets files of lower-cased words ready made; its seconds are those of a whole process that trains with
  bigrams and scores. Its options are searched first, outside the clock: all of ``GRID``, one run each. The fastest
  that reaches the AUC is timed; if none does, the AUC asked of both is the best that it reached, rounded down.

Medians and ranges go to ``benchmarks/results/to_quality.json``.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import headstart as hs
from children import PEERS, Child, write_rows
from environments import FOLDER, PACKAGES, python_of
from headstart.batches import Batches, Examples, clip_ids, token_limit
from headstart.corpus import Corpus
from headstart.metrics import auc
from headstart.text import RaggedIds, encode, fit_steps, text_steps
from measuring import headstart, machine, spread, versions, watched, write
from protocol import write_protocol

EPOCHS, N_BUCKETS, RATES, DECAY = 6, 5, (1e-2, 1e-3), 3e-6
GRID = {"epoch": (1, 2, 3, 5, 10, 25), "lr": (0.25, 0.5, 1.0), "dim": (10, 50)}
GOALS = {"mxnet's best / headstart": 20, "headstart / fasttext": 2}
Run = dict[str, Any]


def ours(contender: str, folder: Path) -> Run:
    """Train by the command line and note when each epoch was told of."""
    net, _, epochs = contender.partition(":")
    command = headstart("train", str(folder / "train.parquet"), "--valid", str(folder / "valid.parquet"), "--net", net)
    command += ["--out", str(folder / "model"), *(["--epochs", epochs] if epochs else [])]
    started = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stderr is not None
        told = [time.perf_counter() - started for line in process.stderr if line.startswith("epoch ")]
        result = json.loads(process.stdout.read())
    seconds = time.perf_counter() - started
    rows = [(at, row["valid_auc"]) for at, row in zip(told, result["epochs"], strict=True)]
    measured = [] if net == "blend" else rows
    return {
        "measured": [*measured, (seconds, result["valid"]["auc"])],
        "seconds": seconds,
        "auc": result["valid"]["auc"],
    }


def warm(net: str, folder: Path) -> None:
    """Train once on few rows, so that what is compiled is on the disk."""
    train = pq.read_table(folder / "train.parquet").slice(0, 1000)
    pq.write_table(train, folder / "few.parquet")
    command = headstart(
        "train", str(folder / "few.parquet"), "--net", net, "--epochs", "1", "--out", str(folder / "model")
    )
    watched(command)


def tutorial_examples(train: Corpus, valid: Corpus) -> tuple[int, Examples, Examples]:
    """Return the size of the tutorial's vocabulary, and both sets as it reads them."""
    steps = text_steps("tutorial", min_count=1)
    fit_steps(steps, train.texts)
    ids = encode(steps, train.texts).ids
    limit = token_limit(ids.lengths, "90%")
    sets = [
        Examples(clip_ids(found, limit)[0], corpus.labels.astype(np.float32))
        for found, corpus in ((ids, train), (encode(steps, valid.texts).ids, valid))
    ]
    return steps[-1].n_ids, sets[0], sets[1]


def write_batches(examples: Examples, path: Path) -> list[int]:
    """Write the batches of all epochs for MXNet, and return where each epoch begins and the last one ends."""
    plan = Batches(examples, batch_size=64, order="shuffled", n_buckets=N_BUCKETS)
    epochs = [plan.plan(number) for number in range(EPOCHS)]
    write_rows(path, examples, list(itertools.chain(*epochs)))
    return np.cumsum([0, *map(len, epochs)]).tolist()


def mxnet(
    python: Path, folder: Path, n_words: int, starts: list[int], labels: Any, n_threads: int, **variables: str
) -> Run:
    """Train the tutorial's way and score after every epoch."""
    started, measured, epochs = time.perf_counter(), [], []
    paths = {name: str(folder / f"{name}.npz") for name in ("train", "valid")}
    with Child(python, "mxnet_network.py", n_threads=n_threads, **variables) as child:
        child.ask("load", n_words=n_words, learning_rate=RATES[0], weight_decay=DECAY, seed=0, **paths)
        for number, (first, end) in enumerate(itertools.pairwise(starts), 1):
            rate = RATES[number == EPOCHS]
            found = child.ask("epoch", first=first, end=end, learning_rate=rate)
            at = time.perf_counter() - started
            measured.append((at, auc(labels, np.array(found.pop("logits")))))
            epochs.append({"epoch": number, **found, "valid_auc": measured[-1][1], "since_start": at})
            print(json.dumps({"mxnet": epochs[-1]}), file=sys.stderr)
    best = max(measured, key=lambda row: row[1])
    return {"measured": measured, "epochs": epochs, "seconds": best[0], "auc": best[1]}


def best_threads(python: Path, folder: Path, n_words: int, n_steps: int = 12) -> int:
    """Return the number of threads that trains the first batches fastest; two harm where a neighbour is busy."""
    found = {}
    for n_threads in (1, 2):
        with Child(python, "mxnet_network.py", n_threads=n_threads) as child:
            train = str(folder / "train.npz")
            child.ask("load", n_words=n_words, learning_rate=RATES[0], weight_decay=DECAY, seed=0, train=train)
            taken = [child.ask("step", number=number)["seconds"] for number in range(n_steps)]
        found[n_threads] = sum(taken[n_steps // 3 :])
    print(json.dumps({"mxnet, seconds of the first steps by threads": found}), file=sys.stderr)
    return min(found, key=lambda n: found[n])


def write_lines(steps: Any, corpus: Corpus, path: Path) -> None:
    """Write texts the way fastText reads them: the tutorial's tokens, its vocabulary whole."""
    words = steps[-1].vocabulary_.to_pylist()
    ids: RaggedIds = encode(steps, corpus.texts).ids
    with path.open("w", encoding="utf-8") as file:
        for row, label in zip(ids, corpus.labels, strict=True):
            file.write(f"__label__{int(label)} {' '.join(words[i] for i in row)}\n")


def fasttext(python: Path, folder: Path, labels: Any, options: dict[str, Any]) -> Run:
    """Train and score in one process."""
    command = [str(python), str(PEERS / "fasttext_classifier.py"), str(folder / "train.txt"), str(folder / "valid.txt")]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    started = time.perf_counter()
    options = {"thread": os.cpu_count(), **options}
    done = subprocess.run(
        [*command, json.dumps(options)], check=True, stdout=subprocess.PIPE, text=True, env=environment
    )
    seconds = time.perf_counter() - started
    found = auc(labels, np.array(json.loads(done.stdout)["probabilities"]))
    return {"measured": [(seconds, found)], "seconds": seconds, "auc": found}


def searched(python: Path, folder: Path, labels: Any, grid: dict[str, Any]) -> list[dict[str, Any]]:
    """Return every setting of the grid with its seconds and AUC, one run each."""
    found = []
    for values in itertools.product(*grid.values()):
        options = dict(zip(grid, values, strict=True))
        run = fasttext(python, folder, labels, options)
        found.append({"options": options, "seconds": round(run["seconds"], 2), "auc": round(run["auc"], 4)})
        print(json.dumps({"fasttext": found[-1]}), file=sys.stderr)
    return found


def seconds_to(run: Run, level: float) -> float | None:
    """Return the seconds of the first measurement of at least this AUC."""
    return next((at for at, found in run["measured"] if found >= level), None)


def summary(runs: list[Run], levels: dict[str, float]) -> dict[str, Any]:
    """Return what all runs of a contender took to every AUC, and how they ended."""
    found: dict[str, Any] = {
        "measured": [[[round(at, 2), round(value, 4)] for at, value in run["measured"]] for run in runs],
        "end_seconds": spread(run["seconds"] for run in runs),
        "end_auc": spread((run["auc"] for run in runs), 4),
    }
    for name, level in levels.items():
        reached = [seconds_to(run, level) for run in runs]
        done = [at for at in reached if at is not None]
        found[f"seconds_to_{name}"] = spread(done) if len(done) == len(runs) else None
    return found


def ratios(runs: dict[str, list[Run]], level: float, common: float | None) -> dict[str, Any]:
    """Return, run by run, how many times the seconds of the one are those of the other."""
    found: dict[str, Any] = {}
    for name in (name for name in runs if not name.startswith(("mxnet", "fasttext"))):
        for peer in (peer for peer in runs if peer.startswith("mxnet")):
            pairs = [(a["seconds"], seconds_to(b, level)) for a, b in zip(runs[peer], runs[name], strict=True)]
            if all(b is not None for _, b in pairs):
                found[f"{peer}'s best / {name}"] = spread(a / b for a, b in pairs if b is not None)
        if common is not None:
            times = [
                (seconds_to(a, common), seconds_to(b, common))
                for a, b in zip(runs[name], runs["fasttext"], strict=True)
            ]
            if all(a is not None and b is not None for a, b in times):
                found[f"{name} / fasttext"] = spread(a / b for a, b in times if a is not None and b is not None)
    return found


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--protocol", type=Path, default=Path("out/protocol"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--nets", default="fast,fast:2,gru,blend,blend:1")
    parser.add_argument("--peers", default="mxnet,mxnet-flushed,fasttext")
    parser.add_argument("--auc", type=float, default=0.9634)
    parser.add_argument("--rows", type=int, help="use that many training rows only, to try this script")
    parser.add_argument("--mxnet-threads", type=int, help="otherwise 1 or 2, as some first steps go faster")
    parser.add_argument("--small-grid", action="store_true", help="try two settings of fastText only")
    parser.add_argument("--environments", type=Path, default=FOLDER)
    parser.add_argument("--out", type=Path)
    return parser.parse_args()


def prepared(protocol: Path, folder: Path, n_rows: int | None) -> tuple[int, list[int], Any]:
    """Write what every contender reads; return the vocabulary's size, MXNet's epochs and the validation labels."""
    if not (protocol / "train.parquet").exists():
        write_protocol(protocol)
    train, valid = (
        hs.read(str(protocol / f"{name}.parquet"), label="label", columns=()) for name in ("train", "valid")
    )
    train = train if n_rows is None else train.take(np.arange(n_rows))
    _write_parquet(train, folder / "train.parquet")
    _write_parquet(valid, folder / "valid.parquet")
    n_words, examples, valid_examples = tutorial_examples(train, valid)
    starts = write_batches(examples, folder / "train.npz")
    by_length = Batches(valid_examples, batch_size=64, order="length").plan(0)
    write_rows(folder / "valid.npz", valid_examples, by_length)
    steps = text_steps("tutorial", min_count=1)
    fit_steps(steps, train.texts)
    for name, corpus in (("train", train), ("valid", valid)):
        write_lines(steps, corpus, folder / f"{name}.txt")
    return n_words, starts, valid.labels


def main() -> None:
    options = arguments()
    before, peers = machine(), options.peers.split(",") if options.peers else []
    pythons = {name: python_of(name.removesuffix("-flushed"), options.environments) for name in peers}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        n_words, starts, labels = prepared(options.protocol, folder, options.rows)
        for net in dict.fromkeys(contender.split(":")[0] for contender in options.nets.split(",")):
            warm(net, folder)
        jobs: dict[str, Any] = {net: lambda net=net: ours(net, folder) for net in options.nets.split(",")}
        common, search = None, []
        if "fasttext" in peers:
            grid = {"epoch": (5, 10), "lr": (0.5,), "dim": (10,)} if options.small_grid else GRID
            search = searched(pythons["fasttext"], folder, labels, grid)
            common = min(options.auc, np.floor(max(run["auc"] for run in search) * 1000) / 1000)
            chosen = min((run for run in search if run["auc"] >= common), key=lambda run: run["seconds"])["options"]
            jobs["fasttext"] = lambda: fasttext(pythons["fasttext"], folder, labels, chosen)
        n_threads = options.mxnet_threads
        for peer in (peer for peer in peers if peer.startswith("mxnet")):
            python, variables = pythons[peer], {"FLUSH_DENORMALS": "1"} if peer.endswith("flushed") else {}
            n_threads = n_threads or best_threads(python, folder, n_words)
            jobs[peer] = partial(mxnet, python, folder, n_words, starts, labels, n_threads, **variables)
        runs: dict[str, list[Run]] = {name: [] for name in jobs}
        for _, (name, job) in itertools.product(range(options.rounds), jobs.items()):
            runs[name].append(job())
            print(json.dumps({name: [round(runs[name][-1]["seconds"], 1), runs[name][-1]["auc"]]}), file=sys.stderr)
    levels = {"auc": options.auc} | ({} if common is None else {"common_auc": float(common)})
    result = {
        "claim": "seconds of the whole command until a validation AUC, in turns",
        "data": {
            "rounds": options.rounds,
            "rows": options.rows or 16_000,
            **levels,
            "mxnet_threads": n_threads,
        },
        "machine": before,
        "versions": versions("numpy", "torch", "numba") | {"peers": _peer_versions(peers)},
        "contenders": {name: summary(own, levels) for name, own in runs.items()},
        "mxnet_epochs": {
            peer: [run["epochs"] for run in own] for peer, own in runs.items() if peer.startswith("mxnet")
        },
        "fasttext_search": search,
        "times_the_seconds_of": ratios(runs, options.auc, None if common is None else float(common)),
        "goals": GOALS,
    }
    write("to_quality", result, options.out)


def _peer_versions(peers: list[str]) -> str:
    return ", ".join(sorted({package for name in peers for package in PACKAGES[name.removesuffix("-flushed")]}))


def _write_parquet(corpus: Corpus, path: Path) -> None:
    pq.write_table(pa.table({"text": corpus.texts, "label": corpus.labels.astype(np.int8)}), path)


if __name__ == "__main__":
    main()
