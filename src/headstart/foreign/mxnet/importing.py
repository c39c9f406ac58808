"""A network that MXNet saved, its vocabulary and its labels, put together into something that scores texts."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.pipeline import Pipeline

from headstart.arrays import Array
from headstart.errors import ArtifactError, OptionError, unknown_name
from headstart.foreign.mxnet.matching import match_parameters
from headstart.foreign.mxnet.params import read_params
from headstart.foreign.mxnet.parity import parity_certificate
from headstart.foreign.mxnet.symbol import read_symbol
from headstart.foreign.mxnet.vocabulary import Vocabulary, read_vocabulary
from headstart.nets.mxnet import Feeding, MXNetGraph, Symbol
from headstart.nets.mxnet.nodes import check_operators, output_names, without_labels
from headstart.plain import Json, Row
from headstart.tasks import Binary, MultiClass, MultiLabel, Task
from headstart.text import TokenIndexer, text_steps

_ENOUGH_TOKENS = 64  # for any convolution, when only the fit of shapes is asked


@dataclass(frozen=True)
class ImportedNetwork:
    """An imported network with all that scoring a text takes.

    Attributes:
        graph: the network, in evaluation mode. Its logits are those of `task`.
        vocabulary: its words.
        task: what it answers.
        max_tokens: texts are cut to this many tokens; None for no limit.
        parity: what `parity_certificate` gave.
        source: where it came from: file names, SHA-256 sums, MXNet's version, unused arrays; ready for JSON.
    """

    graph: MXNetGraph
    vocabulary: Vocabulary
    task: Task
    max_tokens: int | None
    parity: Json
    source: Json

    def steps(self) -> Pipeline:
        """Return the fitted text steps: lower case, ASCII punctuation marks as tokens, cut at blanks.

        Ids are ours (0 padding, 1 unknown, words from 2); the graph turns them into its own indices.
        """
        steps = text_steps(tokens="tutorial", form=None).fit([""])
        steps.steps[-1] = (steps.steps[-1][0], TokenIndexer.from_vocabulary(self.vocabulary.indexed))
        return steps


def import_mxnet(
    prefix: str | os.PathLike[str],
    *,
    vocabulary: str | os.PathLike[str] | Sequence[str],
    labels: Sequence[str],
    epoch: int | None = None,
    max_tokens: int | None = None,
    parameters: str | os.PathLike[str] | None = None,
    output: str | None = None,
    inputs: Mapping[str, str] | None = None,
    unknown: str | None = None,
    padding: int | str | None = None,
    n_tokens: int | None = None,
    expected: str | os.PathLike[str] | None = None,
) -> ImportedNetwork:
    """Read ``PREFIX-symbol.json`` and ``PREFIX-0000.params`` as MXNet's ``export`` writes them.

    Args:
        prefix: the path up to ``-symbol.json``.
        vocabulary: the words that the network was trained with; see `read_vocabulary`.
        labels: of a network with one output: what a low and what a high score mean; of one with more: the label of each,
            one of which is right (softmax), or any number of them (sigmoid). The files do not say it.
        epoch: the number in the parameter file's name; the highest there is where it is None.
        max_tokens: cut texts to this many tokens.
        parameters: another parameter file, such as one that ``save_parameters`` wrote.
        output: the output to take as the result, in place of the graph's own.
        inputs: what feeds each input, e.g. ``{"data0": "ids", "data1": "lengths"}``; see `Feeding`. Guessed
            where it is None.
        unknown: the word for all unknown ones; ``"<unk>"`` where neither this nor the file says.
        padding: word or index with which short rows were filled; index 0 where neither this nor the file says.
        n_tokens: the one length that the graph takes, for graphs that take no other.
        expected: outputs of MXNet to hold it against; see `parity_certificate`.

    Raises:
        ArtifactError: if a file is damaged, the graph holds what is not covered, or the parts do not fit.
        DataError: if the vocabulary cannot be used.
        OptionError: if an option does not fit.
    """
    symbol_path, parameter_path = _files(prefix, epoch, parameters)
    symbol = _with_output(read_symbol(symbol_path), output)
    words = read_vocabulary(vocabulary, unknown=unknown, padding=padding)
    feeding = Feeding(dict(inputs)) if inputs is not None else None
    graph, facts = _build(symbol, _named(read_params(parameter_path), parameter_path), feeding, n_tokens)
    _check_vocabulary(graph, words)
    graph.feeding = replace(graph.feeding, padding=words.padding, unknown=words.unknown)
    task = _task_of(graph, labels)
    graph.binary = task.n_outputs == 1 and graph.n_outputs == 2
    source = {
        "format": "mxnet",
        "mxnet_version": symbol.mxnet_version,
        **facts,
        "files": _sums(symbol_path, parameter_path),
    }
    return ImportedNetwork(
        graph.eval(),
        words,
        task,
        _checked_max_tokens(max_tokens, n_tokens),
        parity_certificate(graph, len(words.words), expected=expected),
        source,
    )


def _files(
    prefix: str | os.PathLike[str], epoch: int | None, parameters: str | os.PathLike[str] | None
) -> tuple[Path, Path]:
    stem = re.sub(r"(-symbol\.json|-\d{4,}\.params)$", "", os.fspath(prefix))
    symbol = Path(f"{stem}-symbol.json")
    if parameters is not None:
        return symbol, Path(parameters)
    if epoch is not None:
        return symbol, Path(f"{stem}-{epoch:04d}.params")
    pattern = re.compile(re.escape(symbol.name.removesuffix("symbol.json")) + r"(\d{4,})\.params")
    there = sorted(symbol.parent.iterdir()) if symbol.parent.is_dir() else []
    epochs = [(int(match[1]), path) for path in there if (match := pattern.fullmatch(path.name))]
    if not epochs:
        raise ArtifactError(
            f"there is no file {stem}-NNNN.params next to {symbol.name!r}; give the path that MXNet's export was called "
            "with, or name the file with parameters=PATH."
        )
    return symbol, max(epochs)[1]


def _with_output(symbol: Symbol, output: str | None) -> Symbol:
    if output is None:
        return symbol
    cut = without_labels(symbol)
    # Only what leads to the output has to be covered: the part behind it may hold anything.
    known = {node.name: index for index, node in enumerate(cut.nodes)}
    stems = [name for name in known if output.startswith(name)]
    for name in sorted(stems, key=len, reverse=True):
        part = cut.ending_at((known[name], 0))
        check_operators(part)
        names = output_names(part)
        if output in names:
            return part.ending_at(names[output])
    raise unknown_name("output", output, [f"{node.name}_output" for node in cut.nodes if not node.is_variable])


def _named(arrays: dict[str, Array] | list[Array], path: Path) -> dict[str, Array]:
    if isinstance(arrays, list):
        raise ArtifactError(
            f"the parameter file {str(path)!r} holds {len(arrays)} arrays without names, which cannot be told apart; "
            "give a file that export or save_parameters wrote."
        )
    return arrays


def _build(
    symbol: Symbol, arrays: dict[str, Array], feeding: Feeding | None, n_tokens: int | None
) -> tuple[MXNetGraph, Json]:
    check_operators(symbol)

    def _built(chosen: Mapping[str, Array], least_tokens: int = 0) -> MXNetGraph:
        tensors = {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in chosen.items()}
        made = feeding or Feeding.guess(without_labels(symbol), tensors)
        return MXNetGraph(symbol, tensors, feeding=replace(made, n_tokens=n_tokens, least_tokens=least_tokens))

    def _fits(chosen: Mapping[str, Array]) -> bool:
        try:
            _built(chosen, _ENOUGH_TOKENS)
        except ArtifactError:
            return False
        return True

    chosen, how = match_parameters(symbol, arrays, _fits)
    graph = _built(chosen)
    return graph, {"matched": how, "unused": [] if len(chosen) == len(arrays) else _unused(arrays, chosen)}


def _unused(arrays: Mapping[str, Array], chosen: Mapping[str, Array]) -> list[str]:
    used = {id(array) for array in chosen.values()}
    return [name for name, array in arrays.items() if id(array) not in used]


def _check_vocabulary(graph: MXNetGraph, words: Vocabulary) -> None:
    sizes = {
        int(node.attrs["input_dim"])
        for node in graph.symbol.nodes
        if node.op == "Embedding" and _reads_ids(graph, node)
    }
    if sizes and sizes != {len(words.words)}:
        raise ArtifactError(
            f"the vocabulary has {len(words.words):,} words but the network's embedding {max(sizes):,}; "
            "give the vocabulary that the network was trained with, word for word."
        )


def _reads_ids(graph: MXNetGraph, node: Any) -> bool:
    return graph.feeding.inputs.get(graph.symbol.nodes[node.inputs[0][0]].name, "").startswith("ids")


def _task_of(graph: MXNetGraph, labels: Sequence[str]) -> Task:
    names = () if isinstance(labels, str) else tuple(map(str, labels))
    n_outputs = graph.n_outputs
    if len(names) < 2 or len(set(names)) < len(names):
        raise OptionError(
            f"labels is {labels!r}; expected two different labels or more, what a low and what a high score mean, or one for each output, "
            "e.g. labels=('positive', 'negative')."
        )
    if n_outputs == 1 or (n_outputs == 2 and graph.result != "sigmoid"):
        if len(names) == 2:
            return Binary(names)
        raise OptionError(f"{len(names)} labels came for a network of {n_outputs} outputs; expected two labels.")
    if len(names) != n_outputs:
        raise ArtifactError(
            f"the network has {n_outputs} outputs ({graph.result}), and {len(names)} labels came; name the label of each, or "
            "choose another output: output=NAME."
        )
    return MultiLabel(names) if graph.result == "sigmoid" else MultiClass(names)


def _checked_max_tokens(max_tokens: int | None, n_tokens: int | None) -> int | None:
    if max_tokens is not None and (isinstance(max_tokens, bool) or max_tokens < 1):
        raise OptionError(
            f"max_tokens is {max_tokens!r}; expected a number of tokens such as 400, or None for no limit."
        )
    return min(max_tokens or n_tokens, n_tokens) if n_tokens is not None else max_tokens


def _sums(*paths: Path) -> list[Row]:
    return [
        {"name": path.name, "bytes": path.stat().st_size, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
        for path in paths
    ]
