"""Environments of their own for the peers whose packages do not go beside ours.

    python benchmarks/environments.py [mxnet] [keras] [fasttext] [--folder out/environments]

Each is a folder with a Python 3.11 of its own, made once and used by the scripts of this folder. MXNet's last
release, 1.9.1, is retired: it needs Python 3.11 or older and NumPy below 1.24, of which it uses names that are gone.
fastText's own wheel fails on NumPy 2; ``fasttext-community`` is the same code, maintained.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

FOLDER = Path("out/environments")
PACKAGES = {
    "mxnet": ("mxnet==1.9.1", "numpy==1.23.5"),
    "keras": ("keras==3.15.1", "jax==0.10.2", "tensorflow-cpu==2.21.0"),
    "fasttext": ("fasttext-community==0.11.9", "numpy"),
}
IMPORTS = {"mxnet": "import mxnet", "keras": "import jax, tensorflow", "fasttext": "import fasttext"}


def python_of(name: str, folder: Path = FOLDER) -> Path:
    """Return the Python of a peer's environment, which is made if it is not there.

    Raises:
        subprocess.CalledProcessError: if its packages cannot be installed or imported.
    """
    home = (folder / name).absolute()
    python = home / "bin" / "python"
    if (home / "complete").exists():
        return python
    shutil.rmtree(home, ignore_errors=True)
    print(f"making {home}: {', '.join(PACKAGES[name])}", file=sys.stderr)
    subprocess.run([_python_3_11(), "-m", "venv", str(home)], check=True)
    subprocess.run([str(python), "-m", "pip", "install", "-q", *PACKAGES[name]], check=True, stdout=sys.stderr)
    subprocess.run([str(python), "-c", IMPORTS[name]], check=True)
    (home / "complete").touch()
    return python


def _python_3_11() -> str:
    if sys.version_info[:2] == (3, 11):
        return sys.executable
    found = shutil.which("python3.11")
    if found is None:
        sys.exit("MXNet 1.9.1 has no build for this Python; put a python3.11 on the path and run this again.")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(PACKAGES))
    parser.add_argument("--folder", type=Path, default=FOLDER)
    arguments = parser.parse_args()
    for name in arguments.names:
        if name not in PACKAGES:
            parser.error(f"there is no peer called {name!r}; use any of: {', '.join(PACKAGES)}")
    for name in arguments.names or PACKAGES:
        print(python_of(name, arguments.folder))


if __name__ == "__main__":
    main()
