"""The files of a model that transformers, sentence-transformers or model2vec saved; read, and never believed."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from headstart.errors import ArtifactError
from headstart.plain import Row

_MOST_JSON = 4 << 20
_MOST_RULES = 256 << 20
_PICKLED = ("pytorch_model.bin", "pytorch_model.bin.index.json", "model.bin", "tf_model.h5", "flax_model.msgpack")
_WEIGHTS = "model.safetensors"
_CHUNK = 1 << 20
_LARGEST = 1e15  # of a weight: its square, summed over a vector, is still a number in float32


def checked_folder(path: str | os.PathLike[str]) -> Path:
    """Return the folder at `path`.

    Raises:
        ArtifactError: there is none. Names of models on a hub are no folders: nothing is ever fetched.
    """
    folder = Path(path)
    if folder.is_dir():
        return folder
    found = "is a file" if folder.exists() else "does not exist"
    raise ArtifactError(
        f"{str(path)!r} {found}; expected the folder of a model on this machine, with config.json, {_WEIGHTS} and "
        "tokenizer.json in it. Nothing is fetched from a hub: download the model first, then give its folder."
    )


def read_json(path: Path, *, missing: object = None) -> Any:
    """Return what a JSON file holds, or `missing` where there is no such file.

    Raises:
        ArtifactError: it cannot be read, or is no JSON object or list.
    """
    if not path.is_file():
        if missing is not None:
            return missing
        raise ArtifactError(
            f"the folder {str(path.parent)!r} holds no {path.name}; expected a model as save_pretrained writes it. "
            "Give the folder that holds config.json itself."
        )
    try:
        found = json.loads(_bytes(path, _MOST_JSON).decode())
    except (ValueError, RecursionError) as error:
        raise ArtifactError(
            f"{path.name} in {str(path.parent)!r} is not JSON ({str(error)[:100]}); copy the model again."
        ) from error
    if not isinstance(found, dict | list):
        raise ArtifactError(f"{path.name} in {str(path.parent)!r} holds no object; copy the model again, whole.")
    return found


def read_rules(folder: Path) -> bytes:
    """Return the bytes of ``tokenizer.json``.

    Raises:
        ArtifactError: it is missing or cannot be read.
    """
    path = folder / "tokenizer.json"
    if not path.is_file():
        raise ArtifactError(
            f"the folder {str(folder)!r} holds no tokenizer.json, without which texts cannot be cut as the model "
            "learnt it. Write one: transformers.AutoTokenizer.from_pretrained(folder).save_pretrained(folder)."
        )
    return _bytes(path, _MOST_RULES)


def _bytes(path: Path, most: int) -> bytes:
    try:
        if path.stat().st_size > most:
            raise ArtifactError(f"{path.name} is larger than {most >> 20} MiB, which no such file is. Check the path.")
        return path.read_bytes()
    except OSError as error:
        raise ArtifactError(f"{str(path)!r} cannot be read ({error.strerror or error}); check the file.") from error


class Weights:
    """The tensors of one ``model.safetensors``, taken one by one and noted down.

    Attributes:
        names: every tensor's name below the prefix, LayerNorm's old names replaced.
        taken: those that were asked for.
    """

    def __init__(self, path: Path, file: Any, prefix_of: Sequence[str]) -> None:
        self._path, self._file = path, file
        known = list(file.keys())
        starts = [name.removesuffix(end) for end in prefix_of for name in known if name.endswith(end)]
        prefix = min(starts, key=len, default="")
        self.names: dict[str, str] = {
            _renamed(name.removeprefix(prefix)): name for name in known if name.startswith(prefix)
        }
        self.taken: set[str] = set()

    def __contains__(self, name: str) -> bool:
        return name in self.names

    def shape(self, name: str) -> tuple[int, ...]:
        """Return a tensor's shape."""
        return tuple(self._file.get_slice(self._own(name)).get_shape())

    def n_rows(self, name: str, size: int) -> int:
        """Return how many rows of that size a table has.

        Raises:
            ArtifactError: it is no such table, or an empty one.
        """
        shape = self.shape(name)
        if len(shape) != 2 or not shape[0] or shape[1] != size:
            raise ArtifactError(
                f"{self._own(name)} in {self._path.name} has the shape {list(shape)}; expected rows of size {size}, as "
                "config.json says: the files do not belong together. Copy the model again, whole."
            )
        return shape[0]

    def take(self, name: str, shape: tuple[int, ...] | None = None, *, whole: bool = False) -> Tensor:
        """Return a tensor as float32, or as int64 where `whole` numbers are wanted.

        Raises:
            ArtifactError: it is missing, has another `shape`, or holds values that no weight has.
        """
        own = self._own(name)
        if shape is not None and self.shape(name) != shape:
            raise ArtifactError(
                f"{own} in {self._path.name} has the shape {list(self.shape(name))}, and config.json speaks of "
                f"{list(shape)}: the files do not belong together. Copy the model again, whole."
            )
        self.taken.add(name)
        # A copy: what the library gives may be the file's own pages, and the file may change.
        value: Tensor = self._file.get_tensor(own).to(torch.int64 if whole else torch.float32, copy=True)
        check_numbers(value, f"{own} in {self._path.name}")
        return value.contiguous()

    def _own(self, name: str) -> str:
        if name not in self.names:
            near = ", ".join(sorted(self.names)[:4]) or "nothing"
            raise ArtifactError(
                f"{self._path.name} in {str(self._path.parent)!r} holds no tensor {name!r} (it holds {near} ...); "
                "expected the encoder that config.json describes. Save the model again with save_pretrained."
            )
        own: str = self.names[name]
        return own


