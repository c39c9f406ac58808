"""Training steps of the tutorial's network: our recurrent layers beside `torch.nn.GRU` and `torch.nn.LSTM`.

    HEADSTART_DATA=folder python benchmarks/recurrent.py [--rounds 30]

The network: 30,000 words, vectors of 64, a bidirectional layer of 50, one pooled vector, dense 100, 100 and 10,
one logit. A step is a whole one: forward, loss, backward, Adam. Every round takes a fresh batch of 64 IMDB
reviews of like length through every contender, with one thread and with two, in turn; denormals are flushed for
all. Torch's layers read the padded rectangle, as in the tutorial, with torch's fused dense Adam.

The speed of a step is real tokens a second. Ratios are taken within a round, of each contender at its better
number of threads; medians and ranges go to ``benchmarks/results/recurrent.json``. Seconds of processor time stand
beside those of the clock, which a busy machine stretches; and the speed of float32 matrix products on one thread
and on two says what this machine's second processor has to give.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import torch
from torch import Tensor, nn

from headstart.batches import Batch, Batches, Examples
from headstart.kernels import workers
from headstart.layers import DenseBlock, Recurrent, TokenEmbedding
from headstart.layers.fast import FastRecurrent
from headstart.layers.fused_pooling import fused_pool
from headstart.optim import LazyAdam
from headstart.text import encode, fit_steps, text_steps
from measuring import machine, spread, versions, write
from protocol import data_folder

PACKAGES = ("numpy", "torch", "numba", "llvmlite")
N_WORDS, VECTOR, HIDDEN, DENSE = 30_000, 64, 50, (100, 100, 10)
FLOPS_A_TOKEN = 3 * 2 * 2 * 3 * HIDDEN * (VECTOR + HIDDEN)  # forward and twice as much back, of the GRU alone
GOALS = {"gru / torch gru": 4, "fast / torch gru": 10, "second processor": 1.7, "share of sgemm": 0.3}


class Tower(nn.Module):
    """The dense part of the tutorial's network."""

    def __init__(self, size: int) -> None:
        super().__init__()
        sizes = [size, *DENSE]
        blocks = [DenseBlock(a, b, dropout=0.2) for a, b in pairwise(sizes)]
        self.layers = nn.Sequential(*blocks, nn.Linear(DENSE[-1], 1))

    def forward(self, values: Tensor) -> Tensor:
        """Give the logits [rows, 1] of pooled states."""
        return self.layers(values)


class Ours(nn.Module):
    """A network with one of our layers."""

    def __init__(self, layer: nn.Module, kinds: tuple[str, ...]) -> None:
        super().__init__()
        self.embedding = TokenEmbedding(N_WORDS, VECTOR)
        self.layer, self.kinds = layer, kinds
        self.tower = Tower(2 * HIDDEN * len(kinds))
        self.optimizer = LazyAdam(self.parameters(), lr=1e-3, embeddings=[self.embedding], fused=True)

    def forward(self, batch: Batch) -> Tensor:
        """Give the logits [rows, 1]."""
        states = self.layer(self.embedding(batch.ids), batch.lengths)
        return self.tower(fused_pool(states, batch.lengths, self.kinds, True))


class Torchs(nn.Module):
    """The tutorial's network with one of torch's layers."""

    def __init__(self, kind: type[nn.GRU | nn.LSTM]) -> None:
        super().__init__()
        self.embedding = nn.Embedding(N_WORDS, VECTOR)
        self.layer = kind(VECTOR, HIDDEN, batch_first=True, bidirectional=True)
        self.tower = Tower(2 * HIDDEN)
        self.optimizer = torch.optim.Adam(self.parameters(), lr=1e-3, fused=True)

    def forward(self, batch: Batch) -> Tensor:
        """Give the logits [rows, 1]."""
        states = self.layer(self.embedding(batch.ids))[0]
        last = (batch.lengths - 1)[:, None, None].expand(-1, 1, states.shape[2])
        return self.tower(states.gather(1, last)[:, 0])


def contenders() -> dict[str, nn.Module]:
    return {
        "torch gru": Torchs(nn.GRU),
        "gru": Ours(Recurrent(VECTOR, HIDDEN), ("last",)),
        "torch lstm": Torchs(nn.LSTM),
        "fast": Ours(FastRecurrent(VECTOR, HIDDEN), ("mean", "max")),
        "fast, window 1": Ours(FastRecurrent(VECTOR, HIDDEN, window=1), ("mean", "max")),
    }


