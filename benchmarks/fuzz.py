"""Damage what Headstart reads, and look for whatever is neither a refusal in a sentence nor right.

    python benchmarks/fuzz.py [KIND ...] [--cases N | --seconds 900] [--seed 0] [--only NUMBER]

The kinds stand in ``benchmarks/fuzzing/kinds.py``: stored models, their arguments, imported encoders, MXNet's files, tables,
checkpoints, the folder of a comparison, the vector cache, what `inspect` prints. A case takes one sound folder, changes its
files, and uses them as a program would. There are 20,000 cases of a kind, 1,000 of one that needs a process for each. A finding is: the process died or fell silent; an exception that is no
`HeadstartError`, or one without a sentence; a damage that was not noticed; a result that is another one, or no number;
more processor time or memory than the kind allows.

A case is made of the seed and its number alone: ``--only`` repeats it. Cases run in one process, which is replaced when
it dies. Counts go to ``benchmarks/results/fuzz.json``, a kind an entry. Linux only.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import select
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fuzzing.kind import Found, Kind
from fuzzing.kinds import KINDS

RESULTS = Path(__file__).resolve().parent / "results" / "fuzz.json"
PATIENCE, STARTING = 60, 120  # processor seconds without a word before a worker is stopped
IDLE = (
    300  # seconds in which a worker that neither speaks nor computes is stopped; on a busy machine it computes little
)
ROOM = 8 << 30  # bytes of private memory that a worker may take
FEWEST_WORDS = 8
THREADS = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "RAYON_NUM_THREADS"), "1")


class Meter:
    """Processor seconds, and bytes of memory at the highest above those at the start, of this process."""

    def __enter__(self) -> Meter:
        Path("/proc/self/clear_refs").write_text("5")
        self.start, self.base = time.process_time(), self._status("VmRSS")
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds, self.memory = time.process_time() - self.start, max(0, self._status("VmHWM") - self.base)

    @staticmethod
    def _status(field: str) -> int:
        line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(field))
        return int(line.split()[1]) * 1024


def attempt(kind: Kind, name: str, folder: Path) -> tuple[str, str]:
    """Use what lies in `folder`; return the outcome and a sentence on it."""
    from headstart.errors import HeadstartError
    from headstart.printing import has_controls

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return kind.use(name, folder), ""
    except HeadstartError as error:
        sentence = str(error)
        fit = len(sentence.split()) >= FEWEST_WORDS and not has_controls(sentence)
        return "refused" if fit else "FOUND no sentence", sentence
    except Found as found:
        return f"FOUND {found}", found.detail
    except BaseException as error:
        return f"FOUND {type(error).__name__}", traceback.format_exc()


def run_case(kind: Kind, number: int, seed: int, scratch: Path) -> dict[str, Any]:
    """Make and try one case."""
    rng = random.Random(f"{kind.name}/{seed}/{number}")
    name = rng.choice(kind.names)
    files = kind.bases[name]
    try:
        damage, changed = kind.damage(files, rng)
    except Exception as error:
        raise SystemExit(f"the fuzzer itself, {name}, case {number}: {traceback.format_exc()}") from error
    folder = scratch / "case"
    shutil.rmtree(folder, ignore_errors=True)
    for path, raw in changed.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(raw)
    folder.mkdir(parents=True, exist_ok=True)
    with Meter() as meter:
        outcome, detail = attempt(kind, name, folder)
    if changed != files and kind.is_unnoticed(damage, outcome):
        outcome = "FOUND unnoticed damage"
    size = sum(map(len, changed.values()))
    if meter.seconds > kind.seconds:
        outcome, detail = "FOUND slow", f"{meter.seconds:.1f} s; {outcome}: {detail}"
    if meter.memory > 4 * size + kind.memory:
        outcome, detail = "FOUND memory", f"{meter.memory >> 20} MB for {size:,} bytes; {outcome}: {detail}"
    return {
        "number": number, "base": name, "damage": damage, "outcome": outcome, "seconds": meter.seconds,
        "memory": meter.memory, "detail": detail[-4000:],
    }  # fmt: skip


def work(kind_name: str, folder: Path, seed: int, numbers: range) -> None:
    """Run cases in this process and print a line of JSON for each on what was its standard output."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what commands and libraries print goes elsewhere
    resource.setrlimit(resource.RLIMIT_DATA, (ROOM, ROOM))
    kind = KINDS[kind_name](folder / kind_name)
    scratch = Path(tempfile.mkdtemp(dir=folder))
    for name in kind.names:  # what is imported and compiled at first use is not a case's doing
        for path, raw in kind.bases[name].items():
            (scratch / name / path).parent.mkdir(parents=True, exist_ok=True)
            (scratch / name / path).write_bytes(raw)
        outcome, detail = attempt(kind, name, scratch / name)
        if outcome.startswith(("FOUND", "refused")):
            raise SystemExit(f"the fuzzer itself: the unchanged {kind_name} {name} is {outcome}: {detail}")
    for number in numbers:
        answers.write(json.dumps(run_case(kind, number, seed, scratch)) + "\n")
        answers.flush()
    shutil.rmtree(scratch, ignore_errors=True)


def is_silent(child: subprocess.Popen[str], most: float) -> bool:
    """Wait for a line; True if none came in `most` seconds of its processor time, or in IDLE seconds in which it used none."""
    stat, tick = Path(f"/proc/{child.pid}/stat"), os.sysconf("SC_CLK_TCK")
    times = [0.0]
    while not select.select([child.stdout], [], [], IDLE / 10)[0]:
        used = stat.read_text().rpartition(")")[2].split()[11:13]
        times.append(sum(map(int, used)) / tick)
        if times[-1] - times[1] > most or (len(times) > 10 and times[-1] == times[-10]):
            return True
    return False


