"""What `serve` refuses before it begins."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

STORED = Path(__file__).parent.parent / "data" / "artifacts"
MODEL = STORED / "v1.1-nbsvm"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nowhere"], "there is no model at 'nowhere'"),
        ([MODEL, MODEL], "each once (NAME=PATH names it)"),
        ([MODEL, "--token-file", "none"], "--token-file none cannot be read"),
        ([MODEL, "--token-file", "empty"], "holds no token"),
        ([MODEL, "--host", "192.0.2.1"], "give another --host or --port"),
        ([STORED / "v1-encoder"], "encoder without labels"),
        ([MODEL, "--workers", "0"], "--workers"),
    ],
)
def test_mistakes_get_a_sentence(cli: Any, place: Path, arguments: list[Any], sentence: str) -> None:
    (place / "empty").write_text("\n")
    ended = cli("serve", *arguments, *([] if "--host" in arguments else ["--port", "0"]))
    assert (ended.code, sentence in ended.err) == (2, True), ended.err


def test_a_port_that_is_taken_gets_a_sentence(cli: Any) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        ended = cli("serve", MODEL, "--port", other.getsockname()[1])
    assert ended.code == 2 and "Address already in use; give another --host or --port" in ended.err
