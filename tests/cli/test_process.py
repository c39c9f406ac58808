"""The process around a command: closed streams, readers that go away, full disks behind them, and signals."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from headstart.cli import process

HEADSTART = f"'{sys.executable}' -m headstart"
TRAIN = [sys.executable, "-m", "headstart", "train", "reviews.csv", "--net", "gru", "--epochs", "100000",
         "--set", "hidden_size=4", "--out", "made"]  # fmt: skip


@pytest.fixture
def shell(files: Path, base_folder: Path) -> Any:
    """Run a command line in which ``headstart`` is this package's; BASE is a model."""

    def run(line: str, **variables: str) -> subprocess.CompletedProcess[str]:
        written = line.replace("headstart", HEADSTART).replace("BASE", str(base_folder))
        return subprocess.run(
            ["bash", "-o", "pipefail", "-c", written],
            capture_output=True, text=True, check=False, env={**os.environ, **variables}, encoding="utf-8",
        )  # fmt: skip

    return run


def test_closed_streams_change_nothing(shell: Any, cli: Any, files: Path, base_folder: Path) -> None:
    """And nothing that is printed lands in a file that was opened in a stream's place."""
    assert cli("predict", base_folder, "hotel.csv", "--out", "whole.jsonl").code == 0
    ended = shell("headstart predict BASE hotel.csv --out out.jsonl --json 0<&- 1>&- 2>&-")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
    assert (files / "out.jsonl").read_bytes() == (files / "whole.jsonl").read_bytes()


@pytest.mark.parametrize("closed", ["2>&-", "1>&-", "0<&-"])
def test_one_closed_stream_changes_nothing_on_the_others(shell: Any, closed: str) -> None:
    """`inspect` starts in a tenth of the time that commands with a network take."""
    ended = shell(f"headstart inspect BASE --json {closed}")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ("1>&-" in closed and not ended.stdout) or json.loads(ended.stdout)["format"]
    ended = shell(f"headstart inspect nowhere --json {closed}")
    assert (ended.returncode, not ended.stdout, not ended.stderr) == (2, "1>&-" in closed, "2>&-" in closed), ended


@pytest.mark.parametrize(
    "line",
    [
        "headstart --help | true",
        "headstart inspect BASE | true",
        "headstart inspect BASE --json | head -c 1 >&2",
        "headstart train --help | head -1 >&2",
        "headstart train reviews.csv --net gru --epochs 2 --set hidden_size=4 --out made 2>&1 | head -1 >&2",
    ],
)
def test_a_reader_that_goes_away_is_no_fault(shell: Any, files: Path, line: str) -> None:
    ended = shell(line)
    assert ended.returncode == 0, ended
    assert (
        "Traceback" not in ended.stderr and "BrokenPipe" not in ended.stderr and "Exception ignored" not in ended.stderr
    )
    assert "--out made" not in line or (files / "made" / "headstart.json").exists()  # the work goes on


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a disk that is always full")
@pytest.mark.parametrize(
    "line", ["headstart inspect BASE", "headstart inspect BASE --json", "headstart --help", "headstart --version"]
)
def test_a_full_disk_behind_the_output_is_told(shell: Any, line: str) -> None:
    ended = shell(f"{line} >/dev/full")
    assert ended.returncode == 2
    assert ended.stderr.startswith("headstart: ") and ended.stderr.count("\n") == 1
    assert "No space left on device" in ended.stderr
    assert shell(f"{line} 2>/dev/full").returncode == 0


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_what_the_console_cannot_print_is_escaped(shell: Any, files: Path, base_folder: Path, encoding: str) -> None:
    shutil.copytree(base_folder, files / "žluť")
    shown = "žluť" if encoding == "utf-8" else "\\u017elu\\u0165"
    ended = shell("headstart inspect žluť", PYTHONIOENCODING=encoding)
    assert ended.returncode == 0, ended
    assert f" {shown} (" in ended.stdout
    ended = shell("headstart inspect ať/žluť", PYTHONIOENCODING=encoding)
    assert ended.returncode == 2 and f"/{shown}'" in ended.stderr, ended


