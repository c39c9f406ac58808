"""Milliseconds for one text, in memory: a model's compiled loops beside the same network in ONNX Runtime.

    HEADSTART_DATA=folder python benchmarks/latency.py MODEL [MODEL ...] [--texts 200]

MODEL is a folder written by `headstart train`. Both are engines of the same `Predictor`: ``onnx`` runs the graph that the package's
own exporter writes.

Two tasks: ``network``, from token ids to the logit, for which ONNX Runtime is handed its inputs ready made (ids, lengths, and the places
of n-grams, which we look up within the time); and ``whole``, from the string to the probability, for which it gets our text steps
and n-grams. Two kinds of text: IMDB's test reviews and Rotten Tomatoes' snippets. Before anything is timed, logits are
compared: within 1e-5 on all texts.

Every text goes through every contender once, in turns, on one thread and on two, each after a pause in which the others'
threads fall asleep. A contender counts with its better number of threads; the ratio is that of the two medians, and
``ratio_text_by_text`` the spread of each text's own. Results go to ``benchmarks/results/latency.json``.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from headstart.corpus import Corpus, text_array
from headstart.engines import LOGITS
from headstart.engines.onnx import engine as onnx
from headstart.kernels import workers
from headstart.predictor import Predictor
from measuring import machine, spread, versions, write
from protocol import data_folder

GOAL, PAUSE, WARM = 1, 0.02, 10
Job = Callable[[Any], float]


def corpus(text: str) -> Corpus:
    return Corpus(text_array([text]))


def in_onnxruntime(folder: Path, n_threads: int) -> tuple[Predictor, Job]:
    """Return a model that ONNX Runtime runs with some threads, and its network alone: from ready inputs to the logit."""
    with workers.threads(n_threads):
        predictor = Predictor.load(folder, engine="onnx")
        engine: Any = predictor.scorer.network.engine
        name = engine.stages[-1]
        run = engine._session((name,), "mean").run  # of the threads that are asked for here
    return predictor, lambda inputs: float(run(None, inputs)[0][0, 0])


def inputs_of(engine: Any, examples: Any) -> dict[str, Any]:
    """Return what the graph takes of one text."""
    (batch,), name = onnx._batches(examples), engine.stages[-1]
    places = engine._places(batch, engine._stages.ngrams((name,)))
    return dict(onnx._used(engine._session((name,), "mean"), {**onnx._rectangle(batch), **dict(places)}))


def contenders(folder: Path) -> tuple[Predictor, Any, dict[str, dict[tuple[str, int], Job]]]:
    """Return the model, the engine of ONNX Runtime, and for each task the functions that do it, by name and threads."""
    ours = Predictor.load(folder, engine="compiled")
    engine = ours.scorer.network.engine
    network: dict[tuple[str, int], Job] = {}
    whole: dict[tuple[str, int], Job] = {}
    for n in (1, 2):
        theirs, run = in_onnxruntime(folder, n)

        def logit(examples: Any, n: int = n) -> float:
            with workers.limit_threads(n):
                return float(engine.outputs(examples, (LOGITS,))[LOGITS][0, 0])

        def probability(text: str, n: int = n, predictor: Predictor = ours) -> float:
            with workers.limit_threads(n):
                return float(predictor.score(corpus(text), device="cpu").probabilities[0])

        network["headstart", n], network["onnxruntime", n] = logit, run
        whole["headstart", n] = probability
        whole["onnxruntime", n] = lambda text, n=n, theirs=theirs: probability(text, n, theirs)
    return ours, theirs.scorer.network.engine, {"network": network, "whole": whole}


def taken(jobs: dict[tuple[str, int], Callable[[Any], float]], inputs: list[Any]) -> dict[tuple[str, int], Any]:
    """Return milliseconds of every contender by text, in turns."""
    found: dict[tuple[str, int], list[float]] = {key: [] for key in jobs}
    for number, item in enumerate([*inputs[:WARM], *inputs]):
        for key, job in jobs.items():
            given = item[key[0]] if isinstance(item, dict) else item
            time.sleep(PAUSE)
            started = time.perf_counter()
            job(given)
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
    predictor, engine, tasks = contenders(folder)
    result: dict[str, Any] = {"largest_difference": 0.0}
    for kind, found in texts.items():
        examples = [predictor.rows(corpus(text)).examples for text in found]
        inputs = [{"headstart": one, "onnxruntime": inputs_of(engine, one)} for one in examples]
        for one in inputs:
            far = abs(
                tasks["network"]["headstart", 1](one["headstart"])
                - tasks["network"]["onnxruntime", 1](one["onnxruntime"])
            )
            result["largest_difference"] = max(result["largest_difference"], far)
        if result["largest_difference"] > 1e-5:
            raise SystemExit(f"the logits differ by {result['largest_difference']:.1e}, so these are two networks.")
        for task, jobs in tasks.items():
            result[f"{task}, one {kind}"] = report(taken(jobs, inputs if task == "network" else found))
        result[f"{kind}_tokens"] = spread((len(one.ids.values) for one in examples), 0)
    return result


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
    before = machine()
    texts = {
        "review": some_texts("imdb", options.texts, filters=[("split", "==", "test")]),
        "snippet": some_texts("rt_polarity", options.texts),
    }
    found = {model.name: measured(model, texts) for model in options.models}
    result = {
        "claim": "milliseconds for one text in memory, medians, each contender at its better number of threads, in turns",
        "data": {"texts": options.texts},
        "machine": before,
        "versions": versions("numpy", "numba", "onnx", "onnxruntime"),
        "models": found,
        "goal": GOAL,
    }
    write("latency", result, options.out)


if __name__ == "__main__":
    main()
