"""The nodes of a graph made ready to run, and the names that MXNet gives their outputs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from torch import Tensor, nn

from headstart.errors import ArtifactError, HeadstartError
from headstart.nets.mxnet.attributes import Attributes
from headstart.nets.mxnet.operators import GROWTH, OPERATORS, Call, Kernel
from headstart.nets.mxnet.operators.normalization import has_fixed_gamma
from headstart.nets.mxnet.symbol import Entry, Node, Symbol
from headstart.plain import Facts, Json


class GraphNode(nn.Module):
    """One operation of a graph. It holds no parameters: those are the graph's own, under MXNet's names.

    It is a module so that its training mode can be held still by itself, as freezing does.
    """

    def __init__(self, node: Node, index: int) -> None:
        super().__init__()
        self.node = node
        self.index = index
        self._kernel = _kernel(node, index)
        self._held: tuple[nn.Module | None, list[str]] = (None, [])

    def hold(self, graph: nn.Module, variables: list[str]) -> None:
        """Learn which of the graph's parameters belong to this node, by MXNet's names."""
        self._held = (graph, variables)  # in a tuple: the graph is no child of its child

    def parameters(self, recurse: bool = True) -> Iterator[nn.Parameter]:
        """Yield the parameters that belong to this node, though they are registered in the graph itself."""
        graph, variables = self._held
        for name in variables:
            tensor = graph.tensor(name)  # type: ignore[union-attr, operator]
            if isinstance(tensor, nn.Parameter):
                yield tensor

    def forward(self, call: Call, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Return the node's visible outputs.

        Raises:
            ArtifactError: if the inputs do not fit the node; the message names it and their shapes.
        """
        if call.training is not self.training:
            call = replace(call, training=self.training)
        try:
            if call.most_values is not None:
                self._check_growth(call, [tuple(value.shape) for value in inputs])
            output = self._kernel(call, *inputs)
        except HeadstartError:
            raise
        except (RuntimeError, ValueError, IndexError, TypeError, OverflowError) as error:
            shapes = ", ".join(str(tuple(value.shape)) for value in inputs) or "none"
            reason = str(error).strip().split("\n")[0][:300]
            raise ArtifactError(
                f"node {self.index}, the {self.node.op} called {self.node.name!r}, cannot run on inputs of the shapes "
                f"{shapes}: {reason}. Check that the parameter file belongs to this graph, and its inputs' order."
            ) from error
        return output if isinstance(output, tuple) else (output,)

    def _check_growth(self, call: Call, shapes: list[tuple[int, ...]]) -> None:
        growth = GROWTH.get(self.node.op)
        attributes = Attributes(self.node, self.index)
        n_values = 0 if growth is None else growth(attributes, call, shapes)
        if call.most_values is not None and n_values > call.most_values:
            attributes.fail(
                f"from inputs of the shapes {shapes or 'none'} it would make {n_values:,} values for {call.rows} texts; "
                f"more than {call.most_values:,} are refused",
                "Check the sizes in the graph file, or take an output before this node with output=NAME.",
            )

    def extra_repr(self) -> str:
        """The operator and its options, for ``print(graph)``."""
        return ", ".join([self.node.op, *(f"{name}={value}" for name, value in self.node.attrs.items())])

    def __getstate__(self) -> Json:
        return {name: value for name, value in self.__dict__.items() if name != "_kernel"}

    def __setstate__(self, state: Facts) -> None:
        super().__setstate__(dict(state))  # type: ignore[no-untyped-call]
        self._kernel = _kernel(self.node, self.index)


def _kernel(node: Node, index: int) -> Kernel:
    attributes = Attributes(node, index)
    kernel = OPERATORS[node.op].build(attributes)
    OPERATORS[node.op].outputs(attributes)
    attributes.finish()
    return kernel


def check_operators(symbol: Symbol) -> None:
    """Check that every operator is covered.

    Raises:
        ArtifactError: naming every one that is not, and where in the graph it first stands.
    """
    unknown: dict[str, int] = {}
    for index, node in enumerate(symbol.nodes):
        if not node.is_variable and node.op not in OPERATORS:
            unknown.setdefault(node.op, index)
    if not unknown:
        return
    places = "; ".join(_place(symbol, op, index) for op, index in list(unknown.items())[:20])
    raise ArtifactError(
        f"the graph uses operators that are not covered: {places}. Take an output before them "
        f"(output=NAME), or export the network from MXNet without them. Covered are: {', '.join(sorted(OPERATORS))}."
    )


def _place(symbol: Symbol, op: str, index: int) -> str:
    node = symbol.nodes[index]
    sources = ", ".join(repr(symbol.nodes[source].name) for source, _ in node.inputs[:4]) or "nothing"
    return f"{op!r} at node {index} of {len(symbol.nodes)}, called {node.name!r}, which reads {sources}"


def output_names(symbol: Symbol) -> dict[str, Entry]:
    """Return every variable and every visible output by the name that MXNet lists it under.

    MXNet may give several the same name (a layer called twice); from the second on ``#2``, ``#3`` ... is added.
    """
    names: dict[str, Entry] = {}
    for name, entry in _listed(symbol):
        free, number = name, 2
        while free in names:
            free, number = f"{name}#{number}", number + 1
        names[free] = entry
    return names


def _listed(symbol: Symbol) -> Iterator[tuple[str, Entry]]:
    for index, node in enumerate(symbol.nodes):
        if node.is_variable:
            yield node.name, (index, 0)
        else:
            for output, suffix in enumerate(OPERATORS[node.op].outputs(Attributes(node, index))):
                yield f"{node.name}_{suffix}", (index, output)


def statistics(symbol: Symbol) -> set[str]:
    """Return the names of the variables that are running statistics: MXNet's auxiliary states."""
    return {
        symbol.nodes[node.inputs[place][0]].name
        for node in symbol.nodes
        if not node.is_variable
        for place in OPERATORS[node.op].statistics
        if place < len(node.inputs)
    }


def constants(symbol: Symbol) -> set[str]:
    """Return the names of the parameters that MXNet never trains: the gamma of a batch norm that counts it as 1."""
    return {
        symbol.nodes[node.inputs[1][0]].name
        for index, node in enumerate(symbol.nodes)
        if not node.is_variable and OPERATORS[node.op].statistics and len(node.inputs) > 1
        if has_fixed_gamma(Attributes(node, index))
    }


def without_labels(symbol: Symbol) -> Symbol:
    """Return the graph without the labels that a loss at its end reads."""
    nodes = []
    for node in symbol.nodes:
        labels = OPERATORS[node.op].labels if node.op in OPERATORS else ()
        inputs = tuple(source for place, source in enumerate(node.inputs) if place not in labels)
        nodes.append(replace(node, inputs=inputs))
    return replace(symbol, nodes=tuple(nodes)).ending_at(*symbol.heads)
