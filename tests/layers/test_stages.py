"""A table of stages: what runs, what can be taken from it by name, and where it can be cut."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from headstart.batches import Batch
from headstart.errors import OptionError
from headstart.layers import Gathered, Stage, StageGraph, capture, stage_names, until


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


class Foreign(nn.Module):
    """A module of somebody else's: no stages, a recurrent part that gives a tuple, a branch that is never run."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(20, 4)
        self.encoder = nn.GRU(4, 3, batch_first=True)
        self.tower = nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Dropout(0.5))
        self.output = nn.Linear(5, 1)
        self.unused = nn.Linear(5, 7)
        self.n_finished = 0

    def forward(self, batch: Batch) -> Tensor:
        states, _ = self.encoder(self.embedding(batch.ids))
        logits: Tensor = self.output(self.tower(states[:, -1]))
        self.n_finished += 1
        return logits


@pytest.fixture
def batch() -> Batch:
    ids = np.array([[1, 2, 3], [4, 0, 0]], np.int32)
    return Batch(ids, np.array([3, 1]), columns={"stars": np.array([1.0, 5.0], np.float32)}).tensors()


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


@pytest.fixture
def foreign() -> Foreign:
    torch.manual_seed(0)
    return Foreign().eval()


@pytest.fixture(autouse=True)
def _random_state_put_back() -> Iterator[None]:
    with torch.random.fork_rng(devices=[]):
        yield


class TestStageGraph:
    def test_runs_the_table_on_fields_and_earlier_stages(self, graph: StageGraph, batch: Batch) -> None:
        summed = graph.embedding(batch.ids).sum(1) + torch.tensor([[3.0], [1.0]])
        assert torch.equal(graph(batch), graph.output(summed))

    def test_names_inputs_and_shapes_can_be_read(self, graph: StageGraph) -> None:
        assert graph.stages == stage_names(graph) == ("embedding", "summed", "aside", "output")
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
            def forward(self, ids: Tensor) -> Gathered:
                words, index = torch.unique(ids, return_inverse=True)
                return Gathered(words[:, None].float(), index)

        graph = StageGraph({"embedding": Stage(Table(), ("ids",), ("rows", "tokens", 1))})
        assert torch.equal(graph(batch)[:, :, 0], batch.ids.float())

    def test_a_stage_can_read_columns(self, batch: Batch) -> None:
        class Stars(nn.Module):
            def forward(self, columns: Any) -> Tensor:
                stars: Tensor = columns["stars"][:, None]
                return stars

        graph = StageGraph({"output": Stage(Stars(), ("columns",), ("rows", 1))})
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
            lambda: until(graph, "sumed"),
        ):
            with pytest.raises(
                OptionError, match="no layer 'sumed'; did you mean 'summed'.* embedding, summed, aside, output"
            ):
                ask()


class TestUntil:
    def test_ends_at_the_layer_and_shares_its_weights(self, graph: StageGraph, batch: Batch) -> None:
        part = until(graph, "summed")
        assert stage_names(part) == ("embedding", "summed")
        assert [name for name, _ in part.named_parameters()] == ["embedding.weight"]
        part(batch).sum().backward()
        assert part.embedding.weight is graph.embedding.weight
        assert graph.embedding.weight.grad is not None and graph.embedding.weight.grad.abs().sum() > 0
        assert torch.equal(part(batch), graph.outputs(batch, ("summed",))["summed"])

    def test_keeps_shapes_and_sight_of_padding(self) -> None:
        graph = StageGraph({"a": Stage(Counting(), ("ids",), ("rows", "tokens")), "b": Stage(Counting(), ("a",), ("rows", 2))}, sees_padding=True)  # fmt: skip
        part = until(graph, "a")
        assert isinstance(part, StageGraph)
        assert part.sees_padding
        assert part.shapes == {"a": ("rows", "tokens")}

    def test_of_a_foreign_module_ends_at_a_part(self, foreign: Foreign, batch: Batch) -> None:
        part = until(foreign, "tower")
        expected = foreign.tower(foreign.encoder(foreign.embedding(batch.ids))[0][:, -1])
        assert torch.equal(part(batch), expected)
        assert foreign.n_finished == 0

    def test_of_a_foreign_module_trains_its_own_parameters_only(self, foreign: Foreign, batch: Batch) -> None:
        part = until(foreign, "tower")
        names = {name.split(".")[0] for name, _ in part.named_parameters()}
        assert names == {"embedding", "encoder", "tower"}
        part(batch).sum().backward()
        assert foreign.embedding.weight.grad is not None
        assert foreign.output.weight.grad is None

    def test_of_a_foreign_module_takes_its_mode_along(self, foreign: Foreign) -> None:
        part = until(foreign, "tower").train()
        assert foreign.tower[2].training
        part.eval()
        assert not foreign.tower[2].training


class TestCapture:
    def test_takes_children_and_their_parts_in_one_pass(self, foreign: Foreign, batch: Batch) -> None:
        found = capture(foreign, batch, ("encoder", "tower.0", "output"))
        assert [tuple(found[name].shape) for name in ("encoder", "tower.0", "output")] == [(2, 3, 3), (2, 5), (2, 1)]
        assert torch.equal(found["output"], foreign(batch))

    def test_stops_when_it_has_what_it_wants(self, foreign: Foreign, batch: Batch) -> None:
        capture(foreign, batch, ("encoder",))
        assert foreign.n_finished == 0

    def test_leaves_no_hook_behind_even_after_an_error(self, foreign: Foreign, batch: Batch) -> None:
        capture(foreign, batch, ("encoder",))
        broken = Batch(torch.full((1, 2), 99), torch.tensor([2]))
        with pytest.raises(IndexError, match="index out of range"):
            capture(foreign, broken, ("output",))
        assert not any(module._forward_hooks for module in foreign.modules())

    def test_keeps_gradients_where_they_are_wanted(self, foreign: Foreign, batch: Batch) -> None:
        capture(foreign, batch, ("encoder",))["encoder"].sum().backward()
        assert foreign.embedding.weight.grad is not None

    def test_an_unknown_part_names_the_near_one(self, foreign: Foreign, batch: Batch) -> None:
        with pytest.raises(OptionError, match="no layer 'encodr'; did you mean 'encoder'"):
            capture(foreign, batch, ("encodr",))
        with pytest.raises(OptionError, match="no layer 'towr'; did you mean 'tower'"):
            until(foreign, "towr")

    def test_a_part_that_never_runs_is_an_error(self, foreign: Foreign, batch: Batch) -> None:
        with pytest.raises(OptionError, match="the layer 'unused' does not run"):
            capture(foreign, batch, ("encoder", "unused"))
