"""Machine code for prediction, made before it is needed: small models of every kind score some texts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from headstart.arrays import Array
from headstart.corpus import Corpus, text_array
from headstart.engines import HeldNetwork, NetSpec
from headstart.engines.compiled.tables import table_of
from headstart.heads import LinearHead, TfidfHead
from headstart.inputs import reads, text_input_of
from headstart.kernels.compiling import kept_functions, n_compiled
from headstart.plain import Facts, Json
from headstart.predictor.predictor import Predictor
from headstart.predictor.scorers import LayerScorer, NetworkScorer, TextScorer
from headstart.tasks import Binary, MultiClass
from headstart.text.definitions import DEFINITIONS
from headstart.text.saved import StoredSteps

_WORDS = ["", "<unk>", "a", "good", "film", "bad"]
_TEXTS = [
    "a good film",
    "",
    None,
    "Caf\u00e9 \u4e2d na\u00efve r\u00e9sum\u00e9!",
    "a bad film " * 40,
    *["good a film"] * 30,
]
_STEPS: Json = {
    "format": 1,
    "steps": [
        {"name": "null_imputer", "kind": "NullImputer", "options": {"fill_value": ""}},
        {"name": "unicode_normalizer", "kind": "UnicodeNormalizer", "options": {"form": "NFC"}},
        {"name": "lower_caser", "kind": "LowerCaser", "options": {}},
        {
            "name": "tokenizer",
            "kind": "Tokenizer",
            "options": {"pattern": "words"},
            "version": DEFINITIONS["words"].version,
        },
        {"name": "token_indexer", "kind": "TokenIndexer", "options": {"min_count": 1, "max_size": None}},
    ],
}
_SHARES = dict.fromkeys(("dropout", "embedding_dropout", "word_dropout", "type_dropout"), 0.0)
_LISTS = {"n_ngrams": 3, "n_cluster_ngrams": 3, "n_tail_ngrams": 3, "n_target_ngrams": 0}
_RECURRENT = {
    "n_outputs": 1, "embedding_size": 4, "hidden_size": 3, "n_layers": 2, "bidirectional": True, "pooling": ["mean", "max", "last"],
    "dense": [4], "activation": "gelu", "batch_norm": True, "pooled_dropout": 0.0, **_SHARES,
}  # fmt: skip
_NETWORKS: tuple[tuple[str, Facts], ...] = (
    ("blend", {"embedding_size": 4, "hidden_size": 3, "pooling": ["mean", "max", "last"], **_LISTS, **_SHARES}),
    ("blend", {"embedding_size": 4, "hidden_size": 3, "pooling": ["mean"], "n_outputs": 3, **_LISTS, **_SHARES}),
    ("gru", {**_RECURRENT, "cell": "gru"}),
    ("fast", {**_RECURRENT, "window": 2}),
    ("tutorial", {"n_outputs": 1, "embedding_size": 4, "hidden_size": 3, "dense": [4], "dropout": 0.0}),
)


def warm(predictor: Predictor | None = None) -> Json:
    """Compile what prediction needs, as far as there is no machine code for it yet.

    Args:
        predictor: a model; None for models of every kind.

    Returns:
        ``n_compiled``, how many functions there was no code for, and ``folders``, where it is kept.
    """
    before = n_compiled()
    for one in _small_models() if predictor is None else [predictor]:
        corpus = Corpus(text_array(_TEXTS))
        _score(one, corpus)
    folders = sorted({str(folder) for _, folder in kept_functions()})
    return {"n_compiled": n_compiled() - before, "folders": folders}


def _score(predictor: Predictor, corpus: Corpus) -> None:
    rows = replace(predictor, inputs={"text": text_input_of(predictor.inputs)}).rows(corpus)
    network = predictor.scorer.network
    if network is not None:
        engine = network.on("cpu")
        for some in (rows.examples, rows.examples[0]):
            engine.outputs(some, engine.stages)
    elif isinstance(predictor.scorer, TextScorer):
        predictor.scorer.head.decision(rows.strings)


def _small_models() -> Iterator[Predictor]:
    """Yield a model of each kind, its weights zeros."""
    steps = StoredSteps(_STEPS, _WORDS)
    for name, options in _NETWORKS:
        spec = NetSpec(name, len(_WORDS), options)
        network = HeldNetwork(spec, _zeros(spec), engine="compiled")
        task: Any = MultiClass(("a", "b", "c")) if options.get("n_outputs", 1) > 1 else Binary(("0", "1"))
        yield Predictor(NetworkScorer(network, spec), task, reads(steps=steps))
    linear = LinearHead(np.zeros(6), np.ones(6), np.zeros(6), 0.0)
    spec = NetSpec("gru", len(_WORDS), {**_RECURRENT, "cell": "gru", "pooling": ["mean"]}, "pooled")
    yield Predictor(
        LayerScorer(HeldNetwork(spec, _zeros(spec)), spec, ("pooled",), linear), Binary(("0", "1")), reads(steps=steps)
    )
    ngrams = ("good", "bad")
    yield Predictor(TextScorer(TfidfHead(ngrams, np.ones(2), np.zeros(2), 0.0)), Binary(("0", "1")))
    several = TfidfHead(ngrams, np.ones(2), np.zeros((3, 2), np.float32), np.zeros(3))
    yield Predictor(TextScorer(several), MultiClass(("a", "b", "c")))


def _zeros(spec: NetSpec) -> dict[str, Array]:
    return {
        f"{stage}.{name}": np.zeros(shape, kind)
        for stage, line in table_of(spec).lines.items()
        for name, (shape, kind) in line.kind.weights.items()
    }
