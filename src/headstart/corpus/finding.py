"""From what the user typed to the files it stands for: paths, folders, partitions, patterns, addresses."""

import difflib
import glob
import io
import os
import posixpath
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote

from headstart.corpus.opening import FORMATS_READ, STDIN, DataFile, local_file, standard_input
from headstart.errors import DataError

Source = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]
"""A path, folder, pattern or address; or several."""

SCHEMES = (
    "file", "local", "memory", "http", "https", "s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "hf", "ftp", "sftp", "ssh",
    "smb", "hdfs", "webhdfs", "oci", "oss", "dbfs", "github",
)  # fmt: skip
"""How an address may begin. Other fsspec schemes run other programs, follow references, or name no file of rows."""
_CACHES = ("simplecache", "filecache", "blockcache")

_KINDS = {
    ".csv": "CSV", ".txt": "text", ".tsv": "TSV", ".tab": "TSV",
    ".jsonl": "JSON", ".ndjson": "JSON", ".json": "JSON",
    ".parquet": "Parquet", ".pq": "Parquet",
    ".arrow": "Arrow", ".feather": "Arrow", ".ipc": "Arrow", ".arrows": "Arrow",
}  # fmt: skip
_NULL_PARTITION = "__HIVE_DEFAULT_PARTITION__"
_DEEPEST = 12


def is_source(value: object) -> bool:
    """Whether a value names files: a path, or a list of paths."""
    if isinstance(value, (list, tuple)):
        return bool(value) and all(isinstance(one, (str, os.PathLike)) for one in value)
    return isinstance(value, (str, os.PathLike))


def source_name(source: Source) -> str:
    """What messages call a source."""
    if isinstance(source, (str, os.PathLike)):
        text = os.fsdecode(source)
        return "standard input" if text == STDIN else text
    first = os.fsdecode(source[0])
    return first if len(source) == 1 else f"{first} and {len(source) - 1} more"


def find_files(source: Source, format: str | None = None) -> list[DataFile]:
    """The data files that a source stands for: in order of name within a folder or pattern, else as they are named.

    Args:
        source: a path; a folder, whose ``key=value`` folders are partitions; a pattern such as ``rows/*.csv``;
            an fsspec address; ``-`` for standard input; or several of these.
        format: what the files are, where that is said; then a folder may hold files of any ending.

    Raises:
        DataError: nothing is there, a folder holds no data file, or the files are of several kinds.
    """
    sources = [source] if isinstance(source, (str, os.PathLike)) else list(source)
    if not sources:
        raise DataError("No data was named. Name a file, a folder, a pattern or an address.")
    texts = [os.fsdecode(one) for one in sources]
    files = [file for text in texts for file in _find(text, format)]
    if len(texts) > 1:
        _refuse_mixture(files, "The data", format)
        folders = [posixpath.dirname(file.name.replace(os.sep, "/")) for file in files]
        base = os.path.commonpath(folders) if len({folder.startswith("/") for folder in folders}) == 1 else ""
        files = [
            file if file.partition else replace(file, partition=_partition_below(base, folder))
            for file, folder in zip(files, folders, strict=True)
        ]
    return [file if format is None else replace(file, format=format) for file in files]


def _find(text: str, format: str | None) -> list[DataFile]:
    if text == STDIN:
        return [standard_input(format)]
    if not text.strip():
        raise DataError("The path of the data is empty. Name a file or folder; for this folder write a dot: .")
    return _find_remote(text, format) if "://" in text else _find_local(text, format)


# --- on disk -----------------------------------------------------------------------------------------


def _find_local(name: str, format: str | None) -> list[DataFile]:
    try:
        path = Path(os.path.expanduser(name))  # noqa: PTH111 - unlike Path's, leaves ~nosuch as it is
        if path.is_dir():
            return _in_folder(_LocalFolder(path), name, format)
        if path.exists():
            return [local_file(path, name)]
        if glob.has_magic(name):
            pattern = path.as_posix()
            return _matching(sorted(glob.glob(pattern, recursive=True)), pattern, format)  # noqa: PTH207
        target = path.readlink() if path.is_symlink() else None
        siblings = sorted(entry.name for entry in path.parent.iterdir()) if path.parent.is_dir() else None
    except DataError:
        raise
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError(f"{name[:200]} cannot be looked at: {reason}. Check the path and its permissions.") from error
    if target is not None:
        raise DataError(
            f"{name} is a link to {target}, where there is no file. Mend the link, or name the file itself."
        )
    raise DataError(_missing(name, path.name, str(path.parent), siblings))


