"""`Parts`: what a model is on disk, before it means anything."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from headstart.plain import Facts


@dataclass(frozen=True, eq=False)
class Parts:
    """Plain values and arrays, with no class of ours among them, so that anybody can read them for ever.

    Attributes:
        model: JSON-able (str keys; str, bool, int64, finite float, None, lists and dicts of these): all
            that rebuilds the model but for what stands below. Part of the content hash, so nothing dated.
            Keys come back sorted: what has an order belongs in a list.
        tensors: arrays by file stem and name: ``{"weights": {"output.bias": ...}}`` becomes
            ``weights.safetensors``. bool, int8-64, uint8-64, float16/32/64 of any shape, 0-d and empty
            ones too. `read` gives writable arrays, views of one buffer a file.
        words: strings, none of them null, in the order of their ids: ``vocabulary.txt``. None if there
            are none. A list or an Arrow array; `read` gives ``pa.LargeStringArray``.
        blobs: files in another library's format by name, ``{"head.cbm": b"..."}``. They are hashed and
            not looked into: see `rewritten_in_child` before you give one to a native reader.
        run: JSON-able like `model`: dates, seconds, command, history. Outside the content hash.
        content_hash: what `read` found, SHA-256 in hex; `write` does not look at it.
    """

    model: Facts
    tensors: Mapping[str, Mapping[str, np.ndarray[Any, np.dtype[Any]]]] = field(default_factory=dict)
    words: Sequence[str] | pa.Array | None = None
    blobs: Mapping[str, bytes] = field(default_factory=dict)
    run: Facts = field(default_factory=dict)
    content_hash: str = ""

    def digest(self, *, but: Collection[str] = ()) -> str:
        """Return a SHA-256 of model, tensors, words and blobs, in hex.

        Args:
            but: keys of `model`, and stems of `tensors`, that do not count.
        """
        model = {name: value for name, value in self.model.items() if name not in but}
        found = hashlib.sha256(json.dumps(model, sort_keys=True).encode())
        for stem, arrays in sorted(self.tensors.items()):
            for name, array in sorted(arrays.items()) if stem not in but else ():
                found.update(f"\n{stem} {name} {array.dtype} {array.shape}\n".encode())
                found.update(np.ascontiguousarray(array).tobytes())
        for word in () if self.words is None else pa.array(self.words, pa.large_string()).to_pylist():
            found.update(word.encode() + b"\n")
        for name, blob in sorted(self.blobs.items()):
            found.update(f"\n{name} {len(blob)}\n".encode() + blob)
        return found.hexdigest()
