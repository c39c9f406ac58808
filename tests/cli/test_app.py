"""The application itself: exit codes, what help costs, and what happens to faults of ours."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import headstart
from headstart.errors import HeadstartError, MissingDependencyError

SCRIPT = Path(sys.executable).parent / "headstart"


def test_version_and_help_are_no_errors(cli: Any) -> None:
    assert cli("--version") == (0, f"headstart {headstart.__version__}\n", "")
    for option in ("--help", "-h"):
        ended = cli(option)
        assert ended.code == 0
        assert "train" in ended.out and "predict" in ended.out


def test_runs_as_a_module_too() -> None:
    ended = subprocess.run([sys.executable, "-m", "headstart", "--version"], capture_output=True, text=True, check=True)
    assert ended.stdout == f"headstart {headstart.__version__}\n"


def test_warnings_are_sentences_whatever_the_filters(cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import warnings

    from headstart.errors import HeadstartWarning

    def inspect(path: Any) -> Any:
        warnings.warn("the cache is full; it was emptied.", HeadstartWarning, stacklevel=2)
        raise HeadstartError("that is all.")

    monkeypatch.setattr("headstart.cli.inspect.inspect_artifact", inspect)
    assert cli("inspect", "x") == (2, "", "warning: the cache is full; it was emptied.\nheadstart: that is all.\n")


def test_without_a_command_it_shows_its_help_and_fails(cli: Any) -> None:
    ended = cli()
    assert ended.code == 2
    assert "Usage" in ended.out + ended.err


@pytest.mark.parametrize(
    ("raised", "code", "told"),
    [
        (HeadstartError("a file is missing; copy it."), 2, "headstart: a file is missing; copy it.\n"),
        (MissingDependencyError("x", "plots", "A map"), 2, "Install it with: pip install x (the extra 'plots'"),
        (KeyboardInterrupt(), 130, "headstart: interrupted; nothing is kept of this run.\n"),
        (PermissionError(13, "Permission denied", "/root/m"), 2, "headstart: /root/m: Permission denied; check the path"),
        (OSError(28, "No space left on device", "m"), 2, "free there); check the path, its permissions and the free space"),
        (OSError(28, "No space left on device"), 2, "headstart: No space left on device; check the path"),
        (RuntimeError("unable to write to file </torch_1>: No space left on device (28)"), 2, "headstart: No space left on"),
        (ZeroDivisionError("ours"), 1, "headstart: ZeroDivisionError: ours. This is a fault of headstart; please report it"),
        (OSError("without a file"), 1, "This is a fault of headstart"),
        (EOFError("No data left in file"), 1, "headstart: EOFError: No data left in file. This is a fault of headstart"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)  # fmt: skip
def test_errors_become_sentences_and_codes(
    cli: Any, monkeypatch: pytest.MonkeyPatch, raised: BaseException, code: int, told: str
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise raised

    monkeypatch.setattr("headstart.cli.layers.Predictor.load", fail)
    ended = cli("layers", "model")
    assert (ended.code, ended.out) == (code, "")
    assert told in ended.err
    assert ("Traceback" in ended.err) == (code == 1)


class TestProcess:
    """The installed script, as a shell calls it."""

    @pytest.fixture(autouse=True)
    def _installed(self) -> None:
        if not SCRIPT.exists():
            pytest.skip("the package is not installed with its script")

    def test_predicts_as_the_library_does(self, files: Path, base_folder: Path) -> None:
        command = [str(SCRIPT), "predict", str(base_folder), "hotel.csv", "--out", "scored.jsonl", "--json"]
        ended = subprocess.run(command, cwd=files, capture_output=True, text=True, check=True)
        assert json.loads(ended.stdout)["n"] == 120
        rows = [json.loads(line) for line in (files / "scored.jsonl").read_text().splitlines()]
        expected = headstart.load(base_folder).predict_proba(json_texts(files))
        assert [row["probability_1"] for row in rows] == pytest.approx(expected[:, 1].tolist(), abs=1e-6)


def json_texts(folder: Path) -> list[str]:
    import csv

    with (folder / "hotel.csv").open(newline="") as file:
        return [row["text"] for row in csv.DictReader(file)]


@pytest.mark.parametrize("arguments", [["--help"], ["train", "--help"], ["--version"]])
def test_help_brings_in_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys\nfrom headstart.cli.app import run\n"
        f"run({arguments!r})\n"
        "heavy = {'torch', 'sklearn', 'numba', 'pandas', 'catboost', 'pyarrow', 'scipy', 'numpy'} & set(sys.modules)\n"
        "sys.exit(f'brings in {heavy}' if heavy else 0)"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env={**os.environ, "COLUMNS": "100"})  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    assert "headstart" in ended.stdout
