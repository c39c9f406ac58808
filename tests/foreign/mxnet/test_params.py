from __future__ import annotations

import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headstart.errors import ArtifactError
from headstart.foreign.mxnet import read_params

HEADER = struct.pack("<QQ", 0x112, 0)
V2, V3, V1 = 0xF993FAC9, 0xF993FACA, 0xF993FAC8


def dense(values: np.ndarray[Any, Any], flag: int, *, magic: int = V2) -> bytes:
    shape = struct.pack(f"<i{values.ndim}q", values.ndim, *values.shape)
    storage = b"" if magic == V1 else struct.pack("<i", 0)
    return struct.pack("<I", magic) + storage + shape + struct.pack("<iii", 1, 0, flag) + values.tobytes()


def file_of(*records: bytes, names: tuple[bytes, ...] = (), n_arrays: int | None = None) -> bytes:
    table = b"".join(struct.pack("<Q", len(name)) + name for name in names)
    count = struct.pack("<Q", len(records) if n_arrays is None else n_arrays)
    return HEADER + count + b"".join(records) + struct.pack("<Q", len(names)) + table


ONE = dense(np.array([1, 2, 3], "<f4"), 0)


@pytest.fixture
def write(tmp_path: Path) -> Callable[[bytes], Path]:
    def written(data: bytes) -> Path:
        path = tmp_path / "made.params"
        path.write_bytes(data)
        return path

    return written


def same(found: np.ndarray[Any, Any], wanted: np.ndarray[Any, Any]) -> None:
    assert found.dtype == wanted.dtype
    assert found.shape == wanted.shape
    assert found.tobytes() == wanted.tobytes()  # nan, -0 and denormals included


def test_every_type_that_mxnet_saved_comes_back_bit_for_bit(mxnet_files: Path) -> None:
    found = read_params(mxnet_files / "nd_dict.params")
    with np.load(mxnet_files / "nd_dict.expected.npz") as wanted:
        assert list(found) == [bytes.fromhex(name).decode() for name in wanted["names"]]
        assert isinstance(found, dict)
        for i, array in enumerate(found.values()):
            same(array, wanted[f"k{i:02}"])


def test_a_list_has_no_names(mxnet_files: Path) -> None:
    found = read_params(mxnet_files / "nd_list.params")
    with np.load(mxnet_files / "nd_list.expected.npz") as wanted:
        assert isinstance(found, list)
        assert len(found) == len(wanted.files)
        for i, array in enumerate(found):
            same(array, wanted[f"i{i:02}"])


@pytest.mark.parametrize("file", ["nd_npshape", "nd_sparse"])
def test_scalars_empty_and_sparse_arrays(mxnet_files: Path, file: str) -> None:
    found = read_params(mxnet_files / f"{file}.params")
    with np.load(mxnet_files / f"{file}.expected.npz") as wanted:
        assert isinstance(found, dict)
        assert set(found) == set(wanted.files)
        for name, array in found.items():
            same(array, wanted[name])


@pytest.mark.parametrize("file", ["nd_v0", "nd_v1"])
def test_older_layouts(mxnet_files: Path, file: str) -> None:
    found = read_params(mxnet_files / f"{file}.params")
    with np.load(mxnet_files / "nd_old.expected.npz") as wanted:
        assert isinstance(found, dict)
        for name, key in (("arg:w", "w"), ("aux:m", "m"), ("h", "h")):
            same(found[name], wanted[key])


def test_a_lone_array_is_a_list_of_one_and_an_empty_dict_an_empty_list(mxnet_files: Path) -> None:
    (one,) = read_params(mxnet_files / "nd_single.params")
    assert np.array_equal(one, [1, 2, 3])
    assert read_params(mxnet_files / "nd_empty.params") == []


def test_bfloat16_comes_as_float32(write: Callable[[bytes], Path]) -> None:
    values = np.array([1.0, -2.5, 3e38, 0.0], "<f4")
    upper = (values.view("<u4") >> 16).astype("<u2")
    (found,) = read_params(write(file_of(dense(upper, 12))))
    same(found, (upper.astype("<u4") << 16).view("<f4"))


