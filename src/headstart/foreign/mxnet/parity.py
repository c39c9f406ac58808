"""The certificate that an imported network computes what it should."""

from __future__ import annotations

import copy
import math
import os
from collections.abc import Mapping
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import torch
from torch import Tensor

from headstart.errors import DataError
from headstart.nets.mxnet.graph import MXNetGraph
from headstart.plain import Facts, Json

TOLERANCE = 1e-5
_ROWS, _TOKENS = 8, 24


def parity_certificate(
    graph: MXNetGraph, n_words: int, *, expected: str | os.PathLike[str] | None = None, seed: int = 0
) -> Json:
    """Return by how much a network's outputs differ from those that it should give, ready for JSON.

    Args:
        graph: the network.
        n_words: size of its vocabulary, for random texts.
        expected: an ``.npz`` file of inputs by their names and MXNet's own outputs as ``node:NAME``; may also hold
            ``output_alone``, each row scored by itself without padding, and ``lengths``. Where it is None, the
            network in float32 is compared with itself in float64, over all its outputs, on random texts.
        seed: of the random texts.

    Returns:
        ``compared_with``, ``n_texts``, ``n_tokens``, ``n_outputs``, ``largest_difference`` and the output ``at``
        which it stands, ``alone`` (the same for texts scored one by one, or None), ``tolerance``, ``agrees``.

    Raises:
        DataError: if the file cannot be used.
    """
    was_training = graph.training
    graph.eval()
    try:
        with torch.no_grad():
            return _against_itself(graph, n_words, seed) if expected is None else _against_file(graph, Path(expected))
    finally:
        graph.train(was_training)


def _against_itself(graph: MXNetGraph, n_words: int, seed: int) -> Json:
    rng = np.random.default_rng(seed)
    n_tokens = graph.feeding.n_tokens or _TOKENS
    lengths = rng.integers(1, n_tokens + 1, _ROWS)
    lengths[0] = n_tokens
    ids = rng.integers(0, n_words, (_ROWS, n_tokens))
    ids[np.arange(n_tokens) >= lengths[:, None]] = graph.feeding.padding
    feeds = graph.feeding.arranged(torch.from_numpy(ids), torch.from_numpy(lengths), torch.float64)
    wanted = copy.deepcopy(graph).double().run(feeds, graph.stages)
    found = graph.run(feeds, graph.stages)
    return _certificate("the same network in float64 on random texts", found, wanted, (_ROWS, n_tokens), None)


def _against_file(graph: MXNetGraph, path: Path) -> Json:
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
    except (OSError, ValueError, BadZipFile, AttributeError) as error:
        raise DataError(
            f"the file of expected outputs {str(path)!r} cannot be read ({error}); give an .npz file."
        ) from error
    wanted = {name[5:]: torch.from_numpy(value) for name, value in arrays.items() if name.startswith("node:")}
    inputs = {name: torch.from_numpy(arrays[name]) for name in graph.feeding.inputs if name in arrays}
    if len(inputs) < len(graph.feeding.inputs) or not wanted or not set(wanted) <= set(graph.names):
        raise DataError(
            f"the file of expected outputs {str(path)!r} must hold the inputs {list(graph.feeding.inputs)} and outputs "
            f"of this graph as 'node:NAME'; it holds {list(arrays)[:8]}. Write it again from MXNet."
        )
    alone = _alone(graph, inputs, arrays) if {"output_alone", "lengths"} <= arrays.keys() else None
    return _certificate(
        f"MXNet's outputs in {path.name}", graph.run(inputs, wanted), wanted, _size(graph, inputs), alone
    )


def _size(graph: MXNetGraph, inputs: Mapping[str, Tensor]) -> tuple[int, int]:
    indices = next(inputs[name] for name, kind in graph.feeding.inputs.items() if kind != "lengths")
    n_rows = graph.feeding.n_rows(inputs)
    return n_rows, indices.numel() // max(n_rows, 1)


def _alone(graph: MXNetGraph, inputs: Mapping[str, Tensor], arrays: Facts) -> float:
    worst = 0.0
    for row, length in enumerate(arrays["lengths"].tolist()):
        one = {}
        for name, kind in graph.feeding.inputs.items():
            value = inputs[name]
            one[name] = value[row : row + 1, :length] if kind == "ids" else value[row : row + 1]
            if kind == "ids_time_major":
                one[name] = value[:length, row : row + 1]
        output = next(iter(graph.run(one).values()))
        worst = max(worst, _difference(output[0], torch.from_numpy(arrays["output_alone"][row])))
    return worst


def _difference(found: Tensor, wanted: Tensor) -> float:
    if found.shape != wanted.shape:
        return math.inf
    difference = (found.double() - wanted.double()).abs()
    return float(difference.nan_to_num(nan=math.inf).max()) if difference.numel() else 0.0


def _certificate(
    compared_with: str,
    found: Mapping[str, Tensor],
    wanted: Mapping[str, Tensor],
    size: tuple[int, int],
    alone: float | None,
) -> Json:
    largest, at = max((_difference(found[name], wanted[name]), name) for name in wanted)
    return {
        "compared_with": compared_with,
        "n_texts": size[0],
        "n_tokens": size[1],
        "n_outputs": len(wanted),
        "largest_difference": _rounded(largest),
        "at": at,
        "alone": None if alone is None else _rounded(alone),
        "tolerance": TOLERANCE,
        "agrees": max(largest, alone or 0.0) <= TOLERANCE,
    }


def _rounded(value: float) -> float | None:
    """Three digits: more would be noise. None for a difference that is no number, which JSON lacks."""
    return float(f"{value:.3g}") if math.isfinite(value) else None
