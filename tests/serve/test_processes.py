"""The command as a process: reload without a lost request, workers that come back, and a graceful end."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from headstart.artifact import read, write
from headstart.predictor import Predictor

from .conftest import STORED


def ask(client: http.client.HTTPConnection) -> tuple[int, str]:
    """Return status and version of one prediction."""
    client.request("POST", "/predict", json.dumps({"text": "good"}), {"content-type": "application/json"})
    answer = client.getresponse()
    answer.read()
    return answer.status, str(answer.headers["headstart-model"])


def connected(port: int) -> closing[http.client.HTTPConnection]:
    return closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60))


def children_of(process: subprocess.Popen[str]) -> list[int]:
    return list(map(int, Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()))


def wait_until(condition: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.05)


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Two workers that serve the model in ``m``, and their port."""
    shutil.copytree(STORED / "v1.1-nbsvm", tmp_path / "m")
    command = [
        sys.executable,
        "-m",
        "headstart",
        "serve",
        str(tmp_path / "m"),
        "--workers",
        "2",
        "--port",
        "0",
        "--json",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        yield process, int(json.loads(process.stdout.readline())["url"].rpartition(":")[2])
        process.kill()


@pytest.mark.skipif(sys.platform != "linux", reason="finds workers in /proc")
def test_workers_reload_come_back_and_end_when_all_is_answered(
    serving: tuple[subprocess.Popen[str], int], tmp_path: Path
) -> None:
    process, port = serving
    answers: list[tuple[int, str]] = []
    stop = threading.Event()

    def go_on() -> None:
        with connected(port) as client:
            while not stop.is_set():
                answers.append(ask(client))

    clients = [threading.Thread(target=go_on) for _ in range(3)]
    for thread in clients:
        thread.start()
    predictor = Predictor.from_parts(read(tmp_path / "m"))
    for threshold in (0.3, 0.4):
        version = f"m@{write(tmp_path / 'm', predictor.with_rule(threshold=threshold).to_parts())[:12]}"
        process.send_signal(signal.SIGHUP)
        wait_until(lambda: (200, version) in answers, "the new model was not taken")  # noqa: B023
    stop.set()
    for thread in clients:
        thread.join()
    assert {status for status, _ in answers} == {200}, "no request is lost to a reload"

    first, second = children_of(process)
    os.kill(first, signal.SIGKILL)
    for _ in range(3):
        with connected(port) as client:
            assert ask(client)[0] == 200, "the other goes on"
    wait_until(lambda: first not in (now := children_of(process)) and len(now) == 2, "the worker did not come back")

    with connected(port) as slow:
        slow.putrequest("POST", "/predict")
        slow.putheader("content-type", "application/json")
        slow.putheader("content-length", "16")
        slow.endheaders(b'{"text":')
        time.sleep(0.3)
        process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        slow.send(b' "good"}')
        assert slow.getresponse().status == 200, "what was begun is answered"
    assert process.wait(60) == 143
    assert not any(Path(f"/proc/{worker}").exists() for worker in (first, second))
