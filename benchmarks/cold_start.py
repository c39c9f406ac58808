"""A fresh process until the first text is scored: seconds, processor time, resident memory, and the size of the install.

    python benchmarks/cold_start.py MODEL [--python .ci-venv-core/bin/python] [--runs 7]

Each run is a process of its own: it imports headstart, loads the model and scores one text. The first run, which compiles what
is not there yet, is told apart. Into ``results/cold_start.json``, by the name of the install.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from measuring import RESULTS, machine, spread, write

SCRIPT = """
import json, resource, sys, time
import headstart as hs
imported = time.process_time()
model = hs.load(sys.argv[1])
loaded = time.process_time()
model.predict(["a film that nobody had asked for, and everybody liked"])
scored = time.process_time()
print(json.dumps({
    "import": imported, "load": loaded - imported, "score": scored - loaded, "processor_seconds": scored,
    "resident_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "modules": len(sys.modules),
    "torch": "torch" in sys.modules, "sklearn": "sklearn" in sys.modules,
}))
"""
NOT_OURS = ("pip", "setuptools", "_distutils_hack", "pkg_resources", "__pycache__")


def once(python: str, model: Path) -> dict[str, Any]:
    """Return what one fresh process took."""
    start = time.perf_counter()
    ended = subprocess.run([python, "-c", SCRIPT, str(model)], capture_output=True, text=True, check=True)
    return {"seconds": time.perf_counter() - start, **json.loads(ended.stdout)}


def size_of_install(python: str) -> float:
    """Return megabytes of all installed packages, without pip and what it came with."""
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = Path(subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip())
    total = 0
    for folder, names, files in os.walk(site):
        if Path(folder) == site:
            names[:] = [name for name in names if name.partition("-")[0] not in NOT_OURS]
        total += sum((Path(folder) / file).lstat().st_size for file in files)
    return total / 1e6


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--name", default="prediction", help="of the install, such as prediction or train")
    parser.add_argument("--runs", type=int, default=7)
    given = parser.parse_args()
    result: dict[str, Any] = {
        "machine": machine(),
        "model": given.model.name,
        "install_mb": round(size_of_install(given.python)),
    }
    first = once(given.python, given.model)
    runs = [once(given.python, given.model) for _ in range(given.runs)]
    result["first_run"] = {name: round(first[name], 2) for name in ("seconds", "processor_seconds")}
    for name in ("seconds", "import", "load", "score", "processor_seconds", "resident_mb"):
        result[name] = spread(run[name] for run in runs)
    result |= {name: runs[0][name] for name in ("modules", "torch", "sklearn")}
    known = RESULTS / "cold_start.json"
    others = json.loads(known.read_text(encoding="utf-8")) if known.exists() else {}
    write("cold_start", {**others, given.name: result})


if __name__ == "__main__":
    main()
