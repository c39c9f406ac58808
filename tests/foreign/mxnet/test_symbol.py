from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from headstart.errors import ArtifactError
from headstart.foreign.mxnet import read_symbol
from headstart.nets.mxnet.symbol import symbol_from_text

NETS = ("tiny", "tiny_lstm", "tiny_gru2", "tiny_conv")


def small(**changes: Any) -> dict[str, Any]:
    graph: dict[str, Any] = {
        "nodes": [
            {"op": "null", "name": "data", "inputs": []},
            {"op": "null", "name": "w", "attrs": {"__shape__": "(4, 0)"}, "inputs": []},
            {
                "op": "FullyConnected",
                "name": "fc",
                "attrs": {"num_hidden": "4", "no_bias": "1"},
                "inputs": [[0, 0], [1, 0, 0]],
            },
            {"op": "relu", "name": "r", "inputs": [[2, 0, 0]]},
        ],
        "arg_nodes": [0, 1],
        "heads": [[3, 0, 0]],
        "attrs": {"mxnet_version": ["int", 10901]},
    }
    return {**graph, **changes}


def nodes(index: int, **changes: Any) -> dict[str, Any]:
    graph = small()
    graph["nodes"][index] = {**graph["nodes"][index], **changes}
    return graph


@pytest.mark.parametrize("name", NETS)
def test_a_graph_survives_its_own_json(mxnet_files: Path, name: str) -> None:
    symbol = read_symbol(mxnet_files / f"{name}-symbol.json")
    assert symbol.mxnet_version == 10901
    assert symbol_from_text(json.dumps(symbol.to_dict()), "again") == symbol
    assert symbol.ending_at(*symbol.heads) == symbol


def test_a_part_of_a_graph_has_only_what_it_needs() -> None:
    symbol = symbol_from_text(json.dumps(small()), "small")
    part = symbol.ending_at((1, 0))
    assert [node.name for node in part.nodes] == ["w"]
    assert part.heads == ((0, 0),)


@pytest.mark.parametrize("key", ["attr", "param", "attrs"])
def test_old_names_for_options(key: str) -> None:
    graph = small()
    graph["nodes"][2][key] = graph["nodes"][2].pop("attrs")
    assert symbol_from_text(json.dumps(graph), "old").nodes[2].attrs["num_hidden"] == "4"


HOSTILE = {
    "not an object": ([], "JSON array; expected an object"),
    "no nodes": ({"heads": []}, "'nodes' is missing"),
    "nodes no array": (small(nodes={}), "'nodes' is a JSON object"),
    "empty": (small(nodes=[]), "0 nodes; expected 1 to"),
    "too many nodes": (small(nodes=[0] * 20_001), "20,001 nodes"),
    "node no object": (small(nodes=[1]), "node 0 is a JSON number"),
    "op missing": (nodes(2, op=None), "'op' of node 2 is missing"),
    "name a number": (nodes(2, name=7), "'name' of node 2 is a JSON number"),
    "name empty": (nodes(2, name=""), "expected 1 to 4,096 printable"),
    "name with a line end": (nodes(2, name="a\nb"), "printable"),
    "name half a character": (nodes(2, name="\ud800"), "printable"),
    "name endless": (nodes(2, name="n" * 5000), "printable"),
    "option a number": (nodes(2, attrs={"num_hidden": 4}), "option 'num_hidden' of node 2 .'fc'. is a JSON number"),
    "option true": (nodes(2, attrs={"flatten": True}), "is a JSON boolean"),
    "options no object": (nodes(2, attrs=[]), "'attrs' of node 2"),
    "reads itself": (nodes(2, inputs=[[2, 0, 0]]), "a node from 0 to 1"),
    "reads what comes later": (nodes(2, inputs=[[3, 0, 0]]), "expected \\[node, output, version\\]"),
    "reads node -1": (nodes(2, inputs=[[-1, 0, 0]]), "'inputs' of node 2"),
    "reads node true": (nodes(2, inputs=[[True, 0, 0]]), "'inputs' of node 2"),
    "reads node 0.0": (nodes(2, inputs=[[0.0, 0, 0]]), "'inputs' of node 2"),
    "reads output 10 to the 30": (nodes(2, inputs=[[0, 10**30, 0]]), "'inputs' of node 2"),
    "input no array": (nodes(2, inputs=[0]), "holds 0"),
    "input too long": (nodes(2, inputs=[[0, 0, 0, 0]]), "'inputs' of node 2"),
    "variable with inputs": (nodes(1, inputs=[[0, 0, 0]]), "is a variable and yet has inputs"),
    "two variables of a name": (nodes(1, name="data"), "two variables are both called 'data'"),
    "arg_nodes of an operation": (small(arg_nodes=[2]), "'arg_nodes' lists 2"),
    "heads missing": (small(heads=None), "'heads' is missing"),
    "heads empty": (small(heads=[]), "'heads' is empty"),
    "heads beyond": (small(heads=[[9, 0, 0]]), "'heads' holds"),
}


@pytest.mark.parametrize("fault", HOSTILE)
def test_hostile_graphs_are_refused_with_a_sentence(tmp_path: Path, fault: str) -> None:
    graph, message = HOSTILE[fault]
    path = tmp_path / "made-symbol.json"
    path.write_text(json.dumps(graph))
    with pytest.raises(ArtifactError, match=message) as caught:
        read_symbol(path)
    assert len(str(caught.value).split()) >= 12


TEXTS = {
    "empty": (b"", "not a JSON file"),
    "not JSON": (b"{nodes}", "not a JSON file"),
    "cut": (json.dumps(small()).encode()[:-9], "not a JSON file"),
    "nested": (b"[" * 200_000, "nested too deeply"),
    "nested objects": (b'{"a":' * 100_000, "nested too deeply"),
    "NaN": (b'{"nodes": NaN}', "it holds NaN"),
    "endless number": (b'{"nodes": ' + b"9" * 5000 + b"}", "not a JSON file"),
    "not UTF-8": (b'{"nodes": "\xff"}', "not a JSON file"),
    "UTF-16": (json.dumps(small()).encode("utf-16"), "not a JSON file"),
    "a name twice": (b'{"nodes": [], "nodes": []}', "two entries of one name"),
    "too large": (b" " * (2 << 20) + b"{} ", "at most 2,097,152 are read"),
}


@pytest.mark.parametrize("fault", TEXTS)
def test_texts_that_are_no_graph_are_refused(tmp_path: Path, fault: str) -> None:
    data, message = TEXTS[fault]
    path = tmp_path / "made-symbol.json"
    path.write_bytes(data)
    with pytest.raises(ArtifactError, match=message):
        read_symbol(path)


@pytest.mark.parametrize("kind", ["missing", "folder"])
def test_what_is_no_file_is_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "thing"
    if kind == "folder":
        path.mkdir()
    with pytest.raises(ArtifactError, match="thing"):
        read_symbol(path)
