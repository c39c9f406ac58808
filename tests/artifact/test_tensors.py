"""Arrays in safetensors files, byte for byte as the library writes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from headstart.artifact.tensors import DTYPES, TensorEntry, arrays_in, entries_of, header, raw_bytes, total_bytes
from headstart.errors import ArtifactError

PATH = Path("imdb/weights.safetensors")

names = st.text(st.characters(exclude_categories=["Cs"]), max_size=8).filter(lambda name: name != "__metadata__")
arrays = st.sampled_from(list(DTYPES.values())).flatmap(
    lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=3))
)
groups = st.dictionaries(names, arrays, max_size=5)


def written(tensors: dict[str, Any]) -> bytes:
    return b"".join(raw_bytes(tensors, entries_of(tensors, "weights")))


@given(tensors=groups)
def test_the_bytes_are_those_of_the_library(tensors: dict[str, Any]) -> None:
    assert written(tensors) == safetensors.numpy.save(tensors)


@given(tensors=groups)
def test_arrays_come_back_bit_by_bit(tensors: dict[str, Any]) -> None:
    table = entries_of(tensors, "weights")
    raw = np.frombuffer(bytearray(written(tensors)), np.uint8)
    assert raw.size == total_bytes(table)
    back = arrays_in(raw, table, PATH)
    assert list(back) == sorted(tensors)
    for name, array in tensors.items():
        assert (back[name].dtype, back[name].shape) == (array.dtype, array.shape)
        assert back[name].tobytes() == array.tobytes()
        assert back[name].flags.writeable
        assert back[name].flags.aligned


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6, dtype=">f4").reshape(2, 3),
        np.asfortranarray(np.arange(6, dtype=np.float32).reshape(2, 3)),
        np.arange(12, dtype=np.float32).reshape(2, 6)[:, ::2] / 2,
        np.broadcast_to(np.float32(1), (2, 3)),
    ],
    ids=["big-endian", "by columns", "strided", "broadcast"],
)
def test_however_an_array_lies_in_memory_it_is_stored_in_one_way(array: Any) -> None:
    plain = np.array(array.tolist(), np.float32)
    assert written({"a": array}) == written({"a": plain})


@pytest.mark.parametrize(
    ("tensors", "sentence"),
    [
        (
            {"a": np.zeros(2, np.complex64)},
            r"weights\.a is a NumPy array of complex64; a model stores .*numpy\.asarray",
        ),
        ({"a": np.array(["x"])}, r"weights\.a is a NumPy array of <U1"),
        ({"a": np.array([None])}, r"weights\.a is a NumPy array of object"),
        ({"a": np.zeros(2, "datetime64[s]")}, r"weights\.a is a NumPy array of datetime64\[s\]"),
        ({"a": [1.0]}, r"weights\.a is a list; a model stores NumPy arrays"),
        ({"a": np.float32(1)}, r"weights\.a is a float32; a model stores NumPy arrays"),
        ({"a": np.zeros((1,) * 33)}, r"weights\.a is .* at most 32 dimensions"),
        ({"__metadata__": np.zeros(1)}, "a tensor of weights is called '__metadata__'; give it another name"),
        ({"\ud800": np.zeros(1)}, r"a tensor of weights is called '\\ud800'"),
        ({"x" * 1001: np.zeros(1)}, "a tensor of weights is called 'x+...x+'; give"),
        ({3: np.zeros(1)}, "a tensor of weights is called 3; give it another name"),
    ],
)
def test_what_cannot_be_stored_is_named(tensors: dict[Any, Any], sentence: str) -> None:
    with pytest.raises(ArtifactError, match=sentence):
        entries_of(tensors, "weights")


@pytest.mark.parametrize("shape", [(2**53,), (2**40, 2**40), (0, 2**53), (2**31, 0, 2**31), (2**53,) * 32], ids=str)
def test_impossible_shapes_are_refused_before_numpy_sees_them(shape: tuple[int, ...]) -> None:
    with pytest.raises(ArtifactError, match=r"weights\.a has the impossible shape"):
        TensorEntry("F32", shape).check("weights.a")


def test_a_bool_is_zero_or_one() -> None:
    table = {"used": TensorEntry("BOOL", (2,))}
    raw = np.frombuffer(bytearray(header(table) + b"\x01\x02"), np.uint8)
    with pytest.raises(ArtifactError, match="holds a byte in the bool tensor 'used' that is neither 0 nor 1"):
        arrays_in(raw, table, PATH)
