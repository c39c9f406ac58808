"""Looking at the place of an output before any work is done."""

from __future__ import annotations

import glob
import os
import stat
from collections.abc import Iterable, Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from headstart.errors import OptionError
from headstart.outputs.failures import failed_writes
from headstart.outputs.staging import staged

_LOCAL = ("file://", "local://")


def check_file(path: str | os.PathLike[str], inputs: Iterable[Any] = (), *, option: str = "the output") -> None:
    """Refuse a place where a file cannot be written, or must not.

    Args:
        path: the file. A plain file there is replaced later on, and is no fault.
        inputs: what is read; see `check_apart`.
        option: what messages call the output, such as ``"--out"``.

    Raises:
        OptionError: if a folder, a link, a device or a pipe stands there, the folder for it is missing, or it is an
            input or part of one.
        OutputError: if nothing can be written there.
    """
    target = _named(path, option)
    with failed_writes(target):
        if target.is_symlink():
            raise OptionError(
                f"{option} is {_shown(target)}, a link to {str(target.readlink())!r}; name the file itself, or remove the link."
            )
        if target.is_dir() or not target.name:
            raise OptionError(f"{option} is {_shown(target)}, a folder; name a file in it.")
        if target.exists() and not target.is_file():
            raise OptionError(f"{option} is {_shown(target)}, a device or pipe; name a plain file.")
        check_apart(target, inputs, option=option)
        if not target.parent.is_dir():
            raise OptionError(
                f"the folder {_shown(target.parent)} for {option} {target.name} does not exist; make it, or write elsewhere."
            )
        _try(target)


def check_folder(
    path: str | os.PathLike[str],
    inputs: Iterable[Any] = (),
    *,
    option: str = "the output",
    names: Iterable[str] | None = None,
) -> None:
    """Refuse a place where a folder cannot be made, or must not; folders above it may be missing.

    What already lies in the folder is its writer's business.

    Args:
        path: the folder.
        inputs: what is read; see `check_apart`.
        option: what messages call the output.
        names: of what is written into the folder; None if the folder is replaced as a whole.

    Raises:
        OptionError, OutputError: as `check_file` does.
    """
    target = _named(path, option)
    with failed_writes(target):
        if target.exists() and not target.is_dir():
            raise OptionError(
                f"{option} is {_shown(target)}, a file, and a folder is to be written; choose another name."
            )
        if target.is_symlink() and not target.exists():
            raise OptionError(f"{option} is {_shown(target)}, a link to nothing; remove it, or choose another name.")
        inputs = list(inputs)
        for output in [target] if names is None else [target / name for name in names]:
            check_apart(output, inputs, option=option)
        place = target if names is not None and target.exists() else _above(target)
        if not place.is_dir():
            raise OptionError(f"{option} is {_shown(target)}, and {_shown(place)} is a file; choose another place.")
        _try(place / target.name)


def check_apart(path: str | os.PathLike[str], inputs: Iterable[Any], *, option: str = "the output") -> None:
    """Refuse an output that is an input, lies in one, or holds one.

    Args:
        path: the output, which need not be there yet.
        inputs: paths, folders, patterns of names, local addresses, ``"-"`` for the standard input; tables and None
            are passed over.
        option: what messages call the output.

    Raises:
        OptionError: it is not apart.
    """
    target = Path(path).resolve()
    for given in _each(inputs):
        how = next(filter(None, (_overlap(target, source) for source in _paths(given))), "") or _pattern(target, given)
        if how:
            raise OptionError(
                f"{option} is {_shown(Path(path))}, which {how} what is read ({_shown(given)}), and that would be lost "
                "or change; write elsewhere."
            )


def _named(path: str | os.PathLike[str], option: str) -> Path:
    if "\0" in os.fspath(path):
        raise OptionError(f"{option} is {_shown(path)}; no name of a file holds a null character.")
    return Path(path)


def _overlap(target: Path, source: Path) -> str:
    if _same(target, source):
        return "is"
    if source.is_dir() and any(_same(folder, source) for folder in target.parents):
        return "lies in"
    if target.is_dir() and any(_same(target, folder) for folder in source.resolve().parents):
        return "holds"
    return ""


def _pattern(target: Path, given: object) -> str:
    """Say so if the output would be found by a pattern of inputs once it is there."""
    if not isinstance(given, str) or not glob.has_magic(given):
        return ""
    whole = str(Path(_local(given)).resolve())
    return "would be one of" if target.match(whole) or ("**" in given and fnmatch(str(target), whole)) else ""


def _each(inputs: Iterable[Any]) -> Iterator[Any]:
    for given in inputs:
        if isinstance(given, list | tuple):
            yield from _each(given)
        else:
            yield given


def _paths(given: object) -> Iterator[Path]:
    """Yield the local files and folders that an input stands for."""
    if isinstance(given, str) and given == "-":
        yield Path("/dev/stdin")
    elif isinstance(given, str | os.PathLike):
        name = _local(os.fspath(given))
        path = Path(os.path.expanduser(name))  # noqa: PTH111 - unlike Path's, leaves ~nosuch as it is
        if name and os.path.lexists(path):
            yield path
        elif isinstance(name, str) and glob.has_magic(name):
            yield from map(Path, [*glob.iglob(name, recursive=True), name])  # noqa: PTH207 - it takes whole paths


def _local(name: Any) -> Any:
    found = next((start for start in _LOCAL if isinstance(name, str) and name.startswith(start)), "")
    return name[len(found) :]


def _same(one: Path, other: Path) -> bool:
    try:
        first, second = one.stat(), other.stat()
    except OSError:
        return False
    return stat.S_IFMT(first.st_mode) == stat.S_IFMT(second.st_mode) and os.path.samestat(first, second)


def _above(target: Path) -> Path:
    """Return the nearest folder above `target` that is there."""
    return next(folder for folder in target.absolute().parents if os.path.lexists(folder))


def _try(target: Path) -> None:
    """Make and remove what a writer would make first, since permissions alone do not tell."""
    with staged(target):
        pass


def _shown(given: object) -> str:
    return repr(os.fspath(given)) if isinstance(given, str | os.PathLike) else repr(given)
