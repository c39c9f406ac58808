"""JSON that can be trusted: written in one way, bounded, with a digest of itself.

**Canonical.** Keys sorted by code point, objects opened over lines down to the fourth level and one space
deeper a level, everything else on one line with ``", "`` and ``": "``, UTF-8, numbers as Python writes
them, one newline at the end. The same values give the same bytes.

**Sealed.** The first key holds the SHA-256 of the file, taken with 64 zeros in the place of the digest.
A reader in any language can check it without writing JSON.

**Bounded.** `MAX_BYTES` bounds what the parser may take: some 130 MB, of four mebibytes of empty lists. `MAX_DEPTH` is held
against the raw bytes, for deep nesting ends the process where a user has raised Python's recursion limit.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from headstart.artifact.faults import damaged, shortened
from headstart.errors import ArtifactError
from headstart.plain import Facts, Json

MAX_BYTES = 4 * 1024 * 1024
MAX_DEPTH = 32

_OPEN_LEVELS = 4
_ENCODER = json.JSONEncoder(sort_keys=True, ensure_ascii=False, allow_nan=False)
_INT64 = range(-(2**63), 2**63)
_NO_DIGEST = b"0" * 64
# Text in one piece (possessive, so that hostile text takes one look at each byte), or a bracket that opens or closes.
_BRACKETS = re.compile(rb'"[^"\\]*+(?:\\(?s:.)[^"\\]*+)*+"?|([\[{])|([\]}])')
_Place = tuple[Any, ...]  # (name,) or (place of what holds it, key): spelt out only for a message


def canonical(value: object) -> bytes:
    """Return the one way in which `value` is written.

    Raises:
        ValueError: for what JSON cannot hold; `plain` says better what and where.
    """
    return (_written(value, 0) + "\n").encode()


def _written(value: object, level: int) -> str:
    if not (isinstance(value, dict) and value and level < _OPEN_LEVELS):
        return _ENCODER.encode(value)
    indent = " " * (level + 1)
    lines = (f"{indent}{_ENCODER.encode(key)}: {_written(value[key], level + 1)}" for key in sorted(value))
    return "{\n" + ",\n".join(lines) + f"\n{indent[1:]}}}"


def plain(value: object, where: str) -> Any:
    """Return a copy of `value` made of dicts, lists, str, bool, int, float and None only.

    Args:
        value: tuples become lists and mappings become dicts; nothing else is converted, because a NumPy
            number would come back as another type than it went in as.
        where: name of `value` in messages, such as ``"model"``.

    Raises:
        ArtifactError: names the place and the value that JSON cannot hold.
    """
    return _plain(value, (where,), 0)


def repaired(told: object) -> Any:
    """Return a copy in which what is no UTF-8 (a file's name in the command, say) stands as escapes.

    For what is only told of a model: nothing that decides an answer may be changed.
    """
    if isinstance(told, Mapping):
        return {repaired(key): repaired(value) for key, value in told.items()}
    if isinstance(told, list | tuple):
        return [repaired(value) for value in told]
    return told.encode("utf-8", "backslashreplace").decode() if type(told) is str else told


def _plain(value: object, place: _Place, depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise ArtifactError(
            f"{_spelt(place)} is nested more than {MAX_DEPTH} deep, and no model needs that. Flatten it."
        )
    if isinstance(value, Mapping):
        return {_key(key, place): _plain(item, (place, key), depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, (place, i), depth + 1) for i, item in enumerate(value)]
    fault = _fault(value)
    if fault:
        raise ArtifactError(
            f"{_spelt(place)} is {shortened(value)}, {fault}; a stored model holds only text, true and false, whole "
            "numbers of 64 bits, finite numbers, None, lists and dicts. Convert it (int(...)) or leave it out."
        )
    return value


def _key(key: object, place: _Place) -> str:
    if type(key) is not str or not _is_utf8(key):
        raise ArtifactError(
            f"{_spelt(place)} has the key {shortened(key)}, and a key has to be text that UTF-8 can hold. Rename it."
        )
    return key


def _spelt(place: _Place) -> str:
    if len(place) == 1:
        return str(place[0])
    last = f"[{place[1]}]" if isinstance(place[1], int) else f".{place[1]}"
    return _spelt(place[0]) + last


def _fault(value: object) -> str:
    # Exact types: a subclass, such as numpy.float64 or an enum, would come back as something else.
    if value is None or type(value) is bool:
        return ""
    if type(value) is int:
        return "" if value in _INT64 else "beyond 64 bits"
    if type(value) is float:
        return "" if math.isfinite(value) else "not a finite number"
    if type(value) is str:
        return "" if _is_utf8(value) else "half of a surrogate pair"
    return f"a {type(value).__module__}.{type(value).__name__}"


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def seal(key: str, body: Facts) -> tuple[bytes, str]:
    """Return the file that holds `body` and its own digest under `key`, and the digest.

    Args:
        key: has to come before every key of `body` in order.
        body: plain values (see `plain`).

    Raises:
        ArtifactError: if it would be too large to be read again.
    """
    raw = canonical({key: _NO_DIGEST.decode(), **body})
    start = len(_head(key))
    excess = _excess(raw)
    if excess:
        raise ArtifactError(
            f"the model's {' and '.join(sorted(body))} take {excess} as JSON, more than would be read again. "
            "Store long lists as tensors, or leave them out."
        )
    digest = hashlib.sha256(raw).hexdigest()
    return raw[:start] + digest.encode() + raw[start + 64 :], digest


def unseal(raw: bytes, key: str, path: Path) -> tuple[Json, str]:
    """Return what `seal` put in, without the digest, and the digest; `path` is for messages.

    Raises:
        ArtifactError: if a byte differs from what was written, or the file is over the bounds.
    """
    head = _head(key)
    excess = _excess(raw)
    if excess:
        raise damaged(path, f"holds {excess}, more than any model needs")
    stored = raw[len(head) : len(head) + 64]
    if not raw.startswith(head) or len(stored) < 64:
        raise damaged(
            path, f"does not begin with {head.decode()!r} and 64 digits, so it is not such a file or was changed"
        )
    found = hashlib.sha256(raw[: len(head)] + _NO_DIGEST + raw[len(head) + 64 :]).hexdigest()
    if stored != found.encode():
        raise damaged(
            path, f"was changed or cut short: its digest is {found[:12]}… and it says {stored[:12].decode('latin1')!r}…"
        )
    body = _parsed(raw, path)
    del body[key]
    return body, found


def _parsed(raw: bytes, path: Path) -> Json:
    try:
        value = plain(json.loads(raw.decode(), object_pairs_hook=_once), path.stem)
    except ArtifactError as error:
        raise damaged(path, f"holds what no model holds ({error})") from error
    except ValueError as error:
        raise damaged(path, f"is not JSON ({shortened(str(error))})") from error
    if not isinstance(value, dict):
        raise damaged(path, "holds no object")
    return value


def _once(pairs: list[tuple[str, Any]]) -> Json:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands in one object twice")
    return found


def _head(key: str) -> bytes:
    return f'{{\n "{key}": "'.encode()


def _excess(raw: bytes) -> str:
    if len(raw) > MAX_BYTES:
        return f"{len(raw):,} bytes (at most {MAX_BYTES:,})"
    depth = _depth(raw)
    return f"{depth:,} levels (at most {MAX_DEPTH})" if depth > MAX_DEPTH else ""


def _depth(raw: bytes) -> int:
    depth = deepest = 0
    for found in _BRACKETS.finditer(raw):
        depth += (0, 1, -1)[found.lastindex or 0]
        deepest = max(deepest, depth)
    return deepest
