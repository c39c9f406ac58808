"""Runs an MXNet graph on torch, as it is: every node, under the names that MXNet gave.

Parameters stand under MXNet's names (``CustomSeqNet_dense0_weight``; dots in a name become nested modules, so
that the dotted name stays), each operation is a child module under the name of its first output, and every output
can be taken by the name that ``symbol.get_internals().list_outputs()`` gives it. Nothing is repaired: a
recurrent layer without lengths reads the padding, as it did in MXNet.

Where torch and MXNet differ, MXNet is followed: batch normalisation keeps the biased variance and takes a
batch of one row; an ``Embedding`` clips indices to its table. Two things differ on purpose: batch normalisation
whose gamma and beta are frozen does not move its running statistics, and the statistics move in the forward
pass, as in torch, and not in the backward.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

import torch
from torch import Tensor, nn

from headstart.batches import Batch
from headstart.errors import ArtifactError, DataError, OptionError, unknown_name
from headstart.layers import Network, Shape
from headstart.nets.mxnet.feeding import Feeding
from headstart.nets.mxnet.nodes import (
    GraphNode,
    check_operators,
    constants,
    output_names,
    statistics,
    without_labels,
)
from headstart.nets.mxnet.operators import Call
from headstart.nets.mxnet.results import Result, checked_result, logits, result_of
from headstart.nets.mxnet.shapes import find_shapes, has_tokens, least_tokens, rows_first
from headstart.nets.mxnet.symbol import Entry, Symbol, symbol_from_text
from headstart.nets.mxnet.variables import add_variable, checked_tensors, free_name, missing_parameters, owners
from headstart.plain import Facts, Json

_MOST_VALUES = 3 << 20  # of all arrays in a probe: 12 MB; a few such arrays live at a time


class MXNetGraph(Network):
    """An MXNet network as a torch module.

    Args:
        symbol: the graph, with one result.
        tensors: the values of its variables by MXNet's names, without ``arg:`` and ``aux:``. Floating types
            become float32. `torch.nn.Parameter` values are shared and not copied.
        feeding: how a batch becomes the graph's inputs; guessed from the variables that have no values where
            it is None.
        result: what the result means; found from the last node where it is None.
        binary: give one logit for two classes: the second output's less the first's.

    Attributes:
        names: every variable and every output of an operation, by MXNet's name, with its place.
        stages: the outputs that hold something for each text, in order; the last is the result.
        shapes: the shape of each as `outputs` gives it; ``"from tokens"`` stands for a size that depends on them.
        torch_names: the name in ``named_parameters`` and ``state_dict`` of each variable, by MXNet's name.
        result: ``"logits"``, or ``"sigmoid"``, ``"softmax"`` or ``"log_softmax"`` where the graph ends in one;
            ``"values"`` for a network that ends at an inner layer.

    Raises:
        ArtifactError: if an operator is not covered, a value is missing, or shapes do not fit.
    """

    sees_padding = True

    def __init__(
        self,
        symbol: Symbol,
        tensors: Mapping[str, Tensor],
        *,
        feeding: Feeding | None = None,
        result: Result | None = None,
        binary: bool = False,
    ) -> None:
        super().__init__()
        if len(symbol.heads) != 1:
            raise ArtifactError(
                f"the graph has {len(symbol.heads)} results; expected one. Choose one of them with output=NAME."
            )
        check_operators(symbol)
        self.symbol = without_labels(symbol)
        self.feeding = feeding or Feeding.guess(self.symbol, tensors)
        found, self._logits = result_of(self.symbol)
        self.result: Result = result or found
        self.binary = binary
        self.names = output_names(self.symbol)
        self.torch_names: dict[str, str] = {}
        self.aliases: dict[str, tuple[str, ...]] = {}
        self.shapes: dict[str, Shape] = {}
        self.inputs: dict[str, tuple[str, ...]] = {}
        self._orders: dict[str, tuple[int, ...]] = {}
        self._modules_of_nodes: dict[int, str] = {}
        self._result_name = self._named_result()
        self._add_variables(tensors)
        self._add_nodes()
        self._find_stages()
        self._check_result()

    # ---------------------------------------------------------------- building

    def _named_result(self) -> str:
        names = {entry: name for name, entry in self.names.items()}
        node, output = self.symbol.heads[0]
        if (node, output) not in names or self.symbol.nodes[node].is_variable:
            raise ArtifactError(
                f"the graph's result is output {output} of node {node}, the {self.symbol.nodes[node].op} called "
                f"{self.symbol.nodes[node].name!r}, which computes no such output. Choose another with output=NAME."
            )
        return names[node, output]

    def _add_variables(self, tensors: Mapping[str, Tensor]) -> None:
        names = [name for name in self.symbol.variables if name not in self.feeding.inputs]
        missing = [name for name in names if name not in tensors]
        if missing:
            raise missing_parameters(missing, tensors)
        still = statistics(self.symbol) | constants(self.symbol)
        for name in names:
            self.torch_names[name] = add_variable(self, name, tensors[name], trained=name not in still)

    def _add_nodes(self) -> None:
        first = {node: name for name, (node, output) in reversed(self.names.items()) if output == 0}
        for index, node in enumerate(self.symbol.nodes):
            if not node.is_variable:
                name = free_name(self, first[index])
                self.add_module(name, GraphNode(node, index))
                self._modules_of_nodes[index] = name

    def _find_stages(self) -> None:
        if not self.feeding.least_tokens:
            self.feeding = replace(self.feeding, least_tokens=self.feeding.n_tokens or least_tokens(self._probe))
        shapes = find_shapes(self._probe, self.feeding.least_tokens, self.feeding.n_tokens)
        names = {entry: name for name, entry in self.names.items()}
        self.stages = tuple(name for name, shape in shapes.items() if "rows" in shape)
        for name in self.stages:
            self._orders[name], self.shapes[name] = rows_first(shapes[name])
            self.inputs[name] = tuple(names.get(entry, "") for entry in self.symbol.nodes[self.names[name][0]].inputs)
        owned = owners(self.symbol, {self.names[name][0] for name in self.stages})
        for name in self.stages:
            held = [variable for variable in owned[self.names[name][0]] if variable in self.torch_names]
            self.get_submodule(name).hold(self, held)  # type: ignore[operator]
            for torch_name in (self.torch_names[variable] for variable in held):
                self.aliases[torch_name] = (*self.aliases.get(torch_name, ()), name)

    def _probe(self, n_rows: int, n_tokens: int) -> dict[str, tuple[int, ...]]:
        """Run the graph on made-up texts, and return the shape of each output of an operation."""
        names = [name for name, (node, _) in self.names.items() if not self.symbol.nodes[node].is_variable]
        most = _MOST_VALUES + sum(value.numel() for value in self.tensors().values())
        device = next((value.device for value in self.tensors().values()), torch.device("cpu"))
        call = Call(n_rows, self.dtype, device, training=False, most_values=most)
        feeds = self.feeding.example(n_rows, n_tokens, self.dtype, device)
        was_training = self.training
        self.eval()
        try:
            with torch.no_grad(), torch.random.fork_rng(devices=[]):
                values = self.walk(feeds, tuple(self.names[name] for name in names), call)
                return {names[place]: tuple(value.shape) for place, value in values}
        except DataError as error:  # the texts are made here, so that it is the graph that does not fit them
            raise ArtifactError(f"the graph does not run on {n_rows} texts of {n_tokens} tokens: {error}") from error
        finally:
            self.train(was_training)

    def _check_result(self) -> None:
        name, shape = self._result_name, self.shapes.get(self._result_name, ())
        if self.result == "values" and shape:
            return
        if not shape or has_tokens(shape):
            raise ArtifactError(
                f"the result {name!r} has the shape {shape or 'of no text'}; expected ('rows', number of outputs). "
                "Choose another output with output=NAME; if the network takes tokens before rows, "
                "set inputs={'data0': 'ids_time_major', ...}."
            )
        if self.binary and self.n_outputs != 1:
            raise ArtifactError(f"{name!r} does not have two outputs, as binary=True wants; leave binary away.")

    # ----------------------------------------------------------------- running

    def forward(self, batch: Batch) -> Tensor:
        """Return the result: logits [rows, outputs]; of a network that ends at an inner layer, its output.

        A graph that ends in a softmax or sigmoid gives what goes into it. A row without tokens is scored as
        one unknown word.
        """
        if self.result == "values":
            return self.outputs(batch, (self._result_name,))[self._result_name]
        value = self._run(self.feeding.feed(batch, self.dtype), (self._logits,), len(batch))[0]
        if self._logits == self.symbol.heads[0]:
            value = logits(value, self.result)
        value = value.reshape(len(batch), -1)
        return value[:, 1:] - value[:, :1] if self.binary else value

    def outputs(self, batch: Batch, names: Iterable[str]) -> dict[str, Tensor]:
        """Return outputs by MXNet's names, running nothing that they do not need.

        They are laid out as `shapes` says: [rows, tokens, size] whatever the order of axes in the graph, and
        [rows, size] where there are no tokens. `run` gives them as MXNet does.

        Args:
            batch: the texts.
            names: any of `stages`.

        Raises:
            OptionError: for an unknown name; the message lists the near ones.
        """
        wanted = self.checked(names)
        entries = tuple(self.names[name] for name in wanted)
        values = self._run(self.feeding.feed(batch, self.dtype), entries, len(batch))
        found = {}
        for name, value in zip(wanted, values, strict=True):
            turned = value.permute(self._orders[name])
            found[name] = turned if has_tokens(self.shapes[name]) else turned.reshape(len(batch), -1)
        return found

    def run(self, inputs: Mapping[str, Tensor], names: Iterable[str] | None = None) -> dict[str, Tensor]:
        """Return outputs for MXNet's own inputs, as MXNet gives them.

        Args:
            inputs: the graph's inputs by name, e.g. ``{"data0": indices, "data1": lengths}``: indices of the
                graph's own vocabulary.
            names: any of `names`, parameters included; the result where it is None.
        """
        wanted = (self._result_name,) if names is None else tuple(names)
        for name in wanted:
            if name not in self.names:
                raise unknown_name("output", name, self.names)
        absent = [name for name in self.feeding.inputs if name not in inputs]
        if absent:
            raise OptionError(f"the inputs {absent} are missing; this graph takes {list(self.feeding.inputs)}.")
        feeds = {name: torch.as_tensor(inputs[name]) for name in self.feeding.inputs}
        feeds = {name: value.to(self.dtype) if value.is_floating_point() else value for name, value in feeds.items()}
        values = self._run(feeds, tuple(self.names[name] for name in wanted), self.feeding.n_rows(feeds))
        return dict(zip(wanted, values, strict=True))

    def _run(self, feeds: Mapping[str, Tensor], wanted: tuple[Entry, ...], n_rows: int) -> list[Tensor]:
        device = next(iter(feeds.values())).device
        found = dict(self.walk(feeds, wanted, Call(n_rows, self.dtype, device, self.training)))
        return [found[place] for place in range(len(wanted))]

    def walk(self, feeds: Mapping[str, Tensor], wanted: tuple[Entry, ...], call: Call) -> Iterator[tuple[int, Tensor]]:
        """Run what `wanted` needs and yield each wanted value, with its place in `wanted`, as it is made.

        This is what `forward`, `outputs` and `run` share; use those.
        """
        values: dict[int, tuple[Tensor, ...]] = {}
        last_use = self._last_uses(wanted)
        for index in sorted(last_use):
            node = self.symbol.nodes[index]
            if node.is_variable:
                values[index] = (feeds[node.name] if node.name in feeds else self.tensor(node.name),)
            else:
                arguments = [self._pick(values, entry) for entry in node.inputs]
                values[index] = self._modules[self._modules_of_nodes[index]](call, *arguments)  # type: ignore[misc]
            yield from ((place, self._pick(values, entry)) for place, entry in enumerate(wanted) if entry[0] == index)
            for source in {index, *(source for source, _ in node.inputs)}:
                if last_use[source] <= index:
                    values.pop(source, None)

    def _last_uses(self, wanted: tuple[Entry, ...]) -> dict[int, int]:
        """Return the nodes that are needed, each with the last node that reads it."""
        last_use = {node: node for node, _ in wanted}
        for index in range(max(last_use), -1, -1):
            if index in last_use:
                for source, _ in self.symbol.nodes[index].inputs:
                    last_use[source] = max(index, last_use.get(source, source))
        return last_use

    def _pick(self, values: Mapping[int, tuple[Tensor, ...]], entry: Entry) -> Tensor:
        index, output = entry
        if output >= len(values[index]):
            node = self.symbol.nodes[index]
            raise ArtifactError(
                f"output {output} of node {index}, the {node.op} called {node.name!r}, is wanted, but only its first "
                f"{len(values[index])} are covered. Export the network without what reads that output."
            )
        return values[index][output]

    # ---------------------------------------------------------------- the parts

    @property
    def head(self) -> tuple[str, ...]:
        """The stages behind the last one that makes one array a text of arrays for its tokens."""
        tokens = {name for name in self.stages if has_tokens(self.shapes[name])}
        pooled = [i for i, name in enumerate(self.stages) if name not in tokens and tokens & {*self.inputs[name]}]
        return (self.stages[pooled[-1] + 1 :] if pooled else ()) or self.stages[-1:]

    @property
    def dtype(self) -> torch.dtype:
        """The floating type in which the network runs: float32, or float64 after ``graph.double()``."""
        tensors = (self.tensor(name) for name in self.torch_names)
        return next((tensor.dtype for tensor in tensors if tensor.is_floating_point()), torch.float32)

    @property
    def n_outputs(self) -> int:
        """Logits a row."""
        sizes = self.shapes[self._result_name][1:]
        return math.prod(size if isinstance(size, int) else 0 for size in sizes) - int(self.binary)

    def tensor(self, name: str) -> Tensor:
        """Return the parameter or running statistic of MXNet's name."""
        if name not in self.torch_names:
            raise unknown_name("parameter", name, self.torch_names)
        path, _, leaf = self.torch_names[name].rpartition(".")
        found: Tensor = getattr(self.get_submodule(path), leaf)
        return found

    def tensors(self) -> dict[str, Tensor]:
        """Return every parameter and running statistic by MXNet's name."""
        return {name: self.tensor(name) for name in self.torch_names}

    def get_submodule(self, target: str) -> nn.Module:
        """Return a child; the name of any stage will do, also where its node has several outputs."""
        node = self.names.get(target, (-1, 0))[0]
        return super().get_submodule(self._modules_of_nodes.get(node, target))

    def until(self, layer: str) -> MXNetGraph:
        """Return the trainable network that ends at `layer`, any of `stages`. It shares this network's weights.

        Move this network to its device before, not after: running statistics are shared as they lie.
        """
        self.checked((layer,))
        symbol = self.symbol.ending_at(self.names[layer])
        feeding = self.feeding.only(symbol.variables)
        return MXNetGraph(symbol, self.tensors(), feeding=feeding, result="values").train(self.training)

    def config(self) -> Json:
        """Return all but the values, ready for JSON; see `from_config`."""
        tensors = {
            name: [self.torch_names[name], str(value.dtype).removeprefix("torch."), *value.shape]
            for name, value in self.tensors().items()
        }
        return {
            "symbol": json.dumps(self.symbol.to_dict(), ensure_ascii=False),
            "feeding": self.feeding.to_dict(),
            "result": self.result,
            "binary": self.binary,
            "tensors": tensors,
        }

    @staticmethod
    def from_config(config: Facts, state: Mapping[str, Tensor] | None = None) -> MXNetGraph:
        """Build a network from what `config` gave.

        Args:
            config: what `config` gave.
            state: its values, as ``state_dict`` names them, checked against the configuration before anything
                is allocated, and used as they are. Where it is None the values are zeros, for
                ``load_state_dict``; then bound the sizes in ``config["tensors"]`` first.

        Raises:
            ArtifactError: if the configuration is damaged or does not fit the values.
        """
        if set(config) != {"symbol", "feeding", "result", "binary", "tensors"} or type(config["binary"]) is not bool:
            raise ArtifactError(
                f"the saved graph's configuration has the parts {sorted(map(str, config))[:9]}, which is damaged; "
                "copy the model again from where it was saved."
            )
        return MXNetGraph(
            symbol_from_text(config["symbol"], "of the saved model"),
            dict(checked_tensors(config["tensors"], state)),
            feeding=Feeding.from_dict(config["feeding"]),
            result=checked_result(config["result"]),
            binary=config["binary"],
        )