def _matching(found: list[str], pattern: str, format: str | None) -> list[DataFile]:
    """The files that a pattern matches, those of matching folders among them."""
    if not found:
        raise DataError(f"No file matches {pattern}. Check its spelling and the folder you are in.")
    files: list[DataFile] = []
    for entry in map(Path, found):
        partition = _partition_below(_fixed(pattern), entry.as_posix() if entry.is_dir() else entry.parent.as_posix())
        if not entry.is_dir():
            if not entry.name.startswith((".", "_")):
                files.append(replace(local_file(entry, str(entry)), partition=partition))
        elif not any(Path(other).is_relative_to(entry) for other in found if other != str(entry)):
            inside = _in_folder(_LocalFolder(entry), str(entry), format)
            files += [replace(file, partition=partition | file.partition) for file in inside]
    if not files:
        raise DataError(f"No data file matches {pattern}. Name files of these formats: {FORMATS_READ}.")
    _refuse_mixture(files, f"The pattern {pattern}", format)
    return files


def _fixed(pattern: str) -> str:
    """The folder in which a pattern begins to match."""
    return re.split(r"[*?\[]", pattern, maxsplit=1)[0].rpartition("/")[0]


def _partition_below(base: str, folder: str) -> dict[str, str | None]:
    """The partition that the folders between `base` and `folder` name."""
    return _partition(folder.removeprefix(base).split("/"))


class _LocalFolder(NamedTuple):
    path: Path

    def entries(self) -> tuple[list[str], list[str]]:
        """The names of its files and of its folders."""
        inside = sorted(self.path.iterdir())
        return [one.name for one in inside if not one.is_dir()], [one.name for one in inside if one.is_dir()]

    def below(self, name: str) -> "_LocalFolder":
        return _LocalFolder(self.path / name)

    def file(self, name: str, shown: str) -> DataFile:
        return local_file(self.path / name, shown)


# --- at an address -----------------------------------------------------------------------------------


def _find_remote(url: str, format: str | None) -> list[DataFile]:
    _check_scheme(url)
    with _told(url):
        import fsspec  # slow to import, and few need it

        system, path = fsspec.core.url_to_fs(url)
        scheme = url.rsplit("::", 1)[-1].split("://", 1)[0]
        if glob.has_magic(path) and not system.exists(path):
            names = sorted(entry for entry in system.glob(path) if system.isfile(entry))
            if not names:
                raise DataError(f"No file matches {url}. Check the address.")
            files = [_remote_file(system, entry, f"{scheme}://{entry.lstrip('/')}") for entry in names]
            fixed = _fixed(path)
            return [
                replace(file, partition=_partition_below(fixed, posixpath.dirname(entry)))
                for file, entry in zip(files, names, strict=True)
            ]
        if system.isdir(path):
            return _in_folder(_RemoteFolder(system, path), f"{scheme}://{path.lstrip('/')}", format)
        if not system.exists(path):
            siblings = _remote_names(system, path)
            raise DataError(_missing(url, posixpath.basename(path), posixpath.dirname(path), siblings))
    return [_remote_file(system, path, url)]


def _check_scheme(url: str) -> None:
    parts = url.split("::")
    schemes = [part.split("://", 1)[0] for part in parts]
    if schemes[-1].lower() not in SCHEMES or set(schemes[:-1]) - set(_CACHES):
        raise DataError(
            f"{url} cannot be opened: an address begins with one of {', '.join(SCHEMES)} and ://. "
            f"Check the address and that its driver is installed, or copy the file here first."
        )


@contextmanager
def _told(url: str) -> Iterator[None]:
    """Any exception of an fsspec driver, which may raise what it likes, as a sentence."""
    try:
        yield
    except DataError:
        raise
    except Exception as error:
        reason = (str(error) or type(error).__name__).splitlines()[0].rstrip(".")
        raise DataError(
            f"{url} cannot be opened: {reason}. Check the address and that its driver is installed."
        ) from error


