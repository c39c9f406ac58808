"""Reads MXNet's ``-symbol.json``."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from headstart.errors import ArtifactError
from headstart.nets.mxnet.symbol import MOST_BYTES, Symbol, symbol_from_bytes


def read_symbol(path: str | os.PathLike[str]) -> Symbol:
    """Return the checked graph of a ``-symbol.json`` file.

    Raises:
        ArtifactError: if the file is missing, larger than 2 MiB (some 7,000 nodes), not JSON, or not a
            graph in which every node reads only nodes before it. The message says where the fault is.
    """
    path = Path(path)
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise ArtifactError(f"{str(path)!r} is not a file; give the path of a graph such as 'model-symbol.json'.")
        if status.st_size > MOST_BYTES:
            raise ArtifactError(
                f"the graph file {str(path)!r} has {status.st_size:,} bytes; at most {MOST_BYTES:,} are read. "
                "Check that it is a -symbol.json file; export a network with fused layers in place of unrolled cells."
            )
        with path.open("rb") as stream:
            raw = stream.read(MOST_BYTES)
    except OSError as error:
        raise ArtifactError(
            f"the graph file {str(path)!r} cannot be read ({error.strerror or error}). "
            "Check the path; expected the file that MXNet's export calls PREFIX-symbol.json."
        ) from error
    return symbol_from_bytes(raw, repr(str(path)))
