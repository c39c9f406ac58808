"""A table of stages: what runs, what can be taken from it by name, and where it can be cut."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from headstart.batches import Batch
from headstart.errors import OptionError
from headstart.layers import IndexedVectors, Stage, StageGraph


class Counting(nn.Module):
    """Doubles what comes in, and counts how often."""

    def __init__(self) -> None:
        super().__init__()
        self.n_calls = 0

    def forward(self, values: Tensor) -> Tensor:
        self.n_calls += 1
        return values * 2


class AddLengths(nn.Module):
    def forward(self, values: Tensor, lengths: Tensor) -> Tensor:
        return values.sum(1) + lengths[:, None]


@pytest.fixture
def batch() -> Batch:
    ids = np.array([[1, 2, 3], [4, 0, 0]], np.int32)
    return Batch(ids, np.array([3, 1]), fields={"stars": np.array([1.0, 5.0], np.float32)}).tensors()


@pytest.fixture
def graph() -> StageGraph:
    torch.manual_seed(0)
    return StageGraph(
        {
            "embedding": Stage(nn.Embedding(10, 4), ("ids",), ("rows", "tokens", 4)),
            "summed": Stage(AddLengths(), ("embedding", "lengths"), ("rows", 4)),
            "aside": Stage(Counting(), ("summed",), ("rows", 4)),
            "output": Stage(nn.Linear(4, 1), ("summed",), ("rows", 1)),
        }
    )


@pytest.fixture(autouse=True)
def _random_state_put_back() -> Iterator[None]:
    with torch.random.fork_rng(devices=[]):
        yield


class TestStageGraph:
    def test_runs_the_table_on_fields_and_earlier_stages(self, graph: StageGraph, batch: Batch) -> None:
        summed = graph.embedding(batch.ids).sum(1) + torch.tensor([[3.0], [1.0]])
        assert torch.equal(graph(batch), graph.output(summed))

    def test_names_inputs_and_shapes_can_be_read(self, graph: StageGraph) -> None:
        assert graph.stages == ("embedding", "summed", "aside", "output")
        assert graph.inputs["summed"] == ("embedding", "lengths")
        assert graph.shapes["embedding"] == ("rows", "tokens", 4)
        assert graph.sees_padding is False

    def test_what_is_not_needed_does_not_run(self, graph: StageGraph, batch: Batch) -> None:
        graph(batch)
        graph.outputs(batch, ("output", "summed"))
        assert graph.aside.n_calls == 0
        graph.outputs(batch, ("aside", "summed"))
        assert graph.aside.n_calls == 1

    def test_outputs_come_in_the_order_asked_for(self, graph: StageGraph, batch: Batch) -> None:
        found = graph.outputs(batch, ("output", "embedding"))
        assert list(found) == ["output", "embedding"]
        assert torch.equal(found["output"], graph(batch))

    def test_gathered_vectors_come_out_as_a_tensor(self, batch: Batch) -> None:
        class Table(nn.Module):
            def forward(self, ids: Tensor) -> IndexedVectors:
                words, index = torch.unique(ids, return_inverse=True)
                return IndexedVectors(words[:, None].float(), index)

        graph = StageGraph({"embedding": Stage(Table(), ("ids",), ("rows", "tokens", 1))})
        assert torch.equal(graph(batch)[:, :, 0], batch.ids.float())

    def test_a_stage_can_read_fields_of_other_inputs(self, batch: Batch) -> None:
        class Stars(nn.Module):
            def forward(self, stars: Tensor) -> Tensor:
                return stars[:, None]

        graph = StageGraph({"output": Stage(Stars(), ("stars",), ("rows", 1))}, fields=("stars",))
        assert graph(batch).tolist() == [[1.0], [5.0]]

    def test_reading_what_no_earlier_stage_gives_is_refused(self) -> None:
        late = Stage(Counting(), ("output",), ("rows", 1))
        output = Stage(Counting(), ("ids",), ("rows", 1))
        with pytest.raises(OptionError, match=r"stage 'late' reads \['output'\], which no earlier stage gives"):
            StageGraph({"late": late, "output": output})

    def test_an_unknown_layer_names_the_near_one(self, graph: StageGraph, batch: Batch) -> None:
        for ask in (
            lambda: graph.outputs(batch, ("sumed",)),
            lambda: graph.until("sumed"),
            lambda: graph.checked(("embedding", "sumed")),
        ):
            with pytest.raises(
                OptionError, match="no layer 'sumed'; did you mean 'summed'.* embedding, summed, aside, output"
            ):
                ask()


class TestUntil:
    def test_ends_at_the_layer_and_shares_its_weights(self, graph: StageGraph, batch: Batch) -> None:
        part = graph.until("summed")
        assert part.stages == ("embedding", "summed")
        assert [name for name, _ in part.named_parameters()] == ["embedding.weight"]
        part(batch).sum().backward()
        assert part.embedding.weight is graph.embedding.weight
        assert graph.embedding.weight.grad is not None and graph.embedding.weight.grad.abs().sum() > 0
        assert torch.equal(part(batch), graph.outputs(batch, ("summed",))["summed"])

    def test_keeps_shapes_and_sight_of_padding(self) -> None:
        graph = StageGraph({"a": Stage(Counting(), ("ids",), ("rows", "tokens")), "b": Stage(Counting(), ("a",), ("rows", 2))}, sees_padding=True)  # fmt: skip
        part = graph.until("a")
        assert isinstance(part, StageGraph)
        assert part.sees_padding
        assert part.shapes == {"a": ("rows", "tokens")}