def test_what_stands_behind_the_name_table_is_ignored_as_mxnet_does(write: Callable[[bytes], Path]) -> None:
    found = read_params(write(file_of(ONE, names=(b"a",)) + b"more"))
    assert list(found) == ["a"]


def test_arrays_can_be_written_to(write: Callable[[bytes], Path]) -> None:
    (found,) = read_params(write(file_of(ONE)))
    found += 1
    assert found.flags.owndata


def sizes(*shape: int) -> bytes:
    return struct.pack(f"<i{len(shape)}q", len(shape), *shape)


def row_sparse(rows: tuple[int, ...], shape: tuple[int, ...] = (6, 2), n_stored: int = 2, magic: int = V2) -> bytes:
    stored = (n_stored, *shape[1:])
    head = struct.pack("<Ii", magic, 1) + sizes(*stored) + sizes(*shape) + struct.pack("<iii", 1, 0, 0)
    values = np.ones(stored, "<f4").tobytes() + np.array(rows, "<i8").tobytes()
    return head + struct.pack("<i", 6) + sizes(len(rows)) + values


def csr(starts: tuple[int, ...], columns: tuple[int, ...], index_type: int = 6) -> bytes:
    n = len(columns)
    head = struct.pack("<Ii", V2, 2) + struct.pack("<iq", 1, n) + struct.pack("<i2q", 2, 3, 4)
    index = b"".join(struct.pack("<iiq", index_type, 1, size) for size in (len(starts), n))
    values = np.ones(n, "<f4").tobytes() + np.array(starts, "<i8").tobytes() + np.array(columns, "<i8").tobytes()
    return head + struct.pack("<iii", 1, 0, 0) + index + values


def with_shape(*sizes: int, flag: int = 0, storage: int = 0, magic: int = V2) -> bytes:
    body = struct.pack(f"<i{len(sizes)}q", len(sizes), *sizes) + struct.pack("<iii", 1, 0, flag)
    return struct.pack("<Ii", magic, storage) + body


GIGANTIC = 2**62

