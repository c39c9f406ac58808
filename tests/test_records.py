"""What a record takes, and the sentence about what it does not."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pytest

from headstart.errors import ArtifactError
from headstart.records import Fraction, Name, Number, Positive, Record, Whole, any_of, decoded


class Net(Record, frozen=True):
    name: Literal["gru", "cnn"]
    size: Positive
    sizes: tuple[Whole, ...] = ()
    dropout: Fraction = 0.0
    means: dict[Name, Number] = {}


NET = {"name": "gru", "size": 1}
FAIL = [
    (None, "net: expected `object`, got `null`"),
    ({"name": "gru"}, "net: object missing required field `size`"),
    ({**NET, "name": "rnn"}, r"net\.name: invalid enum value 'rnn'"),
    ({**NET, "size": True}, r"net\.size: expected `int`, got `bool`"),
    ({**NET, "size": 3.5}, r"net\.size: expected `int`, got `float`"),
    ({**NET, "size": "1"}, r"net\.size: expected `int`, got `str`"),
    ({**NET, "size": 0}, r"net\.size: expected `int` >= 1"),
    ({**NET, "size": 10**400}, r"net\.size: expected `int` <="),
    ({**NET, "sizes": [1, "a"]}, r"net\.sizes\[1\]: expected `int`, got `str`"),
    ({**NET, "dropout": 1.01}, r"net\.dropout: expected `float` <= 1\.0"),
    ({**NET, "dropout": np.float64(1)}, r"net\.dropout: expected `float`, got `numpy\.float64`"),
    ({**NET, "means": {"a": float("nan")}}, r"net\.means\[\.\.\.\]: expected `float` >="),
    ({**NET, "means": {"a": float("-inf")}}, r"net\.means\[\.\.\.\]: expected `float` >="),
    ({**NET, "means": {"a" * 20_000: 1}}, "key in net.means: expected `str` of length <= 10000"),
    ({**NET, "x" * 10**6: 1}, "net: object contains unknown field `xxx"),
]


@pytest.mark.parametrize(("value", "sentence"), FAIL)
def test_what_does_not_fit_is_named_with_its_place(value: Any, sentence: str) -> None:
    with pytest.raises(ArtifactError, match=rf"^{sentence}.*\. Copy the model again") as caught:
        decoded(Net, value, "net")
    assert len(str(caught.value)) < 700


def test_defaults_are_not_written_and_come_back() -> None:
    net = Net("gru", 2)
    assert net.to_json() == {"name": "gru", "size": 2}
    assert decoded(Net, net.to_json(), "net") == net
    other = net.replace(sizes=(1, 2), means={"a": 1.5})
    assert other.to_json() == {"name": "gru", "size": 2, "sizes": [1, 2], "means": {"a": 1.5}}
    assert decoded(Net, other.to_json(), "net") == other != net


def test_fields_may_be_left_out_of_any_of_them() -> None:
    kind = any_of("Facts", {"n": Whole})
    decoded(kind, {}, "facts")
    for value in ({"n": None}, {"m": 1}):
        with pytest.raises(ArtifactError, match="facts"):
            decoded(kind, value, "facts")
    decoded(any_of("Facts", {"n": Whole}, others=True), {"m": object()}, "facts")
