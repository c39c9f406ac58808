"""Finds the shape of every output of a graph, and that all shapes fit."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

from headstart.errors import ArtifactError, DataError
from headstart.foreign.mxnet.operators import Call

if TYPE_CHECKING:
    from headstart.foreign.mxnet.graph import MXNetGraph

__all__ = ["Shape", "find_shapes", "has_tokens", "least_tokens", "rows_first"]

Shape = tuple[int | str, ...]
"""Sizes; ``"rows"`` and ``"tokens"`` stand for the batch's own, ``"from tokens"`` for one that depends on them."""

_TOKENS = 16
_TRIED = (1, 16, 256)
_MOST_VALUES = 3 << 20  # 12 MB: a few such arrays live at a time


def least_tokens(graph: MXNetGraph) -> int:
    """Return how many tokens the graph needs at least: more than 1 where a convolution is wider than a word.

    Raises:
        ArtifactError: if it runs for no number of tokens that was tried.
    """
    if graph.feeding.n_tokens is not None:
        return graph.feeding.n_tokens
    enough = next((n_tokens for n_tokens in _TRIED if _runs(graph, n_tokens)), 0)
    if not enough:
        _shapes(graph, 3, _TRIED[-1])  # for its error
    too_few = max((n_tokens for n_tokens in _TRIED if n_tokens < enough), default=0)
    while enough - too_few > 1:
        middle = (enough + too_few) // 2
        enough, too_few = (middle, too_few) if _runs(graph, middle) else (enough, middle)
    return enough


def _runs(graph: MXNetGraph, n_tokens: int) -> bool:
    try:
        _shapes(graph, 3, n_tokens)
    except ArtifactError:
        return False
    return True


def find_shapes(graph: MXNetGraph) -> dict[str, Shape]:
    """Return the shape of each output of an operation.

    The graph is run on three small batches (torch's "meta" device, which has shapes and no values, takes seconds to
    import).

    Raises:
        ArtifactError: if the shapes do not fit each other, or if a node blows its input up beyond reason.
    """
    n_tokens = max(_TOKENS, graph.feeding.least_tokens)
    probes = [(3, n_tokens), (5, n_tokens), (3, graph.feeding.n_tokens or n_tokens + 8)]
    runs = [_shapes(graph, *probe) for probe in probes]
    return {name: _named([run[name] for run in runs], probes) for name in runs[0]}


def _shapes(graph: MXNetGraph, n_rows: int, n_tokens: int) -> dict[str, tuple[int, ...]]:
    names = [name for name, (node, _) in graph.names.items() if not graph.symbol.nodes[node].is_variable]
    entries = tuple(graph.names[name] for name in names)
    most = _MOST_VALUES + sum(value.numel() for value in graph.tensors().values())
    device = next((value.device for value in graph.tensors().values()), torch.device("cpu"))
    call = Call(n_rows, graph.dtype, device, training=False, most_values=most)
    feeds = graph.feeding.example(n_rows, n_tokens, graph.dtype, device)
    was_training = graph.training
    graph.eval()
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            return {names[place]: tuple(value.shape) for place, value in graph.walk(feeds, entries, call)}
    except DataError as error:  # the texts are made here, so that it is the graph that does not fit them
        raise ArtifactError(f"the graph does not run on {n_rows} texts of {n_tokens} tokens: {error}") from error
    finally:
        graph.train(was_training)


def _named(shapes: list[tuple[int, ...]], probes: list[tuple[int, int]]) -> Shape:
    if len({len(shape) for shape in shapes}) > 1:
        return ("from rows and tokens",)
    return tuple(_size(sizes, probes) for sizes in zip(*shapes, strict=True))


def _size(sizes: tuple[int, ...], probes: list[tuple[int, int]]) -> int | str:
    base, more_rows, more_tokens = sizes
    if base == more_rows == more_tokens:
        return base
    if base == more_tokens:
        return "rows" if (base, more_rows) == (probes[0][0], probes[1][0]) else "from rows"
    if base == more_rows:
        return "tokens" if (base, more_tokens) == (probes[0][1], probes[2][1]) else "from tokens"
    return "from rows and tokens"


def has_tokens(shape: Shape) -> bool:
    """Whether a stage gives several vectors a text, as many as it has tokens or some number that depends on them."""
    return any(isinstance(size, str) for size in shape[1:])


def rows_first(shape: Shape) -> tuple[tuple[int, ...], Shape]:
    """Return the order of axes that puts rows first and tokens second, and the shape that it gives.

    A shape without tokens is given flat: ``("rows", size)``.
    """
    rows = shape.index("rows")
    others = [axis for axis in range(len(shape)) if axis != rows]
    order = (rows, *sorted(others, key=lambda axis: isinstance(shape[axis], int)))
    turned = tuple(shape[axis] for axis in order)
    fixed = [size for size in turned if isinstance(size, int)]
    return order, turned if has_tokens(turned) else ("rows", math.prod(fixed))