class TestSignals:
    def test_training_keeps_a_checkpoint_and_says_so(self, files: Path) -> None:
        # These tests may run under nohup, and the child would inherit it.
        before = signal.signal(signal.SIGINT, signal.SIG_DFL)
        try:
            started = subprocess.Popen(TRAIN, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        finally:
            signal.signal(signal.SIGINT, before)
        assert started.stderr is not None
        for line in started.stderr:
            if line.startswith("epoch 2,"):
                started.send_signal(signal.SIGINT)
                break
        try:
            out, err = started.communicate(timeout=120)
        finally:
            started.kill()
        assert (started.returncode, out) == (130, "")
        assert err.endswith("headstart: interrupted; run the same command again to go on where it stopped.\n")
        assert "Traceback" not in err
        assert sorted(path.name for path in files.iterdir()) == ["hotel.csv", "made.checkpoint", "reviews.csv"]

    @pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
    def test_a_scoring_that_is_ended_leaves_nothing(
        self, cli: Any, files: Path, base_folder: Path, monkeypatch: Any, number: int, code: int
    ) -> None:
        from headstart.predictor import Predictor

        def ended(*_: Any, **__: Any) -> None:
            os.kill(os.getpid(), number)

        monkeypatch.setattr(Predictor, "score", ended)
        default = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
        before = signal.signal(number, default)  # under nohup they are ignored
        (files / "old.csv").write_text("old")
        try:
            found = cli("predict", base_folder, "hotel.csv", "--out", "old.csv")
        finally:
            signal.signal(number, before)
        assert (found.code, found.err) == (code, "headstart: interrupted; nothing is kept of this run.\n")
        assert (files / "old.csv").read_text() == "old"
        assert sorted(path.name for path in files.iterdir()) == ["hotel.csv", "old.csv", "reviews.csv"]

    def test_handlers_are_put_back_and_ignored_signals_stay_ignored(self) -> None:
        before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
        try:
            with process.signals_interrupt():
                os.kill(os.getpid(), signal.SIGHUP)
                assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
            assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
            assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
        finally:
            signal.signal(signal.SIGHUP, before)

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_a_signal_in_a_destructor_is_neither_printed_nor_lost(
        self, cli: Any, files: Path, base_folder: Path, monkeypatch: Any, number: int
    ) -> None:
        """Python prints what is raised there, and goes on."""
        from headstart.predictor import Predictor

        class Foreign:
            def __del__(self) -> None:
                os.kill(os.getpid(), number)

        def scored(*_: Any, **__: Any) -> None:
            Foreign()
            time.sleep(10)

        monkeypatch.setattr(Predictor, "score", scored)
        default = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
        before, hook = signal.signal(number, default), sys.unraisablehook
        try:
            found = cli("predict", base_folder, "hotel.csv", "--out", "out.csv")
        finally:
            signal.signal(number, before)
        assert (found.code, found.err) == (128 + number, "headstart: interrupted; nothing is kept of this run.\n")
        assert sys.unraisablehook is hook

    def test_what_else_a_destructor_raises_is_told_as_before(self, monkeypatch: Any) -> None:
        told: list[Any] = []
        monkeypatch.setattr(sys, "unraisablehook", told.append)

        class Foreign:
            def __del__(self) -> None:
                raise ValueError

        with process.signals_interrupt():
            Foreign()
        assert [found.exc_type for found in told] == [ValueError]

    @pytest.mark.parametrize("moment", ["before", "after"])
    def test_ctrl_c_while_the_command_is_loaded_or_over_shows_no_traceback(self, tmp_path: Path, moment: str) -> None:
        strike = "os.kill(os.getpid(), signal.SIGINT); time.sleep(10)"
        at = strike if moment == "before" else f"import atexit; atexit.register(lambda: exec({strike!r}))"
        (tmp_path / "typer.py").write_text(
            f"import os, signal, sys, time\n{at}\ndel sys.modules['typer']; sys.path.remove({str(tmp_path)!r})\n"
            "import typer; sys.modules['typer'] = typer\n"
        )
        before = signal.signal(signal.SIGINT, signal.SIG_DFL)
        try:
            ended = subprocess.run(
                [sys.executable, "-m", "headstart", "--version"], capture_output=True, text=True, check=False,
                env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])},
            )  # fmt: skip
        finally:
            signal.signal(signal.SIGINT, before)
        assert (ended.returncode, ended.stderr) == (-signal.SIGINT, "")