DAMAGED = {
    "nothing": (b"", "begins with b''"),
    "other magic": (b"\x13" + file_of(ONE)[1:], "no MXNet parameter file.*give a file that MXNet saved"),
    "zip": (b"PK\x03\x04" + bytes(40), "zip archive, as MXNet 2 writes"),
    "json": (b'{"nodes": []}   ', "looks like JSON: the graph goes in PREFIX-symbol.json"),
    "pickle": (b"\x80\x04\x95" + bytes(20), "Python pickle, which is never opened"),
    "only the magic": (HEADER[:8], "reserved number needs 8 bytes but only 0 are left"),
    "cut in the values": (file_of(ONE)[:-12], "shape \\(3,\\) of f4 needs 12 bytes but only 8 are left"),
    "cut in the names": (file_of(ONE, names=(b"abc",))[:-1], "name 1 needs 3 bytes but only 2 are left"),
    "too many arrays": (file_of(ONE, n_arrays=GIGANTIC), "claims to hold .* arrays, but only"),
    "more arrays than are read": (file_of(bytes(800_000), n_arrays=150_000), "at most 100,000 are read"),
    "too many names": (file_of(ONE)[:-8] + struct.pack("<Q", GIGANTIC), "claims to hold .* names"),
    "long name": (file_of(ONE)[:-8] + struct.pack("<QQ", 1, GIGANTIC), "a name may have 4,096 at most"),
    "names for other arrays": (file_of(ONE, ONE, names=(b"a",)), "1 names for 2 arrays"),
    "same name twice": (file_of(ONE, ONE, names=(b"a", b"a")), "'a' stands for two arrays"),
    "name not UTF-8": (file_of(ONE, names=(b"\xff\xfe",)), "which is not UTF-8 text"),
    "shape inflated": (file_of(with_shape(2**30, 2**10)), "needs .* bytes but only"),
    "shape overflowing": (file_of(with_shape(2**40, 2**40)), "more values than any machine could"),
    "shape overflowing to nothing": (file_of(with_shape(2**32, 2**32, 0)), "more values than any machine could"),
    "size below 0": (file_of(with_shape(-1, 3)), "size below 0"),
    "too many dimensions": (file_of(with_shape(*(1,) * 33)), "33 dimensions; expected 0 to 32"),
    "oldest layout, too many dimensions": (
        file_of(struct.pack("<I", 0x7FFFFFFF) + bytes(60)),
        "dimensions; expected 0",
    ),
    "below 0 dimensions": (file_of(struct.pack("<Iii", V2, 0, -7) + bytes(60)), "-7 dimensions"),
    "unknown type": (file_of(with_shape(3, flag=11)), "type flag is 11; the known ones are"),
    "unknown storage": (file_of(with_shape(3, storage=3)), "storage type is 3; expected 0 .dense"),
    "no array": (file_of(struct.pack("<Iii", V2, 0, 0), names=(b"w",)), "array 'w' was saved without shape or values"),
    "no array in a list": (file_of(struct.pack("<Iii", V3, 0, -1)), "array number 1 was saved without shape"),
    "rows not rising": (file_of(row_sparse((3, 1))), "index arrays do not fit"),
    "rows beyond the end": (file_of(row_sparse((3, 6))), "index arrays do not fit"),
    "rows below 0": (file_of(row_sparse((-1, 3))), "index arrays do not fit"),
    "rows so wild that their difference overflows": (
        file_of(row_sparse((0, 2**62 + 2**61, -(2**62), 3), n_stored=4)),
        "index arrays do not fit",
    ),
    "starts so wild that their difference overflows": (
        file_of(csr((0, 2**62 + 2**61, -(2**62) - 2**61, 2), (0, 1))),
        "index arrays do not fit",
    ),
    "rows of a scalar": (file_of(row_sparse((1,), shape=(), n_stored=1, magic=V3)), "index arrays do not fit"),
    "rows too few": (file_of(row_sparse((3,))), "index arrays do not fit"),
    "sparse and huge": (file_of(row_sparse((1, 2), shape=(2**36, 2))), "tostype\\('default'\\)"),
    "starts not rising": (file_of(csr((0, 2, 1, 2), (0, 1))), "index arrays do not fit"),
    "starts beyond the end": (file_of(csr((0, 1, 2, 9), (0, 1))), "index arrays do not fit"),
    "columns beyond the end": (file_of(csr((0, 1, 2, 2), (0, 4))), "index arrays do not fit"),
    "columns not rising": (file_of(csr((0, 2, 2, 2), (2, 1))), "index arrays do not fit"),
    "index of another type": (file_of(csr((0, 1, 2, 2), (0, 1), index_type=4)), "index array is not of type int64"),
}


@pytest.mark.parametrize("fault", DAMAGED)
def test_damaged_files_are_refused_with_a_sentence(write: Callable[[bytes], Path], fault: str) -> None:
    data, message = DAMAGED[fault]
    with pytest.raises(ArtifactError, match=message) as caught:
        read_params(write(data))
    assert "made.params" in str(caught.value)
    assert len(str(caught.value).split()) >= 12


def test_every_cut_of_a_file_is_refused(write: Callable[[bytes], Path], mxnet_files: Path) -> None:
    data = (mxnet_files / "nd_sparse.params").read_bytes()
    for end in range(len(data)):
        with pytest.raises(ArtifactError, match=r"made.params"):
            read_params(write(data[:end]))


def test_the_message_names_array_and_byte(write: Callable[[bytes], Path]) -> None:
    with pytest.raises(ArtifactError, match=r"array 2 of 2, at byte 100 of 108: its shape .3,. of f4 needs 12 bytes"):
        read_params(write(file_of(ONE, with_shape(3))))


@pytest.mark.parametrize("kind", ["missing", "folder", "pipe"])
def test_what_is_no_file_is_refused_at_once(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "thing"
    if kind == "folder":
        path.mkdir()
    if kind == "pipe":
        os.mkfifo(path)
    with pytest.raises(ArtifactError, match="thing"):
        read_params(path)


@pytest.mark.parametrize(
    ("record", "shape"),
    [(row_sparse((), n_stored=0), (6, 2)), (row_sparse((1, 3), shape=(6, 0)), (6, 0)), (csr((0, 0, 0, 0), ()), (3, 4))],
)
def test_sparse_arrays_without_values_are_zeros(
    write: Callable[[bytes], Path], record: bytes, shape: tuple[int, ...]
) -> None:
    (found,) = read_params(write(file_of(record)))
    assert found.shape == shape
    assert not found.any()
