"""What the scripts of this folder share: which machine, which versions, medians with ranges, the file of results."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterable, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import t as student

RESULTS = Path(__file__).parent / "results"


def machine() -> dict[str, Any]:
    """Return the processor and its load; call it before measuring."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return {
        "processor": models[0] if models else platform.processor(),
        "system": f"{platform.system()} {platform.machine()}",
        "processors": os.cpu_count(),
        "load_before": [round(load, 1) for load in os.getloadavg()] if hasattr(os, "getloadavg") else None,
    }


def versions(*packages: str) -> dict[str, str]:
    """Return the versions of Python and of packages of this environment."""
    found = {"python": platform.python_version()}
    for package in packages:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "missing"
    return found


def spread(values: Iterable[float], digits: int = 2) -> dict[str, float]:
    """Return median, least and most."""
    listed = list(values)
    found = {"median": np.median(listed), "least": np.min(listed), "most": np.max(listed)}
    return {name: round(float(value), digits) for name, value in found.items()}


def half_width(values: Sequence[float]) -> float:
    """Return half the width of Student's 95% interval of the mean of two values or more."""
    return float(student.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values)))


def write(name: str, result: dict[str, Any], out: Path | None = None) -> Path:
    """Write and print a result; ``results/NAME.json`` unless `out` names another file."""
    path = out or RESULTS / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(result, indent=1)
    path.write_text(text + "\n")
    print(text)
    print(f"written to {path}", file=sys.stderr)
    return path


_WAITING = """
import json, resource, subprocess, sys, time
started = time.perf_counter()
done = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE, text=True)
seconds = time.perf_counter() - started
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
print(json.dumps({"code": done.returncode, "seconds": seconds, "peak_mib": peak / 1024, "stdout": done.stdout}))
"""


def watched(command: list[str]) -> dict[str, Any]:
    """Run a command and return its ``seconds``, its ``peak_mib`` of resident memory and its ``stdout``.

    A small process starts it and waits for it: a large one's own memory would count as the command's.

    Raises:
        RuntimeError: if the command fails; what it said stands on stderr.
    """
    done = subprocess.run([sys.executable, "-I", "-S", "-c", _WAITING, *command], stdout=subprocess.PIPE, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    if found.pop("code"):
        raise RuntimeError(f"this command failed: {' '.join(command)}")
    return found


def headstart(*arguments: str) -> list[str]:
    """Return a command line of ours that prints JSON."""
    return [str(Path(sys.executable).with_name("headstart")), *arguments, "--json"]
