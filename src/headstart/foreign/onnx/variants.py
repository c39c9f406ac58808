"""Smaller graphs, whose scores are other ones: weights of half precision, or of eight bits.

They are opt-in, and what they cost is measured next to what they save.
"""

from __future__ import annotations

import logging
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from headstart.arrays import Array
from headstart.corpus import Corpus
from headstart.engines.onnx.graph import onnx_package
from headstart.errors import OptionError, unknown_name
from headstart.extras import optional
from headstart.foreign.onnx.score import Model
from headstart.plain import Json
from headstart.predictor import Predictor

DTYPES = ("float32", "float16", "int8")
"""What a graph's large weights may be kept as."""

_LEAST_VALUES = 1024
"""Smaller constants stay as they are: they save nothing."""
_LEAST_WIDTH = 8
"""Narrower tables have no rows whose values could share a scale."""
_TIMED = 200


def smaller(model: object, dtype: str) -> Any:
    """Return the model with its large weights of another type.

    Args:
        model: an ``onnx.ModelProto`` of float32 weights; it is not changed.
        dtype: ``"float16"`` keeps weights in half precision and computes as before. ``"int8"`` keeps tables of vectors in
            eight bits a value with a scale a row, computes matrix products in eight bits, and keeps the rest in half precision.

    Raises:
        OptionError: for another type, or weights that half precision cannot hold.
    """
    if dtype not in DTYPES:
        raise unknown_name("dtype", dtype, DTYPES)
    onnx = onnx_package()
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    if dtype == "int8":
        copy = _with_products_of_bytes(copy)
        _shrink_tables(copy.graph, onnx)
    if dtype != "float32":
        _halve(copy.graph, onnx)
    return copy


def _with_products_of_bytes(model: Any) -> Any:
    onnx, quantization = onnx_package(), optional("onnxruntime.quantization", "onnx", "A graph of eight bits")
    with tempfile.TemporaryDirectory() as folder, _without_advice():
        path = Path(folder) / "model.onnx"
        quantization.quantize_dynamic(
            model,
            path,
            op_types_to_quantize=["MatMul"],
            per_channel=True,
            weight_type=quantization.QuantType.QInt8,
            extra_options={"MatMulConstBOnly": True},
        )
        return onnx.load(path)


@contextmanager
def _without_advice() -> Iterator[None]:
    """Keep quiet about what the library would do to graphs of other kinds."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)


def _shrink_tables(graph: Any, onnx: Any) -> None:
    """Keep tables that vectors are looked up in as bytes, with a scale a row."""
    tables = {one.name: one for one in graph.initializer}
    nodes = []
    for node in graph.node:
        table = tables.get(node.input[0]) if node.op_type == "Gather" and not node.attribute else None
        array = None if table is None else onnx.numpy_helper.to_array(table)
        if (
            array is None
            or array.dtype != np.float32
            or array.ndim != 2
            or not _worth(array)
            or array.shape[1] < _LEAST_WIDTH
        ):
            nodes.append(node)
            continue
        scale = np.maximum(np.abs(array).max(1, keepdims=True), 1e-30).astype(np.float32) / np.float32(127)
        name, (made,) = node.input[0], node.output
        graph.initializer.remove(table)
        graph.initializer.append(onnx.numpy_helper.from_array(np.rint(array / scale).astype(np.int8), f"{name}_bytes"))
        graph.initializer.append(onnx.numpy_helper.from_array(scale, f"{name}_scale"))
        node_of = onnx.helper.make_node
        nodes += [
            node_of("Gather", [f"{name}_bytes", node.input[1]], [f"{made}_bytes"]),
            node_of("Cast", [f"{made}_bytes"], [f"{made}_whole"], to=onnx.TensorProto.FLOAT),
            node_of("Gather", [f"{name}_scale", node.input[1]], [f"{made}_scale"]),
            node_of("Mul", [f"{made}_whole", f"{made}_scale"], [made]),
        ]
    del graph.node[:]
    graph.node.extend(nodes)


def _halve(graph: Any, onnx: Any) -> None:
    """Keep large constants in half precision, and convert them when the graph is opened."""
    casts = []
    for one in list(graph.initializer):
        array = onnx.numpy_helper.to_array(one)
        if array.dtype != np.float32 or not _worth(array):
            continue
        if np.abs(array).max() > np.finfo(np.float16).max:
            raise OptionError("this model has weights beyond the range of float16 (65,504); export it as float32.")
        name = f"{one.name}_half"
        graph.initializer.remove(one)
        graph.initializer.append(onnx.numpy_helper.from_array(array.astype(np.float16), name))
        casts.append(onnx.helper.make_node("Cast", [name], [one.name], to=onnx.TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)


def _worth(array: Array) -> bool:
    return array.size >= _LEAST_VALUES


def measured(folder: Path, predictor: Predictor, labelled: Corpus | None) -> Json:
    """Return what a folder takes and gives: ``bytes`` of its graph; ``milliseconds`` of one text, the median; and by its name the
    task's own metric on `labelled`, if there are any.
    """
    model = Model(folder, threads=1)
    found: Json = {"bytes": (folder / "model.onnx").stat().st_size}
    if labelled is None:
        return found
    task = predictor.answers
    texts = ["" if text is None else text for text in labelled.texts.to_pylist()]
    outputs = [model.score(texts[at : at + 64]) for at in range(0, len(texts), 64)]
    name = "number" if task.kind == "regression" else "probabilities"
    scored = np.concatenate([output[name] for output in outputs])
    scored = scored[:, 1] if task.kind == "binary" else scored
    seconds = []
    for text in texts[:_TIMED]:
        start = time.perf_counter()
        model.score([text])
        seconds.append(time.perf_counter() - start)
    value = task.measure(np.asarray(labelled.labels), scored, predictor.rule)[task.primary.name]
    return {**found, "milliseconds": 1000 * float(np.median(seconds)), task.primary.name: value}
