"""A peer in a process and an environment of its own, that works on command: one line of JSON there, one back.

So contenders that cannot live in one process still take turns, A B A B, on the same machine at the same time.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from headstart.batches import Examples
from headstart.text import RaggedIds

PEERS = Path(__file__).parent / "peers"


class Child:
    """A script of ``peers/``, running.

    Args:
        python: of the peer's environment.
        script: file name in ``peers/``.
        n_threads: what OpenMP and its like are told before they start.
        variables: further environment variables.
    """

    def __init__(self, python: Path, script: str, *, n_threads: int, **variables: str) -> None:
        threads = {name: str(n_threads) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
        names = {"PYTHONPATH", "PYTHONHOME"}
        environment = {name: value for name, value in os.environ.items() if name not in names} | threads | variables
        self._process = subprocess.Popen(
            [str(python), str(PEERS / script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )

    def ask(self, act: str, **arguments: Any) -> Any:
        """Have the child do something and return what it says.

        Raises:
            RuntimeError: if the child ended; what it said stands on stderr.
        """
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps({"act": act, **arguments}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._process.args} ended with {self._process.wait()} when asked to {act}")
        return json.loads(line)

    def close(self) -> None:
        """End the child."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait()

    def __enter__(self) -> Child:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def write_rows(path: Path, examples: Examples, batches: list[Any]) -> Path:
    """Write token ids, labels and which rows make a batch to an ``.npz`` file that every peer can read.

    Args:
        path: the file.
        examples: ids and labels of all rows.
        batches: the rows of each batch.
    """
    ids: RaggedIds = examples.ids
    cuts = np.cumsum([0, *map(len, batches)])
    np.savez(
        path,
        values=ids.values,
        offsets=ids.offsets,
        labels=np.asarray(examples.labels, np.float32),
        rows=np.concatenate(batches),
        cuts=cuts,
    )
    return path
