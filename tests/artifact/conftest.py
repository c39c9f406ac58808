"""A tiny model, and ways to damage it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headstart.artifact import Parts, documents, write
from headstart.artifact.manifest import MANIFEST, RUN, run_bytes

Damage = Callable[[dict[str, Any]], Any]


@pytest.fixture
def parts() -> Parts:
    weights = {
        "a.weight": np.arange(6, dtype=np.float32).reshape(2, 3),
        "n": np.array(3),
        "used": np.array([True, False]),
    }
    return Parts(
        model={"kind": "network", "labels": ["neg", "pos"], "net": {"name": "gru", "size": 3, "dropout": 0.25}},
        tensors={"weights": weights, "head": {}},
        words=["", "<unk>", "good", "back\\slash", "new\nline"],
        blobs={"head.cbm": b"trees"},
        run={"seconds": 1.5, "date": "2026-11-22"},
    )


@pytest.fixture
def model(tmp_path: Path, parts: Parts) -> Path:
    write(tmp_path / "imdb", parts)
    return tmp_path / "imdb"


@pytest.fixture
def edit(model: Path) -> Callable[[Damage], Path]:
    """Change the manifest and make every digest right again, as somebody who means harm would."""

    def edited(damage: Damage) -> Path:
        path = model / MANIFEST
        body, _ = documents.unseal(path.read_bytes(), "content_hash", path)
        damage(body)
        raw, content_hash = documents.seal("content_hash", body)
        path.write_bytes(raw)
        (model / RUN).write_bytes(run_bytes({}, content_hash))
        return model

    return edited


@pytest.fixture(scope="session")
def contents() -> Callable[[Path], dict[str, bytes]]:
    def read_all(folder: Path) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in folder.iterdir()}

    return read_all


@pytest.fixture(scope="session")
def laid_open() -> Callable[[Parts], dict[str, Any]]:
    """Parts as plain values that compare bit by bit, NaN to NaN as well."""

    def opened(parts: Parts) -> dict[str, Any]:
        arrays = {
            (stem, name): (array.dtype, array.shape, array.tobytes())
            for stem, group in parts.tensors.items()
            for name, array in group.items()
        }
        words = parts.words if parts.words is None or isinstance(parts.words, list) else parts.words.to_pylist()
        return {
            "model": parts.model,
            "run": parts.run,
            "words": words,
            "blobs": dict(parts.blobs),
            "stems": set(parts.tensors),
            "arrays": arrays,
        }

    return opened
