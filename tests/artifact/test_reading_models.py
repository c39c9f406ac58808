"""A folder is read only if it is, byte for byte, what was written."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from headstart.artifact import Parts, documents, inspect, read, reading, write
from headstart.artifact.manifest import Manifest
from headstart.artifact.tensors import DTYPES
from headstart.errors import ArtifactError

names = st.text(st.characters(exclude_categories=["Cs"]), max_size=8).filter(lambda name: name != "__metadata__")
arrays = st.sampled_from(list(DTYPES.values())).flatmap(
    lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3))
)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | names,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=8,
)
any_parts = st.builds(
    Parts,
    model=st.dictionaries(names, json_values, max_size=3),
    tensors=st.dictionaries(st.sampled_from(["weights", "head", "v-2_b"]), st.dictionaries(names, arrays, max_size=3)),
    words=st.none() | st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=4), max_size=4),
    blobs=st.dictionaries(st.sampled_from(["head.cbm", "note.md"]), st.binary(max_size=9)),
    run=st.dictionaries(names, json_values, max_size=3),
)


@given(parts=any_parts, mapped=st.booleans())
@settings(max_examples=40, deadline=None)
def test_what_is_written_comes_back(
    parts: Parts, mapped: bool, tmp_path_factory: pytest.TempPathFactory, laid_open: Callable[[Parts], dict[str, Any]]
) -> None:
    folder = tmp_path_factory.mktemp("models") / "imdb"
    content_hash = write(folder, parts)
    back = read(folder, mapped=mapped)
    assert laid_open(back) == laid_open(parts)
    assert back.content_hash == content_hash


def test_changing_what_was_mapped_leaves_the_file_alone(model: Path) -> None:
    read(model, mapped=True).tensors["weights"]["a.weight"][:] = 7
    assert read(model).tensors["weights"]["a.weight"].max() == 5


def test_reading_imports_no_learning_library(model: Path) -> None:
    code = "import sys; from headstart.artifact import read; read(sys.argv[1]); print({'torch', 'sklearn', 'numba'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code, str(model)], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_inspect_says_what_there_is(model: Path) -> None:
    (model / "notes.md").write_text("mine")
    found = inspect(model)
    assert found["path"] == str(model)
    assert (found["format"], found["minor"]) == (2, 0)
    assert found["content_hash"] == read(model).content_hash
    assert found["bytes"] == sum(path.stat().st_size for path in model.iterdir()) - len("mine")
    assert found["values"] == 9
    assert found["files"]["vocabulary.txt"]["words"] == 5
    assert found["files"]["weights.safetensors"]["tensors"]["a.weight"] == {"dtype": "F32", "shape": [2, 3]}
    assert found["other_files"] == ["notes.md"]
    assert found["model"]["kind"] == "network"
    assert found["run"] == {"seconds": 1.5, "date": "2026-11-22"}


# --- damage ------------------------------------------------------------------------------------------


FILES = ["headstart.json", "run.json", "weights.safetensors", "head.safetensors", "vocabulary.txt", "head.cbm"]


@pytest.mark.parametrize("name", FILES)
def test_every_changed_byte_is_found(model: Path, name: str) -> None:
    whole = (model / name).read_bytes()
    with (model / name).open("r+b", buffering=0) as file:
        for position, byte in enumerate(whole):
            for bit in {1 << position % 8, 0x20}:  # 0x20 turns a letter's case, and a digit into a control character
                os.pwrite(file.fileno(), bytes([byte ^ bit]), position)
                with pytest.raises(ArtifactError, match=rf"{name} in the model .* Copy the model again"):
                    read(model)
            os.pwrite(file.fileno(), bytes([byte]), position)
    read(model)


@pytest.mark.parametrize("name", FILES)
def test_every_cut_is_found(model: Path, name: str) -> None:
    for length in reversed(range((model / name).stat().st_size)):
        os.truncate(model / name, length)
        with pytest.raises(ArtifactError, match=rf"{name} in the model .* Copy the model again"):
            read(model)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("tail", [b"\0", b"\n", b" ", b"{}\n" * 100], ids=["null", "newline", "space", "more"])
def test_a_longer_file_is_found(model: Path, name: str, tail: bytes) -> None:
    with (model / name).open("ab") as file:
        file.write(tail)
    with pytest.raises(ArtifactError, match=rf"{name} in the model .* Copy the model again"):
        read(model)


@pytest.mark.parametrize("name", FILES[1:])
def test_a_missing_file_is_named(model: Path, name: str) -> None:
    (model / name).unlink()
    with pytest.raises(ArtifactError, match=rf"{name} in the model '.*imdb' is missing\. Copy the model again"):
        read(model)


@pytest.mark.parametrize("name", ["weights.safetensors", "head.cbm"])
def test_inspect_finds_a_wrong_size(model: Path, name: str) -> None:
    (model / name).write_bytes(b"short")
    (model / "head.cbm").write_bytes(b"longer than before")
    with pytest.raises(ArtifactError, match=r"holds \d+ bytes where \d+ were written"):
        inspect(model)


def test_a_file_of_another_model_is_found(model: Path, parts: Parts, tmp_path: Path) -> None:
    other = Parts({**parts.model, "labels": ["a", "b"]}, parts.tensors, parts.words, parts.blobs, parts.run)
    write(tmp_path / "other", other)
    shutil.copy(tmp_path / "other" / "run.json", model)
    with pytest.raises(ArtifactError, match=r"run\.json .* belongs to another model \(\w{12}…\) than the folder holds"):
        read(model)


@pytest.mark.parametrize("name", FILES)
def test_a_link_is_not_followed(model: Path, name: str, tmp_path: Path) -> None:
    (model / name).rename(tmp_path / name)
    (model / name).symlink_to(tmp_path / name)
    with pytest.raises(
        ArtifactError, match=rf"{name} in the model .* is a link, and a model holds its files itself .*cp -rL"
    ):
        read(model)


@pytest.mark.parametrize("name", FILES)
def test_a_named_pipe_does_not_keep_us_waiting(model: Path, name: str) -> None:
    (model / name).unlink()
    os.mkfifo(model / name)
    with pytest.raises(ArtifactError, match=rf"{name} in the model .* is not a plain file"):
        read(model)


def test_a_folder_in_the_place_of_a_file_is_named(model: Path) -> None:
    (model / "head.cbm").unlink()
    (model / "head.cbm").mkdir()
    with pytest.raises(ArtifactError, match=r"head\.cbm in the model .* cannot be read: Is a directory"):
        read(model)


def test_a_file_that_may_not_be_read_is_named(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("headstart.artifact.files.os.open", refuse)
    with pytest.raises(ArtifactError, match=r"headstart\.json .* cannot be read: Permission denied"):
        read(model)


def test_a_file_that_shrinks_under_the_reader_is_found(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def shrunken(size: int, dtype: Any) -> Any:
        (model / "head.cbm").write_bytes(b"")
        return np.zeros(size, dtype)

    monkeypatch.setattr("headstart.artifact.files.np.empty", shrunken)
    with pytest.raises(ArtifactError, match=r"head\.cbm .* was cut short while it was read"):
        read(model)


def test_a_model_that_memory_cannot_hold_is_an_error_with_a_number(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> Any:
        raise MemoryError

    monkeypatch.setattr("headstart.artifact.files.np.empty", full)
    with pytest.raises(ArtifactError, match=r"takes [\d,]+ bytes, more than this machine's memory has room for"):
        read(model)


def test_a_model_replaced_while_it_is_read_is_read_anew(
    model: Path, parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = reading.Manifest.from_bytes
    newer = Parts({**parts.model, "labels": ["low", "high"]}, {"weights": {"b": np.ones(3)}})

    def replace_once(raw: bytes, path: Path) -> Manifest:
        manifest = first(raw, path)
        monkeypatch.setattr(reading.Manifest, "from_bytes", first)
        write(model, newer)
        return manifest

    monkeypatch.setattr(reading.Manifest, "from_bytes", replace_once)
    assert read(model).model["labels"] == ["low", "high"]


# --- what is no model --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("imbd", r"there is no model at '.*imbd': did you mean '.*imdb'\?"),
        ("zzzzzz", r"there is no model at '.*zzzzzz': did you mean '.*imdb'\?"),
        ("nowhere/imdb", r"there is no model at .*: the folder '.*nowhere' does not exist either"),
        ("empty/imdb", r"there is no model at .*: '.*empty' holds no model either\. Give the folder that"),
        ("empty", r"the folder '.*empty' is no model: it holds no headstart\.json\. It is empty\. Give the folder"),
        ("data", r"the folder '.*data' is no model: .* It holds 'a\.csv', 'b\.csv'\. Give the folder"),
        (".", r"is no model: it holds no headstart\.json\. It holds models, though; give one of them: '.*imdb'"),
        (
            "data/a.csv",
            r"'.*a\.csv' is a file, and a model is a folder with headstart\.json in it\. Give the folder that",
        ),
        ("imdb/headstart.json", r"is a file, and a model is a folder .*\. Give the folder: '.*imdb'"),
        ("imdb/headstart.json/x", r"there is no model at|is a file, and a model is a folder"),
    ],
)
@pytest.mark.parametrize("look", [read, inspect])
def test_what_is_no_model_gets_its_own_sentence(
    model: Path, look: Callable[[Path], Any], path: str, sentence: str
) -> None:
    around = model.parent
    (around / "empty").mkdir()
    (around / "data").mkdir()
    (around / "data" / "a.csv").touch()
    (around / "data" / "b.csv").touch()
    with pytest.raises(ArtifactError, match=sentence):
        look(around / path)


def test_after_a_save_killed_in_the_middle_the_former_model_is_pointed_at(model: Path) -> None:
    model.rename(model.parent / ".imdb.0123abcd.former")
    with pytest.raises(
        ArtifactError, match=r"a save was killed .* model before it is '.*\.former'; rename it to 'imdb'"
    ):
        read(model)


# --- hostile manifests, digests made right -----------------------------------------------------------


def weights(body: dict[str, Any]) -> Any:
    return body["files"]["weights.safetensors"]


def tensor(body: dict[str, Any]) -> Any:
    return weights(body)["tensors"]["a.weight"]


HOSTILE = {
    "no files": (lambda b: b.pop("files"), r"object missing required field `files`"),
    "no model": (lambda b: b.pop("model"), r"object missing required field `model`"),
    "no format": (lambda b: b.pop("format"), r"object missing required field `format`"),
    "a key too many": (lambda b: b.update(zzz=1), r"object contains unknown field `zzz`"),
    "format 0": (lambda b: b.update(format=0), r"headstart\.format: expected `int` >= 1"),
    "format in text": (lambda b: b.update(format="1"), r"headstart\.format: expected `int`, got `str`"),
    "format true": (lambda b: b.update(format=True), r"headstart\.format: expected `int`, got `bool`"),
    "model a list": (lambda b: b.update(model=[]), r"headstart\.model: expected `object`"),
    "files a list": (lambda b: b.update(files=[]), r"headstart\.files: expected `object`"),
    "a path out": (
        lambda b: b["files"].update({"../../etc/passwd": weights(b)}),
        r"key in headstart\.files: expected `str` matching",
    ),
    "an absolute path": (lambda b: b["files"].update({"/etc/passwd": weights(b)}), r"key in headstart\.files: expected `str` matching"),
    "a path down": (lambda b: b["files"].update({"a/b.cbm": weights(b)}), r"files: expected `str` matching"),
    "a Windows path": (lambda b: b["files"].update({"c:\\a.cbm": weights(b)}), r"expected `str` matching"),
    "a hidden file": (lambda b: b["files"].update({".netrc": weights(b)}), r"files: expected `str` matching"),
    "a dot name": (lambda b: b["files"].update({"..": weights(b)}), r"files: expected `str` matching"),
    "itself": (lambda b: b["files"].update({"headstart.json": {"bytes": 1, "sha256": "0" * 64}}), r"it lists headstart\.json"),
    "run.json": (lambda b: b["files"].update({"run.json": {"bytes": 1, "sha256": "0" * 64}}), r"it lists run\.json"),
    "many files": (
        lambda b: b["files"].update({f"a{i}.cbm": {"bytes": 1, "sha256": "0" * 64} for i in range(1000)}),
        r"files: expected `object` of length <= 1000",
    ),
    "no size": (lambda b: weights(b).pop("bytes"), r"files\[\.\.\.\]: object missing required field `bytes`"),
    "a negative size": (lambda b: weights(b).update(bytes=-1), r"bytes: expected `int` >= 0"),
    "a broken size": (lambda b: weights(b).update(bytes=1e3), r"bytes: expected `int`, got `float`"),
    "an inflated size": (lambda b: weights(b).update(bytes=2**50), r"take \d+ bytes and it says 1,125,899,906,842,624"),
    "a blob's inflated size": (
        lambda b: b["files"]["head.cbm"].update(bytes=2**50),
        r"head\.cbm .* holds 5 bytes where 1,125,899,906,842,624 were written",
    ),
    "another digest": (lambda b: weights(b).update(sha256="0" * 64), r"weights\.safetensors .* was changed: its SHA-256 is"),
    "no digest": (lambda b: weights(b).update(sha256=""), r"sha256: expected `str` matching"),
    "a digest in capitals": (lambda b: weights(b).update(sha256="A" * 64), r"sha256: expected `str` matching"),
    "tensors in a blob": (
        lambda b: b["files"]["head.cbm"].update(tensors={}),
        r"describes head\.cbm as another kind of file than its name says",
    ),
    "words in a blob": (lambda b: b["files"]["head.cbm"].update(words=1), r"describes head\.cbm as another kind"),
    "no table of tensors": (lambda b: weights(b).pop("tensors"), r"describes weights\.safetensors as another kind"),
    "no count of words": (lambda b: b["files"]["vocabulary.txt"].pop("words"), r"describes vocabulary\.txt as another kind"),
    "more words": (lambda b: b["files"]["vocabulary.txt"].update(words=6), r"holds 5 ended lines, and the manifest says 6"),
    "another dtype": (lambda b: tensor(b).update(dtype="F64"), r"take \d+ bytes and it says"),
    "the same size, another dtype": (lambda b: tensor(b).update(dtype="I32"), r"begins with another header"),
    "an unknown dtype": (lambda b: tensor(b).update(dtype="O"), r"a\.weight' is of 'O', expected one of BOOL, U8"),
    "a code for a dtype": (lambda b: tensor(b).update(dtype="<f4"), r"a\.weight' is of '<f4', expected one of"),
    "another shape": (lambda b: tensor(b).update(shape=[3, 2]), r"begins with another header"),
    "a larger shape": (lambda b: tensor(b).update(shape=[2, 4]), r"take \d+ bytes and it says"),
    "a negative shape": (lambda b: tensor(b).update(shape=[-2, -3]), r"shape\[0\]: expected `int` >= 0"),
    "a huge shape": (lambda b: tensor(b).update(shape=[2**40, 2**40]), r"a\.weight' has the impossible shape"),
    "a huge empty shape": (lambda b: tensor(b).update(shape=[0, 2**40, 2**40]), r"has the impossible shape"),
    "many dimensions": (lambda b: tensor(b).update(shape=[1] * 33), r"shape: expected `array` of length <= 32"),
    "a shape in text": (lambda b: tensor(b).update(shape="23"), r"shape: expected `array`, got `str`"),
    "a tensor renamed": (
        lambda b: weights(b)["tensors"].update({"b.weight": weights(b)["tensors"].pop("a.weight")}),
        r"begins with another header",
    ),
    "a tensor too many": (lambda b: weights(b)["tensors"].update({"z": {"dtype": "F32", "shape": [0]}}), r"take \d+ bytes and it says"),
    "a tensor's extra key": (lambda b: tensor(b).update(data_offsets=[0, 1]), r"unknown field `data_offsets`"),
    "a version of another type": (lambda b: b.update(written_by=3), r"headstart\.written_by: expected `str`"),
}  # fmt: skip


@pytest.mark.parametrize(("damage", "sentence"), HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_manifest_is_refused(
    edit: Callable[[Callable[[dict[str, Any]], Any]], Path], damage: Callable[[dict[str, Any]], Any], sentence: str
) -> None:
    folder = edit(damage)
    with pytest.raises(ArtifactError, match=rf"({sentence}).*Copy the model again"):
        read(folder)


def test_nothing_is_allocated_for_a_size_that_the_file_has_not(
    edit: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> Any:
        raise AssertionError("room was taken before the sizes were compared")

    folder = edit(lambda body: body["files"]["head.cbm"].update(bytes=2**50))
    (folder / "weights.safetensors").unlink()
    (folder / "weights.safetensors").touch()
    monkeypatch.setattr("headstart.artifact.files.np.empty", refuse)
    with pytest.raises(ArtifactError, match=r"holds [05] bytes where [\d,]+ were written"):
        read(folder)


@pytest.mark.parametrize(
    "changes", [{}, {"files": ["a new kind of list"], "signature": {"key": 1}}], ids=["same", "other keys"]
)
@pytest.mark.parametrize("look", [read, inspect])
def test_a_newer_format_says_which_version_is_needed(
    edit: Callable[..., Path], look: Callable[[Path], Any], changes: dict[str, Any]
) -> None:
    folder = edit(lambda body: body.update(format=3, written_by="9.1.0", **changes))
    versions = (
        r"was written by headstart 9\.1\.0 in format 3, and this is headstart [\d.]+, which reads formats up to 2"
    )
    with pytest.raises(ArtifactError, match=versions + r"\. Install a newer headstart"):
        look(folder)


def test_a_run_that_is_no_object_is_refused(model: Path) -> None:
    raw, _ = documents.seal("digest", {"model": read(model).content_hash, "run": []})
    (model / "run.json").write_bytes(raw)
    with pytest.raises(
        ArtifactError, match=r"run\.json .* does not describe a training run \(run\.run: expected `object`"
    ):
        read(model)
