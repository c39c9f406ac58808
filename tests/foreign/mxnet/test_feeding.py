from __future__ import annotations

import pytest
import torch

from headstart.batches import Batch
from headstart.errors import ArtifactError, DataError
from headstart.foreign.mxnet import Feeding, Symbol
from headstart.nets.mxnet.symbol import Node

BOTH = {"data0": "ids", "data1": "lengths"}


def batch(ids: list[list[int]], lengths: list[int]) -> Batch:
    return Batch(ids=torch.tensor(ids, dtype=torch.int32), lengths=torch.tensor(lengths))


def fed(feeding: Feeding, ids: list[list[int]], lengths: list[int]) -> tuple[list[list[float]], list[float]]:
    made = feeding.feed(batch(ids, lengths), torch.float32)
    return made["data0"].tolist(), made["data1"].tolist()


def test_the_graphs_own_indices_pass_through_and_padding_is_filled() -> None:
    assert fed(Feeding(BOTH, padding=7), [[3, 0, 2], [5, 0, 0]], [3, 1]) == ([[3, 0, 2], [5, 7, 7]], [3, 1])


@pytest.mark.parametrize(
    ("unknown", "ids", "indices"),
    [
        (4, [2, 3, 4, 5, 1], [0, 1, 2, 3, 4]),  # the unknown word is the last
        (0, [2, 3, 4, 5, 1], [1, 2, 3, 4, 0]),  # the first
        (2, [2, 3, 4, 5, 1], [0, 1, 3, 4, 2]),
    ],
)
def test_our_ids_become_indices_of_the_graphs_vocabulary(unknown: int, ids: list[int], indices: list[int]) -> None:
    assert fed(Feeding(BOTH, unknown=unknown), [ids], [5])[0] == [indices]


def test_a_text_without_tokens_is_one_unknown_word() -> None:
    assert fed(Feeding(BOTH, unknown=9, padding=3), [[0, 0], [2, 2]], [0, 2]) == ([[9, 3], [0, 0]], [1, 2])


def test_short_batches_are_padded_to_what_the_graph_needs() -> None:
    assert fed(Feeding(BOTH, least_tokens=3), [[5]], [1])[0] == [[5, 0, 0]]
    assert fed(Feeding(BOTH, n_tokens=2), [[5]], [1])[0] == [[5, 0]]
    with pytest.raises(DataError, match="a batch has 3 tokens but this network takes 2; set max_tokens=2"):
        fed(Feeding(BOTH, n_tokens=2), [[5, 6, 7]], [3])


def test_tokens_before_rows() -> None:
    made = Feeding({"data": "ids_time_major"}).feed(batch([[1, 2, 3], [4, 5, 0]], [3, 2]), torch.float32)
    assert made["data"].tolist() == [[1, 4], [2, 5], [3, 0]]


def variables(*names: str) -> Symbol:
    nodes = tuple(Node("null", name, {}, ()) for name in names)
    return Symbol((*nodes, Node("add_n", "sum", {}, tuple((i, 0) for i in range(len(names))))), ((len(names), 0),))


@pytest.mark.parametrize(
    ("names", "inputs"),
    [
        (("data0", "w", "data1"), {"data0": "ids", "data1": "lengths"}),
        (("data", "w"), {"data": "ids"}),
        (("words", "w", "conv0_weight"), {"words": "ids"}),
    ],
)
def test_variables_without_values_are_the_inputs(names: tuple[str, ...], inputs: dict[str, str]) -> None:
    assert Feeding.guess(variables(*names), {"w": 0}).inputs == inputs


@pytest.mark.parametrize("names", [("w",), ("a", "b", "c")])
def test_other_numbers_of_inputs_have_to_be_said(names: tuple[str, ...]) -> None:
    with pytest.raises(ArtifactError, match=r"Say what feeds each, e\.g\. inputs="):
        Feeding.guess(variables(*names), {"w": 0})


@pytest.mark.parametrize("inputs", [{}, {"data": "lengths"}, {"data": "ids", "x": "columns"}])
def test_inputs_of_unknown_kinds_are_refused(inputs: dict[str, str]) -> None:
    with pytest.raises(ArtifactError, match="each must be one of ids, ids_time_major, lengths"):
        Feeding(inputs)


@pytest.mark.parametrize("option", ["n_tokens", "least_tokens"])
def test_a_length_beyond_all_reason_is_refused_before_any_memory_is_taken(option: str) -> None:
    with pytest.raises(ArtifactError, match="every text would be padded to 1,000,000,000 tokens; at most 65,536"):
        Feeding(BOTH, **{option: 10**9})  # type: ignore[arg-type]
