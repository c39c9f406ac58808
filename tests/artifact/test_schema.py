"""What a JSON value has to look like."""

from __future__ import annotations

from typing import Any

import pytest

from headstart.artifact.schema import (
    Check,
    anything,
    boolean,
    holding,
    integer,
    mapping,
    nullable,
    number,
    record,
    sequence,
    text,
)
from headstart.errors import ArtifactError

NETWORK = record(
    {"note": text()}, name=text(choices=("gru", "cnn")), size=integer(1, 9), sizes=sequence(integer(0, 9), longest=2)
)

PASS = [
    (anything, object()),
    (boolean, False),
    (integer(0, 3), 3),
    (integer(-(2**63), 2**63 - 1), -(2**63)),
    (number(0, 1), 1),
    (number(0, 1), 0.5),
    (text(), ""),
    (text(pattern="[a-z]+"), "abc"),
    (text(choices=["a"]), "a"),
    (nullable(boolean), None),
    (nullable(boolean), True),
    (sequence(boolean), []),
    (mapping(integer(0, 1), keys=text(longest=1)), {"a": 1, "b": 0}),
    (holding(a=boolean), {"a": True, "b": 3}),
    (holding(a=boolean), {}),
    (NETWORK, {"name": "gru", "size": 1, "sizes": []}),
    (NETWORK, {"name": "cnn", "size": 9, "sizes": [1, 2], "note": "x"}),
]

FAIL = [
    (boolean, 1, "net is 1, expected true or false"),
    (integer(0, 3), True, "net is True, expected a whole number from 0 to 3"),
    (integer(0, 3), 3.0, "net is 3.0, expected a whole number from 0 to 3"),
    (integer(0, 3), 4, "net is 4, expected a whole number from 0 to 3"),
    (integer(0, 3), "1", "net is '1', expected a whole number"),
    (number(0, 1), False, "net is False, expected a number from 0 to 1"),
    (number(0, 1), 1.01, "net is 1.01, expected a number from 0 to 1"),
    (number(0, 1), float("nan"), "net is nan, expected a number from 0 to 1"),
    (text(longest=3), "long", "net is 'long', expected text of at most 3 characters"),
    (text(), None, "net is None, expected text"),
    (text(), "x" * 1001, "net is 'x+...x+', expected text of at most 1000"),
    (text(pattern="[a-z]+"), "a b", r"net is 'a b', expected text that matches \[a-z\]\+"),
    (text(pattern="[a-z]+"), "ab\n", r"net is 'ab\\n', expected text that matches"),
    (text(choices=["a", "b"]), "c", "net is 'c', expected one of a, b"),
    (nullable(boolean), 0, "net is 0, expected true or false"),
    (sequence(boolean), {}, "net is {}, expected a list of 0 to 10000 values"),
    (sequence(boolean, shortest=1), [], r"net is \[\], expected a list of 1 to"),
    (sequence(boolean), [True, 2], r"net\[1\] is 2, expected true or false"),
    (mapping(boolean), [], r"net is \[\], expected an object"),
    (mapping(boolean, most=1), {"a": True, "b": True}, "net is .*, expected an object of at most 1 keys"),
    (mapping(boolean), {"a": 3}, "net.a is 3, expected true or false"),
    (mapping(boolean, keys=text(longest=1)), {"ab": True}, "a key of net is 'ab', expected text of at most 1"),
    (holding(a=boolean), [], r"net is \[\], expected an object"),
    (holding(a=boolean), {"a": 3, "b": 3}, "net.a is 3, expected true or false"),
    (NETWORK, None, "net is None, expected an object with name, size, sizes"),
    (NETWORK, {"name": "gru"}, "net lacks size, sizes, which every model of this kind has"),
    (
        NETWORK,
        {"name": "gru", "size": 1, "sizes": [], "extra": 1},
        "net has the key 'extra', which is not one of name, size",
    ),
    (NETWORK, {"name": "gru", "size": 1, "sizes": [1, 2, 3]}, "net.sizes is .*, expected a list of 0 to 2"),
]


@pytest.mark.parametrize(("check", "value"), PASS)
def test_what_fits_passes(check: Check, value: Any) -> None:
    check(value, "net")


@pytest.mark.parametrize(("check", "value", "sentence"), FAIL)
def test_what_does_not_fit_is_named_with_what_was_expected(check: Check, value: Any, sentence: str) -> None:
    with pytest.raises(ArtifactError, match=f"^{sentence}.*Copy the model again"):
        check(value, "net")


def test_a_hostile_value_does_not_flood_the_terminal() -> None:
    with pytest.raises(ArtifactError, match="net") as caught:
        boolean([["x" * 1_000_000] * 50], "net")
    assert len(str(caught.value)) < 600
