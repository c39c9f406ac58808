"""Every operator against MXNet itself: its outputs, its outputs in training, its gradients, its running statistics.

``tests/data/mxnet/make_operators.py`` wrote the cases with MXNet 1.9.1.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from headstart.errors import ArtifactError, DataError
from headstart.nets.mxnet.nodes import GraphNode, without_labels
from headstart.nets.mxnet.operators import GROWTH, OPERATORS, Call
from headstart.nets.mxnet.operators.shaping import reshaped
from headstart.nets.mxnet.symbol import Node, Symbol, symbol_from_text

Case = dict[str, "np.ndarray[Any, Any]"]


def _cases() -> dict[str, Case]:
    cases: dict[str, Case] = {}
    with np.load(Path(__file__).parents[2] / "data" / "mxnet" / "operators.npz", allow_pickle=False) as stored:
        for key in stored.files:
            name, _, part = key.partition("/")
            cases.setdefault(name, {})[part] = stored[key]
    return cases


CASES = _cases()


def symbol_of(case: Case) -> Symbol:
    return without_labels(symbol_from_text(case["graph"].tobytes().decode(), "of the case"))


def run(symbol: Symbol, values: Mapping[str, Tensor], *, training: bool = False) -> list[Tensor]:
    call = Call(next(iter(values.values())).shape[0], torch.float32, torch.device("cpu"), training)
    made: list[tuple[Tensor, ...]] = []
    for index, node in enumerate(symbol.nodes):
        if node.is_variable:
            made.append((values[node.name],))
        else:
            module = GraphNode(node, index).train(training)
            made.append(module(call, *(made[source][output] for source, output in node.inputs)))
    return [made[node][output] for node, output in symbol.heads]


def close(found: Tensor, wanted: np.ndarray[Any, Any], tolerance: float) -> None:
    assert tuple(found.shape) == wanted.shape
    assert found.is_floating_point() == np.issubdtype(wanted.dtype, np.floating)
    scale = max(1.0, float(np.nanmax(np.abs(wanted), initial=0)))
    np.testing.assert_allclose(found.detach().numpy() / scale, wanted / scale, rtol=0, atol=tolerance)


@pytest.mark.parametrize("name", CASES)
def test_outputs_are_those_of_mxnet(name: str) -> None:
    case = CASES[name]
    values = {key[3:]: torch.from_numpy(case[key].copy()) for key in case if key.startswith("in:")}
    for i, found in enumerate(run(symbol_of(case), values)):
        close(found, case[f"out:{i}"], 1e-5)


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if "train:0" in case])
def test_training_outputs_gradients_and_statistics_are_those_of_mxnet(name: str) -> None:
    case = CASES[name]
    values = {key[3:]: torch.from_numpy(case[key].copy()) for key in case if key.startswith("in:")}
    for key, value in values.items():
        value.requires_grad_(f"grad:{key}" in case)
    outputs = run(symbol_of(case), values, training=True)
    total = torch.zeros(())
    for i, found in enumerate(outputs):
        close(found, case[f"train:{i}"], 1e-5)
        total = total + (found * torch.cos(torch.arange(float(found.numel()))).reshape(found.shape)).sum()
    total.backward()  # type: ignore[no-untyped-call]
    for key, value in values.items():
        if f"grad:{key}" in case:
            close(torch.zeros_like(value) if value.grad is None else value.grad, case[f"grad:{key}"], 2e-5)
        if f"aux:{key}" in case:
            close(value, case[f"aux:{key}"], 1e-5)


def test_every_operator_has_a_case() -> None:
    shown = {node.op for case in CASES.values() for node in symbol_of(case).nodes}
    assert set(OPERATORS) - shown == set()


def test_growth_is_asked_of_known_operators_only() -> None:
    assert set(GROWTH) <= set(OPERATORS)


@pytest.mark.parametrize("name", CASES)
def test_no_operator_makes_more_values_than_it_foretells(name: str) -> None:
    """What `GROWTH` says, or the inputs together, is never less than what comes out: memory is safe with it."""
    case = CASES[name]
    values = {key[3:]: torch.from_numpy(case[key].copy()) for key in case if key.startswith("in:")}
    symbol = symbol_of(case)
    n_rows = next(iter(values.values())).shape[0]
    call = Call(n_rows, torch.float32, torch.device("cpu"))
    made: list[tuple[Tensor, ...]] = []
    for index, node in enumerate(symbol.nodes):
        if node.is_variable:
            made.append((values[node.name],))
            continue
        inputs = [made[source][output] for source, output in node.inputs]
        module = GraphNode(node, index).eval()
        made.append(module(call, *inputs))
        size = max(value.numel() for value in made[-1])
        if node.op in GROWTH and size > 0:
            limited = Call(n_rows, torch.float32, torch.device("cpu"), most_values=size - 1)
            with pytest.raises(ArtifactError, match=r"values for|would make"):
                module(limited, *inputs)
        else:
            assert size <= sum(value.numel() for value in inputs) + len(inputs)


@pytest.mark.parametrize(
    ("sizes", "codes", "reverse", "made"),
    [
        ((2, 3, 4), (6, 1, -1), False, [6, 1, 4]),
        ((2, 3, 4), (0, -3), False, [2, 12]),
        ((2, 3, 4), (-4, 1, 2, -2), False, [1, 2, 3, 4]),
        ((2, 3, 4), (0, -4, -1, 3, 0), False, [2, 1, 3, 4]),
        ((10, 5, 4), (-1, 0), True, [50, 4]),  # MXNet's own example
        ((10, 5, 4), (-1, 0), False, [40, 5]),
    ],
)
def test_reshape_codes(sizes: tuple[int, ...], codes: tuple[int, ...], reverse: bool, made: list[int]) -> None:
    assert reshaped(sizes, codes, reverse) == made


@pytest.mark.parametrize("codes", [(-1, -1), (7,), (0, 0, 0, 0), (-4, 2), (-3, -3), (-4, 3, -1, -2), (2, 3, 4, -4)])
def test_reshape_codes_that_do_not_fit(codes: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="cannot take the shape"):
        reshaped((2, 3, 4), codes)


def one(op: str, *shapes: tuple[int, ...], **attrs: str) -> tuple[Tensor, ...]:
    node = Node(op, "made", attrs, tuple((i, 0) for i in range(len(shapes))))
    call = Call(2, torch.float32, torch.device("cpu"))
    outputs: tuple[Tensor, ...] = GraphNode(node, 9)(call, *(torch.zeros(shape) for shape in shapes))
    return outputs


REFUSED = {
    "an option that is not known": ("relu", [(2,)], {"new": "1"}, "option 'new' = '1' is not known here"),
    "a required option missing": ("FullyConnected", [(2, 3), (4, 3), (4,)], {}, "required option 'num_hidden' is missing"),
    "no number": ("clip", [(2,)], {"a_min": "x", "a_max": "1"}, "expected a number"),
    "not finite": ("clip", [(2,)], {"a_min": "nan", "a_max": "1"}, "expected a number"),
    "no whole number": ("expand_dims", [(2,)], {"axis": "0.5"}, "expected a whole number"),
    "a number of thousands of digits": ("expand_dims", [(2,)], {"axis": "9" * 4000}, "expected a whole number"),
    "no flag": ("softmax", [(2,)], {"use_length": "maybe"}, "expected 'True' or 'False'"),
    "a choice not covered": ("Activation", [(2,)], {"act_type": "swish"}, "the ones covered are 'relu'"),
    "no tuple": ("transpose", [(2,)], {"axes": "(a, b)"}, "expected whole numbers such as"),
    "an endless tuple": ("transpose", [(2,)], {"axes": f"({'1,' * 999})"}, "64 at most"),
    "too few inputs": ("elemwise_add", [(2,)], {}, "has 1 inputs; .* takes 2"),
    "shapes that differ": ("elemwise_add", [(2,), (3,)], {}, "must be equal"),
    "shapes that cannot be broadcast": ("broadcast_add", [(2,), (3,)], {}, "cannot run on inputs of the shapes \\(2,\\), \\(3,\\)"),
    "weight of another size": ("FullyConnected", [(2, 3), (5, 3)], {"num_hidden": "4", "no_bias": "True"}, "expected \\(4, inputs\\)"),
    "embedding of another size": ("Embedding", [(2,), (5, 3)], {"input_dim": "9", "output_dim": "3"}, "expected \\(9, 3\\)"),
    "gamma of another size": ("LayerNorm", [(2, 3), (1,), (3,)], {}, "expected \\(3,\\), one value"),
    "recurrent parameters of another size": (
        "RNN", [(5, 2, 3), (9,), (1, 2, 4)], {"mode": "gru", "state_size": "4", "num_layers": "1"}, "expected \\(108,\\)"),
    "recurrent layers without end": (
        "RNN", [(5, 2, 3), (9,), (1, 2, 4)], {"mode": "gru", "state_size": "4", "num_layers": "99999999"}, "whole number from 1"),
    "projected cells": (
        "RNN", [(5, 2, 3), (9,), (1, 2, 4), (1, 2, 4)],
        {"mode": "lstm", "state_size": "4", "num_layers": "1", "projection_size": "2"}, "'projection_size' is '2', which is not"),
    "a layout with channels last": (
        "Convolution", [(1, 5, 2), (3, 2, 2)], {"kernel": "(2,)", "num_filter": "3", "no_bias": "1", "layout": "NWC"}, "'layout'"),
    "a window within its padding": ("Pooling", [(1, 2, 5)], {"kernel": "(2,)", "pad": "(2,)"}, "each above its pad"),
    "a range without end": ("_arange", [], {"start": "0", "stop": "9", "step": "-1"}, "never ends"),
    "a step of 0": ("slice", [(4,)], {"begin": "(0,)", "end": "(2,)", "step": "(0,)"}, "no step may be 0"),
    "squeezing what is wide": ("squeeze", [(2, 3)], {"axis": "1"}, "only axes of size 1"),
    "uneven parts": ("SliceChannel", [(2, 5)], {"num_outputs": "3"}, "into 3 equal parts"),
}  # fmt: skip


@pytest.mark.parametrize("fault", REFUSED)
def test_a_node_that_cannot_run_is_refused_by_name(fault: str) -> None:
    op, shapes, attrs, message = REFUSED[fault]
    with pytest.raises(ArtifactError, match=message) as caught:
        one(op, *shapes, **attrs)
    assert f"node 9, the {op} called 'made'" in str(caught.value)


@pytest.mark.parametrize("length", [0, 6])
def test_lengths_outside_the_array_are_refused(length: int) -> None:
    node = Node("SequenceLast", "last", {"use_sequence_length": "True"}, ((0, 0), (1, 0)))
    call = Call(2, torch.float32, torch.device("cpu"))
    with pytest.raises(DataError, match=f"a row has the length {length} in a batch of 5 tokens; expected 1 to 5"):
        GraphNode(node, 3)(call, torch.zeros(5, 2, 3), torch.tensor([5.0, float(length)]))


@pytest.mark.parametrize(
    ("mode", "training", "moves"), [("training", False, False), ("training", True, True), ("always", False, True)]
)
def test_dropout(mode: str, training: bool, moves: bool) -> None:
    node = GraphNode(Node("Dropout", "drop", {"p": "0.5", "mode": mode}, ((0, 0),)), 1).train(training)
    torch.manual_seed(0)
    (found,) = node(Call(1, torch.float32, torch.device("cpu"), training), torch.ones(1, 4000))
    assert set(found.unique().tolist()) == ({0.0, 2.0} if moves else {1.0})
    assert abs(float(found.mean()) - 1) < 0.05


def test_dropout_of_whole_axes() -> None:
    node = GraphNode(Node("Dropout", "drop", {"p": "0.5", "axes": "(1,)"}, ((0, 0),)), 1).train()
    torch.manual_seed(0)
    (found,) = node(Call(50, torch.float32, torch.device("cpu"), True), torch.ones(50, 7, 3))
    assert (found == found[:, :1]).all()
    assert set(found.unique().tolist()) == {0.0, 2.0}
