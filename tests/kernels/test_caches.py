"""Machine code on disk must not outlive the source it was made from.

Numba keeps a kernel for as long as the bytes of *its* file are the same. What the file imports is compiled into
it and is not looked at, so a change there would leave old code in use, and even mix with new code under the same
name. So each file with cached kernels states a digest of the compiled files that it builds on; a change to one of
them changes that line, and with it the file.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

import headstart.kernels

FOLDER = Path(headstart.kernels.__file__).parent
CACHED = sorted(path.name for path in FOLDER.glob("*.py") if "cache=True" in path.read_text())


def built_on(name: str) -> set[str]:
    """The kernels' files that a file imports, directly or not."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        text = (FOLDER / waiting.pop()).read_text()
        for module in re.findall(r"^from headstart\.kernels\.(\w+) import", text, re.MULTILINE):
            if f"{module}.py" not in found:
                found.add(f"{module}.py")
                waiting.append(f"{module}.py")
    return found


@pytest.mark.parametrize("name", CACHED)
def test_a_file_with_cached_kernels_names_the_state_of_what_it_builds_on(name: str) -> None:
    parts = sorted(built_on(name))
    digest = hashlib.sha256(b"".join((FOLDER / part).read_bytes() for part in parts)).hexdigest()[:12]
    if parts:
        wanted = f'_BUILT_ON = "{digest}"'
        assert wanted in (FOLDER / name).read_text(), f"{', '.join(parts)} changed: write {wanted} into {name}"


def test_cached_kernels_have_no_namesakes() -> None:
    """Numba tells functions of one qualified name apart by a number that begins anew in every process."""
    for path in FOLDER.glob("*.py"):
        names = re.findall(r"^(?:    )?@_(?:entry|compiled|inlined)\n(    )?def (\w+)", path.read_text(), re.MULTILINE)
        assert not any(indented for indented, _ in names), f"{path.name} compiles a function made by a function"
        assert len({name for _, name in names}) == len(names)
