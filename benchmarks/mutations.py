"""Ways to damage bytes, JSON and arrays at random: what the fuzzers share. The same seed gives the same damage."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator
from random import Random as Rng
from typing import Any

import numpy as np

__all__ = ["inflate_sizes", "mutate_array", "mutate_bytes", "mutate_json"]

VALUES: list[Any] = [
    None, True, False, -1, 0, 1, 2, 7, 255, 65536, 10**6, 10**9, 2**31 - 1, 2**31, 2**53, 2**63 - 1, -(2**63), 0.5, -0.0, 1e-320, 1e308,
    "", "a", "gru", "x" * 5000, "../../etc/passwd", "\0", "\U0001f600", "__class__", "{0.__globals__}",
    [], {}, [[]], [0] * 5000, {"a": {"b": {"c": {}}}}, ["a"] * 100, [1e308] * 3,
]  # fmt: skip


def mutate_bytes(raw: bytes, rng: Rng, others: list[bytes]) -> bytes:
    """Change a file's bytes in one to four ways."""
    data = bytearray(raw)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        at = rng.randrange(len(data) + 1)
        end = min(len(data), at + rng.choice((1, 2, 4, 8, 16, 64, 1000)))
        donor = rng.choice(others)
        start = rng.randrange(len(donor) + 1)
        piece = donor[start : start + rng.choice((1, 4, 8, 40, 400))]
        number = rng.choice((0, 1, 2**7, 2**15, 2**31 - 1, 2**32 - 1, 2**63 - 1, 2**64 - 1)).to_bytes(
            8, rng.choice(("little", "big"))
        )
        match rng.randrange(9):
            case 0 | 1 if data:
                for _ in range(rng.choice((1, 1, 3, 16))):
                    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
            case 2:
                del data[at:]
            case 3:
                del data[at:end]
            case 4:
                data[at:at] = piece
            case 5:
                data[at : at + len(piece)] = piece
            case 6:
                data[at : at + 8] = number
            case 7:
                data[at:at] = bytes(data[at:end]) * rng.choice((1, 3, 50))
            case _:
                data += piece
    return bytes(data)


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every (container, key) below `value`."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield value, key
        yield from places(inner)


def mutate_json(body: dict[str, Any], rng: Rng) -> None:
    """Edit a parsed document in one to three places."""
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        found = list(places(body))
        if not found:
            return
        holder, key = rng.choice(found)
        value = holder[key]
        match rng.randrange(7):
            case 0:
                del holder[key]
            case 1 if type(value) in (int, float):
                holder[key] = rng.choice(
                    (value + 1, value - 1, value * 2, value * 1000, value * 10**6, -value, float(value), str(value))
                )
            case 2 if isinstance(value, list) and value:
                holder[key] = rng.choice(
                    (value[:-1], [*value, copy.deepcopy(value[0])], value * 50, value[::-1], value[0])
                )
            case 3 if isinstance(value, str):
                holder[key] = rng.choice(
                    (value + "x", value[:-1], value.upper(), value * 20, [value], value.replace("e", "\u0435"))
                )
            case 4:
                other, other_key = rng.choice(found)
                with contextlib.suppress(KeyError, IndexError):
                    holder[key] = copy.deepcopy(other[other_key])
            case 5 if isinstance(holder, dict):
                holder[rng.choice(("a", "", key + "x", "files", "kind", "\0"))] = holder.pop(key)
            case _:
                holder[key] = copy.deepcopy(rng.choice(VALUES))


def inflate_sizes(body: Any, rng: Rng) -> None:
    """Make one to three whole numbers of a parsed document far larger."""
    found = [(holder, key) for holder, key in places(body) if type(holder[key]) is int]
    for holder, key in rng.sample(found, min(len(found), rng.choice((1, 1, 2, 3)))):
        holder[key] = min(max(holder[key], 1) * 10 ** rng.randrange(1, 16) + rng.randrange(2), 2**63 - 1)


def mutate_array(array: Any, rng: Rng) -> Any:
    """Change an array's shape, type or values."""
    flat = array.reshape(-1).copy()
    match rng.randrange(8):
        case 0:
            return np.array(array.astype(rng.choice(("f2", "f4", "f8", "i1", "i4", "i8", "u8", "?"))))
        case 1:
            return flat
        case 2:
            return array.T.copy()
        case 3:
            return np.concatenate([flat, flat])
        case 4:
            return flat[: flat.size // 2]
        case 5:
            return np.zeros(rng.choice(((), (0,), (1,), (1, 1), (3, 0), (10_000,), (2,) * 12)), array.dtype)
        case 6 if flat.size and flat.dtype.kind == "f":
            flat[rng.randrange(flat.size)] = rng.choice((np.nan, np.inf, -np.inf, 1e38, -1e38, 1e-40))
        case _:
            if flat.size and flat.dtype.kind in "iu":
                flat[rng.randrange(flat.size)] = rng.choice((-1, 0, 2**31, 2**62)) if flat.dtype == np.int64 else 1
    return flat.reshape(array.shape)