def batches(n: int) -> Iterator[Batch]:
    """The first batches of an epoch over IMDB's training rows."""
    table = pq.read_table(data_folder() / "imdb.parquet", columns=["text", "label"], filters=[("split", "==", "train")])
    texts = table["text"].combine_chunks()
    steps = text_steps("tutorial", max_size=N_WORDS - 2)
    fit_steps(steps, texts)
    labels = np.asarray(table["label"]).astype(np.float32)
    plan = Batches(Examples(encode(steps, texts).ids, labels), batch_size=64, order="shuffled")
    for number, batch in enumerate(plan):
        if number == n:
            return
        yield batch.tensors()


def step(net: Any, batch: Batch, n_threads: int) -> tuple[float, float]:
    """Train on one batch; seconds of the clock and of processors."""
    torch.set_num_threads(n_threads if isinstance(net, Torchs) else 1)
    time.sleep(0.01)  # lets another contender's OpenMP threads fall asleep
    with workers.limit_threads(n_threads):
        clock, processor = time.perf_counter(), time.process_time()
        net.optimizer.zero_grad()
        logits = net(batch)[:, 0]
        nn.functional.binary_cross_entropy_with_logits(logits, batch.labels).backward()
        net.optimizer.step()
        return time.perf_counter() - clock, time.process_time() - processor


def sgemm(n_threads: int, seconds: float = 0.4) -> float:
    """The best GFLOP/s of torch's product of two float32 matrices of 1,024 x 1,024."""
    torch.set_num_threads(n_threads)
    a, b = torch.randn(1024, 1024), torch.randn(1024, 1024)
    best, end = np.inf, time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        a @ b
        best = min(best, time.perf_counter() - start)
    return 2 * 1024**3 / best / 1e9


def measure(rounds: int) -> dict[tuple[str, int], Any]:
    """Tokens a second by contender and threads: [rounds, clock and processor]."""
    nets = contenders()
    speeds: dict[tuple[str, int], list[Any]] = {}
    for number, batch in enumerate(batches(rounds + 2)):
        n_tokens = int(batch.lengths.sum())
        for name, net in nets.items():
            for n_threads in (1, 2):
                taken = step(net, batch, n_threads)
                if number >= 2:  # the first compile and warm up
                    speeds.setdefault((name, n_threads), []).append([n_tokens / seconds for seconds in taken])
    return {key: np.array(values) for key, values in speeds.items()}


def report(speeds: dict[tuple[str, int], Any], peaks: dict[int, float]) -> dict[str, Any]:
    names = list(dict.fromkeys(name for name, _ in speeds))
    best = {name: max((1, 2), key=lambda n: np.median(speeds[name, n][:, 0])) for name in names}
    clock = {name: speeds[name, best[name]][:, 0] for name in names}
    ours = [name for name in names if not name.startswith("torch")]
    return {
        "tokens_per_second": {f"{n}, {k} threads": spread(v[:, 0], 0) for (n, k), v in speeds.items()},
        "tokens_per_processor_second": {f"{n}, {k} threads": spread(v[:, 1], 0) for (n, k), v in speeds.items()},
        "best_threads": best,
        "times_as_fast_as": {f"{a} / {b}": spread(clock[a] / clock[b]) for a in ours for b in names if b not in ours},
        "times_as_fast_on_one_thread_by_processor_time": {
            f"{a} / {b}": spread(speeds[a, 1][:, 1] / speeds[b, 1][:, 1]) for a in ours for b in names if b not in ours
        },
        "second_thread": {name: spread(speeds[name, 2][:, 0] / speeds[name, 1][:, 0]) for name in names},
        "sgemm": {
            "gflops_1_thread": round(peaks[1], 1),
            "gflops_2_threads": round(peaks[2], 1),
            "second_thread": round(peaks[2] / peaks[1], 2),
        },
        "share_of_sgemm": {
            f"{name}, {n} threads": round(float(np.median(speeds[name, n][:, 0])) * FLOPS_A_TOKEN / 1e9 / peaks[n], 3)
            for name in ("gru", "torch gru")
            for n in (1, 2)
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=30)
    rounds = parser.parse_args().rounds
    torch.manual_seed(0)
    torch.set_flush_denormal(True)
    before, threads = machine(), torch.get_num_threads()
    peaks = {n: sgemm(n) for n in (1, 2)}
    speeds = measure(rounds)
    peaks = {n: max(peak, sgemm(n)) for n, peak in peaks.items()}
    torch.set_num_threads(threads)
    result = {
        "claim": "whole training steps of the tutorial's network, real tokens a second, interleaved in one process",
        "data": {"rounds": rounds, "batch_size": 64, "flops_a_token": FLOPS_A_TOKEN},
        "machine": before,
        "versions": versions(*PACKAGES),
        **report(speeds, peaks),
        "goals": GOALS,
    }
    write("recurrent", result)


if __name__ == "__main__":
    main()
