"""Wherever a model runs it says the same: in forked, spawned and threaded servers, and in read-only containers.

A model of every kind comes from ``tests/data/artifacts`` with what it must say.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import headstart

HERE = Path(__file__).parent
MODELS = HERE.parent / "data" / "artifacts"
PACKAGE = Path(headstart.__file__).parent

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")


def scores(kind: str, package: Path, **variables: str) -> dict[str, dict[str, Any]]:
    left_out = ("OMP_NUM_THREADS", "PYTHONPATH", "XDG_CACHE_HOME", "NUMBA_CACHE_DIR")
    environment = {name: value for name, value in os.environ.items() if name not in left_out}
    ended = subprocess.run(
        [sys.executable, str(HERE / "surroundings.py"), kind, str(MODELS)],
        env={**environment, "PYTHONPATH": str(package), **variables},
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert ended.returncode == 0, ended.stderr[-3000:]
    found: dict[str, dict[str, Any]] = json.loads(ended.stdout)
    return found


Record = Callable[[str, object], None]


def check(found: dict[str, dict[str, Any]], n_models: int, record: Record) -> None:
    """Compare all scores; `record` tells ``benchmarks/reliability.py`` how many models were tried where."""
    for where, said in found.items():
        assert len(said) == n_models, where
        record(where, len(said))
        for name, values in said.items():
            told = json.loads((MODELS / f"{name}.json").read_text(encoding="utf-8"))
            wanted = told.get("vectors") or [[1 - p, p] for p in told["probabilities"]]
            np.testing.assert_allclose(values, wanted, rtol=0, atol=1e-5, err_msg=f"{name}, {where}")


@pytest.mark.parametrize("kind", ["server", "elsewhere"])
def test_every_kind_of_model_says_the_same_in_every_process_and_thread(kind: str, record_property: Record) -> None:
    found = scores(kind, PACKAGE.parent)
    check(found, len(list(MODELS.glob("v1.1-*.json"))), record_property)
    assert all(said == next(iter(found.values())) for said in found.values()), "not the same to the bit"


def test_a_read_only_install_without_a_home(tmp_path: Path, record_property: Record) -> None:
    """No folder for machine code can be made beside the loops; as root permissions would not bind, so files are in the way."""
    shutil.copytree(PACKAGE, tmp_path / "headstart", ignore=shutil.ignore_patterns("__pycache__"))
    for folder in [path for path in tmp_path.rglob("*") if path.is_dir()]:
        (folder / "__pycache__").touch()
    nowhere = {"HOME": "/proc/none", "TMPDIR": "/proc/none", "PYTHONDONTWRITEBYTECODE": "1"}
    found = {"a read-only install without a home": scores("few", tmp_path, **nowhere)["few"]}
    check(found, 2, record_property)
