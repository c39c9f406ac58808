"""Networks by name: what they are built of, and what is refused."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

from headstart.batches import Batch, Batches, Examples
from headstart.engines.compiled.tables import table_of
from headstart.errors import OptionError
from headstart.nets import build, net_options
from headstart.predictor import NetSpec
from headstart.text import RaggedIds

BuildNet = Callable[..., Any]


@pytest.fixture
def batch() -> Batch:
    rows = [[2, 3, 4], [5], [6, 7, 8, 9, 2]]
    return Batches(Examples(RaggedIds.from_lists(rows)))[0].tensors()


def test_options_can_be_stored(net_name: str) -> None:
    options = net_options(net_name)
    assert options
    json.dumps(options)


def test_one_seed_gives_one_set_of_weights(net_name: str, small_net: BuildNet) -> None:
    first, second, other = small_net(net_name), small_net(net_name), small_net(net_name, seed=1)
    for name, value in first.state_dict().items():
        assert torch.equal(value, second.state_dict()[name])
    assert any(not torch.equal(value, other.state_dict()[name]) for name, value in first.state_dict().items())


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("grru", {}, "there is no network 'grru'; did you mean 'gru'.*tutorial"),
        ("gru", {"hiden_size": 3}, "no option of the network 'gru' called 'hiden_size'; did you mean 'hidden_size'"),
        ("gru", {"cell": "rnn"}, "cell='rnn' is not a recurrent cell"),
        ("gru", {"pooling": ("median",)}, "no pooling 'median'.*last, mean, max"),
        (
            "gru",
            {"dropout": 1.5, "dense": (4,)},
            "the network 'gru' refuses its options {'dropout': 1.5.*between 0 and 1",
        ),
        ("gru", {"hidden_size": "many"}, "the network 'gru' refuses its options {'hidden_size': 'many'}"),
        ("gru", {"dense": 64}, "the network 'gru' refuses its options {'dense': 64}.*not iterable"),
        ("blend", {"n_target_ngrams": [1] * 1001}, "n_target_ngrams are .*expected at most 1000 whole numbers"),
        ("blend", {"n_target_ngrams": [[3]]}, r"n_target_ngrams are \[\[3\]\]; expected at most 1000 whole numbers"),
        ("tutorial", {"activation": "relu"}, "no option of the network 'tutorial' called 'activation'"),
    ],
)
def test_what_cannot_be_built_is_refused(name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        build(name, 20, options)


@pytest.mark.parametrize(("name", "option"), [("gru", "hidden_size"), ("fast", "dense"), ("blend", "n_ngrams")])
def test_a_stored_size_that_is_not_whole_is_refused(name: str, option: str) -> None:
    options = dict(net_options(name))
    table_of(NetSpec(name, 20, options))
    spoilt = [4.0] if option == "dense" else 4.0
    with pytest.raises(OptionError, match=rf"{option}={re.escape(str(spoilt))} is not whole"):
        table_of(NetSpec(name, 20, options | {option: spoilt}))


class TestGru:
    @pytest.mark.parametrize(
        ("options", "stage", "size"),
        [
            ({}, "pooled", 36),
            ({"pooling": ("last",)}, "pooled", 12),
            ({"pooling": ("last", "mean", "max"), "bidirectional": False}, "pooled", 18),
            ({"dense": (9, 5)}, "dense1", 5),
            ({"embedding_size": 3}, "embedding", 3),
        ],
    )
    def test_options_shape_the_stages(
        self, small_net: BuildNet, batch: Batch, options: dict[str, Any], stage: str, size: int
    ) -> None:
        net = small_net("gru", **options)
        assert net.outputs(batch, (stage,))[stage].shape[-1] == size

    def test_stages_have_their_names(self, small_net: BuildNet) -> None:
        net = small_net("gru", dense=(9, 5))
        assert net.stages == ("embedding", "encoder", "pooled", "dense0", "dense1", "output")
        assert small_net("gru", dense=()).stages == ("embedding", "encoder", "pooled", "output")

    def test_without_a_tower_the_output_reads_the_pooled_states(self, small_net: BuildNet, batch: Batch) -> None:
        net = small_net("gru", dense=()).eval()
        pooled = net.outputs(batch, ("pooled",))["pooled"]
        assert torch.equal(net(batch), net.output(pooled))

    @pytest.mark.parametrize("cell", ["gru", "lstm"])
    def test_equals_torch_on_a_single_text(self, small_net: BuildNet, cell: str) -> None:
        net = small_net("gru", cell=cell, pooling=("last",), dense=()).eval()
        kind = nn.GRU if cell == "gru" else nn.LSTM
        peer = kind(8, 6, batch_first=True, bidirectional=True)
        peer.load_state_dict(net.encoder.state_dict())
        ids = torch.tensor([[4, 2, 9, 9, 3]], dtype=torch.int32)
        states = peer(functional.embedding(ids, net.embedding.weight))[0]
        expected = net.output(torch.cat([states[:, -1, :6], states[:, 0, 6:]], 1))
        torch.testing.assert_close(net(Batch(ids, torch.tensor([5]))), expected, rtol=0, atol=1e-5)


class TestTutorial:
    """Its contract is agreement with the computation it was copied from, in the same padded batch."""

    def test_equals_the_computation_written_out(self, small_net: BuildNet, batch: Batch) -> None:
        net = small_net("tutorial").eval()
        with torch.no_grad():
            states, _ = net.encoder.rnn(functional.embedding(batch.ids, net.embedding.weight))
            values = torch.stack([states[row, length - 1] for row, length in enumerate(batch.lengths.tolist())])
            for block in (net.dense0, net.dense1):
                values = functional.linear(values, block.linear.weight, block.linear.bias)
                values = (values - block.norm.running_mean) / (block.norm.running_var + 1e-5).sqrt()
                values = (values * block.norm.weight + block.norm.bias).relu()
            expected = functional.linear(values, net.output.weight, net.output.bias)
            torch.testing.assert_close(net(batch), expected, rtol=0, atol=1e-6)

    def test_has_the_sizes_of_the_original(self) -> None:
        net = build("tutorial", 100)
        shapes = {name: tuple(value.shape) for name, value in net.named_parameters()}
        assert shapes["embedding.weight"] == (100, 64)
        assert shapes["encoder.rnn.weight_hh_l0_reverse"] == (150, 50)
        assert [shapes[f"dense{i}.linear.weight"] for i in range(3)] == [(100, 100), (100, 100), (10, 100)]
        assert shapes["output.weight"] == (1, 10)
        assert net.dense0.dropout.p == 0.2

    def test_trains_the_padding_vector_as_the_original_does(self, small_net: BuildNet, batch: Batch) -> None:
        net = small_net("tutorial")
        assert net.embedding.weight[0].any()
        net(batch).sum().backward()
        assert net.embedding.weight.grad[0].any()
