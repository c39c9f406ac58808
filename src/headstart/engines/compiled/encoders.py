"""Imported encoders on arrays: a table of static vectors, and BERT and its kin. Big products are NumPy's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from headstart.arrays import Array, Floats, Ids, Places
from headstart.engines.compiled.kinds import Kind, Run, pool_rows
from headstart.engines.options import distance_kinds
from headstart.errors import DataError
from headstart.kernels.smooth import gelu
from headstart.kernels.tokens import FIRST_WORD_ID
from headstart.plain import Facts

_F = "float32"
_SMALLEST = np.float32(1e-12)
_TANH = np.float32((2 / np.pi) ** 0.5)


def static_embeddings(n_words: int, size: int) -> Kind:
    """A vector a piece; padding and the unknown piece have zeros."""

    def make(arrays: Mapping[str, Array]) -> Run:
        word = arrays["word"]

        def run(ids: Ids) -> Floats:
            vectors: Floats = word[np.maximum(ids - FIRST_WORD_ID, 0)] * (ids >= FIRST_WORD_ID)[:, :, None]
            return vectors

        return run

    return Kind("static_embeddings", {"word": ((n_words - FIRST_WORD_ID, size), _F)}, make)


def static_pooled(normalize: bool) -> Kind:
    """The mean over the known pieces of a text; zeros where there are none."""

    def run(vectors: Floats, ids: Ids) -> Floats:
        n_known = np.maximum((ids >= FIRST_WORD_ID).sum(1, keepdims=True), 1)
        mean = (vectors.sum(1) / n_known).astype(np.float32)
        return _of_length_one(mean) if normalize else mean

    return Kind("static_pooled", {}, lambda _: run, {"normalize": normalize})


def embeddings(n_words: int, options: Facts) -> Kind:
    """Pieces, their places and the segment, added and normalised; see `headstart.nets.transformer.Embeddings`."""
    size, n_positions = options["size"], options["n_positions"]
    unknown, before, after = options["unknown"] or 0, options["before"], options["after"]

    def make(arrays: Mapping[str, Array]) -> Run:
        word, position, segment = arrays["word"], arrays["position"], arrays["segment"]
        norm = _norm(arrays, "norm", options["epsilon"])

        def run(ids: Ids, lengths: Places) -> Floats:
            n_tokens = ids.shape[1]
            if n_tokens > n_positions:
                raise DataError(
                    f"a text of {n_tokens} pieces came to an encoder that has learnt {n_positions} places; "
                    f"cut the texts: import the model again with --max-tokens {n_positions}."
                )
            pieces = np.maximum(np.where(ids == 1, unknown, ids - FIRST_WORD_ID), 0)
            place = np.arange(n_tokens)
            for i, piece in enumerate(before):
                pieces = np.where((place == i) & (lengths[:, None] > i), piece, pieces)
            for i, piece in enumerate(reversed(after)):
                pieces = np.where(place == lengths[:, None] - 1 - i, piece, pieces)
            return norm(word[pieces] + segment + position[:n_tokens])

        return run

    return Kind(
        "embeddings",
        {
            "word": ((n_words - FIRST_WORD_ID, size), _F),
            "position": ((n_positions, size), _F),
            "segment": ((size,), _F),
            **_norm_weights("norm", size),
        },
        make,
        {"options": options},
    )


def transformer_layer(options: Facts) -> Kind:
    """Attention and a dense block, each added to its input and normalised; padding is not looked at."""
    size, inner, n_heads = options["size"], options["inner_size"], options["n_heads"]
    products = {
        "query_key_value": (3 * size, size),
        "mix": (size, size),
        "widen": (inner, size),
        "narrow": (size, inner),
    }
    weights: dict[str, tuple[tuple[int, ...], str]] = {}
    for name, shape in products.items():
        weights |= {f"{name}.weight": (shape, _F), f"{name}.bias": (shape[:1], _F)}
    for name in ("mix_norm", "narrow_norm"):
        weights |= _norm_weights(name, size)
    if options.get("n_distances"):
        weights["distance"] = ((options["n_distances"], n_heads), _F)
    activate = _ACTIVATIONS[options["activation"]]

    def make(arrays: Mapping[str, Array]) -> Run:
        join, mix, widen, narrow = (_product(arrays, name) for name in products)
        mix_norm, narrow_norm = (_norm(arrays, name, options["epsilon"]) for name in ("mix_norm", "narrow_norm"))

        def run(states: Floats, lengths: Places) -> Floats:
            rows, n_tokens, _ = states.shape
            flat = states.reshape(-1, size)
            joint = join(flat).reshape(rows, n_tokens, 3, n_heads, size // n_heads)
            seen = _attention(joint, lengths, arrays.get("distance"))
            flat = mix_norm(flat + mix(seen.reshape(-1, size)))
            return narrow_norm(flat + narrow(activate(widen(flat)))).reshape(rows, n_tokens, size)

        return run

    return Kind("transformer_layer", weights, make, {"options": options})


def _attention(joint: Floats, lengths: Places, distance: Floats | None) -> Floats:
    """Return what each token sees [rows, tokens, heads, values], of queries, keys and values [rows, tokens, 3, heads, values],
    and of what the kinds of distances add [kinds, heads].
    """
    query, key, value = (np.ascontiguousarray(part) for part in joint.transpose(2, 0, 3, 1, 4))
    scores = query @ key.transpose(0, 1, 3, 2)
    scores *= np.float32(query.shape[-1] ** -0.5)
    if distance is not None:
        n_tokens = scores.shape[-1]
        place = np.arange(n_tokens)
        away = place[None, :] - place[:, None] + n_tokens - 1
        scores += distance[distance_kinds(n_tokens, len(distance))[away]].transpose(2, 0, 1)
    # A row without tokens looks at its first place: of nothing at all there would be no mean.
    unseen = np.arange(scores.shape[-1]) >= np.maximum(lengths, 1)[:, None]
    if unseen.any():
        np.copyto(scores, -np.inf, where=unseen[:, None, None, :])
    scores -= scores.max(-1, keepdims=True)
    np.exp(scores, out=scores)
    scores /= scores.sum(-1, keepdims=True)
    return np.ascontiguousarray((scores @ value).transpose(0, 2, 1, 3))


def vectors_of(kinds: Sequence[str], normalize: bool) -> Kind:
    """Token states to one vector a text, several ways side by side, of length 1 where asked."""

    def run(states: Floats, lengths: Places) -> Floats:
        parts = [
            states[:, 0] * (lengths > 0)[:, None] if kind == "cls" else pool_rows(states, lengths, (kind,))
            for kind in kinds
        ]
        vectors = np.concatenate(parts, axis=1)
        return _of_length_one(vectors) if normalize else vectors

    return Kind("vectors", {}, lambda _: run, {"kinds": tuple(kinds), "normalize": normalize})


def _of_length_one(vectors: Floats) -> Floats:
    lengths: Any = np.linalg.norm(vectors, axis=1, keepdims=True)
    found: Floats = vectors / np.maximum(lengths, _SMALLEST)
    return found


def _product(arrays: Mapping[str, Array], name: str) -> Callable[[Floats], Floats]:
    across, bias = arrays[f"{name}.weight"].T, arrays[f"{name}.bias"]

    def run(values: Floats) -> Floats:
        found: Floats = values @ across
        found += bias
        return found

    return run


def _norm_weights(name: str, size: int) -> dict[str, tuple[tuple[int, ...], str]]:
    return {f"{name}.weight": ((size,), _F), f"{name}.bias": ((size,), _F)}


def _norm(arrays: Mapping[str, Array], name: str, epsilon: float) -> Callable[[Floats], Floats]:
    weight, bias = arrays[f"{name}.weight"], arrays[f"{name}.bias"]

    def run(values: Floats) -> Floats:
        centred = values - values.mean(-1, keepdims=True)
        variance = np.square(centred).mean(-1, keepdims=True)
        centred /= np.sqrt(variance + np.float32(epsilon))
        centred *= weight
        centred += bias
        found: Floats = centred
        return found

    return run


def _gelu_tanh(values: Floats) -> Floats:
    inner: Floats = np.tanh(_TANH * (values + np.float32(0.044715) * values * values * values))
    found: Floats = np.float32(0.5) * values * (np.float32(1) + inner)
    return found


_ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    "gelu": gelu,
    "gelu_tanh": _gelu_tanh,
    "relu": lambda values: np.maximum(values, np.float32(0)),
}
