"""Kill `headstart.artifact.write` at random moments, and fill its disk at random points.

    python benchmarks/kill_save.py [--kills 100] [--fills 50] [--megabytes 8] [--seed 0]

A process saves model after model over the last one, and is killed (``kill -9``) at a moment drawn evenly over
a save's duration. What stands at the path is then read with every check: it has to be the model before
or the model after, whole. Every fourth time nothing stood there before, and nothing may stand there after.
Then a small disk (tmpfs; without root, a limit on file sizes) is filled so far that a save fails at a point drawn
evenly over its bytes: the save has to raise `ArtifactError`, and the old model has to be whole.
What the dead leave beside the model has to be gone after the next save.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from headstart.artifact import Parts, read, write
from headstart.errors import ArtifactError

BINS = 10
IN_ORDER = ("head.safetensors", "weights.safetensors", "vocabulary.txt", "head.cbm", "run.json", "headstart.json")


def model(number: int, megabytes: float) -> Parts:
    """A model all of whose parts carry `number`, so that a mixture of two would show."""
    size = int(megabytes * 2**20 / 4 / 2)
    return Parts(
        {"number": number},
        {"weights": {"a": np.full(size, number, np.int32)}, "head": {"b": np.full(size, number, np.int32)}},
        [str(number)] * 1000,
        {"head.cbm": str(number).encode() * 10_000},
        {"number": number},
    )


def check_whole(folder: Path, megabytes: float) -> int | None:
    """The number of the model that stands there, every byte compared; None if there is none."""
    if not folder.exists():
        return None
    found = read(folder)
    number = found.model["number"]
    expected = model(number, megabytes)
    whole = (
        found.run == expected.run
        and found.blobs == expected.blobs
        and list(map(str, found.words or [])) == expected.words
        and all(
            (found.tensors[stem][name] == array).all()
            for stem in expected.tensors
            for name, array in expected.tensors[stem].items()
        )
    )
    if not whole:
        raise SystemExit(f"FAILED: model {number} at {folder} is a mixture")
    return int(number)


def leftovers(folder: Path) -> list[Path]:
    """What lies beside the model."""
    return [path for path in folder.parent.iterdir() if path != folder and path.name != "ballast"]


def moment(folder: Path, before: int | None, after: int | None) -> str:
    """What the save was at when it was killed, told from what it left."""
    left = leftovers(folder)
    if not left:
        return "0 not begun" if before == after else "A done"
    if before != after:
        return "9 new model in place, removing the old one"
    written = [rank for rank, name in enumerate(IN_ORDER) if (left[0] / name).exists()]
    if not written:
        return "1 folder made"
    return f"{written[-1] + 2} writing {IN_ORDER[written[-1]]}"


def seconds_a_save(folder: Path, megabytes: float) -> float:
    """Median seconds of a save over a model."""
    times = []
    for number in range(7):
        start = time.perf_counter()
        write(folder, model(number, megabytes))
        times.append(time.perf_counter() - start)
    return sorted(times)[3]


def kill_once(folder: Path, number: int, megabytes: float, delay: float) -> None:
    """Fork a process that saves model `number`, and kill it `delay` seconds after it began."""
    ready, begun = os.pipe()
    new = model(number, megabytes)
    child = os.fork()
    if child == 0:
        os.write(begun, b".")
        write(folder, new)
        os._exit(0)
    os.read(ready, 1)
    time.sleep(delay)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(ready)
    os.close(begun)


def run_kills(count: int, megabytes: float, rng: random.Random, folder: Path) -> dict[str, Any]:
    """Kill `count` saves; return the histograms."""
    duration = seconds_a_save(folder, megabytes)
    moments: Counter[str] = Counter()
    fractions = [0] * BINS
    found: Counter[str] = Counter()
    for number in range(100, 100 + count):
        if number % 4 == 0:
            shutil.rmtree(folder)
        else:
            write(folder, model(0, megabytes))
        before = check_whole(folder, megabytes)
        fraction = rng.random()
        kill_once(folder, number, megabytes, fraction * duration)
        after = check_whole(folder, megabytes)
        if after not in (before, number):
            raise SystemExit(f"FAILED: model {after} stands where {before} or {number} should")
        moments[moment(folder, before, after)] += 1
        fractions[int(fraction * BINS)] += 1
        found["the new model" if after == number else "none, as before" if after is None else "the old model"] += 1
        write(folder, model(1, megabytes))
        if leftovers(folder):
            raise SystemExit(f"FAILED: {leftovers(folder)} outlived the next save")
    return {
        "kills": count,
        "seconds_a_save": round(duration, 4),
        "found": dict(found),
        "moments": {name[2:]: moments[name] for name in sorted(moments)},
        "tenths_of_a_save": fractions,
    }


@contextlib.contextmanager
def small_disk(size: int) -> Iterator[Path | None]:
    """A tmpfs of `size` bytes, or None where it cannot be mounted."""
    with tempfile.TemporaryDirectory() as place:
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", place], capture_output=True, check=False
        )
        if done.returncode:
            yield None
            return
        try:
            yield Path(place)
        finally:
            subprocess.run(["umount", place], check=True)


def run_fills(count: int, megabytes: float, rng: random.Random) -> dict[str, Any]:
    """Fail `count` saves for want of room; return what stood there after."""
    size = int(megabytes * 2**20)
    with small_disk(4 * size + 2**20) as disk, tempfile.TemporaryDirectory() as elsewhere:
        folder = (disk or Path(elsewhere)) / "imdb"
        write(folder, model(0, megabytes))
        reasons: Counter[str] = Counter()
        tenths = [0] * BINS
        for number in range(1, count + 1):
            fraction = rng.random()
            reasons[fail_once(folder, model(number, megabytes), int(fraction * size), full=disk is not None)] += 1
            tenths[int(fraction * BINS)] += 1
            if check_whole(folder, megabytes) != 0 or leftovers(folder):
                raise SystemExit(
                    f"FAILED: after a full disk {check_whole(folder, megabytes)} stands there, and {leftovers(folder)}"
                )
        write(folder, model(9, megabytes))
    return {
        "fills": count,
        "by": "tmpfs" if disk else "RLIMIT_FSIZE",
        "reasons": dict(reasons),
        "tenths_of_a_save": tenths,
    }


def fail_once(folder: Path, new: Parts, room: int, *, full: bool) -> str:
    """Save where only `room` bytes are left; return the reason given."""
    ballast = folder.parent / "ballast"
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    if full:
        free = os.statvfs(folder.parent)
        with ballast.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, max(free.f_bavail * free.f_frsize - room, 1))
    else:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (room // 2, limits[1]))
    try:
        write(folder, new)
    except ArtifactError as error:
        return str(error).split("(")[-1].split(")")[0]
    else:
        raise SystemExit(f"FAILED: saved with only {room} bytes free")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        ballast.unlink(missing_ok=True)


def main() -> None:
    """Run both and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--fills", type=int, default=50)
    parser.add_argument("--megabytes", type=float, default=8)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "kill_save.json")
    options = parser.parse_args()
    rng = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as place:
        kills = run_kills(options.kills, options.megabytes, rng, Path(place) / "imdb")
    fills = run_fills(options.fills, options.megabytes, rng)
    print(
        f"{options.kills} saves of {options.megabytes:g} MB killed at random; one takes {kills['seconds_a_save']:.3f} s."
    )
    print(f"Found after: {kills['found']}. What the save was at:")
    for name, count in kills["moments"].items():
        print(f"  {name:45s} {count:3d} {'#' * count}")
    print(
        f"{options.fills} saves on a full disk ({fills['by']}): all refused ({fills['reasons']}), the old model whole."
    )
    options.out.parent.mkdir(exist_ok=True)
    options.out.write_text(
        json.dumps({"seed": options.seed, "megabytes": options.megabytes, "killed": kills, "filled": fills}, indent=1)
        + "\n"
    )


if __name__ == "__main__":
    main()
