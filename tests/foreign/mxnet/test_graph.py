from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from headstart.batches import Batch
from headstart.errors import ArtifactError, OptionError
from headstart.foreign.mxnet import Feeding, MXNetGraph, Symbol
from headstart.freezing import Freeze
from headstart.nets.mxnet.symbol import Node, symbol_from_text

Load = Callable[[str], Any]
NETS = ("tiny", "tiny_lstm", "tiny_gru2", "tiny_conv")
ALL = [(name, "expected") for name in (*NETS, "imdb_v1")] + [("imdb_v1", "long")]


def feeds_of(graph: MXNetGraph, arrays: dict[str, Any]) -> dict[str, torch.Tensor]:
    return {name: torch.from_numpy(arrays[name]) for name in graph.feeding.inputs}


def batch_of(arrays: dict[str, Any]) -> Batch:
    """The same texts as a `Batch`: the graph's own indices, padded with 0, which is its padding too."""
    ids = arrays.get("data0", arrays.get("data"))
    return Batch(
        ids=torch.from_numpy(ids.astype(np.int32)), lengths=torch.from_numpy(arrays["lengths"].astype(np.int64))
    )


@pytest.mark.parametrize(("name", "file"), ALL)
def test_every_output_is_mxnets_in_the_same_padded_batch(saved: Load, name: str, file: str) -> None:
    network = saved(name)
    graph, arrays = network.graph(), network.expected(file)
    wanted = {key[5:]: value for key, value in arrays.items() if key.startswith("node:")}
    with torch.no_grad():
        found = graph.run(feeds_of(graph, arrays), wanted)
    for key, value in wanted.items():
        np.testing.assert_allclose(found[key], value, rtol=0, atol=1e-5, err_msg=key)


