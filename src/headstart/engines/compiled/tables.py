"""What each network is made of: its stages in order, by name. The same tables as those of `headstart.nets`, without torch.

A contract holds stages, shapes and outputs of both together.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple

from headstart.engines.compiled import encoders, kinds
from headstart.engines.compiled.kinds import Kind
from headstart.engines.engine import NetSpec, Shape
from headstart.engines.options import (
    MOST_LAYERS,
    check_encoder,
    check_static,
    checked_heads,
    checked_vectors,
    target_names,
)
from headstart.errors import OptionError, unknown_name
from headstart.plain import Facts


class Line(NamedTuple):
    """A stage: its kind, what it reads, and the shape of what it gives."""

    kind: Kind
    inputs: tuple[str, ...]
    shape: Shape


class Table(NamedTuple):
    """A network.

    Attributes:
        lines: its stages in order, by name.
        sees_padding: whether the padding of a batch changes its rows' outputs by design.
        batch_tokens: most tokens of a batch, padding included.
    """

    lines: Mapping[str, Line]
    sees_padding: bool = False
    batch_tokens: int = 65_536


def _recurrent(n_words: int, options: Facts) -> Table:
    vector, size, n_layers = options["embedding_size"], options["hidden_size"], options["n_layers"]
    if n_layers > MOST_LAYERS or len(options["dense"]) > MOST_LAYERS:
        raise ValueError(f"a network has at most {MOST_LAYERS} layers of a kind")
    both, cell, window = options["bidirectional"], options.get("cell", "fast"), options.get("window", 1)
    stack = (vector, size, n_layers, both)
    cells: dict[str, Callable[[], Kind]] = {
        "gru": lambda: kinds.gru(*stack),
        "lstm": lambda: kinds.lstm(*stack),
        "fast": lambda: kinds.fast(*stack, window),
    }
    if cell not in cells:
        raise unknown_name("recurrent cell", cell, cells)
    states = size * (2 if both else 1)
    wide = len(options["pooling"]) * states
    lines = {
        "embedding": Line(kinds.embedding(n_words, vector), ("ids",), ("rows", "tokens", vector)),
        "encoder": Line(cells[cell](), ("embedding", "lengths"), ("rows", "tokens", states)),
        "pooled": Line(kinds.pooled(options["pooling"], both), ("encoder", "lengths"), ("rows", wide)),
    }
    lines |= _dense("pooled", wide, options, options["activation"], options["batch_norm"])
    return Table(lines)


def _dense(source: str, size: int, options: Facts, activation: str, batch_norm: bool) -> dict[str, Line]:
    """Return the dense blocks and the output behind a stage."""
    lines = {}
    for i, width in enumerate(options["dense"]):
        block = kinds.dense_block(size, width, activation, batch_norm)
        lines[f"dense{i}"] = Line(block, (source,), ("rows", width))
        source, size = f"dense{i}", width
    n_outputs = options["n_outputs"]
    return {**lines, "output": Line(kinds.linear(size, n_outputs), (source,), ("rows", n_outputs))}


def _tutorial(n_words: int, options: Facts) -> Table:
    vector, size = options["embedding_size"], options["hidden_size"]
    if len(options["dense"]) > MOST_LAYERS:
        raise ValueError(f"a network has at most {MOST_LAYERS} dense blocks")
    lines = {
        "embedding": Line(kinds.embedding(n_words, vector), ("ids",), ("rows", "tokens", vector)),
        "encoder": Line(kinds.padded_gru(vector, size), ("embedding",), ("rows", "tokens", 2 * size)),
        "pooled": Line(kinds.state_at_end(), ("encoder", "lengths"), ("rows", 2 * size)),
    }
    return Table(lines | _dense("pooled", 2 * size, options, "relu", True), sees_padding=True)


def _blend(n_words: int, options: Facts) -> Table:
    vector, size, n_outputs = options["embedding_size"], options["hidden_size"], options.get("n_outputs", 1)
    states = 2 * size
    wide = len(options["pooling"]) * states

    def listed(length: int, longest: int, width: int = n_outputs, **how: Any) -> Line:
        return Line(kinds.ngrams(length, longest, n_outputs=width, **how), ("ids", "lengths"), ("rows", width))

    lines = {
        "ngrams": listed(options["n_ngrams"], 3),
        "clusters": listed(options["n_cluster_ngrams"], 3, n_words=n_words),
        "tail": listed(options["n_tail_ngrams"], 2, last=0.25),
        "embedding": Line(kinds.embedding(n_words, vector), ("ids",), ("rows", "tokens", vector)),
        "encoder": Line(kinds.gru(vector, size, 1, True), ("embedding", "lengths"), ("rows", "tokens", states)),
        "pooled": Line(kinds.pooled(options["pooling"], True), ("encoder", "lengths"), ("rows", wide)),
        "deep": Line(kinds.linear(wide, n_outputs), ("pooled",), ("rows", n_outputs)),
    }
    vector_size = checked_vectors(options.get("vector_size", 0))
    vector = ("vector",) if vector_size else ()
    if vector:
        lines["vector"] = Line(
            Kind("given", {}, lambda _weights: lambda vectors: vectors), ("vectors",), ("rows", vector_size)
        )
        lines["sentence"] = Line(kinds.linear(vector_size, n_outputs), vector, ("rows", n_outputs))
    targets = target_names(options["n_target_ngrams"])
    lines |= {name: listed(length, 2) for name, length in targets.items()}
    parts = ("ngrams", "clusters", "deep", "tail", *(("sentence",) if vector else ()), *targets)
    heads = checked_heads(options.get("new_heads", ()))
    answers = "answers" if heads else "output"
    lines[answers] = Line(kinds.blend(len(parts), n_outputs), parts, ("rows", n_outputs))
    before = n_outputs
    for i, (width, length) in enumerate(heads):
        own, source = f"own{i or ''}", answers
        answers = "output" if i == len(heads) - 1 else f"answers{i + 1}"
        lines[own] = listed(length, 2, width)
        head = kinds.new_head(wide + vector_size, before, width)
        lines[answers] = Line(head, ("pooled", source, own, *vector), ("rows", width))
        before = width
    return Table(lines)


def _static(n_words: int, options: Facts) -> Table:
    check_static(n_words, options)
    size = options["size"]
    lines = {
        "embeddings": Line(encoders.static_embeddings(n_words, size), ("ids",), ("rows", "tokens", size)),
        "pooled": Line(encoders.static_pooled(options["normalize"]), ("embeddings", "ids"), ("rows", size)),
    }
    return Table(lines | _encoder_head(size, options))


def _encoder_head(size: int, options: Facts) -> dict[str, Line]:
    """Return the output behind an encoder that has learnt labels."""
    n_outputs = options.get("n_outputs")
    return (
        {} if n_outputs is None else {"output": Line(kinds.linear(size, n_outputs), ("pooled",), ("rows", n_outputs))}
    )


def _transformer(n_words: int, options: Facts) -> Table:
    check_encoder(n_words, options)
    size, tokens = options["size"], ("rows", "tokens", options["size"])
    lines = {"embeddings": Line(encoders.embeddings(n_words, options), ("ids", "lengths"), tokens)}
    source = "embeddings"
    for i in range(options["n_layers"]):
        lines[f"layer{i}"] = Line(encoders.transformer_layer(options), (source, "lengths"), tokens)
        source = f"layer{i}"
    ways = options["pooling"]
    lines["pooled"] = Line(
        encoders.vectors_of(ways, options["normalize"]), (source, "lengths"), ("rows", size * len(ways))
    )
    return Table(lines | _encoder_head(size * len(ways), options), batch_tokens=2048)


_SHARES = {"dropout", "embedding_dropout", "word_dropout", "type_dropout"}
_OF_RECURRENT = {
    "n_outputs", "embedding_size", "hidden_size", "n_layers", "bidirectional", "pooling", "dense", "activation", "batch_norm",
    "pooled_dropout", *_SHARES,
}  # fmt: skip
_OF_COLUMNS = {"n_numbers", "n_categories"}  # one with columns is refused before its table is asked for


class _Known(NamedTuple):
    build: Callable[[int, Facts], Table]
    required: set[str]
    optional: set[str]


TABLES: dict[str, _Known] = {
    "gru": _Known(_recurrent, _OF_RECURRENT | {"cell"}, _OF_COLUMNS),
    "fast": _Known(_recurrent, _OF_RECURRENT | {"window"}, _OF_COLUMNS),
    "blend": _Known(
        _blend,
        {
            "n_ngrams",
            "n_cluster_ngrams",
            "n_tail_ngrams",
            "n_target_ngrams",
            "embedding_size",
            "hidden_size",
            "pooling",
            *_SHARES,
        },
        {"n_outputs", "new_heads", "max_ngrams", "vector_size"},
    ),
    "tutorial": _Known(_tutorial, {"n_outputs", "embedding_size", "hidden_size", "dense", "dropout"}, set()),
    "static": _Known(_static, {"size", "normalize"}, {"n_outputs"}),
    "transformer": _Known(_transformer, set(), set()),
}
"""Networks by name, with the options that a stored one has."""


def table_of(spec: NetSpec) -> Table:
    """Return a network's table, cut off where the spec says.

    Raises:
        ArtifactError, OptionError, KeyError, TypeError, ValueError: the options are none of such a network.
    """
    name, known = str(spec.name), TABLES[str(spec.name)]
    options = dict(spec.options)
    for option in options if known.required else ():
        if option not in known.required | known.optional:
            raise unknown_name(f"option of the network {name!r} called", option, known.required | known.optional)
    for option, given in options.items():
        if option in (*_SHARES, "pooled_dropout"):
            if not 0.0 <= given < 1.0:
                raise OptionError(
                    f"{option}={given} is not a share of what to drop. Give a number from 0 up to, not with, 1."
                )
        elif known.required and any(
            isinstance(one, float) for one in (given if isinstance(given, list | tuple) else [given])
        ):
            raise OptionError(f"{option}={given} is not whole. Give a whole number.")
    table = known.build(spec.n_words, options)
    return table if spec.until is None else table._replace(lines=ancestors(table.lines, (spec.until,)))


def ancestors(lines: Mapping[str, Line], names: Collection[str]) -> dict[str, Line]:
    """Return the stages that the named ones need, themselves included, in order."""
    for name in names:
        if name not in lines:
            raise unknown_name("layer", name, lines)
    needed = set(names)
    for name in reversed([*lines]):
        if name in needed:
            needed.update(lines[name].inputs)
    return {name: line for name, line in lines.items() if name in needed}
