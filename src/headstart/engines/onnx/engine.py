"""Networks run by ONNX Runtime, on graphs that are built of their stored arrays when they are first asked for."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from headstart.arrays import Array, Floats
from headstart.batches import Batch, Batches, Examples
from headstart.engines.engine import LOGITS, NetSpec, Shape
from headstart.engines.onnx.graph import Graph
from headstart.engines.onnx.layers import pooled
from headstart.engines.onnx.networks import Ngrams, stages_of
from headstart.errors import ArtifactError
from headstart.extras import optional
from headstart.kernels import workers
from headstart.kernels.ngrams import NgramTable, find_ngrams
from headstart.plain import Json

_BATCH_SIZE = 64
_BATCH_TOKENS = 16_384
"""Places of a batch, padding included: vectors and states of so many stay in a processor's caches."""


def onnxruntime_package() -> Any:
    """Return the module `onnxruntime`.

    Raises:
        MissingDependencyError: it is not installed.
    """
    return optional("onnxruntime", "onnx", "Running a network by ONNX Runtime")


class OnnxEngine:
    """Runs a stored network by ONNX Runtime; see `headstart.engines.Engine`.

    Args:
        spec: how the network is built.
        weights: its parameters and buffers by name.

    Raises:
        OptionError: there are no ONNX operators for it.
        ArtifactError: its weights do not fit one another.
        MissingDependencyError: the packages `onnx` and `onnxruntime` are not installed.
    """

    name = "onnx"

    def __init__(self, spec: NetSpec, weights: Mapping[str, Array]) -> None:
        self._runtime = onnxruntime_package()
        self._stages = stages_of(spec, weights)
        self._sessions: dict[tuple[str, ...], Any] = {}
        self._tables: dict[str, NgramTable] = {}
        self._session((self.stages[-1],), "mean")

    @property
    def stages(self) -> tuple[str, ...]:
        """Names of the stages, in the order in which they run."""
        return self._stages.names

    @property
    def shapes(self) -> Mapping[str, Shape]:
        """The shape of each stage's output."""
        return self._stages.shapes

    def checked(self, names: Sequence[str]) -> None:
        """Refuse names of outputs that the network does not have; see `headstart.engines.Engine`."""
        self._stages.checked([name for name in names if name != LOGITS])

    def outputs(self, examples: Examples, names: Sequence[str], pooling: str = "mean") -> dict[str, Floats]:
        """Return named outputs of every row; see `headstart.engines.Engine`."""
        self.checked(names)
        asked = tuple(dict.fromkeys(name or self.stages[-1] for name in names))
        session, ngrams = self._session(asked, pooling), self._stages.ngrams(asked)
        found = {name: np.empty((len(examples), int(self.shapes[name][-1])), np.float32) for name in asked}
        for batch in _batches(examples):
            inputs = _used(session, {**_rectangle(batch), **dict(self._places(batch, ngrams))})
            for name, value in zip(asked, session.run(None, inputs), strict=True):
                found[name][batch.rows] = value
        return {name: found[name or self.stages[-1]] for name in names}

    def _session(self, names: tuple[str, ...], pooling: str) -> Any:
        """Return what computes stages, one value a row; those of tokens are pooled."""
        key = (*names, pooling)
        if key not in self._sessions:
            g = Graph()
            values = self._stages.add(g, names)
            for i, name in enumerate(names):
                of_tokens = len(self.shapes[name]) == 3
                value = pooled(g, values[name], [pooling]) if of_tokens else values[name]
                g.output(f"result_{i}", value, np.float32, ("rows", int(self.shapes[name][-1])))
            options = self._runtime.SessionOptions()
            options.intra_op_num_threads = workers.wanted_threads() or int(os.environ.get("OMP_NUM_THREADS") or 0)
            options.log_severity_level = 3
            graph = g.model("network").SerializeToString()
            try:
                made = self._runtime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
            except Exception as error:  # its errors are bare ones, of a C++ library
                raise ArtifactError(
                    f"ONNX Runtime refuses this model's network ({str(error)[:200]}); its weights do not fit one another. "
                    "Copy the model again, or train it anew."
                ) from error
            self._sessions[key] = made
        return self._sessions[key]

    def _places(self, batch: Batch, ngrams: Mapping[str, Ngrams]) -> Iterator[tuple[str, Array]]:
        """Yield where the n-grams of each row stand in the list of each stage, int32 [rows, found], -1 for none."""
        for name, one in ngrams.items():
            if name not in self._tables:
                self._tables[name] = NgramTable(one.listed, one.longest)
            ids = batch.ids if one.group is None else one.group[batch.ids]
            begin = (batch.lengths * (1.0 - one.last)).astype(np.int64)
            place = np.arange(ids.shape[1])
            read = (place >= begin[:, None]) & (place < batch.lengths[:, None])
            offsets = np.append(0, np.cumsum(batch.lengths - begin))
            found, ends = find_ngrams(self._tables[name], ids[read].astype(np.int32), offsets)
            counts = np.diff(ends)
            padded = np.full((len(counts), max(1, int(counts.max(initial=0)))), -1, np.int32)
            padded[np.arange(padded.shape[1]) < counts[:, None]] = found
            yield f"{name}.places", padded


def open_network(spec: NetSpec, weights: Mapping[str, Array], own: object = None) -> OnnxEngine:
    """Return an engine for a stored network.

    Raises:
        OptionError, ArtifactError, MissingDependencyError: see `OnnxEngine`.
    """
    return OnnxEngine(spec if own is None or spec.name is not None else NetSpec(None, 0), weights)


def _batches(examples: Examples) -> Iterator[Batch]:
    return iter(Batches(examples, batch_size=_BATCH_SIZE, order="length", max_batch_tokens=_BATCH_TOKENS))


def _rectangle(batch: Batch) -> Json:
    return {"ids": np.asarray(batch.ids, np.int32), "lengths": np.asarray(batch.lengths, np.int32)}


def _used(session: Any, inputs: Json) -> Json:
    """Return those inputs that the graph has: a stage may read n-grams alone."""
    return {one.name: inputs[one.name] for one in session.get_inputs()}