def check_numbers(values: Tensor, where: str) -> None:
    """Refuse values that are not finite, or so large that sums over them would not be.

    Raises:
        ArtifactError: names the tensor.
    """
    if values.numel() and not bool((values.abs() <= _LARGEST).all()):
        raise ArtifactError(
            f"{where} holds values that are no finite numbers, or beyond {_LARGEST:g}, as no weights are. Copy it again."
        )


def _renamed(name: str) -> str:
    return name.replace("LayerNorm.gamma", "LayerNorm.weight").replace("LayerNorm.beta", "LayerNorm.bias")


@contextmanager
def opened_weights(folder: Path, prefix_of: Sequence[str] = ()) -> Iterator[Weights]:
    """Open a folder's ``model.safetensors``.

    Args:
        folder: where it lies.
        prefix_of: ends of names of which one is there; what stands before it stands before all names, and is cut off.

    Raises:
        ArtifactError: there is none (weights in pickles are refused), or it is damaged.
    """
    path = folder / _WEIGHTS
    if not path.is_file():
        raise _no_weights(folder)
    try:
        with safe_open(path, framework="pt") as file:
            yield Weights(path, file, prefix_of)
    except (SafetensorError, OSError) as error:
        raise ArtifactError(
            f"{_WEIGHTS} in {str(folder)!r} is damaged or cut short ({str(error)[:150]}); copy it again."
        ) from error


def _no_weights(folder: Path) -> ArtifactError:
    pickled = [name for name in _PICKLED if (folder / name).exists()]
    if (folder / f"{_WEIGHTS}.index.json").exists():
        found = "its weights in several files"
        remedy = "Save it as one: model.save_pretrained(folder, max_shard_size='100GB')."
    elif pickled:
        found = f"its weights in {pickled[0]}, a format that can run code when it is read, which is never done here"
        remedy = "Save it as safetensors: transformers.AutoModel.from_pretrained(folder).save_pretrained(folder)."
    else:
        found = f"no {_WEIGHTS}"
        remedy = "Give the folder that save_pretrained wrote."
    return ArtifactError(f"the folder {str(folder)!r} holds {found}; expected one {_WEIGHTS}. {remedy}")


def to_file(folder: Path, *names: str) -> Path:
    """Return the first of these files that is there, or the first one."""
    return next((folder / name for name in names if (folder / name).is_file()), folder / names[0])


def file_sums(*paths: Path) -> list[Row]:
    """Return name, size and SHA-256 of each file, ready for JSON."""
    found = []
    for path in paths:
        digest = hashlib.sha256()
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
        found.append({"name": path.name, "bytes": path.stat().st_size, "sha256": digest.hexdigest()})
    return found
