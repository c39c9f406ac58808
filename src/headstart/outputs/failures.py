"""Why something could not be written, in one sentence, whichever library tried."""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from headstart.errors import HeadstartError, OutputError
from headstart.outputs.marks import PARTIAL

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_REMEDIES = {
    **dict.fromkeys(_NO_ROOM, "Free some space or write elsewhere, and try again."),
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), "Check who may write there, or write elsewhere."),
    errno.ENAMETOOLONG: "Give a shorter name.",
}
_SYSTEMS_OWN = (*_NO_ROOM, errno.EROFS, errno.EIO, errno.EMFILE, errno.ENFILE)  # no fault of ours, whatever it concerns
_OTHERWISE = "Check the path, or write elsewhere."
# What compiled libraries say in exceptions of their own: safetensors "(os error 28)", CatBoost and torch the words.
_NUMBER = re.compile(r"\(os error (\d+)\)")
_WORDS = {os.strerror(code): code for code in (*_REMEDIES, errno.EIO, errno.EISDIR, errno.ENOTDIR, errno.ENOENT)}


@contextmanager
def failed_writes(
    path: str | os.PathLike[str],
    what: str = "",
    *,
    error: type[HeadstartError] = OutputError,
    after: str = "What was there stays as it was.",
) -> Iterator[None]:
    """Raise one sentence for whatever goes wrong in the block because `path` cannot be written.

    Args:
        path: the file, or the folder of files, that the block writes. Faults of files elsewhere pass unchanged.
        what: what is written, such as ``"the model"``.
        error: the class to raise.
        after: what is to be said of what stood there.
    """
    try:
        yield
    except HeadstartError:
        raise
    except Exception as found:
        code = _code_of(found)
        if code is None or not _concerns(found, Path(path)):
            raise
        subject = f"{what} ({os.fspath(path)})" if what else repr(os.fspath(path))
        raise error(f"{subject} cannot be written: {reason_of(found, path)}. {after} {_remedy(code)}") from found


def reason_of(error: Exception, path: str | os.PathLike[str]) -> str:
    """Return why a write to `path` failed, with what is free there if room was lacking."""
    code = _code_of(error)
    reason = os.strerror(code) if code else str(error)
    if code not in (0, *_NO_ROOM):
        return reason
    return f"{reason} ({_free(Path(path))} free there)"


def system_fault(error: Exception) -> str | None:
    """Return what the system refused, if an error that no writer has named says so; None for any other."""
    code = _code_of(error)
    name = getattr(error, "filename", None)
    if not code or (name is None and code not in _SYSTEMS_OWN):
        return None
    return f"{os.fsdecode(name)}: {reason_of(error, os.fsdecode(name))}" if name else os.strerror(code)


def _code_of(error: Exception) -> int | None:
    """Return the system's error number: 0 for a file that was cut short, None where nothing was wrong with writing."""
    if isinstance(error, OSError):
        return error.errno or 0  # NumPy says "800 requested and 0 written" and no number
    text = str(error)
    if found := _NUMBER.search(text):
        return int(found[1])
    return next((code for words, code in _WORDS.items() if words in text), None)


def _concerns(error: Exception, path: Path) -> bool:
    name = getattr(error, "filename", None)
    if not isinstance(name, str | bytes) or not name:
        return True
    named, target = (Path(os.fsdecode(one)).absolute() for one in (name, path))
    if named == target or named in target.parents or target in named.parents:
        return True
    return target.parent in named.parents and named.relative_to(target.parent).parts[0].endswith(PARTIAL)


def _remedy(code: int) -> str:
    return _REMEDIES.get(code or errno.ENOSPC, _OTHERWISE)


def _free(path: Path) -> str:
    for folder in (path, *path.absolute().parents):
        try:
            free = float(shutil.disk_usage(folder).free)
        except OSError:
            continue
        for unit in ("bytes", "KB", "MB", "GB"):
            if free < 1000 or unit == "GB":
                return f"{free:.0f} {unit}" if free >= 100 or unit == "bytes" else f"{free:.1f} {unit}"
            free /= 1000
    return "an unknown number of bytes"
