"""The graph of a network, as a checked table of nodes, in the layout of MXNet's ``-symbol.json``.

The file lists nodes so that each comes after those that it reads::

    {"nodes": [{"op": "null", "name": "data", "inputs": []},
               {"op": "FullyConnected", "name": "dense0_fwd", "attrs": {"num_hidden": "10"},
                "inputs": [[0, 0, 0], [1, 0, 0], [2, 0, 0]]}, ...],
     "arg_nodes": [0, 1, 2], "heads": [[3, 0, 0]], "attrs": {"mxnet_version": ["int", 10901]}}

``null`` marks a variable: an input, a parameter or a running statistic. An input is ``[node, output]``, newer
files add a version number that means nothing here. Old files (before 1.0) write ``attr`` or ``param`` for
``attrs``. What an operator means is not known here: see `headstart.nets.mxnet.operators`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from headstart.errors import ArtifactError
from headstart.plain import Facts, Json, Row

Entry = tuple[int, int]
"""One output of one node: the node's position, and which of its outputs."""

MOST_BYTES = 2 << 20  # Python's own objects take up to 24 times the text's size
_MOST_NODES = 20_000
_MOST_OUTPUTS = 1_024
_LONGEST_TEXT = 4_096
_REMEDY = "Save the graph again with MXNet's export, or copy the file again."


@dataclass(frozen=True)
class Node:
    """One line of the graph.

    Attributes:
        op: the operator's name; ``"null"`` for a variable.
        name: the node's own name.
        attrs: options of the operator, every value as the text that MXNet wrote.
        inputs: what it reads.
    """

    op: str
    name: str
    attrs: Mapping[str, str]
    inputs: tuple[Entry, ...]

    @property
    def is_variable(self) -> bool:
        """Whether this is an input, a parameter or a running statistic, and not an operation."""
        return self.op == "null"


@dataclass(frozen=True)
class Symbol:
    """A network's graph: nodes in an order in which they can run, and which outputs are the result."""

    nodes: tuple[Node, ...]
    heads: tuple[Entry, ...]
    mxnet_version: int | None = None

    @property
    def variables(self) -> tuple[str, ...]:
        """Names of the variables, in order; no two are equal."""
        return tuple(node.name for node in self.nodes if node.is_variable)

    def ending_at(self, *heads: Entry) -> Symbol:
        """Return the part of the graph that `heads` need."""
        needed = {node for node, _ in heads}
        for index in range(max(needed), -1, -1):
            if index in needed:
                needed.update(source for source, _ in self.nodes[index].inputs)
        place = {old: new for new, old in enumerate(sorted(needed))}

        def _moved(entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
            return tuple((place[node], output) for node, output in entries)

        nodes = (self.nodes[old] for old in sorted(needed))
        return Symbol(
            tuple(Node(node.op, node.name, node.attrs, _moved(node.inputs)) for node in nodes),
            _moved(heads),
            self.mxnet_version,
        )

    def to_dict(self) -> Json:
        """Return the graph in the layout of the file, ready for JSON."""
        nodes: list[Row] = []
        for node in self.nodes:
            entry: Json = {"op": node.op, "name": node.name}
            if node.attrs:
                entry["attrs"] = dict(node.attrs)
            nodes.append({**entry, "inputs": [[*source, 0] for source in node.inputs]})
        graph: Json = {
            "nodes": nodes,
            "arg_nodes": [index for index, node in enumerate(self.nodes) if node.is_variable],
            "heads": [[*head, 0] for head in self.heads],
        }
        if self.mxnet_version is not None:
            graph["attrs"] = {"mxnet_version": ["int", self.mxnet_version]}
        return graph


def symbol_from_text(text: object, source: str) -> Symbol:
    """Return the checked graph in a text that holds what the file would; see `symbol_from_bytes`."""
    if not isinstance(text, str) or len(text) > MOST_BYTES:
        raise ArtifactError(f"the graph {source} is no text of at most {MOST_BYTES:,} characters. {_REMEDY}")
    return symbol_from_bytes(text.encode("utf-8", "surrogatepass"), source)


def symbol_from_bytes(raw: bytes, source: str) -> Symbol:
    """Return the checked graph in the bytes of a file.

    Args:
        raw: at most `MOST_BYTES` of them.
        source: what messages call the file.

    Raises:
        ArtifactError: if they are not JSON, or not a graph in which every node reads only nodes before it. The
            message says where the fault is.
    """
    return _Checker(source).symbol(_parse(raw, source))


def _parse(raw: bytes, source: str) -> Any:
    def _refuse_constant(name: str) -> NoReturn:
        raise ValueError(f"it holds {name}, which is not JSON")

    def _without_repeats(pairs: list[tuple[str, Any]]) -> Json:
        made = dict(pairs)
        if len(made) != len(pairs):
            raise ValueError("an object in it has two entries of one name")
        return made

    try:
        text = raw.decode("utf-8")
        return json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_without_repeats)
    except RecursionError:
        fault = "its brackets are nested too deeply"
    except ValueError as error:  # JSON and UTF-8 errors, and whole numbers of thousands of digits
        fault = str(error)[:200]
    raise ArtifactError(f"the graph {source} is not a JSON file that can be read: {fault}. {_REMEDY}")


