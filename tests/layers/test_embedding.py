"""Word vectors looked up once a batch, against `torch.nn.functional.embedding`."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from headstart.errors import OptionError
from headstart.layers import IndexedVectors, TokenEmbedding
from headstart.layers.embedding import UNKNOWN
from headstart.layers.indexed_vectors import expand

IDS = torch.tensor([[2, 5, 2, 0, 0], [1, 7, 5, 5, 3], [0, 0, 0, 0, 0]], dtype=torch.int32)


@pytest.fixture(autouse=True)
def _seeded() -> Any:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def dense(vectors: Tensor | IndexedVectors) -> Tensor:
    return expand(vectors)


@pytest.mark.parametrize("kind", [torch.int32, torch.int64])
def test_vectors_and_slopes_are_those_of_a_plain_lookup(kind: torch.dtype) -> None:
    embedding = TokenEmbedding(9, 4)
    weight = torch.randn(3, 5, 4)
    found = embedding(IDS.to(kind))
    assert isinstance(found, IndexedVectors)
    assert len(found.table) == 6  # the distinct ids
    (dense(found) * weight).sum().backward()
    leaf = embedding.weight.detach().clone().requires_grad_()
    expected = functional.embedding(IDS, leaf, padding_idx=0)
    (expected * weight).sum().backward()
    assert torch.equal(dense(found), expected)
    torch.testing.assert_close(embedding.weight.grad, leaf.grad)
    assert not embedding.weight.grad[0].any()


def test_other_precisions_give_a_tensor_with_the_same_numbers() -> None:
    embedding = TokenEmbedding(9, 4)
    expected = dense(embedding(IDS))
    found = embedding.double()(IDS)
    assert isinstance(found, Tensor)
    torch.testing.assert_close(found.float(), expected)


@pytest.mark.parametrize("initial", ["normal", "uniform", "xavier"])
def test_first_weights_are_drawn_and_padding_is_zero(initial: Any) -> None:
    embedding = TokenEmbedding(400, 30, initial=initial)
    spread = {"normal": 1.0, "uniform": 0.07 / 3**0.5, "xavier": (2 / 430) ** 0.5}[initial]
    assert embedding.weight[1:].std().item() == pytest.approx(spread, rel=0.05)
    assert not embedding.weight[0].any()


@pytest.mark.parametrize("precise", [False, True])
def test_dropout_takes_the_same_values_from_all_places_of_a_word(precise: bool) -> None:
    embedding = TokenEmbedding(9, 200, dropout=0.5)
    embedding = embedding.double() if precise else embedding
    found = dense(embedding(IDS))
    assert torch.equal(found[0, 0], found[0, 2])
    kept = found[0, 0] != 0
    assert 0.35 < kept.float().mean() < 0.65
    torch.testing.assert_close(found[0, 0][kept], 2 * embedding.weight[2][kept])
    torch.testing.assert_close(dense(embedding.eval()(IDS))[0, 0], embedding.weight[2])


def test_word_dropout_turns_words_into_the_unknown_one_but_never_padding() -> None:
    embedding = TokenEmbedding(5000, 3, word_dropout=0.3)
    ids = torch.arange(5000).view(50, 100)
    found = dense(embedding(ids)).view(-1, 3)
    unknown = (found == embedding.weight[UNKNOWN]).all(1)
    assert 0.25 < unknown.float().mean() < 0.35
    torch.testing.assert_close(found[~unknown], embedding.weight[~unknown])
    assert not unknown[0]
    torch.testing.assert_close(dense(embedding.eval()(ids)).view(-1, 3), embedding.weight)


def test_an_id_out_of_range_is_an_error() -> None:
    with pytest.raises(IndexError, match="token ids run from 0 to 9, but the embedding has 9 rows"):
        TokenEmbedding(9, 4)(torch.tensor([[0, 9]]))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_words": 1}, r"an embedding of 1 words .* Give at least 2 words"),
        ({"size": 0}, r"with 0 values each cannot work"),
        ({"dropout": 1.0}, r"dropout=1.0 is not a share of what to drop\. Give a number from 0"),
        ({"word_dropout": -0.1}, r"word_dropout=-0.1 is not a share"),
        ({"initial": "zeros"}, r"initial='zeros' names no distribution\. Use one of: normal, uniform, xavier"),
    ],
)
def test_an_option_that_cannot_work_is_an_error(options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        TokenEmbedding(**{"n_words": 9, "size": 4, **options})


def test_sparse_slopes_hold_the_words_read_and_nothing_for_padding() -> None:
    embedding = TokenEmbedding(9, 4)
    embedding.postpone(lambda _words: None)
    dense(embedding(IDS)).sum().backward()
    gradient = embedding.weight.grad
    assert gradient.is_sparse
    assert sorted(gradient._indices()[0].tolist()) == [0, 1, 2, 3, 5, 7]
    expected = torch.bincount(IDS.view(-1), minlength=9).float()
    expected[0] = 0.0
    assert torch.equal(gradient.to_dense()[:, 0], expected)


READERS = {
    "reading": lambda e: e(IDS),
    "saving": lambda e: e.state_dict(),
    "loading": lambda e: e.load_state_dict(e.state_dict()),
    "copying": lambda e: copy.deepcopy(e),
    "moving": lambda e: e.to(torch.float64),
    "ending": lambda e: e.postpone(None),
}


@pytest.mark.parametrize("reader", READERS)
def test_steps_put_off_are_made_before_anyone_reads(reader: str) -> None:
    asked: list[Any] = []
    embedding = TokenEmbedding(9, 4)
    embedding.postpone(asked.append)
    READERS[reader](embedding)
    assert asked
    words = asked[0]
    assert words is None if reader != "reading" else words.tolist() == [2, 5, 0, 1, 7, 3]


def test_a_copy_owes_nothing() -> None:
    embedding = TokenEmbedding(9, 4)
    asked: list[Any] = []
    embedding.postpone(asked.append)
    twin = copy.deepcopy(embedding)
    asked.clear()
    twin.state_dict()
    assert not asked
    assert twin(IDS).table.requires_grad
