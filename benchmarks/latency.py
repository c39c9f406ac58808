"""Milliseconds for one text, in memory: a model of ours beside the same network in ONNX Runtime.

    HEADSTART_DATA=folder python benchmarks/latency.py MODEL [MODEL ...] [--texts 200]

MODEL is a folder written by `headstart train`. Its network becomes the graph that `headstart export onnx` writes (needs
``onnx`` and ``onnxruntime``), with any number of rows and tokens. Of ``blend`` only the recurrent part goes: its lists of
n-grams are looked up outside of the graph.

Two tasks: ``network``, from token ids to the logit, and ``whole``, from the string to the probability; for that, our own
text steps make ONNX Runtime's ids, and our own calibration its probability. Two kinds of text: IMDB's test reviews
and Rotten Tomatoes' snippets. Before anything is timed, logits are compared: within 1e-5 on all texts.

Every text goes through every contender once, in turns, on one thread and on two, each after a pause in which the others'
threads fall asleep. A contender counts with its better number of threads; the ratio is that of the two medians, and
``ratio_text_by_text`` the spread of each text's own. Results go to ``benchmarks/results/latency.json``.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import torch
from torch import nn

import headstart as hs
from headstart.batches import Batch, clip_ids
from headstart.engines import HeldNetwork
from headstart.engines.onnx.graph import Graph
from headstart.engines.onnx.networks import stages_of
from headstart.kernels import workers
from headstart.predictor import Predictor
from headstart.text import encode
from measuring import machine, spread, versions, write
from protocol import data_folder

GOAL, PAUSE, WARM = 1, 0.02, 10
Ids = Any


def export(network: HeldNetwork, stage: str, path: Path) -> Path:
    """Write a network up to a stage as ONNX, for any number of rows and of tokens."""
    g, stages = Graph(), stages_of(network.spec, network.weights)
    g.output("logits", stages.add(g, (stage,))[stage], np.float32, ("rows", 1))
    path.write_bytes(g.model("network").SerializeToString())
    return path


def session(path: Path, n_threads: int) -> Callable[[Ids], float]:
    """Return a network in ONNX Runtime as a function from ids [1, tokens] to the logit."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads, options.log_severity_level = n_threads, 1, 3
    run = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"]).run
    return lambda ids: float(run(None, {"ids": ids, "lengths": np.array([ids.shape[1]], np.int32)})[0][0, 0])


def in_torch(net: nn.Module, n_threads: int) -> Callable[[Ids], float]:
    """Return our network as a function from ids [1, tokens] to the logit."""

    def logit(ids: Ids) -> float:
        with workers.limit_threads(n_threads), torch.inference_mode():
            return float(net(Batch(torch.from_numpy(ids), torch.tensor([ids.shape[1]])))[0, 0])

    return logit


def ids_of(predictor: Predictor, text: str) -> Ids:
    """Return a text's ids, int32 [1, tokens], cut as the predictor cuts them; a text without words is one unknown."""
    ids, _ = clip_ids(encode(predictor.steps, [text]).ids, predictor.max_tokens, predictor.clip)
    return ids[0][None] if len(ids[0]) else np.ones((1, 1), np.int32)


def contenders(model: Any, net: nn.Module, path: Path) -> dict[str, dict[tuple[str, int], Callable[[Any], float]]]:
    """Return, for each task, the functions that do it by name and threads."""
    predictor: Predictor = model.predictor_
    network: dict[tuple[str, int], Callable[[Any], float]] = {}
    whole: dict[tuple[str, int], Callable[[Any], float]] = {}
    for n in (1, 2):
        network["headstart", n], network["onnxruntime", n] = in_torch(net, n), session(path, n)

        def ours(text: str, n: int = n) -> float:
            with workers.limit_threads(n):
                return float(model.predict_proba([text])[0, 1])

        def theirs(text: str, run: Callable[[Ids], float] = network["onnxruntime", n]) -> float:
            return float(predictor.probabilities(np.array([run(ids_of(predictor, text))]))[0])

        whole["headstart", n], whole["onnxruntime", n] = ours, theirs
    return {"network": network} if net is not predictor.net else {"network": network, "whole": whole}


