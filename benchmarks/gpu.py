"""A GPU against the processor: training, scoring, memory, and whether the numbers agree.

    HEADSTART_DATA=folder python benchmarks/gpu.py [--seconds 420] [--device cuda] [--rows 4000]

Five parts, each skipped once the time is used up: training steps of ``gru`` and ``fast`` (batches of 64 to 4,096 rows,
float32 and bfloat16), their scoring, the agreement of their logits, a ``blend`` from texts to probabilities, and an
encoder of MiniLM's shape (6 layers of 384, random weights). The processor runs the compiled loops with all its cores;
the GPU runs torch's own layers. Steps and rows a second are those of the clock, the first steps apart; memory is the
most that torch allocated on the card. Reviews are IMDB's, cut to 256 words for the networks. The table is printed, and goes with all
figures to ``benchmarks/results/gpu.json``.

With ``--device cpu`` the same code runs on the processor twice, which tests the script where there is no card.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import torch

from headstart.batches import Examples
from headstart.estimators import TextClassifier
from headstart.inference import network_logits
from headstart.layers import Network
from headstart.nets import build
from headstart.nets.transformer import transformer_encoder
from headstart.text import RaggedIds, encode, fit_steps, text_steps
from headstart.train import Trainer
from measuring import machine, versions, write

WORDS, N_WORDS = 30_000, 256
TRAINED = {"cpu": (64, 512), "gpu": (64, 512, 4096)}
WARM, STEPS = 3, 12
MINILM = {
    "size": 384, "inner_size": 1536, "n_layers": 6, "n_heads": 12, "n_positions": 512, "activation": "gelu",
    "epsilon": 1e-12, "unknown": 100, "before": [101], "after": [102], "pooling": ["mean"], "normalize": True,
}  # fmt: skip


class Clock:
    """What is left of the time that was given."""

    def __init__(self, seconds: float) -> None:
        self.until = time.monotonic() + seconds

    def has(self, seconds: float) -> bool:
        """Tell whether so many seconds are left."""
        return time.monotonic() + seconds < self.until


def settle(device: str) -> None:
    """Wait until the device has done what it was told."""
    if device.startswith("cuda"):
        torch.cuda.synchronize()


def timed(work: Callable[[], Any], device: str) -> tuple[Any, float]:
    """Return a result and the seconds that it took."""
    settle(device)
    started = time.perf_counter()
    result = work()
    settle(device)
    return result, time.perf_counter() - started


def peak(device: str) -> float | None:
    """Return the MiB that torch allocated at most since it was last asked."""
    if not device.startswith("cuda"):
        return None
    most = torch.cuda.max_memory_allocated() / 2**20
    torch.cuda.reset_peak_memory_stats()
    return round(most)


def trained(name: str, rows: Examples, device: str, batch_size: int, mixed: bool) -> dict[str, Any]:
    """Train for some steps; return rows a second after the first ones."""
    times: list[float] = []

    def watch(event: str, trainer: Trainer, _row: Any) -> None:
        if event == "step_end":
            settle(device)
            times.append(time.perf_counter())
            trainer.stop = len(times) > WARM + STEPS

    torch.manual_seed(0)
    net = build(name, WORDS)
    peak(device)
    Trainer(
        net, phases=50, batch_size=batch_size, device=device, mixed_precision=mixed, events=[watch],
        train_metrics="running", restore_best=False,
    ).fit(rows)  # fmt: skip
    each = np.diff(times)[WARM:]
    return {
        "part": "train", "net": name, "device": device, "batch": batch_size, "precision": "bfloat16" if mixed else "float32",
        "rows_a_second": round(batch_size / float(np.median(each))), "mib": peak(device),
    }  # fmt: skip


def scored(
    net: Network, name: str, rows: Examples, device: str, batch_size: int
) -> tuple[np.ndarray[Any, Any], dict[str, Any]]:
    """Score all rows, twice; return the logits and rows a second of the second time."""
    net.to(device)
    network_logits(net, rows, device=device, batch_size=batch_size)
    peak(device)
    logits, seconds = timed(lambda: network_logits(net, rows, device=device, batch_size=batch_size), device)
    return logits, {
        "part": "score", "net": name, "device": device, "batch": batch_size, "precision": "float32",
        "rows_a_second": round(len(rows) / seconds), "mib": peak(device),
    }  # fmt: skip


def blended(
    texts: list[str], labels: list[str], device: str
) -> tuple[np.ndarray[Any, Any], dict[str, Any], TextClassifier]:
    """Train the default network on texts; return the probabilities of the last quarter, and seconds."""
    cut = len(texts) * 3 // 4
    model = TextClassifier(random_state=0, device=device)
    peak(device)
    _, seconds = timed(lambda: model.fit(texts[:cut], labels[:cut]), device)
    found, scoring = timed(lambda: model.predict_proba(texts[cut:])[:, 1], device)
    right = np.asarray(model.classes_)[(found > 0.5).astype(int)] == np.asarray(labels[cut:])
    return found, {
        "part": "blend from texts", "net": "blend", "device": device, "fit_seconds": round(seconds, 1),
        "rows_a_second": round(len(found) / scoring), "accuracy": round(float(right.mean()), 4), "mib": peak(device),
    }, model  # fmt: skip


def difference(one: np.ndarray[Any, Any], other: np.ndarray[Any, Any]) -> dict[str, float]:
    """Return how far two runs' numbers are apart, and how many signs differ."""
    return {
        "largest_difference": float(np.abs(one - other).max()), "scale": float(np.abs(one).max()),
        "signs_that_differ": int(((one > 0) != (other > 0)).sum()),
    }  # fmt: skip