class _RemoteFolder(NamedTuple):
    system: Any
    path: str

    def entries(self) -> tuple[list[str], list[str]]:
        """The names of its files and of its folders."""
        inside = sorted(self.system.ls(self.path, detail=True), key=lambda entry: str(entry["name"]))
        names = [(posixpath.basename(str(entry["name"]).rstrip("/")), entry["type"]) for entry in inside]
        return [name for name, kind in names if kind == "file"], [name for name, kind in names if kind == "directory"]

    def below(self, name: str) -> "_RemoteFolder":
        return _RemoteFolder(self.system, posixpath.join(self.path, name))

    def file(self, name: str, shown: str) -> DataFile:
        return _remote_file(self.system, posixpath.join(self.path, name), shown)


def _remote_file(system: Any, path: str, name: str) -> DataFile:
    def opened() -> Any:
        with _told(name):
            return _Guarded(system.open(path, "rb"), name)

    return DataFile(name, opened)


class _Guarded(io.RawIOBase):
    """A driver's file whose exceptions are told in a sentence."""

    def __init__(self, file: Any, name: str) -> None:
        self._file, self._name = file, name

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return bool(self._file.seekable())

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        with _told(self._name):
            return int(self._file.seek(offset, whence))

    def tell(self) -> int:
        return int(self._file.tell())

    def readinto(self, buffer: Any, /) -> int:
        view = memoryview(buffer).cast("B")
        with _told(self._name):
            data = self._file.read(len(view))
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()


def _remote_names(system: Any, path: str) -> list[str] | None:
    try:
        return [posixpath.basename(str(entry)) for entry in system.ls(posixpath.dirname(path), detail=False)]
    except Exception:  # An address whose neighbours cannot be listed, for whatever reason of its driver's.
        return None


# --- folders -----------------------------------------------------------------------------------------


def _in_folder(folder: object, name: str, format: str | None) -> list[DataFile]:
    """The data files of a folder and of its partitions; all must be of one kind."""
    files, others = _walk(folder, name, {}, format)
    if not files and others:
        raise DataError(
            f"The folder {name} holds no data file of its own, only folders ({', '.join(others[:3])}) that are no "
            f"partitions such as year=2024. Name one of them, or a pattern such as {name.rstrip('/')}/*/*.csv."
        )
    if not files:
        raise DataError(f"The folder {name} holds no data file. Name a file, or a folder of: {FORMATS_READ}.")
    _refuse_mixture(files, f"The folder {name}", format)
    return files


def _walk(
    folder: Any, name: str, partition: dict[str, str | None], format: str | None
) -> tuple[list[DataFile], list[str]]:
    """The data files below a folder, and the folders that were passed over."""
    names, folders = folder.entries()
    shown: Callable[[str], str] = lambda leaf: posixpath.join(name, leaf) if "://" in name else str(Path(name) / leaf)  # noqa: E731
    visible = [leaf for leaf in names if not leaf.startswith((".", "_"))]
    chosen = [leaf for leaf in visible if format is not None or DataFile(leaf, io.BytesIO).suffix in _KINDS]
    files = [replace(folder.file(leaf, shown(leaf)), partition=partition) for leaf in chosen]
    others = []
    for leaf in folders:
        found = _partition([leaf])
        if found and len(partition) < _DEEPEST:
            below, more = _walk(folder.below(leaf), shown(leaf), partition | found, format)
            files += below
            others += more
        elif not leaf.startswith((".", "_")):
            others.append(leaf)
    return files, others


def _partition(parts: Sequence[str]) -> dict[str, str | None]:
    """``["year=2024", "x"]`` as ``{"year": "2024"}``, as Hive, Spark and Arrow write partitions."""
    pairs = [part.split("=", 1) for part in parts if re.fullmatch(r"[^=]+=.*", part)]
    return {unquote(key): None if value == _NULL_PARTITION else unquote(value) for key, value in pairs}


def _refuse_mixture(files: Sequence[DataFile], what: str, format: str | None) -> None:
    suffixes = sorted({file.suffix for file in files})
    if format is None and len({_KINDS.get(suffix, suffix) for suffix in suffixes}) > 1:
        raise DataError(
            f"{what} holds files of several kinds ({', '.join(suffix or 'no ending' for suffix in suffixes)}). "
            f"Name one file, or keep one kind in the folder."
        )


def _missing(name: str, leaf: str, folder: str, siblings: list[str] | None) -> str:
    if siblings is None:
        return f"There is no file {name}, nor a folder {folder} that could hold it. Check the path."
    near = difflib.get_close_matches(leaf, siblings, n=3)
    hint = f"Did you mean {' or '.join(near)}?" if near else "Check its spelling and the folder you are in."
    return f"There is no file {name}. {hint}"
