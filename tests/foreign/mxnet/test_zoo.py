"""Whole networks of Gluon's layers against MXNet: exported files, every output, every gradient.

``tests/data/mxnet/make_zoo.py`` wrote them with MXNet 1.9.1.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from headstart.batches import Examples
from headstart.errors import ArtifactError
from headstart.foreign.mxnet import ImportedNetwork, import_mxnet
from headstart.inference import network_logits

VOCABULARY = [*(f"w{i}" for i in range(19)), "<unk>"]
ZOO: dict[str, dict[str, Any]] = {
    "cells": {"n_tokens": 6},
    "textcnn": {},
    "attention": {},
    "picture": {"n_tokens": 8},
    "stacked": {},
    "timemajor": {"inputs": {"data0": "ids_time_major", "data1": "lengths"}},
    "half": {},
    "checkpoint": {},
}
# MXNet's gradient of a slope shared by all channels leaves most of them out; torch's agrees with finite differences.
WRONG_IN_MXNET = {"picture_prelu0_alpha"}


def load(files: Path, name: str, **options: Any) -> ImportedNetwork:
    return import_mxnet(files / f"zoo_{name}", vocabulary=VOCABULARY, labels=("a", "b"), **{**ZOO[name], **options})


def expected(files: Path, name: str) -> dict[str, Any]:
    with np.load(files / f"zoo_{name}.expected.npz", allow_pickle=False) as stored:
        return dict(stored)


def inputs_of(arrays: dict[str, Any]) -> dict[str, torch.Tensor]:
    return {key[3:]: torch.from_numpy(value) for key, value in arrays.items() if key.startswith("in:")}


@pytest.mark.parametrize("name", ZOO)
def test_every_output_is_mxnets(mxnet_files: Path, name: str) -> None:
    found, arrays = load(mxnet_files, name), expected(mxnet_files, name)
    wanted = {key[5:]: value for key, value in arrays.items() if key.startswith("node:")}
    with torch.no_grad():
        outputs = found.graph.run(inputs_of(arrays), wanted)
    for key, value in wanted.items():
        np.testing.assert_allclose(outputs[key].detach(), value, rtol=0, atol=1e-5, err_msg=key)
    assert found.parity["agrees"]


@pytest.mark.parametrize("name", [name for name in ZOO if name not in ("half", "checkpoint")])
def test_every_gradient_is_mxnets(mxnet_files: Path, name: str) -> None:
    graph, arrays = load(mxnet_files, name).graph.train(), expected(mxnet_files, name)
    (output,) = graph.run(inputs_of(arrays)).values()
    output.square().sum().backward()
    for key, value in arrays.items():
        if key.startswith("grad:") and key[5:] not in WRONG_IN_MXNET:
            gradient = graph.tensor(key[5:]).grad
            np.testing.assert_allclose(0 if gradient is None else gradient, value, rtol=0, atol=2e-5, err_msg=key)


@pytest.mark.parametrize("name", ["textcnn", "picture", "stacked", "timemajor"])
def test_attribute_paths_are_matched(mxnet_files: Path, name: str) -> None:
    by_name = load(mxnet_files, name)
    by_layer = load(mxnet_files, name, parameters=mxnet_files / f"zoo_{name}.gluon.params")
    assert by_layer.source["matched"].startswith("by layer")
    for key, value in by_name.graph.tensors().items():
        assert torch.equal(by_layer.graph.tensor(key), value)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("cells", "'both_l_cell', 'both_r_cell' have equal shapes and no numbers"),
        ("attention", "'q', 'v', 'feed' have equal shapes and no numbers"),
    ],
)
def test_attribute_paths_that_could_be_mixed_up_are_refused(mxnet_files: Path, name: str, message: str) -> None:
    with pytest.raises(ArtifactError, match=message):
        load(mxnet_files, name, parameters=mxnet_files / f"zoo_{name}.gluon.params")


@pytest.mark.parametrize(
    ("name", "result", "binary"),
    [
        ("cells", "logits", False),
        ("textcnn", "log_softmax", True),
        ("stacked", "sigmoid", False),
        ("checkpoint", "softmax", True),
    ],
)
def test_what_the_result_means_is_found(mxnet_files: Path, name: str, result: str, binary: bool) -> None:
    graph = load(mxnet_files, name).graph
    assert (graph.result, graph.binary) == (result, binary)


@pytest.mark.parametrize("name", ZOO)
def test_texts_are_scored_whatever_stands_beside_them(mxnet_files: Path, name: str) -> None:
    found = load(mxnet_files, name)
    texts = ["", "w3", "w1 w2 other w5 w0", "w7 w7"]
    together = network_logits(found.graph, Examples(found.steps().transform(texts)))
    assert together.shape == (4, 1)
    for row, text in enumerate(texts):
        alone = network_logits(found.graph, Examples(found.steps().transform([text])))
        np.testing.assert_allclose(together[row], alone[0], rtol=0, atol=1e-6)


def test_half_precision_is_run_in_float32(mxnet_files: Path) -> None:
    graph = load(mxnet_files, "half").graph
    assert {value.dtype for value in graph.tensors().values()} == {torch.float32}


def test_a_layer_called_on_several_inputs_is_told_apart(mxnet_files: Path) -> None:
    names = load(mxnet_files, "textcnn").graph.names
    assert {"textcnn_selu0_fwd_output", "textcnn_selu0_fwd_output#2", "textcnn_selu0_fwd_output#3"} <= names.keys()


def test_a_length_that_the_graph_does_not_take_is_refused(mxnet_files: Path) -> None:
    with pytest.raises(ArtifactError, match=r"node 30, the FullyConnected called 'picture_dense0_fwd', cannot run"):
        load(mxnet_files, "picture", n_tokens=None)


def test_tokens_before_rows_have_to_be_said(mxnet_files: Path) -> None:
    with pytest.raises(ArtifactError, match=r"first state has the shape .* set|inputs=.'data0': 'ids_time_major'"):
        load(mxnet_files, "timemajor", inputs=None)
