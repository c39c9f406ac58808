"""Texts as the vectors of an encoder that others trained, which a network reads next to their words."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from headstart.arrays import Array, Floats
from headstart.batches import Examples
from headstart.corpus import Corpus
from headstart.inputs.protocol import Encoded
from headstart.inputs.text import TextInput
from headstart.plain import Json

_MOST_KNOWN = 1 << 26
"""Bytes of vectors that are remembered, about, so that a text is not read again by the next step of learning."""


class Vectorizer(Protocol):
    """Runs the encoder: a `headstart.engines.HeldNetwork`."""

    spec: Any

    @property
    def weights(self) -> Mapping[str, Array]:
        """Parameters and buffers by name."""

    @property
    def shapes(self) -> Mapping[str, Any]:
        """The shape of each stage's output."""

    @property
    def engine(self) -> Any:
        """What runs it on the CPU."""


@dataclass(frozen=True)
class EncoderInput:
    """How an encoder reads texts.

    Attributes:
        text: cuts them into pieces.
        network: runs the encoder.
        layers: whose outputs, each its mean over a text's pieces, make the vector.
    """

    text: TextInput
    network: Vectorizer
    layers: Sequence[str] = ("pooled",)
    _known: dict[bytes, Floats] = field(default_factory=dict, repr=False, compare=False)

    names = ()
    fields = ("vectors",)

    def __reduce__(self) -> tuple[type[EncoderInput], tuple[object, ...]]:
        return EncoderInput, (self.text, self.network, self.layers)  # another process remembers nothing

    @property
    def size(self) -> int:
        """Numbers of a vector."""
        return sum(int(self.network.shapes[layer][-1]) for layer in self.layers)

    def encode(self, corpus: Corpus) -> Encoded:
        """Return the field ``vectors``, float32 [rows, size]."""
        return Encoded(Examples(fields={"vectors": self.vectors(corpus)}), {})

    def vectors(self, corpus: Corpus) -> Floats:
        """Return the vectors of texts, float32 [rows, size]."""
        texts = ["" if text is None else text for text in corpus.texts.to_pylist()]
        keys = [hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest() for text in texts]
        found = {key: vector for key in keys if (vector := self._known.get(key)) is not None}
        first = {key: row for row, key in reversed(list(enumerate(keys))) if key not in found}
        if first:
            examples = self.text.encode(corpus.take(np.array([*first.values()]))).examples
            outputs = self.network.engine.outputs(examples, tuple(self.layers))
            new = dict(zip(first, np.concatenate([outputs[layer] for layer in self.layers], axis=1), strict=True))
            found |= new
            if 4 * self.size * (len(self._known) + len(new)) > _MOST_KNOWN:
                self._known.clear()
            self._known.update(new)
        return np.stack([found[key] for key in keys]) if keys else np.zeros((0, self.size), np.float32)

    def net_options(self) -> Json:
        """Return the size of a vector."""
        return {"vector_size": self.size}

    def config(self) -> Json:
        """Return what rebuilds it next to the encoder's weights and its tokenizer's rules, which are stored apart."""
        text = {**self.text.config(), "steps": self.text.spec()}
        return {"net": self.network.spec.to_json(), "text": text, "layers": list(self.layers)}