@pytest.mark.parametrize(("name", "file"), ALL)
def test_every_text_alone_has_mxnets_output(saved: Load, name: str, file: str) -> None:
    network = saved(name)
    graph, arrays = network.graph(), network.expected(file)
    feeds = feeds_of(graph, arrays)
    for row, length in enumerate(arrays["lengths"]):
        one = {
            key: value[row : row + 1, :length] if value.dim() == 2 else value[row : row + 1]
            for key, value in feeds.items()
        }
        with torch.no_grad():
            (found,) = graph.run(one).values()
        np.testing.assert_allclose(found[0], arrays["output_alone"][row], rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", NETS)
def test_a_batch_gives_what_mxnets_own_inputs_give(saved: Load, name: str) -> None:
    network = saved(name)
    graph, arrays = network.graph(), network.expected()
    batch = batch_of(arrays)
    with torch.no_grad():
        (raw,) = graph.run(feeds_of(graph, arrays)).values()
        found = graph(batch)
        layers = graph.outputs(batch, graph.stages)
    if graph.result == "softmax":
        found = torch.softmax(found, 1)
    assert torch.allclose(found, raw, atol=1e-6)
    for stage, value in layers.items():
        assert value.shape[0] == len(batch)
        sizes = {"rows": 32, "tokens": 100}
        known = [sizes.get(size, size) if isinstance(size, str) else size for size in graph.shapes[stage]]
        assert all(size in (known[i], value.shape[i]) for i, size in enumerate(value.shape))
        assert [size for size in known if isinstance(size, int)] == [
            size for size, wanted in zip(value.shape, known, strict=True) if isinstance(wanted, int)
        ]


def test_names_are_those_that_mxnet_lists(saved: Load) -> None:
    graph = saved("tiny_lstm").graph()
    assert list(graph.names)[-4:] == [
        "LstmNet_dropout0_fwd_output", "LstmNet_output_weight", "LstmNet_output_bias", "LstmNet_output_fwd_output",
    ]  # fmt: skip
    rnn = [name for name in graph.names if "rnn0" in name]
    assert rnn == [f"LstmNet_review_lstm_rnn0_{suffix}" for suffix in ("output", "state_output", "statecell_output")]
    assert graph.stages[-1] == "LstmNet_output_fwd_output"
    assert graph.inputs["LstmNet_output_fwd_output"][0] == "LstmNet_dropout0_fwd_output"


@pytest.mark.parametrize(
    ("name", "pooled"),
    [
        ("tiny", "CustomSeqNet_sequencelast0_output"),
        ("tiny_lstm", "LstmNet_sequencelast0_output"),
        ("tiny_gru2", "Gru2Net_sequencelast0_output"),
        ("tiny_conv", "ConvNet_mean0_output"),
    ],
)
def test_the_head_is_what_stands_behind_the_pooled_tokens(saved: Load, name: str, pooled: str) -> None:
    graph = saved(name).graph()
    assert graph.stages[-len(graph.head) - 1] == pooled
    assert graph.head[-1] == graph.stages[-1]


def test_parameters_stand_under_mxnets_names(saved: Load) -> None:
    network = saved("tiny")
    graph = network.graph()
    statistics = {name for name in network.tensors if "running" in name}
    assert {name for name, _ in graph.named_parameters()} == set(network.tensors) - statistics
    assert {name for name, _ in graph.named_buffers()} == statistics
    assert set(graph.state_dict()) == set(network.tensors)


def test_a_gamma_that_counts_as_one_is_no_parameter(saved: Load) -> None:
    graph = saved("tiny_lstm").graph()
    assert "LstmNet_batchnorm0_gamma" in dict(graph.named_buffers())
    assert (graph.tensor("LstmNet_batchnorm0_gamma") != 1).any()


ODD_NAMES = ("forward", "embed.weight", "embed.bias", "weight", "a..b", "training", "0")


def linear(name: str) -> Symbol:
    """One dense layer, on the mean of an embedding, whose weight has the given name."""
    nodes = [
        {"op": "null", "name": "data", "inputs": []},
        {"op": "null", "name": "table", "inputs": []},
        {
            "op": "Embedding",
            "name": "embed",
            "attrs": {"input_dim": "5", "output_dim": "3"},
            "inputs": [[0, 0], [1, 0]],
        },
        {"op": "mean", "name": "pooled", "attrs": {"axis": "1"}, "inputs": [[2, 0]]},
        {"op": "null", "name": name, "inputs": []},
        {
            "op": "FullyConnected",
            "name": "stages",
            "attrs": {"num_hidden": "1", "no_bias": "1"},
            "inputs": [[3, 0], [4, 0]],
        },
        {"op": "sigmoid", "name": "p", "inputs": [[5, 0]]},
    ]
    return symbol_from_text(json.dumps({"nodes": nodes, "heads": [[6, 0]]}), "linear")


@pytest.mark.parametrize("name", ODD_NAMES)
def test_names_that_torch_cannot_hold_find_a_place(name: str) -> None:
    tensors = {"table": torch.randn(5, 3), name: torch.randn(1, 3)}
    graph = MXNetGraph(linear(name), tensors)
    assert graph.tensor(name) is not None
    assert len(list(graph.parameters())) == 2
    if name in ("embed.weight", "weight", "0"):
        assert graph.torch_names[name] == name
    again = MXNetGraph.from_config(graph.config(), graph.state_dict())
    assert torch.equal(again.tensor(name), tensors[name])


def test_a_graph_that_ends_in_a_sigmoid_gives_logits() -> None:
    tensors = {"table": torch.randn(5, 3), "w": torch.randn(1, 3)}
    graph = MXNetGraph(linear("w"), tensors)
    batch = Batch(ids=torch.tensor([[1, 2], [3, 0]]), lengths=torch.tensor([2, 1]))
    assert graph.result == "sigmoid"
    assert torch.allclose(torch.sigmoid(graph(batch)), graph.outputs(batch, ["p_output"])["p_output"])


@pytest.mark.parametrize("attrs", [{}, {"temperature": "2.0"}])
def test_two_classes_become_one_logit(attrs: dict[str, str]) -> None:
    symbol = linear("w")
    nodes = [*symbol.nodes[:5], replace(symbol.nodes[5], attrs={"num_hidden": "2", "no_bias": "1"})]
    symbol = replace(symbol, nodes=(*nodes, Node("softmax", "p", attrs, ((5, 0),))))
    graph = MXNetGraph(symbol, {"table": torch.randn(5, 3), "w": torch.randn(2, 3)}, binary=True)
    batch = Batch(ids=torch.tensor([[1, 2], [3, 0]]), lengths=torch.tensor([2, 1]))
    assert graph(batch).shape == (2, 1)
    assert graph.n_outputs == 1
    wanted = graph.outputs(batch, ["p_output"])["p_output"][:, 1:]
    assert torch.allclose(torch.sigmoid(graph(batch)), wanted, atol=1e-6)


def test_a_layer_called_twice_has_numbered_outputs() -> None:
    symbol = linear("w")
    again = Node("expand_dims", "pooled", {"axis": "1"}, ((3, 0),))
    nodes = (*symbol.nodes[:4], again, Node("Flatten", "pooled", {}, ((4, 0),)))
    graph = MXNetGraph(Symbol(nodes, ((5, 0),)), {"table": torch.randn(5, 3)}, result="values")
    assert list(graph.names)[-3:] == ["pooled_output", "pooled_output#2", "pooled_output#3"]
    batch = Batch(ids=torch.tensor([[1, 2]]), lengths=torch.tensor([2]))
    assert graph.outputs(batch, ["pooled_output#2"])["pooled_output#2"].shape == (1, 3)


@pytest.mark.parametrize(
    ("name", "layer", "shape", "order"),
    [
        ("tiny", "CustomSeqNet_review_gru_rnn0_output", ("rows", "tokens", 16), (1, 0, 2)),
        ("tiny", "CustomSeqNet_review_gru_rnn0_state_output", ("rows", 16), (1, 0, 2)),
        ("tiny", "CustomSeqNet_sequencelast0_output", ("rows", 16), (0, 1)),
        ("tiny", "CustomSeqNet_cast0_output", ("rows", 1), (0,)),
        ("tiny_conv", "ConvNet_conv0_fwd_output", ("rows", "tokens", 12), (0, 2, 1)),
        ("tiny_conv", "ConvNet_pool0_fwd_output", ("rows", "from tokens", 12), (0, 2, 1)),
        ("tiny_conv", "ConvNet_pool1_fwd_output", ("rows", 8), (0, 1, 2)),
    ],
)
def test_a_batch_gives_rows_then_tokens_then_features(
    saved: Load, name: str, layer: str, shape: tuple[Any, ...], order: tuple[int, ...]
) -> None:
    network = saved(name)
    graph, arrays = network.graph(), network.expected()
    (found,) = graph.outputs(batch_of(arrays), [layer]).values()
    wanted = np.transpose(arrays[f"node:{layer}"], order).reshape(found.shape)
    np.testing.assert_allclose(found.detach(), wanted, rtol=0, atol=1e-5)
    assert graph.shapes[layer] == shape
    assert found.dim() == len(shape)


@pytest.mark.parametrize("name", NETS)
def test_a_network_until_any_layer_gives_that_layer_and_trains(saved: Load, name: str) -> None:
    network = saved(name)
    graph = network.graph()
    batch = batch_of(network.expected())
    for stage in graph.stages:
        if "h0_" in stage or "cast" in stage:  # these read no text
            continue
        part = graph.until(stage)
        (wanted,) = graph.outputs(batch, [stage]).values()
        found = part(batch)
        assert torch.equal(found, wanted)
        assert {id(p) for p in part.parameters()} <= {id(p) for p in graph.parameters()}
        found.square().mean().backward()
        assert all(p.grad is not None for p in part.parameters())
        graph.zero_grad()


def test_a_part_may_not_end_where_no_text_is_read(saved: Load) -> None:
    graph = saved("tiny").graph()
    with pytest.raises(ArtifactError, match="reads no token indices at all"):
        graph.until("CustomSeqNet_cast0_output")
    with pytest.raises(OptionError, match=r"there is no layer 'sequencelast0'; .*CustomSeqNet_sequencelast0_output"):
        graph.until("sequencelast0")


@pytest.mark.parametrize("name", NETS)
def test_gradient_reaches_every_parameter(saved: Load, name: str) -> None:
    network = saved(name)
    graph = network.graph().train()
    graph(batch_of(network.expected())).square().sum().backward()
    # A bias in front of batch normalisation has none but rounding's; a dead ReLU may stop some.
    assert all(p.grad is not None for p in graph.parameters())


@pytest.mark.parametrize("frozen", [".*token_embed_weight", ".*token_embed.*|.*review_gru.*", ".*batchnorm0.*", ".*"])
def test_what_is_frozen_stays_bit_equal(saved: Load, frozen: str) -> None:
    network = saved("tiny")
    graph = network.graph().train()
    before = {name: value.clone() for name, value in graph.tensors().items()}
    freeze = Freeze(graph, frozen)
    trained = [p for p in graph.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=0.1, weight_decay=0.1) if trained else None
    for _ in range(2):
        graph.train()
        loss = graph(batch_of(network.expected())).square().mean()
        if optimizer is not None:
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    moved = {name for name, value in graph.tensors().items() if not torch.equal(value, before[name])}
    assert moved == {name for name in before if name not in freeze.names}


def test_dropout_of_a_frozen_layer_is_off(saved: Load) -> None:
    network = saved("tiny")
    graph = network.graph().train()
    Freeze(graph, ".*")
    batch = batch_of(network.expected())
    wanted = network.graph()(batch)
    assert torch.equal(graph(batch), wanted)


def test_a_stage_knows_its_parameters(saved: Load) -> None:
    graph = saved("tiny").graph()
    rnn = graph.get_submodule("CustomSeqNet_review_gru_rnn0_state_output")
    assert sum(p.numel() for p in rnn.parameters()) == 1248
    assert graph.aliases["CustomSeqNet_review_gru_l0_i2h_weight"] == (
        "CustomSeqNet_review_gru_rnn0_output", "CustomSeqNet_review_gru_rnn0_state_output",
    )  # fmt: skip
    assert graph.aliases["CustomSeqNet_dense0_bias"] == ("CustomSeqNet_dense0_fwd_output",)


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("how", ["config", "zeros", "deepcopy", "double"])
def test_a_network_survives(saved: Load, name: str, how: str) -> None:
    network = saved(name)
    graph = network.graph()
    batch = batch_of(network.expected())
    if how == "config":
        again = MXNetGraph.from_config(json.loads(json.dumps(graph.config())), graph.state_dict())
    elif how == "zeros":
        again = MXNetGraph.from_config(graph.config())
        again.load_state_dict(graph.state_dict())
    elif how == "deepcopy":
        again = copy.deepcopy(graph)
        assert all(a is not b for a, b in zip(again.parameters(), graph.parameters(), strict=True))
        stage = graph.stages[-1]
        assert next(again.get_submodule(stage).parameters(), 0) is not next(graph.get_submodule(stage).parameters(), 1)
    else:
        again = copy.deepcopy(graph).double()
    assert again.config().keys() == graph.config().keys()
    assert again.stages == graph.stages
    found = again.eval()(batch)
    assert found.dtype == (torch.float64 if how == "double" else torch.float32)
    assert torch.allclose(found.float(), graph(batch), atol=1e-5 if how == "double" else 0)


def damaged(**changes: Any) -> dict[str, Any]:
    config = MXNetGraph(linear("w"), {"table": torch.randn(5, 3), "w": torch.randn(1, 3)}).config()
    return {**config, **changes}


CONFIGS = {
    "part missing": ({"symbol": ""}, "which is damaged"),
    "symbol no text": (damaged(symbol=3), "no text of at most"),
    "symbol no graph": (damaged(symbol="{}"), "'nodes' is missing"),
    "result": (damaged(result="probability"), "expected one of logits, sigmoid"),
    "binary": (damaged(binary=1), "which is damaged"),
    "two outputs that are one": (damaged(binary=True), "does not have two outputs"),
    "tensors empty": (damaged(tensors={}), "list of tensors is damaged"),
    "tensor no list": (damaged(tensors={"w": 1, "table": ["table", "float32", 5, 3]}), "says 1 of the tensor 'w'"),
    "tensor of another type": (damaged(tensors={"w": ["w", "complex64", 1]}), "expected a type of float32"),
    "tensor inflated": (damaged(tensors={"w": ["w", "float32", 2**30, 2**30]}), "expected a type of"),
    "feeding": (damaged(feeding={"inputs": {}}), "of its inputs, which is damaged"),
    "feeding of a kind": (
        damaged(feeding={**Feeding({"data": "ids"}).to_dict(), "inputs": {"data": "words"}}),
        "must be one of ids",
    ),
    "feeding below 0": (damaged(feeding={**Feeding({"data": "ids"}).to_dict(), "padding": -1}), "which is damaged"),
}


@pytest.mark.parametrize("fault", CONFIGS)
def test_damaged_configurations_are_refused(fault: str) -> None:
    config, message = CONFIGS[fault]
    with pytest.raises(ArtifactError, match=message):
        MXNetGraph.from_config(config)


@pytest.mark.parametrize(
    "state", [{}, {"table": torch.zeros(5, 3)}, {"table": torch.zeros(5, 3), "w": torch.zeros(3, 1)}]
)
def test_weights_that_do_not_fit_the_configuration_are_refused(state: dict[str, torch.Tensor]) -> None:
    with pytest.raises(ArtifactError, match=r"is not that of the weights next to it|do not belong together"):
        MXNetGraph.from_config(damaged(), state)


def with_node(op: str, attrs: dict[str, str], n_inputs: int = 1) -> Symbol:
    symbol = linear("w")
    odd = Node(op, "odd", attrs, ((2, 0),) * n_inputs)
    return Symbol((*symbol.nodes[:3], odd, Node("broadcast_add", "sum", {}, ((2, 0), (3, 0)))), ((4, 0),))


BOMBS = {
    "zeros": with_node("_zeros", {"shape": "(1000000, 1000000)"}, 0),
    "ones of open sizes": with_node("_ones", {"shape": "(0, 1000000, 9999)"}, 0),
    "tile": with_node("tile", {"reps": "(1, 1000000, 100)"}),
    "repeat": with_node("repeat", {"repeats": "1000000000"}),
    "one_hot": with_node("one_hot", {"depth": "1000000000"}),
    "broadcast_axis": with_node("broadcast_axis", {"axis": "0", "size": "1000000000000"}),
    "broadcast_to": with_node("broadcast_to", {"shape": "(100000, 100000, 3, 16, 3)"}),
    "arange": with_node("_arange", {"start": "0", "stop": "1e15"}, 0),
    "pooling": with_node(
        "Pooling", {"kernel": "(60001,)", "pad": "(60000,)", "stride": "(65535,)", "pooling_convention": "full"}
    ),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_graph_that_asks_for_all_memory_is_refused_before_it_gets_any(bomb: str) -> None:
    with pytest.raises(
        ArtifactError, match=r"node 3, the .* would make .* values for 3 texts; more than .* are refused"
    ):
        MXNetGraph(BOMBS[bomb], {"table": torch.zeros(5, 3)}, result="values")


def test_unknown_operators_are_named_with_their_place() -> None:
    symbol = linear("w")
    odd = [replace(symbol.nodes[3], op="_contrib_mystery"), replace(symbol.nodes[5], op="Enigma")]
    symbol = replace(symbol, nodes=(*symbol.nodes[:3], odd[0], symbol.nodes[4], odd[1], symbol.nodes[6]))
    message = (
        r"'_contrib_mystery' at node 3 of 7, called 'pooled', which reads 'embed'; "
        r"'Enigma' at node 5 of 7, called 'stages', which reads 'pooled', 'w'.*output=NAME.*Covered are: .*Activation"
    )
    with pytest.raises(ArtifactError, match=message):
        MXNetGraph(symbol, {"table": torch.zeros(5, 3), "w": torch.zeros(1, 3)})


@pytest.mark.parametrize(
    ("head", "message"), [((6, 1), "output 1 of node 6, the sigmoid called 'p'"), ((1, 0), "output 0 of node")]
)
def test_a_result_that_nothing_computes_is_refused(head: tuple[int, int], message: str) -> None:
    symbol = replace(linear("w"), heads=(head,))
    with pytest.raises(ArtifactError, match=f"{message}.*which computes no such output"):
        MXNetGraph(symbol, {"table": torch.zeros(5, 3), "w": torch.zeros(1, 3)}, feeding=Feeding({"data": "ids"}))


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({"table": (5, 3)}, "the graph has 2 inputs|parameters w of the graph are not in the parameter file"),
        ({"table": (5, 3), "w": (1, 4)}, "node 5, the FullyConnected called 'stages', cannot run"),
        ({"table": (4, 3), "w": (1, 3)}, r"expected \(5, 3\)"),
        ({"data": (1,), "table": (5, 3), "w": (1, 3)}, "the graph has 0 inputs"),
    ],
)
def test_parameters_that_do_not_fit_are_refused(tensors: dict[str, tuple[int, ...]], message: str) -> None:
    zeros = {name: torch.zeros(shape) for name, shape in tensors.items()}
    with pytest.raises(ArtifactError, match=message):
        MXNetGraph(linear("w"), zeros, feeding=None if "data" in tensors else Feeding({"data": "ids"}))


def test_outputs_that_are_not_there_are_named(saved: Load) -> None:
    graph = saved("tiny").graph()
    batch = Batch(ids=torch.tensor([[1]]), lengths=torch.tensor([1]))
    with pytest.raises(OptionError, match="there is no layer 'dense'"):
        graph.outputs(batch, ["dense"])
    with pytest.raises(OptionError, match="there is no output 'dense'"):
        graph.run({"data0": torch.zeros(1, 1), "data1": torch.ones(1)}, ["dense"])
    with pytest.raises(OptionError, match=r"the inputs \['data1'\] are missing"):
        graph.run({"data0": torch.zeros(1, 1)})