def encoder(device: str, clock: Clock) -> list[dict[str, Any]]:
    """Score short and long rows with an encoder of MiniLM's shape."""
    torch.manual_seed(0)
    net = transformer_encoder(WORDS, MINILM)
    for weight in net.parameters():
        torch.nn.init.normal_(weight, std=0.02)
    found, by_length = [], {}
    for place in ("cpu", device):
        for length, n in ((24, 2048), (200, 512)):
            if not clock.has(40):
                break
            words = np.random.default_rng(length).integers(2, WORDS, n * length, dtype=np.int32)
            ids = RaggedIds(words, np.arange(0, n * length + 1, length, dtype=np.int64))
            vectors, row = scored(net, f"encoder, {length} tokens", Examples(ids), place, 256)
            found.append({**row, **(difference(by_length[length], vectors) if length in by_length else {})})
            by_length[length] = vectors
    return found


def main() -> None:
    """Run the parts and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=420)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--rows", type=int, default=4000)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    device, clock = options.device, Clock(options.seconds)
    table = pq.read_table(Path(os.environ["HEADSTART_DATA"]) / "imdb.parquet", columns=["text", "label"])
    chosen = np.random.default_rng(0).permutation(len(table))[: options.rows]
    table = table.take(chosen)
    texts, labels = table["text"].to_pylist(), [str(label) for label in table["label"].to_pylist()]
    cut = [" ".join(text.split()[:N_WORDS]) for text in texts]
    steps = fit_steps(text_steps(max_size=WORDS - 2), cut)
    names = sorted(set(labels))
    rows = Examples(encode(steps, cut).ids, np.asarray([names.index(label) for label in labels], np.float32))

    result: dict[str, Any] = {
        "machine": machine(), "versions": versions("torch", "numba", "numpy"),
        "card": torch.cuda.get_device_name() if device.startswith("cuda") else None, "threads": torch.get_num_threads(),
        "rows": [],
    }  # fmt: skip
    found: list[dict[str, Any]] = result["rows"]

    def told(row: dict[str, Any]) -> None:
        found.append(row)
        print(row, flush=True)

    for name in ("gru", "fast"):
        torch.manual_seed(0)
        net = build(name, WORDS)
        reference, row = scored(net, name, rows, "cpu", 256)
        told(row)
        for batch_size in (256, 4096):
            if clock.has(30):
                logits, row = scored(net, name, rows, device, batch_size)
                told({**row, **difference(reference, logits)})
        for place, sizes in (("cpu", TRAINED["cpu"]), (device, TRAINED["gpu"])):
            for batch_size in sizes:
                for mixed in (False, True) if place.startswith("cuda") else (False,):
                    if clock.has(60) and batch_size <= len(rows):
                        told(trained(name, rows, place, batch_size, mixed))
    for row in encoder(device, clock):
        told(row)
    if clock.has(150):
        here, row, model = blended(texts, labels, "cpu")
        told(row)
        there, row, _ = blended(texts, labels, device)
        told({**row, **difference(here - 0.5, there - 0.5)})
        model.predictor_.scorer.net.to(device)
    write("gpu", result, options.out)


if __name__ == "__main__":
    main()
