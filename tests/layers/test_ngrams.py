"""``NgramLogit`` against its definition in plain Python, on both of its paths."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from headstart.kernels.ngrams import ID_BITS
from headstart.kernels.workers import limit_threads
from headstart.layers import NgramLogit
from headstart.layers.ngrams import ending

ROWS = st.lists(st.lists(st.integers(1, 6), max_size=12), min_size=1, max_size=8)


def number(ngram: tuple[int, ...]) -> int:
    """The n-gram as the list stores it."""
    key = 0
    for word in ngram:
        key = key << ID_BITS | word
    return key


LISTED = sorted([(2,), (3,), (5,), (2, 3), (3, 2), (5, 5), (4, 6), (2, 3, 4), (5, 5, 5)], key=number)


def layer(**options: object) -> NgramLogit:
    """A layer that lists `LISTED`, with scales and weights that differ."""
    built = NgramLogit(len(LISTED), **options)  # type: ignore[arg-type]
    scale = np.linspace(0.5, 2.0, len(LISTED), dtype=np.float32)
    weight = np.linspace(-1.0, 1.5, len(LISTED), dtype=np.float32)
    built.set_list(np.array([number(ngram) for ngram in LISTED], np.int64), scale, weight)
    return built


def batch(rows: list[list[int]]) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows as a padded rectangle and lengths."""
    ids = torch.zeros(len(rows), max(map(len, rows), default=0) or 1, dtype=torch.int32)
    for i, row in enumerate(rows):
        ids[i, : len(row)] = torch.tensor(row, dtype=torch.int32)
    return ids, torch.tensor([len(row) for row in rows])


def expected(built: NgramLogit, row: list[int]) -> float:
    """The definition: the distinct listed n-grams, their scales brought to length 1, weighed."""
    present = {tuple(row[i : i + n]) for n in (1, 2, 3)[: built.longest] for i in range(len(row) - n + 1)}
    places = [k for k, ngram in enumerate(LISTED) if ngram in present]
    scales = [float(built.scale[k]) for k in places]
    length = math.sqrt(sum(scale * scale for scale in scales)) or 1.0
    return sum(scale * float(built.weight[k].detach()) for scale, k in zip(scales, places, strict=True)) / length


@settings(deadline=None)  # the first call compiles
@given(rows=ROWS, longest=st.integers(1, 3))
def test_equals_its_definition(rows: list[list[int]], longest: int) -> None:
    built = layer(longest=longest)
    wanted = torch.tensor([[expected(built, row)] for row in rows])
    torch.testing.assert_close(built(*batch(rows)).detach(), wanted, rtol=0, atol=1e-6)
    with torch.no_grad():
        torch.testing.assert_close(built(*batch(rows)), wanted, rtol=0, atol=1e-6)


def test_threads_change_nothing() -> None:
    rng = np.random.default_rng(0)
    rows = [rng.integers(1, 7, rng.integers(0, 40)).tolist() for _ in range(300)]
    built, found = layer(), []
    for n in (1, 2, 3):
        with torch.inference_mode(), limit_threads(n):
            found.append(built(*batch(rows)))
    assert torch.equal(found[0], found[1]) and torch.equal(found[0], found[2])


def test_groups_stand_for_words() -> None:
    built = layer(n_words=10)
    built.group = torch.tensor([0, 1, 4, 5, 2, 3, 6, 2, 3, 5], dtype=torch.int32)
    plain = layer()
    row = [7, 5, 2, 9, 3]
    with torch.no_grad():
        assert torch.equal(built(*batch([row])), plain(*batch([[2, 3, 4, 5, 5]])))


@pytest.mark.parametrize(
    ("length", "last", "start"), [(0, 0.25, 0), (1, 0.25, 0), (4, 0.25, 3), (5, 0.25, 3), (8, 0.25, 6), (9, 1.0, 0)]
)
def test_ending(length: int, last: float, start: int) -> None:
    assert ending(np.array([length]), last).tolist() == [start]


@settings(deadline=None)
@given(rows=ROWS)
def test_the_end_of_a_text_is_read_alone(rows: list[list[int]]) -> None:
    ends = [row[int(ending(np.array([len(row)]), 0.25)[0]) :] for row in rows]
    with torch.no_grad():
        assert torch.equal(layer(last=0.25)(*batch(rows)), layer()(*batch(ends)))


def test_gradient_reaches_the_weights_of_what_stands_there() -> None:
    built = layer()
    built(*batch([[2, 3]])).sum().backward()
    assert built.weight.grad is not None
    moved = {LISTED[k] for k in built.weight.grad.nonzero()[:, 0].tolist()}
    assert moved == {(2,), (3,), (2, 3)}
