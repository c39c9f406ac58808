"""One number for all that rows say."""

import hashlib

import numpy as np
import pyarrow.compute as pc

from headstart.corpus.dataset import Corpus
from headstart.spill import text_slices


def digest(*corpora: Corpus) -> str:
    """Return a SHA-256 of texts, labels, weights and columns, in hex."""
    found = hashlib.sha256()
    for corpus in corpora:
        found.update(f"{len(corpus)} {corpus.label_names}".encode())
        found.update(b"" if corpus.kind in ("", "binary") else corpus.kind.encode())
        for some in text_slices(corpus.texts):
            for text in some.to_pylist():
                found.update(b"\x00" if text is None else text.encode("utf-8", "replace") + b"\x01")
        found.update(b"" if corpus.labels is None else np.ascontiguousarray(corpus.labels).tobytes())
        found.update(b"" if corpus.weights is None else np.ascontiguousarray(corpus.weights).tobytes())
        for name in corpus.columns.column_names:
            if name in corpus.reads and corpus.input != "columns":
                continue  # the lines that say what a row is have a digest of its content
            values = pc.cast(corpus.columns.column(name), "large_string", safe=False)
            found.update(f"{name} {values.to_pylist()}".encode("utf-8", "replace"))
    return found.hexdigest()
