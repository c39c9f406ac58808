"""A reader written from docs/format.md alone, without our code, agrees with ours."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

from headstart.artifact import FORMAT, read

ROOT = Path(__file__).parents[2]
OLD = sorted((ROOT / "tests" / "data" / "artifacts").glob("v*-*/"))


def unsealed(raw: bytes, start: bytes) -> tuple[dict[str, Any], str]:
    assert raw.startswith(start)
    digest = raw[len(start) : len(start) + 64]
    zeroed = start + b"0" * 64 + raw[len(start) + 64 :]
    assert hashlib.sha256(zeroed).hexdigest().encode() == digest
    return json.loads(raw), digest.decode()


def read_by_the_page(folder: Path) -> dict[str, Any]:
    manifest, content_hash = unsealed((folder / "headstart.json").read_bytes(), b'{\n "content_hash": "')
    found: dict[str, Any] = {
        "format": manifest["format"],
        "model": manifest["model"],
        "content_hash": content_hash,
        "tensors": {},
        "words": None,
    }
    for name, entry in manifest["files"].items():
        raw = (folder / name).read_bytes()
        assert len(raw) == entry["bytes"]
        assert hashlib.sha256(raw).hexdigest() == entry["sha256"]
        if name.endswith(".safetensors"):
            found["tensors"][name.removesuffix(".safetensors")] = safetensors.numpy.load(raw)
        elif name == "vocabulary.txt":
            lines = raw.decode().split("\n")
            assert lines.pop() == ""
            assert len(lines) == entry["words"]
            marked = (line.replace("\\\\", "\0").replace("\\n", "\n").replace("\\r", "\r") for line in lines)
            found["words"] = [line.replace("\0", "\\") for line in marked]
    run, _ = unsealed((folder / "run.json").read_bytes(), b'{\n "digest": "')
    assert run["model"] == content_hash
    return {**found, "run": run["run"]}


@pytest.mark.parametrize("folder", OLD, ids=lambda folder: folder.name)
def test_a_reader_written_from_the_page_agrees(folder: Path) -> None:
    theirs, ours = read_by_the_page(folder), read(folder)
    assert (theirs["run"], theirs["content_hash"]) == (ours.run, ours.content_hash)
    if theirs["format"] == FORMAT:
        assert theirs["model"] == ours.model
    assert theirs["words"] == (None if ours.words is None else [str(word) for word in ours.words])
    assert theirs["tensors"].keys() == ours.tensors.keys()
    for stem, arrays in theirs["tensors"].items():
        assert arrays.keys() == ours.tensors[stem].keys()
        for name, array in arrays.items():
            np.testing.assert_array_equal(array, ours.tensors[stem][name])
            assert array.dtype == ours.tensors[stem][name].dtype


def test_the_page_is_of_this_version() -> None:
    assert f"# The model format, version {FORMAT}\n" in (ROOT / "docs" / "format.md").read_text()