def watched(kind: str, folder: Path, seed: int, numbers: range, until: float) -> Iterator[dict[str, Any]]:
    """Have workers run the cases, a new one after each death; yield the results."""
    number, stop = numbers.start, numbers.stop
    environment = os.environ | THREADS
    while number < stop and time.monotonic() < until:
        command = [sys.executable, __file__, kind, "--seed", str(seed), "--work", str(folder), str(number), str(stop)]
        began = number
        with (
            tempfile.TemporaryFile() as errors,
            subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, env=environment) as child,
        ):
            assert child.stdout is not None
            while number < stop and time.monotonic() < until:
                silent = is_silent(child, PATIENCE + STARTING * (number == began))
                line = "" if silent else child.stdout.readline()
                if not line:
                    break
                yield json.loads(line)
                number += 1
            if number >= stop or time.monotonic() >= until:
                child.kill()
                continue
            child.kill()
            code = child.wait()
            errors.seek(0)
            said = errors.read()[-3000:].decode(errors="replace")
            if "the fuzzer itself" in said:
                raise SystemExit(said)
            what = "FOUND silence" if silent else "FOUND death"
            yield {"number": number, "base": "?", "damage": "?", "outcome": what, "detail": f"code {code}; {said}"}
            number += 1


def added(before: Any, more: Any) -> Any:
    """Return the counts of two runs as those of one."""
    if isinstance(before, dict):
        return {
            name: added(before.get(name, type(more.get(name, 0))()), more.get(name, type(before.get(name, 0))()))
            for name in {**before, **more}
        }
    return max(before, more) if isinstance(before, float) else before + more


def run_kind(kind: str, folder: Path, options: argparse.Namespace) -> int:
    """Run a kind, print and store its counts, and return the number of findings."""
    KINDS[kind].prepare(folder / kind)
    started, cpu = time.monotonic(), os.times()
    until = started + options.seconds if options.seconds else float("inf")
    most = options.cases or (10**9 if options.seconds else KINDS[kind].n_cases)
    first = options.first if options.only is None else options.only
    numbers = range(first, first + (most if options.only is None else 1))
    outcomes: Counter[str] = Counter()
    damages: dict[str, Counter[str]] = {}
    found: list[dict[str, Any]] = []
    longest = hungriest = 0.0
    for n, case in enumerate(watched(kind, folder, options.seed, numbers, until), 1):
        outcomes[case["outcome"]] += 1
        damages.setdefault(case["damage"], Counter())[case["outcome"]] += 1
        longest, hungriest = max(longest, case.get("seconds", 0)), max(hungriest, case.get("memory", 0))
        if case["outcome"].startswith("FOUND"):
            found.append(case)
            print(f"{kind} {case['number']} ({case['base']}, {case['damage']}): {case['outcome']}", flush=True)
            print("  " + case["detail"][-700:].replace("\n", "\n  "), flush=True)
        if n % 5000 == 0:
            print(
                f"{kind}: {n:,} cases, {time.monotonic() - started:.0f} s, {dict(outcomes)}",
                file=sys.stderr,
                flush=True,
            )
        if options.only is not None:
            print(json.dumps(case, indent=1))
    total = sum(outcomes.values())
    print(f"{kind}: {total:,} cases, {len(found)} findings, {dict(outcomes)}; longest {longest:.2f} s", flush=True)
    if options.only is None:
        used = os.times()
        summary = {
            "cases": total, "first": first, "seed": options.seed, "findings": len(found),
            "seconds": round(time.monotonic() - started), "processor_seconds": round(sum(used[:4]) - sum(cpu[:4])),
            "outcomes": dict(sorted(outcomes.items())),
            "by_damage": {damage: dict(sorted(damages[damage].items())) for damage in sorted(damages)},
            "longest_seconds": round(longest, 3), "most_megabytes": round(hungriest / 2**20, 1), "found": found[:50],
        }  # fmt: skip
        held = json.loads(options.out.read_text()) if options.out.exists() else {}
        before = held.get(kind, {})
        if (before.get("seed"), before.get("first", 0) + before.get("cases", -1)) == (options.seed, first):
            summary = {**added(before, summary), "first": before["first"], "seed": options.seed}
        options.out.parent.mkdir(exist_ok=True)
        options.out.write_text(json.dumps({**held, kind: summary}, indent=1, sort_keys=True) + "\n")
    return len(found)


def main() -> int:
    """Run the kinds; 1 if anything was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kinds", nargs="*", choices=[*KINDS, []], metavar="KIND", help=", ".join(KINDS))
    parser.add_argument("--cases", type=int, help="of each kind, in place of its own number")
    parser.add_argument("--seconds", type=float, help="for each kind")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--first", type=int, default=0, help="number of the first case; what follows on the stored run is added to it"
    )
    parser.add_argument("--only", type=int, help="run this one case and print all about it")
    parser.add_argument("--work", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    if options.work:
        work(options.kinds[0], Path(options.work[0]), options.seed, range(int(options.work[1]), int(options.work[2])))
        return 0
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as place:
        return min(1, sum(run_kind(kind, Path(place), options) for kind in options.kinds or KINDS))


if __name__ == "__main__":
    sys.exit(main())
