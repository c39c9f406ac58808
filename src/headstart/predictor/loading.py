"""The parts of a predictor, built again from what a model's folder holds; each is checked against the others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np

from headstart.arrays import Array
from headstart.artifact import Parts, checked_tokenizer, is_quick, kept_arguments
from headstart.corpus import TextHashes
from headstart.engines import HeldNetwork, NetSpec
from headstart.errors import ArtifactError
from headstart.heads import ColumnEncoder, LinearHead, TfidfHead, head_from_stored
from headstart.heads.transforms import transform_from_stored
from headstart.inputs import (
    ColumnInput,
    EncoderInput,
    Inputs,
    TextInput,
    reads,
    stored_inputs,
)
from headstart.plain import Facts, Json
from headstart.predictor.checking import (
    check_layers,
    check_size,
)
from headstart.predictor.scorers import (
    ColumnScorer,
    EncoderScorer,
    LayerScorer,
    NetworkScorer,
    Scorer,
    TextScorer,
    TransformScorer,
)
from headstart.predictor.stored import (
    Model,
    OfColumns,
    OfLayers,
    OfNetwork,
    OfNgrams,
    OfTransform,
    StoredEncoder,
    StoredScorer,
)
from headstart.records import decoded
from headstart.tasks import Task, task_from_json
from headstart.text.options import check_pattern
from headstart.text.saved import StoredSteps

TOKENIZER, ENCODER_TOKENIZER = "tokenizer.json", "encoder_tokenizer.json"


def load_arguments(stored: Facts, trust_patterns: bool) -> Json:
    """Return the stored arguments of the estimator; the patterns among them are trusted as those of the steps are."""
    arguments = kept_arguments(stored)
    if arguments.get("tokens") is not None:
        check_pattern(arguments["tokens"], trust_patterns)
    if arguments.get("freeze") is not None and not is_quick(arguments["freeze"]):
        check_pattern(arguments["freeze"], trust_patterns)
    return arguments


def load_steps(spec: object, parts: Parts, trust_patterns: bool) -> StoredSteps:
    """Return the text steps."""
    rules = _rules(parts, TOKENIZER, trust_patterns)
    counts = parts.tensors.get("vocabulary", {}).get("counts")
    return StoredSteps(spec, parts.words, counts, rules=rules, trust_patterns=trust_patterns)


def _rules(parts: Parts, name: str, trust_patterns: bool) -> bytes | None:
    rules = parts.blobs.get(name)
    return None if rules is None else checked_tokenizer(rules, trusted=trust_patterns)


def load_encoder(
    model: Model, stored: StoredScorer, parts: Parts, trust_patterns: bool, engine: str
) -> EncoderInput | None:
    """Return the encoder whose vectors the network reads next to its words; None where there is none."""
    size = stored.net.options.get("vector_size", 0) if isinstance(stored, OfNetwork | OfLayers) else 0
    if "encoder" not in model.inputs:
        if size:
            raise ArtifactError("this model's network reads an encoder, and the model has none; copy the model again.")
        return None
    found = decoded(StoredEncoder, model.inputs["encoder"], "model.inputs.encoder")
    rules = _rules(parts, ENCODER_TOKENIZER, trust_patterns)
    if rules is None or found.net.name is None:
        raise ArtifactError("this model reads an encoder and lacks its tokenizer or network; copy the model again.")
    steps = StoredSteps(found.text.steps, None, None, rules=rules, trust_patterns=trust_patterns)
    check_pieces(steps, found.net)
    network = HeldNetwork(found.net, parts.tensors.get("encoder", {}), engine=engine)
    check_layers(found.layers, network.stages, "mean")
    text = TextInput(found.text.column, steps, found.text.max_tokens, found.text.clip)
    encoder = EncoderInput(text, network, found.layers)
    check_size("network's vector_size", size, encoder.size)
    return encoder


def load_inputs(model: Model, steps: object, encoder: EncoderInput | None = None) -> Inputs:
    """Return what the model reads: texts, and columns that its head reads, unless it says what else in ``inputs``."""
    columns, stored = model.columns, {kind: one for kind, one in model.inputs.items() if kind != "encoder"}
    others = stored_inputs(stored) | ({} if encoder is None else {"encoder": encoder})
    if not others or steps is not None:
        text = model.text
        how: Json = {"column": text.column, "max_tokens": text.max_tokens, "clip": text.clip}
        return {**reads(columns, steps=steps, **how), **others}
    return {**others, **({"columns": ColumnInput(columns)} if columns and "columns" not in others else {})}


def load_task(model: Model) -> Task | None:
    """Return the kind of answers; None of an encoder."""
    return None if model.task is None else task_from_json({"names": model.labels, **msgspec.to_builtins(model.task)})


def load_hashes(arrays: Mapping[str, Array] | None) -> TextHashes | None:
    """Return the hashes of what the model has learnt from; None where they are not known."""
    if arrays is None:
        return None
    values = arrays.get("text_hashes")
    if values is None or len(arrays) > 1 or values.dtype != np.uint64 or values.ndim != 1:
        raise ArtifactError(
            "this model's hashes of its training texts are not one list of numbers; copy the model again."
        )
    return TextHashes(np.unique(values))


def check_pieces(steps: StoredSteps | None, spec: NetSpec | None) -> None:
    """Refuse a tokenizer that knows more pieces than its network."""
    n_words = 0 if spec is None else spec.n_words
    if steps is not None and steps.rules is not None and steps.n_ids > n_words:
        raise ArtifactError(
            f"this model's tokenizer gives ids up to {steps.n_ids:,}, and its network has {n_words:,}; the files do not belong "
            "together. Import the model again."
        )


def load_scorer(kind: str, stored: StoredScorer, parts: Parts, own: object, engine: str) -> Scorer:
    """Return what stands at the end."""
    head_arrays = parts.tensors.get("head", {})
    if isinstance(stored, OfNgrams):
        ngrams, words = stored.head, _word_list(parts.words)
        encoder = None if ngrams.columns is None else ColumnEncoder.of(ngrams.columns)
        how = {"tokens": ngrams.tokens, "counts": ngrams.counts}
        model = TfidfHead.from_arrays(words, head_arrays, ngrams.longest, encoder, **how)
        check_size("TF-IDF head", model.n_inputs, len(words) + model.n_indicators)
        return TextScorer(model)
    if isinstance(stored, OfColumns):
        alone = head_from_stored(stored.head, head_arrays, parts.blobs)
        check_size("head", alone.n_inputs, alone.n_indicators)
        return ColumnScorer(alone)
    if isinstance(stored, OfTransform):
        transform = transform_from_stored(stored.transform, parts.tensors.get("transform", {}))
        reading = head_from_stored(stored.head, head_arrays, parts.blobs)
        if not isinstance(reading, LinearHead):
            raise ArtifactError(
                "this model's features are read by another head than a linear one; copy the model again."
            )
        return TransformScorer(transform, reading)
    spec = stored.net
    net = HeldNetwork(spec, parts.tensors.get("weights", {}), own=own if spec.name is None else None, engine=engine)
    if isinstance(stored, OfNetwork):
        return (EncoderScorer if kind == EncoderScorer.kind else NetworkScorer)(net, spec)
    check_layers(stored.layers, net.stages, stored.pooling)
    over_layers = head_from_stored(stored.head, head_arrays, parts.blobs)
    sizes = [size for layer in stored.layers if isinstance(size := net.shapes.get(layer, ("",))[-1], int)]
    if len(sizes) == len(stored.layers):
        check_size("head", over_layers.n_inputs, sum(sizes) + over_layers.n_indicators)
    return LayerScorer(net, spec, stored.layers, over_layers, stored.pooling)


def _word_list(words: Any) -> list[str]:
    if words is None:
        return []
    listed: list[str] = words.to_pylist() if hasattr(words, "to_pylist") else list(words)
    return listed
