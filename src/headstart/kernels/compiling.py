"""`compiled`: how every loop of this package becomes machine code, and where that code is kept.

Compiling all loops takes half a minute, so machine code is kept on disk, in the first of these places that can be
written, or holds it already: ``NUMBA_CACHE_DIR``, the package's ``__pycache__``, the user's cache folder, a folder in the system's
temporary folder that is the user's alone. Where none can, each process compiles for itself. Nothing that is
wrong with the kept code (a full disk, a damaged file, two processes that write at once) reaches a caller: it is
compiled again.

Numba keeps code for as long as the bytes of *its* file are the same; what the file imports is compiled into it and
not looked at. Here the stamp is a digest of every file of this folder, and each stored function says which stamp,
signature and processor it was made for: Numba says so in an index alone, which another process, or one that was
killed between its two writes, can leave pointing at another function.
"""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numba
from numba.core import config
from numba.core.caching import (
    CompileResultCacheImpl,
    FunctionCache,
    IndexDataCacheFile,
    InTreeCacheLocator,
    UserProvidedCacheLocator,
    UserWideCacheLocator,
)
from numba.core.compiler_lock import global_compiler_lock
from numba.core.runtime.nrt import rtsys

from headstart.plain import Json

if TYPE_CHECKING:
    from numba.core.caching import _CacheLocator

_Compiled = Callable[..., Any]
_KEPT: Json = {}
_FUNCTIONS: list[Any] = []


@overload
def compiled(function: _Compiled) -> _Compiled: ...
@overload
def compiled(*, part: bool = False, inline: bool = False) -> Callable[[_Compiled], _Compiled]: ...
def compiled(function: Any = None, *, part: bool = False, inline: bool = False) -> Any:
    """Compile a function at its first call with arguments of each type; it runs without the interpreter's lock.

    Division by zero gives infinity or no number, and bounds are not checked: callers see to both.

    Args:
        function: in the subset of Python that Numba compiles. At the top level of its file.
        part: it is called by compiled functions only, which are kept with it, so it is not kept by itself.
        inline: a `part` that is always compiled into the middle of its callers.
    """
    if function is None:
        return partial(compiled, part=part, inline=inline)
    found: Any = numba.njit(nogil=True, error_model="numpy", forceinline=inline)(function)
    if not (part or inline):
        with suppress(RuntimeError, OSError):  # there is no place to keep it in
            found._cache = _Cache(function)  # as Numba's own `enable_caching` does
            _KEPT[f"{function.__module__}.{function.__name__}"] = found._cache
            _FUNCTIONS.append(found)
    return found


class _Cache(FunctionCache):
    """Numba's cache of a function, with our places and stamp; a fault of it means compiling again."""

    _impl_class: type[CompileResultCacheImpl]

    def __init__(self, function: object) -> None:
        super().__init__(function)
        stamp = f"{self._impl.locator.get_source_stamp()!r} {_sources()}"
        self._cache_file = _Stored(self.cache_path, self._impl.filename_base, stamp)

    def load_overload(self, sig: object, target_context: object) -> object:
        rtsys.initialize(target_context)
        try:
            return self._load_overload(sig, target_context)
        except Exception:  # what reading a damaged pickle raises has no common name
            return None

    def save_overload(self, sig: object, data: object) -> None:
        with suppress(OSError):  # the disk is full, or the folder has gone
            super().save_overload(sig, data)


class _Stored(IndexDataCacheFile):
    """The files of one function. Each holds what it is the code of."""

    def save(self, key: object, data: object) -> None:
        super().save(key, (self._source_stamp, key, data))

    def load(self, key: object) -> object:
        found = super().load(key)
        return None if found is None or found[:2] != (self._source_stamp, key) else found[2]

    def _load_index(self) -> object:
        try:
            return super()._load_index()
        except Exception:  # damaged: a new one takes its place
            return {}


def _or_baked(place: type[_CacheLocator]) -> type[_CacheLocator]:
    """Return a place that is also taken where it cannot be written to, if it holds the function: in an image that was warmed."""

    class Place(place):  # type: ignore[misc, valid-type]
        @classmethod
        def from_function(cls, py_func: _Compiled, py_file: str) -> object:
            with suppress(TypeError, OSError):  # no folder was named
                found = cls(py_func, py_file)
                name = f"*.{py_func.__name__}-{py_func.__code__.co_firstlineno}.*.nbi"
                if any(Path(found.get_cache_path()).glob(name)):
                    return found
            return super().from_function(py_func, py_file)

    return Place


class _InUsersFolder(UserWideCacheLocator):
    """The user's cache folder, unless ``XDG_CACHE_HOME`` or ``HOME`` puts it into the current folder, whatever that is."""

    @classmethod
    def from_function(cls, py_func: _Compiled, py_file: str) -> object:
        return (
            super().from_function(py_func, py_file)
            if Path(cls(py_func, py_file).get_cache_path()).is_absolute()
            else None
        )


class _InTemporaryFolder(InTreeCacheLocator):
    """The last place: a folder of the user's own in the system's temporary folder."""

    def __init__(self, function: object, file: str) -> None:
        super().__init__(function, file)
        self._cache_path = str(_own_temporary_folder() / self.get_suitable_cache_subpath(file))

    @classmethod
    def from_function(cls, py_func: _Compiled, py_file: str) -> object:
        try:
            return super().from_function(py_func, py_file)
        except OSError:
            return None


class _Places(CompileResultCacheImpl):
    _locator_classes = [  # noqa: RUF012
        _or_baked(UserProvidedCacheLocator), _or_baked(InTreeCacheLocator), _InUsersFolder, _InTemporaryFolder
    ]  # fmt: skip


_Cache._impl_class = _Places


def _own_temporary_folder() -> Path:
    """Return a folder that only this user can write to: code that others could write must not be run.

    Raises:
        OSError: there is none, and none can be made.
    """
    if not hasattr(os, "geteuid"):
        raise PermissionError("whose a folder is cannot be told on this system")
    folder = Path(tempfile.gettempdir()) / f"headstart-{os.geteuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        raise PermissionError(f"{folder} is not this user's alone")
    return folder


@cache
def _sources() -> str:
    return digest_of(Path(__file__).parent)


def digest_of(folder: Path) -> str:
    """Return a digest of all sources in a folder, in hex."""
    found = hashlib.sha256()
    for path in sorted(folder.glob("*.py")):
        found.update(path.name.encode() + b"\0" + path.read_bytes())
    return found.hexdigest()


def keep_in(folder: Path) -> None:
    """Keep machine code in a folder from now on; call it before any loop is imported."""
    os.environ["NUMBA_CACHE_DIR"] = str(folder.absolute())
    config.reload_config()


def kept_functions() -> list[tuple[str, Path]]:
    """Return the functions whose machine code is kept, each with the folder that it is in."""
    return [(name, Path(one.cache_path)) for name, one in _KEPT.items()]


def n_compiled() -> int:
    """Return how many versions of these functions this process had to compile, there being none on disk."""
    return sum(one.stats.cache_misses.total() for one in _FUNCTIONS)


if hasattr(os, "register_at_fork"):  # a child that is made while another thread compiles would never get the lock
    os.register_at_fork(
        before=global_compiler_lock.acquire,
        after_in_parent=global_compiler_lock.release,
        after_in_child=global_compiler_lock.release,
    )
