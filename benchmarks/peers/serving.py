"""The peer's end of ``children.py``: needs Python and NumPy, nothing of ours."""

from __future__ import annotations

import ctypes
import json
import mmap
import os
import platform
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np


class Rows:
    """Token ids and labels of an ``.npz`` file, and which rows make a batch."""

    def __init__(self, path: str) -> None:
        file = np.load(path, allow_pickle=False)
        self.values, self.offsets, self.labels = file["values"], file["offsets"], file["labels"]
        self.rows, self.cuts = file["rows"], file["cuts"]

    def __len__(self) -> int:
        return len(self.cuts) - 1

    def batch(self, number: int, multiple: int = 1) -> tuple[Any, Any, Any]:
        """Return ids [rows, tokens] padded with 0 to a multiple of tokens, lengths [rows] and labels [rows]."""
        rows = self.rows[self.cuts[number] : self.cuts[number + 1]]
        lengths = np.diff(self.offsets)[rows]
        width = -(-max(1, int(lengths.max())) // multiple) * multiple
        ids = np.zeros((len(rows), width), np.int32)
        for line, row in zip(ids, rows, strict=True):
            tokens = self.values[self.offsets[row] : self.offsets[row + 1]]
            line[: len(tokens)] = tokens
        return ids, lengths.astype(np.int32), self.labels[rows]


def flush_denormals() -> bool:
    """Have this thread, and those that it starts, count the tiniest numbers as zero; return whether that worked.

    NumPy and MXNet have no such switch. These are the instructions ``push 0x9fc0; ldmxcsr [rsp]; pop rax; ret``:
    flush to zero, denormals are zero, no exceptions.
    """
    if platform.machine() not in ("x86_64", "AMD64") or not hasattr(mmap, "PROT_EXEC"):
        return False
    page = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(b"\x68\xc0\x9f\x00\x00\x0f\xae\x14\x24\x58\xc3")
    ctypes.CFUNCTYPE(None)(ctypes.addressof(ctypes.c_char.from_buffer(page)))()
    return bool(np.array([1e-40], np.float32)[0] * np.float32(1) == 0)


def timed(work: Callable[[], Any]) -> dict[str, float]:
    """Do something and return its seconds of the clock and of processors."""
    clock, processor = time.perf_counter(), time.process_time()
    work()
    return {"seconds": time.perf_counter() - clock, "processor_seconds": time.process_time() - processor}


def serve(acts: dict[str, Callable[..., Any]]) -> None:
    """Do what the lines on stdin ask for and answer each on stdout, until stdin ends."""
    if os.environ.get("FLUSH_DENORMALS") and not flush_denormals():
        sys.exit("denormals cannot be flushed on this machine; leave the contender out whose name says so.")
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints goes to stderr
    for line in sys.stdin:
        request = json.loads(line)
        out.write(json.dumps(acts[request.pop("act")](**request)) + "\n")
        out.flush()