class _Checker:
    """Turns loaded JSON into a `Symbol`, or says what is wrong with it."""

    def __init__(self, source: str) -> None:
        self.source = source

    def fail(self, fault: str) -> NoReturn:
        """Raise the error for a fault of the graph."""
        raise ArtifactError(f"the graph {self.source} cannot be used: {fault}. {_REMEDY}")

    def symbol(self, graph: object) -> Symbol:
        """Return the whole graph, checked."""
        if not isinstance(graph, dict):
            self.fail(f"it is a JSON {_kind(graph)}; expected an object with 'nodes' and 'heads'")
        listed = self.array(graph.get("nodes"), "'nodes'")
        if not 0 < len(listed) <= _MOST_NODES:
            self.fail(f"it has {len(listed):,} nodes; expected 1 to {_MOST_NODES:,}")
        nodes = tuple(self.node(entry, index) for index, entry in enumerate(listed))
        self.unique_variables(nodes)
        for index in self.array(graph.get("arg_nodes", []), "'arg_nodes'"):
            if not _is_index(index, len(nodes)) or not nodes[index].is_variable:
                self.fail(f"'arg_nodes' lists {index!r:.40}, which is not the position of a variable")
        heads = self.entries(graph.get("heads"), len(nodes), "'heads'")
        if not heads:
            self.fail("'heads' is empty, so that it has no result")
        return Symbol(nodes, heads, _version(graph.get("attrs")))

    def node(self, entry: object, index: int) -> Node:
        """Return the node at `index`, which may read only those before it."""
        where = f"node {index}"
        if not isinstance(entry, dict):
            self.fail(f"{where} is a JSON {_kind(entry)}; expected an object with 'op', 'name' and 'inputs'")
        op = self.text(entry.get("op"), f"'op' of {where}")
        name = self.text(entry.get("name"), f"'name' of {where}")
        where = f"node {index} ({name!r})"
        inputs = self.entries(entry.get("inputs", []), index, f"'inputs' of {where}")
        if op == "null" and inputs:
            self.fail(f"{where} is a variable and yet has inputs")
        return Node(op, name, dict(self.attributes(entry, where)), inputs)

    def attributes(self, entry: Facts, where: str) -> Iterator[tuple[str, str]]:
        """Yield a node's options, under whichever name its MXNet kept them."""
        for key in ("param", "attr", "attrs"):
            found = entry.get(key, {})
            if not isinstance(found, dict):
                self.fail(f"{key!r} of {where} is a JSON {_kind(found)}; expected an object of texts")
            for name, value in found.items():
                yield (
                    self.text(name, f"an option's name of {where}"),
                    self.text(value, f"option {name!r:.60} of {where}", may_be_empty=True),
                )

    def entries(self, listed: object, n_nodes: int, what: str) -> tuple[Entry, ...]:
        """Return references to outputs of the first `n_nodes` nodes."""
        found = []
        for entry in self.array(listed, what):
            ok = isinstance(entry, list) and len(entry) in (2, 3)
            if not ok or not _is_index(entry[0], n_nodes) or not _is_index(entry[1], _MOST_OUTPUTS):
                self.fail(
                    f"{what} holds {entry!r:.60}; expected [node, output, version] with a node from 0 to {n_nodes - 1}"
                )
            found.append((entry[0], entry[1]))
        return tuple(found)

    def unique_variables(self, nodes: tuple[Node, ...]) -> None:
        """Refuse two variables of one name; operations may share one, as a layer called twice does."""
        names: set[str] = set()
        for node in nodes:
            if node.is_variable and node.name in names:
                self.fail(f"two variables are both called {node.name!r}, so that their values cannot be told apart")
            names.update((node.name,) if node.is_variable else ())

    def array(self, value: object, what: str) -> list[Any]:
        """Return `value` if it is a JSON array."""
        if not isinstance(value, list):
            self.fail(f"{what} is {'missing' if value is None else 'a JSON ' + _kind(value)}; expected a JSON array")
        return value

    def text(self, value: object, what: str, *, may_be_empty: bool = False) -> str:
        """Return `value` if it is a text that can be printed and is not endless."""
        if not isinstance(value, str):
            self.fail(f"{what} is {'missing' if value is None else 'a JSON ' + _kind(value)}; expected a text")
        if len(value) > _LONGEST_TEXT or not value.isprintable() or not (value or may_be_empty):
            self.fail(f"{what} is {value!r:.60}; expected 1 to {_LONGEST_TEXT:,} printable characters")
        return value


def _is_index(value: object, end: int) -> bool:
    return type(value) is int and 0 <= value < end  # bool is an int to isinstance


def _kind(value: object) -> str:
    return {dict: "object", list: "array", str: "text", bool: "boolean", type(None): "null"}.get(type(value), "number")


def _version(attrs: object) -> int | None:
    version = attrs.get("mxnet_version") if isinstance(attrs, dict) else None
    if isinstance(version, list) and len(version) == 2 and _is_index(version[1], 10**9):
        return int(version[1])
    return None
