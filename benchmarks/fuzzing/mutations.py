"""Ways to damage bytes, JSON, arrays, graphs and databases at random. The same seed gives the same damage."""

from __future__ import annotations

import contextlib
import copy
import json
from collections.abc import Iterator
from random import Random as Rng
from typing import Any

import numpy as np

__all__ = [
    "inflate_sizes",
    "mutate_array",
    "mutate_bytes",
    "mutate_document",
    "mutate_graph",
    "mutate_json",
    "mutate_lines",
    "mutate_safetensors",
]

VALUES: list[Any] = [
    None, True, False, -1, 0, 1, 2, 7, 255, 65536, 10**6, 10**9, 2**31 - 1, 2**31, 2**53, 2**63 - 1, -(2**63), 0.5, -0.0, 1e-320, 1e308,
    "", "a", "gru", "x" * 5000, "a\x1b[31m", "a\nforged: b", "\u202ea", "/etc/passwd", "~/x", "(a+)+b", "../../etc/passwd", "\0", "\U0001f600", "__class__", "{0.__globals__}",
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


MARKS = (
    b'"',
    b'""',
    b",",
    b"\t",
    b"\n",
    b"\r",
    b"\r\n",
    b"\\",
    b"'",
    b"{",
    b"}",
    b"[",
    b"]",
    b":",
    b"\0",
    b"\xff",
    b"\xef\xbb\xbf",
)


def mutate_lines(raw: bytes, rng: Rng, _others: list[bytes]) -> bytes:
    """Put marks where they do not belong, or lose, join or repeat lines."""
    data = raw
    for _ in range(rng.choice((1, 1, 2, 4))):
        at = rng.randrange(len(data) + 1)
        lines = data.split(b"\n")
        line = rng.randrange(len(lines))
        match rng.randrange(6):
            case 0 | 1:
                data = data[:at] + rng.choice(MARKS) + data[at:]
            case 2:
                data = data.replace(rng.choice(MARKS), rng.choice(MARKS), rng.choice((1, 1, 3, -1)))
            case 3:
                data = b"\n".join((*lines[:line], *lines[line + 1 :]))
            case 4:
                data = b"\n".join((*lines[:line], b"".join(lines[line : line + 2]), *lines[line + 2 :]))
            case _:
                data = b"\n".join((*lines, *lines[line:]))
    return data


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


def mutate_document(raw: bytes, rng: Rng) -> bytes:
    """Edit a JSON file as a document."""
    body = json.loads(raw)
    (inflate_sizes if rng.random() < 0.2 else mutate_json)(body, rng)
    return json.dumps(body, ensure_ascii=rng.random() < 0.5).encode("utf-8", "surrogatepass")


def mutate_safetensors(raw: bytes, rng: Rng) -> bytes:
    """Change tensors as values, or the header as a document, so that the file's parts no longer belong together."""
    from safetensors.numpy import load, save

    if rng.random() < 0.3:
        size = int.from_bytes(raw[:8], "little")
        header = mutate_document(raw[8 : 8 + size], rng)
        return len(header).to_bytes(8, "little") + header + raw[8 + size :]
    arrays = load(raw)
    for name in rng.sample(sorted(arrays), min(len(arrays), rng.choice((1, 1, 2)))):
        match rng.randrange(8):
            case 0:
                del arrays[name]
            case 1:
                arrays[name + "x"] = arrays.pop(name)
            case 2:
                arrays[name] = arrays[name] * np.array(rng.choice((1e20, 1e38, 0, -1e30)), arrays[name].dtype)
            case _:
                arrays[name] = mutate_array(arrays[name], rng)
    return save({name: np.ascontiguousarray(array) for name, array in arrays.items()})


OPTIONS = (
    "", "0", "1", "-1", "2", "3", "7", "-2", "None", "True", "False", "nan", "inf", "-inf", "1e308", "1e999", "0.5", "()", "(0,)",
    "(1,)", "(-1,)", "(2, 3)", "(0, -1)", "(1, 0, 2)", "(-4, 1, -1)", "(999999999,)", "(65535, 65535)", "(1,1,1,1,1,1,1,1,1)",
    "99999999", "999999999999", "9" * 30, "9" * 5000, "[1, 2]", "(a,)", "__import__('os')", "gru", "lstm", "rnn_relu", "max", "avg", "lp",
    "full", "relu", "elu", "prelu", "int32", "float16", "float32", "wrap", "\x00", "é", "\ud800", "\x1b[31m", "a\nb",
)  # fmt: skip


def mutate_graph(raw: bytes, rng: Rng, operators: list[str]) -> bytes:
    """Edit an MXNet graph: an option, one digit of it, an operator, what goes where, the order of the nodes."""
    graph = json.loads(raw)
    for _ in range(rng.choice((1, 1, 2, 3))):
        node = rng.choice([node for node in graph["nodes"] if node["op"] != "null"])
        options, inputs = node.setdefault("attrs", {}), node["inputs"]
        digits = [name for name in options if any(c.isdigit() for c in options[name])]
        place = rng.randrange(len(graph["nodes"]))
        match rng.randrange(9):
            case 0 | 1:
                options[rng.choice([*options, "axis"])] = rng.choice(OPTIONS)
            case 2 | 3 if digits:
                name = rng.choice(digits)
                at = rng.choice([i for i, c in enumerate(options[name]) if c.isdigit()])
                digit = rng.choice(("0", "1", "2", "9", "99", "123456", "1000000000"))
                options[name] = options[name][:at] + digit + options[name][at + 1 :]
            case 4:
                node["op"], node["attrs"] = rng.choice(operators), rng.choice((options, {}))
            case 5 if inputs:
                inputs[rng.randrange(len(inputs))] = [rng.randint(-1, len(graph["nodes"])), rng.randrange(3), 0]
            case 6:
                node["inputs"] = rng.choice((inputs[:-1], [*inputs, [place, 0, 0]]))
            case 7:
                end = place + rng.choice((1, 4))
                graph["nodes"][place:place] = copy.deepcopy(graph["nodes"][place:end])
            case _:
                graph["heads"] = [[place, rng.randrange(3), 0]] * rng.choice((1, 2))
    return json.dumps(graph).encode()
