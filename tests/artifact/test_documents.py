"""JSON that is written in one way, bounded, and carries its own digest."""

from __future__ import annotations

import hashlib
import json
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headstart.artifact.documents import MAX_BYTES, canonical, plain, seal, unseal
from headstart.errors import ArtifactError

PATH = Path("imdb/headstart.json")
HEAD = b'{\n "digest": "'

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=10,
)


def sealed(json_after_digest: bytes) -> bytes:
    raw = HEAD + b"0" * 64 + b'"' + json_after_digest
    return HEAD + hashlib.sha256(raw).hexdigest().encode() + raw[len(HEAD) + 64 :]


def spelt(value: Any) -> str:
    return json.dumps(value, sort_keys=True)  # tells 1 from 1.0 and 0.0 from -0.0


@given(value=values)
def test_any_json_value_comes_back_as_it_was(value: Any) -> None:
    raw, digest = seal("digest", {"value": value})
    body, found = unseal(raw, "digest", PATH)
    assert list(body) == ["value"]
    assert spelt(body["value"]) == spelt(plain(value, "value"))
    assert found == digest
    assert json.loads(raw) == {"digest": digest, "value": value}


@given(value=values)
def test_the_order_of_keys_does_not_show(value: Any) -> None:
    def reversed_keys(item: Any) -> Any:
        if isinstance(item, dict):
            return {key: reversed_keys(item[key]) for key in reversed(item)}
        return [reversed_keys(inner) for inner in item] if isinstance(item, list) else item

    assert canonical(value) == canonical(reversed_keys(value))


def test_the_layout_is_this_one() -> None:
    value = {"b": {"c": {"d": {"e": {"z": 1, "y": [1, 2.50]}}}, "é": []}, "a": None}
    assert canonical(value).decode() == (
        '{\n "a": null,\n "b": {\n  "c": {\n   "d": {\n    "e": {"y": [1, 2.5], "z": 1}\n   }\n  },\n  "é": []\n }\n}\n'
    )


def test_the_digest_can_be_checked_without_writing_json() -> None:
    raw, digest = seal("digest", {"run": {}})
    start = raw.index(digest.encode())
    assert hashlib.sha256(raw[:start] + b"0" * 64 + raw[start + 64 :]).hexdigest() == digest


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ({"size": np.int64(3)}, r"model\.size is np\.int64\(3\), a numpy\.int64; .* Convert it \(int\(\.\.\.\)\)"),
        ({"size": np.float64(3)}, r"model\.size is .*, a numpy\.float64"),
        ({"a": [1, math.nan]}, r"model\.a\[1\] is nan, not a finite number"),
        ({"a": {"b": -math.inf}}, r"model\.a\.b is -inf, not a finite number"),
        ({"a": 2**63}, r"model\.a is 9223372036854775808, beyond 64 bits"),
        ({"a": 10**5000}, r"model\.a is a whole number of 16,610 bits, beyond 64 bits"),
        ({"a": "\ud800"}, r"model\.a is '\\ud800', half of a surrogate pair"),
        ({"a": {1, 2}}, r"model\.a is \{1, 2\}, a builtins\.set"),
        ({"a": Path("x")}, r"model\.a is .*, a pathlib\.\w+Path"),
        ({1: "a"}, r"model has the key 1, and a key has to be text"),
        ({"\udfff": 1}, r"model has the key '\\udfff', and a key has to be text that UTF-8 can hold"),
    ],
)
def test_what_json_cannot_hold_is_named_with_its_place(value: Any, sentence: str) -> None:
    with pytest.raises(ArtifactError, match=sentence):
        plain(value, "model")


def test_a_list_that_holds_itself_is_refused() -> None:
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(ArtifactError, match="nested more than 32 deep, and no model needs that"):
        plain(endless, "model")


def test_what_would_be_too_large_to_read_is_not_written() -> None:
    with pytest.raises(ArtifactError, match=r"the model's run take .* as JSON, more than would be read again\. Store"):
        seal("digest", {"run": "x" * MAX_BYTES})


