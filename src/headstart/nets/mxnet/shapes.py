"""Finds the shape of every output of a graph, and that all shapes fit, by running it on small batches.

Torch's "meta" device, which has shapes and no values, takes seconds to import.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from headstart.errors import ArtifactError
from headstart.layers import Shape

Probe = Callable[[int, int], Mapping[str, tuple[int, ...]]]
"""Runs a graph on so many texts of so many tokens, and gives the shape of each output of an operation.

It raises an `ArtifactError` if the shapes do not fit each other, or if a node blows its input up beyond reason."""

_TOKENS = 16
_TRIED = (1, 16, 256)


def least_tokens(probe: Probe) -> int:
    """Return how many tokens the graph needs at least: more than 1 where a convolution is wider than a word.

    Raises:
        ArtifactError: if it runs for no number of tokens that was tried.
    """
    enough = next((n_tokens for n_tokens in _TRIED if _runs(probe, n_tokens)), 0)
    if not enough:
        probe(3, _TRIED[-1])  # for its error
    too_few = max((n_tokens for n_tokens in _TRIED if n_tokens < enough), default=0)
    while enough - too_few > 1:
        middle = (enough + too_few) // 2
        enough, too_few = (middle, too_few) if _runs(probe, middle) else (enough, middle)
    return enough


def _runs(probe: Probe, n_tokens: int) -> bool:
    try:
        probe(3, n_tokens)
    except ArtifactError:
        return False
    return True


def find_shapes(probe: Probe, least_tokens: int, n_tokens: int | None) -> dict[str, Shape]:
    """Return the shape of each output of an operation; ``"from tokens"`` is a size that depends on the tokens.

    Args:
        probe: runs the graph.
        least_tokens: the fewest tokens that the graph takes.
        n_tokens: the one number of tokens that it takes, or None.

    Raises:
        ArtifactError: if the shapes do not fit each other, or if a node blows its input up beyond reason.
    """
    usual = max(_TOKENS, least_tokens)
    probes = [(3, usual), (5, usual), (3, n_tokens or usual + 8)]
    runs = [probe(*sizes) for sizes in probes]
    return {name: _named([run[name] for run in runs], probes) for name in runs[0]}


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
