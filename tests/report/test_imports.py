from __future__ import annotations

import subprocess
import sys


def test_reports_are_made_without_torch_and_start_without_heavy_libraries() -> None:
    code = "import sys, headstart.report; print([m for m in ('torch', 'matplotlib', 'openTSNE', 'sklearn', 'scipy') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