def test_what_is_written_in_another_way_is_read() -> None:
    """The digest tells what was changed; a writer in another language need not spell numbers as Python does."""
    for rest in (
        b',\n "z": 1,\n "a": 2.50\n}\n',
        b', "z": 1, "a": 2.5}',
        b',"a":25e-1,"z":\t1}\n\n',
        b',"\\u0061":2.5,"z":1}',
    ):
        assert unseal(sealed(rest), "digest", PATH)[0] == {"a": 2.5, "z": 1}


HOSTILE = {
    "a doubled key": (b',\n "a": 1,\n "a": 1\n}\n', "a key stands in one object twice"),
    "a doubled key in disguise": (b',\n "b": [{"a": 1, "\\u0061": 1}]\n}\n', "a key stands in one object twice"),
    "a second digest": (b',\n "digest": 1\n}\n', "a key stands in one object twice"),
    "NaN": (b',\n "a": NaN\n}\n', r"headstart\.a is nan, not a finite number"),
    "infinity in disguise": (b',\n "a": 1e999\n}\n', r"headstart\.a is inf, not a finite number"),
    "a number over 64 bits": (
        b',\n "a": 18446744073709551616\n}\n',
        r"headstart\.a is a whole number of 65 bits",
    ),
    "a million digits": (b',\n "a": ' + b"9" * 1_000_000 + b"\n}\n", "is not JSON .*Exceeds the limit"),
    "half a surrogate": (b',\n "a": "\\ud800"\n}\n', "half of a surrogate pair"),
    "no UTF-8": (b',\n "a": "\xff"\n}\n', "is not JSON .*utf-8"),
    "two values": (b"\n}\n{}\n", "is not JSON .*Extra data"),
    "cut short": (b',\n "a": ', "is not JSON"),
    "deep": (b',\n "a": ' + b"[" * 9_000 + b"]" * 9_000 + b"\n}\n", r"holds 9,001 levels"),
    "deep behind quotes": (b',\n "a": "\\"", "b": ' + b"[" * 9_000 + b"]" * 9_000 + b"\n}\n", r"holds 9,001 levels"),
    "endless text": (b',\n "a": "' + b'\\"' * 2_000_000, "is not JSON"),
    "very deep": (b',\n "a": ' + b"[" * 2_000_000, r"holds 2,000,001 levels"),
    "large": (b',\n "a": "' + b"a" * 4_200_000 + b'"\n}\n', r"holds 4,2\d\d,\d+ bytes"),
}


@pytest.mark.parametrize(("rest", "sentence"), HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.parametrize("limit", [1000, 10**6], ids=["", "with the recursion limit raised"])
def test_hostile_json_with_a_right_digest_is_refused(rest: bytes, sentence: str, limit: int) -> None:
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, before))
    try:
        with pytest.raises(
            ArtifactError, match=rf"headstart\.json in the model 'imdb' .*({sentence}).*Copy the model again"
        ):
            unseal(sealed(rest), "digest", PATH)
    finally:
        sys.setrecursionlimit(before)


@pytest.mark.parametrize("raw", [b"", b"{}", b"\0" * 100, HEAD, HEAD + b"0" * 63, b"PK\x03\x04", b'{"digest": "'])
def test_what_is_no_such_file_is_refused_by_its_beginning(raw: bytes) -> None:
    with pytest.raises(ArtifactError, match=r"does not begin with .* so it is not such a file or was changed"):
        unseal(raw, "digest", PATH)


def test_another_digest_is_named() -> None:
    raw, _ = seal("digest", {"run": {}})
    with pytest.raises(
        ArtifactError, match=r"was changed or cut short: its digest is [0-9a-f]{12}… and it says '0{12}'…"
    ):
        unseal(raw[: len(HEAD)] + b"0" * 64 + raw[len(HEAD) + 64 :], "digest", PATH)