def compare(one: Callable[[Any], float], other: Callable[[Any], float], inputs: list[Any]) -> float:
    """Return the largest difference, or stop if it is none to overlook."""
    most = max(abs(one(item) - other(item)) for item in inputs)
    if most > 1e-5:
        raise SystemExit(f"the outputs differ by {most:.1e}, so these are two networks; export it anew.")
    return most


def taken(jobs: dict[tuple[str, int], Callable[[Any], float]], inputs: list[Any]) -> dict[tuple[str, int], Any]:
    """Return milliseconds of every contender by text, in turns."""
    found: dict[tuple[str, int], list[float]] = {key: [] for key in jobs}
    for number, item in enumerate([*inputs[:WARM], *inputs]):
        for key, job in jobs.items():
            torch.set_num_threads(key[1] if key[0] == "headstart" else 1)
            time.sleep(PAUSE)
            started = time.perf_counter()
            job(item)
            if number >= WARM:
                found[key].append((time.perf_counter() - started) * 1e3)
    return {key: np.array(values) for key, values in found.items()}


def report(times: dict[tuple[str, int], Any]) -> dict[str, Any]:
    best = {name: min((1, 2), key=lambda n: np.median(times[name, n])) for name in ("headstart", "onnxruntime")}
    ours, theirs = (times[name, n] for name, n in best.items())
    return {
        "milliseconds": {f"{name}, {n} threads": spread(values, 3) for (name, n), values in times.items()},
        "best_threads": best,
        "headstart / onnxruntime": round(float(np.median(ours) / np.median(theirs)), 2),
        "ratio_text_by_text": spread(ours / theirs),
    }


def measured(folder: Path, texts: dict[str, list[str]]) -> dict[str, Any]:
    """Measure one model in every task on every kind of text."""
    model = hs.load(folder).set_params(device="cpu")
    predictor: Predictor = model.predictor_
    net = predictor.net
    partial = "deep" in getattr(net, "stages", ())
    net = net.until("deep").eval() if partial else net
    inputs = {kind: [ids_of(predictor, text) for text in found] for kind, found in texts.items()}
    result: dict[str, Any] = {"part": "the recurrent part alone" if partial else "the whole network"}
    with tempfile.TemporaryDirectory() as place:
        tasks = contenders(model, net, export(predictor.scorer.network, net.stages[-1], Path(place) / "net.onnx"))
        every = [ids for found in inputs.values() for ids in found]
        result["largest_difference"] = compare(
            tasks["network"]["headstart", 1], tasks["network"]["onnxruntime", 1], every
        )
        for task, jobs in tasks.items():
            for kind, found in texts.items():
                result[f"{task}, one {kind}"] = report(taken(jobs, inputs[kind] if task == "network" else found))
    return result | {f"{kind}_tokens": spread((ids.shape[1] for ids in found), 0) for kind, found in inputs.items()}


def some_texts(name: str, n: int, **filters: Any) -> list[str]:
    table = pq.read_table(data_folder() / f"{name}.parquet", columns=["text"], **filters)
    rows = np.random.default_rng(0).permutation(len(table))[:n]
    found: list[str] = pc.take(table["text"], pa.array(rows)).to_pylist()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", type=Path, nargs="+")
    parser.add_argument("--texts", type=int, default=200)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    before, threads = machine(), torch.get_num_threads()
    texts = {
        "review": some_texts("imdb", options.texts, filters=[("split", "==", "test")]),
        "snippet": some_texts("rt_polarity", options.texts),
    }
    found = {model.name: measured(model, texts) for model in options.models}
    torch.set_num_threads(threads)
    result = {
        "claim": "milliseconds for one text in memory, medians, each contender at its better number of threads, in turns",
        "data": {"texts": options.texts},
        "machine": before,
        "versions": versions("numpy", "torch", "numba", "onnx", "onnxscript", "onnxruntime"),
        "models": found,
        "goal": GOAL,
    }
    write("latency", result, options.out)


if __name__ == "__main__":
    main()
