"""Rows through a network: the rows' order, one vector a row, and a network left as it was."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from headstart.batches import Batch, Examples
from headstart.errors import OptionError
from headstart.inference import LOGITS, network_logits, network_outputs, on_device, resolve_device
from headstart.layers import Stage, StageGraph, pool
from headstart.text import RaggedIds


class Sum(nn.Module):
    """Gives each row the sum of its ids, and remembers which batches came."""

    def __init__(self, *, sees_padding: bool = False, breaks: bool = False) -> None:
        super().__init__()
        self.dropout = nn.Dropout(0.5)
        self.sees_padding = sees_padding
        self.breaks = breaks
        self.seen: list[tuple[int, ...]] = []

    def forward(self, batch: Batch) -> Tensor:
        if self.breaks:
            raise RuntimeError("this network breaks")
        self.seen.append(tuple(batch.lengths.tolist()))
        return self.dropout(batch.ids.sum(1, keepdim=True).float())


def examples_of(rows: list[list[int]]) -> Examples:
    return Examples(RaggedIds.from_lists(rows))


ROWS = [[5, 6, 7], [8], [], [2, 3], [9, 9, 9, 9], [4]]


def test_logits_come_in_the_order_of_the_rows() -> None:
    net = Sum()
    logits = network_logits(net, examples_of(ROWS), batch_size=2)
    assert logits[:, 0].tolist() == [sum(row) for row in ROWS]
    assert logits.dtype == np.float32
    assert net.seen == [(0, 1), (1, 2), (3, 4)]


def test_a_network_that_sees_padding_gets_one_length_at_a_time() -> None:
    net = Sum(sees_padding=True)
    network_logits(net, examples_of(ROWS))
    assert all(len(set(lengths) - {0}) <= 1 for lengths in net.seen)


@pytest.mark.parametrize("training", [True, False])
def test_the_network_rests_and_is_put_back(training: bool) -> None:
    net = Sum().train(training)
    assert network_logits(net, examples_of(ROWS))[:, 0].tolist() == [sum(row) for row in ROWS]
    assert net.training == net.dropout.training == training


def test_an_error_leaves_nothing_changed_behind() -> None:
    net = Sum(breaks=True).train()
    with pytest.raises(RuntimeError, match="this network breaks") as caught:
        network_logits(net, examples_of(ROWS))
    # The traceback is still held here, as a notebook holds the last one.
    assert caught.value.__traceback__ is not None
    assert net.training
    assert not torch.is_inference_mode_enabled()


@pytest.fixture
def graph() -> Iterator[StageGraph]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield StageGraph(
            {
                "embedding": Stage(nn.Embedding(20, 3), ("ids",), ("rows", "tokens", 3)),
                "output": Stage(_First(), ("embedding", "lengths"), ("rows", 1)),
            }
        )


class _First(nn.Module):
    def forward(self, values: Tensor, lengths: Tensor) -> Tensor:
        return values[:, 0, :1] * (lengths > 0)[:, None]


@pytest.mark.parametrize("pooling", ["mean", "max", "last"])
def test_outputs_of_every_token_become_one_a_row(graph: Any, pooling: str) -> None:
    found = network_outputs(graph, examples_of(ROWS), ("embedding",), pooling=pooling, batch_size=2)["embedding"]
    assert found.shape == (len(ROWS), 3)
    for row, ids in enumerate(ROWS):
        vectors = graph.embedding.weight.detach()[ids][None]
        expected = pool(vectors, torch.tensor([len(ids)]), pooling) if ids else torch.zeros(1, 3)
        np.testing.assert_allclose(found[row], expected[0], atol=1e-6)


def test_an_unknown_pooling_is_refused(graph: StageGraph) -> None:
    with pytest.raises(OptionError, match="no pooling 'men'; did you mean 'mean'.*last, mean, max"):
        network_outputs(graph, examples_of(ROWS), ("embedding",), pooling="men")


def test_several_outputs_and_the_logits_in_one_call(graph: StageGraph) -> None:
    found = network_outputs(graph, examples_of(ROWS), ("output", "embedding", LOGITS))
    assert {name: value.shape for name, value in found.items()} == {
        "output": (6, 1),
        "embedding": (6, 3),
        LOGITS: (6, 1),
    }
    np.testing.assert_array_equal(found["output"], found[LOGITS])


def test_no_rows_give_empty_arrays_of_the_right_width(graph: StageGraph) -> None:
    found = network_outputs(graph, examples_of([]), ("embedding", LOGITS))
    assert {name: value.shape for name, value in found.items()} == {"embedding": (0, 3), LOGITS: (0, 1)}


def test_a_foreign_module_is_asked_by_the_names_of_its_parts(make_examples: Callable[..., Examples]) -> None:
    class Own(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.words = nn.EmbeddingBag(50, 4, padding_idx=0)
            self.output = nn.Linear(4, 1)

        def forward(self, batch: Batch) -> Tensor:
            logits: Tensor = self.output(self.words(batch.ids))
            return logits

    net, examples = Own(), make_examples(30)
    found = network_outputs(net, examples, ("words", LOGITS))
    assert found["words"].shape == (30, 4)
    np.testing.assert_allclose(found[LOGITS], found["words"] @ net.output.weight.detach().numpy().T + net.output.bias.item(), atol=1e-5)  # fmt: skip


class TestDevice:
    def test_auto_is_a_device_that_is_there(self) -> None:
        assert resolve_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")
        assert resolve_device(torch.device("cpu")) == torch.device("cpu")

    @pytest.mark.parametrize("device", ["gpu", "cpu!", "", "cuda:x"])
    def test_what_is_no_device_is_refused(self, device: str) -> None:
        with pytest.raises(
            OptionError, match=f"the device is '{device}'; expected 'auto', 'cpu', 'cuda' or 'cuda:<number>'"
        ):
            resolve_device(device)

    def test_a_device_that_is_not_there_is_refused(self) -> None:
        with pytest.raises(
            OptionError, match=r"'cuda:99' was asked for, and torch sees \d+ CUDA devices; use 'cpu' or 'auto'"
        ):
            resolve_device("cuda:99")


def test_a_network_that_lies_in_two_places_is_moved() -> None:
    """On the device of shapes, which every machine has, in place of a GPU."""
    net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1).to("meta"))
    assert on_device(net[0], "cpu") is net[0]
    with pytest.raises(NotImplementedError, match="meta"):  # torch was asked to move it, and says it cannot from there
        on_device(net, "cpu")
