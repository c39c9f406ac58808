"""Kill every command at random moments, and fill its disk at random points: nothing may be lost or half-written.

    python benchmarks/kills.py [COMMAND ...] [--kills 200] [--fills 50] [--seed 0] [--rows 400]

Each command runs to its end on made-up reviews, for its duration and its result. Then it is started again and again, and
killed (SIGKILL, every fourth time SIGTERM): every second time over an older, other result; half the time at a moment drawn
evenly over that duration, half the time within a twentieth of a second after it began to write. All is imported before a
command's process is forked, so that it is killed at work. After a kill:

- what stands at the output is the older result, byte for byte, or the new one, or nothing where nothing stood;
- inputs and the base are as they were, and so is a folder of the user's next to the output that looks like a leftover;
- no process of the command lives on;
- after SIGTERM the exit code is 143 and stderr holds a sentence and no traceback.

At the end the same command runs once more, undisturbed: it has to succeed, to give what an undisturbed run gives (for
train and compare: by going on), and to leave nothing behind. On a full disk (a small tmpfs; without root, a limit on the
size of files) a command has to end with exit code 2 and one sentence, or, where only its checkpoint did not fit, well; and
the older result has to stand there. Counts go to ``benchmarks/results/kills.json``.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import hashlib
import importlib
import json
import multiprocessing
import os
import pkgutil
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import headstart

RESULTS = Path(__file__).resolve().parent / "results" / "kills.json"
MXNET = Path(__file__).resolve().parents[1] / "tests" / "data" / "mxnet"
GOOD, BAD = ("great", "lovely", "superb", "charming"), ("awful", "dreary", "boring", "clumsy")
FILLING = [
    "the",
    "film",
    "plot",
    "actor",
    "scene",
    "hotel",
    "room",
    "was",
    "with",
    "and",
    "a",
    "very",
    "story",
    "music",
    "end",
    "of",
    "in",
]
SMALL = "--set embedding_size=8 --set hidden_size=6 --set dense=[8]"
SHORT_LIVED = ("seconds", "cpu_seconds", "ms_per_row", "digest", "bytes")


@dataclass(frozen=True)
class Command:
    """A command that writes.

    Attributes:
        name: in the results.
        arguments: with ``OUT`` for the output.
        out: the output's name; the command may add ``.checkpoint`` while it works.
        result: what of the output is equal in two runs, as a digest.
    """

    name: str
    arguments: list[str]
    out: str
    result: Callable[[Path], str]


def write_rows(path: Path, n: int, seed: int) -> None:
    """Write made-up reviews, half of them good."""
    rng = np.random.default_rng(seed)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        for i in range(n):
            words = [*rng.choice(FILLING, 20), *rng.choice(GOOD if i % 2 else BAD, 3)]
            rng.shuffle(words)
            writer.writerow([" ".join(words), i % 2])


def digest(path: Path) -> str:
    """Return a digest of a file, or of all that lies in a folder."""
    found = hashlib.sha256()
    for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
        found.update(str(file.relative_to(path)).encode())
        found.update(file.read_bytes() if file.is_file() else b"folder")
    return found.hexdigest()


def model_content(path: Path) -> str:
    """Return the content hash of a model, every byte checked."""
    from headstart.artifact import read

    return read(path).content_hash


def rows_content(path: Path) -> str:
    """Return a digest of what the rows of a comparison say, timings aside, and of the model that it ships."""
    rows = [json.loads(line) for line in (path / "rows.jsonl").read_text().splitlines()]
    kept = sorted(json.dumps({k: v for k, v in row.items() if k not in SHORT_LIVED}, sort_keys=True) for row in rows)
    (path / "report.html").read_text()
    json.loads((path / "verdict.json").read_text())
    return hashlib.sha256("\n".join([*kept, model_content(path / "model")]).encode()).hexdigest()


def commands(place: Path) -> list[Command]:
    """Return the commands, with their inputs in `place`."""
    rows, many, base = place / "rows.csv", place / "many.csv", place / "base"
    transfer = f"transfer {base} {rows} --force --out OUT --strategy"
    compare = f"compare {base} {rows} --budgets 60 --seeds 2 --candidates as-is,tfidf,features --jobs 2 --out OUT"
    mxnet = f"import mxnet {MXNET / 'tiny'} --vocab {MXNET / 'tiny-vocab.json'} --labels neg,pos --force --out OUT"
    told = {
        "train": (
            f"train {rows} --net gru --epochs 6 {SMALL} --set checkpoint_seconds=0.2 --force --out OUT",
            "model",
            model_content,
        ),
        "train fast": (f"train {rows} --net fast --force --out OUT", "model", model_content),
        "transfer fine-tune": (f"{transfer} fine-tune --set epochs=4", "tuned", model_content),
        "transfer features": (f"{transfer} features", "tuned", model_content),
        "transfer tfidf": (f"{transfer} tfidf", "tuned", model_content),
        "compare": (compare, "comparison", rows_content),
        "predict": (f"predict {base} {many} --keep label --out OUT", "scored.csv", digest),
        "predict parquet": (f"predict {base} {many} --keep label --out OUT", "scored.parquet", digest),
        "embed": (f"embed {base} {many} --out OUT", "vectors.parquet", digest),
        "map": (f"map {base} --top 40 --iterations 250 --out OUT", "map.html", digest),
        "import mxnet": (mxnet, "imported", model_content),
        "import model2vec": (f"import model2vec {place / 'encoder'} --force --out OUT", "imported", model_content),
    }
    return [Command(name, line.split(), out, result) for name, (line, out, result) in told.items()]


def write_encoder(folder: Path) -> None:
    """Write static vectors as model2vec saves them; nothing where the package tokenizers is missing."""
    try:
        from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
    except ImportError:
        return
    from safetensors.numpy import save_file

    words = ["[PAD]", "[UNK]", *FILLING, *GOOD, *BAD, *(f"word{i}" for i in range(30_000))]
    folder.mkdir()
    tokenizer = Tokenizer(models.WordPiece({word: i for i, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()
    tokenizer.save(str(folder / "tokenizer.json"))
    vectors = np.random.default_rng(0).normal(size=(len(words), 64)).astype(np.float32)
    save_file({"embeddings": vectors}, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps({"model_type": "model2vec", "normalize": True, "hidden_dim": 64}))


class Started:
    """A command, in a forked process with a session of its own, so that its children can be found."""

    def __init__(self, command: Command, out: Path) -> None:
        arguments = [str(out) if part == "OUT" else part for part in command.arguments]
        self._told = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as this
        self.process = multiprocessing.get_context("fork").Process(target=self._run, args=(arguments, out.parent))
        self.process.start()

    def _run(self, arguments: list[str], folder: Path) -> None:
        from headstart.cli.app import main

        os.setsid()
        os.chdir(folder)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.dup2(self._told.fileno(), 2)
        main(arguments)

    @property
    def pid(self) -> int:
        """The number of the process and of its session."""
        return self.process.pid or 0

    def ended(self, seconds: float | None = None) -> bool:
        """Wait; return whether it has ended."""
        self.process.join(seconds)
        return self.process.exitcode is not None

    def outcome(self) -> tuple[int, str]:
        """Wait for the end; return the exit code, minus the signal's number after a kill, and what stands on stderr."""
        self.process.join()
        self._told.seek(0)
        return self.process.exitcode or 0, self._told.read().decode(errors="replace")


def finished(command: Command, out: Path) -> tuple[int, str]:
    """Run a command to its end; return its exit code and what it said."""
    return Started(command, out).outcome()


def survivors(session: int) -> list[str]:
    """Return what still runs in a session half a minute after its leader was killed, zombies aside."""
    deadline = time.monotonic() + 30
    while True:
        found = []
        for status in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                fields = status.read_text().rpartition(")")[2].split()
                if int(fields[3]) == session and fields[0] != "Z":
                    found.append(status.parent.name)
        if not found or time.monotonic() > deadline:
            return found
        time.sleep(0.1)


class Run:
    """Kills and full disks of one command.

    Args:
        command: which.
        place: the folder of inputs, which must not change.
        work: an empty folder for outputs.
    """

    def __init__(self, command: Command, place: Path, work: Path) -> None:
        self.command, self.place, self.out = command, place, work / command.out
        self.mine = work / f".{command.out}.mine.partial"  # looks like a leftover, and is the user's
        self.mine.mkdir()
        (self.mine / "note.txt").write_text("mine")
        self.inputs = digest(place)
        self.findings: dict[str, list[str]] = {"kills": [], "fills": []}
        self.part = "kills"
        self.outcomes: Counter[str] = Counter()
        for _ in range(2):  # machine code is loaded, or made, by the first
            start = time.perf_counter()
            code, told = finished(command, self.out)
            self.seconds = time.perf_counter() - start
            if code:
                raise SystemExit(f"{command.name} fails undisturbed: {told}")
        self.whole, self.needed = command.result(self.out), size_of(self.out)
        self.older = work / "older"
        if command.name == "compare":  # goes on with its own folder only
            self.out.rename(self.older)
        elif self.out.is_dir():
            shutil.copytree(place / "base", self.older)
        else:
            self.older.write_text("an older file")
        self.before = self.content(self.older)

    def content(self, path: Path) -> str:
        """Return a digest of what stands there, "" of nothing: a model, of a comparison the one that it ships, or a file."""
        place = path / "model" if self.command.name == "compare" else path
        return model_content(place) if place.is_dir() else digest(place) if place.exists() else ""

    def find(self, what: str, told: str = "") -> None:
        """Note what is wrong, with the end of what the command said."""
        self.findings[self.part].append(f"{self.command.name}: {what} {told[-600:]}".strip())

    def prepare(self, *, over: bool) -> None:
        """Put the older result, or nothing, at the output, and take away what the try before left."""
        for path in self.out.parent.iterdir():
            if path not in (self.mine, self.older):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        if over:
            shutil.copytree(self.older, self.out) if self.older.is_dir() else shutil.copy(self.older, self.out)

    def kill(self, fraction: float, number: int, *, over: bool, writing: bool) -> bool:
        """Kill the command after this fraction of its duration, or just after it began to write; look at what is left.

        Returns:
            Whether it was still running.
        """
        self.prepare(over=over)
        before = self.written()
        process = Started(self.command, self.out)
        while writing and not process.ended(0) and self.written() == before:
            time.sleep(0.001)
        alive = not process.ended(fraction * (0.05 if writing else self.seconds))
        if alive:
            os.kill(process.pid, number)
        code, told = process.outcome()
        if left := survivors(process.pid):
            self.find(f"processes {left} outlived it")
        if code not in (0, -number, 128 + number):
            self.find(f"exit code {code} after signal {number}", told)
        if "Traceback" in told or "BrokenPipe" in told:
            self.find("a traceback after a signal", told)
        self.look(over=over, done=code == 0)
        return alive

    def written(self) -> set[tuple[str, int]]:
        """Return what lies where the command writes."""
        with contextlib.suppress(OSError):  # a folder goes while it is listed
            return {(str(path), path.stat().st_ino) for path in self.out.parent.rglob("*")}
        return set()

    def look(self, *, over: bool, done: bool) -> None:
        """See that nothing was lost or half-written."""
        if digest(self.place) != self.inputs or digest(self.mine) != hashlib.sha256(b"note.txtmine").hexdigest():
            self.find("an input or a file of the user's was changed")
        try:
            found = self.content(self.out)
        except Exception as error:
            self.find(f"what stands there cannot be read: {type(error).__name__}: {error}")
            return
        new = self.content(self.older) if self.command.name == "compare" else self.whole
        names = {new: "the new one", self.before: "the older one"} if over else {new: "the new one", "": "nothing"}
        self.outcomes[names.get(found, "another")] += 1
        if found not in names or (done and found != new):
            what = names.get(found, "something else" if found else "nothing")
            self.find(
                f"{what} stands there after {'an end' if done else 'a kill'}{' over an older one' if over else ''}"
            )

    def finish(self) -> None:
        """Run once more, undisturbed."""
        code, told = finished(self.command, self.out)
        if code:
            self.find(f"the next run ends with {code}", told)
        elif self.command.result(self.out) != self.whole:
            self.find("the next run gives another result")
        left = {path.name for path in self.out.parent.iterdir()} - {self.mine.name, self.older.name, self.out.name}
        if left:
            self.find(f"the next run leaves {sorted(left)}")
        if self.out.is_dir() and any((self.out / name).exists() for name in ("work", "fitted")):
            self.find("the next run leaves folders for working")


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
            subprocess.run(["umount", "-l", place], check=True)


def fill(run: Run, fraction: float) -> str:
    """Run the command where only this fraction of what it writes fits; return how it ended."""
    over = run.command.name != "compare"
    with small_disk(2 * run.needed + size_of(run.older) + 2**20) as disk:
        limit = max(1, int(fraction * run.needed))
        if disk is None:
            run.prepare(over=over)
            before = resource.getrlimit(resource.RLIMIT_FSIZE)
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
            try:
                code, told = finished(run.command, run.out)
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, before)
            run.look(over=over, done=code == 0)
        else:
            out, older = disk / run.command.out, run.older
            if over:
                shutil.copytree(older, out) if older.is_dir() else shutil.copy(older, out)
            free = os.statvfs(disk)
            with (disk / "ballast").open("wb") as ballast:
                os.posix_fallocate(ballast.fileno(), 0, max(1, free.f_bavail * free.f_frsize - limit))
            code, told = finished(run.command, out)
            left = {path.name for path in disk.iterdir()} - {"ballast", out.name, f"{out.name}.checkpoint"}
            if left:
                run.find(f"a full disk leaves {sorted(left)}", told)
            if over and (not out.exists() or run.content(out) != (run.before if code else run.whole)):
                run.find("after a full disk, the older result is not whole", told)
    sentences = [line for line in told.splitlines() if line.startswith("headstart: ")]
    if code not in (0, 2) or "Traceback" in told or (code == 2 and len(sentences) != 1):
        run.find(f"exit code {code} on a full disk", told)
    elif code == 2 and "cannot be written" not in sentences[0]:
        run.find("the sentence on a full disk does not say what cannot be written", told)
    return (
        "fits after all"
        if code == 0
        else sentences[0].split("cannot be written: ")[-1].split(" (")[0]
        if sentences
        else "?"
    )


def size_of(path: Path) -> int:
    """Return the bytes in a file, or in all files of a folder."""
    return sum(file.stat().st_size for file in [path, *path.rglob("*")] if file.is_file())


def make_inputs(place: Path, n_rows: int, seed: int) -> None:
    """Write tables, static vectors and a base."""
    place.mkdir()
    write_rows(place / "rows.csv", n_rows, seed)
    write_rows(place / "many.csv", 20 * n_rows, seed + 1)
    write_encoder(place / "encoder")
    train = f"train {place / 'rows.csv'} --net gru --epochs 2 {SMALL} --out {place / 'base'}"
    subprocess.run([sys.executable, "-m", "headstart", *train.split()], check=True, capture_output=True)


def main() -> None:
    """Run all and write the results."""
    names = [command.name for command in commands(Path())]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("commands", nargs="*", choices=[*names, []], metavar="COMMAND", help=", ".join(names))
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--fills", type=int, default=50)
    parser.add_argument("--rows", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    os.environ |= {"OMP_NUM_THREADS": "1", "HEADSTART_CACHE": "off"}
    own = [module.name for module in pkgutil.walk_packages(headstart.__path__, "headstart.")]
    for name in (*own, "catboost", "tokenizers", "torch._dynamo"):  # what is imported at first use, too
        if not name.endswith("__main__"):
            importlib.import_module(name)
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "inputs"
        make_inputs(place, options.rows, options.seed)
        chosen = [command for command in commands(place) if command.name in (options.commands or names)]
        for i, command in enumerate(chosen):
            rng = random.Random(f"{command.name}/{options.seed}")
            work = Path(folder) / command.name.replace(" ", "-")
            work.mkdir()
            run = Run(command, place, work)
            n_kills, n_fills = (n // len(chosen) + (i < n % len(chosen)) for n in (options.kills, options.fills))
            struck = n = 0
            while struck < n_kills and n < 3 * n_kills:  # some were done before
                number = signal.SIGTERM if n % 4 == 3 else signal.SIGKILL
                struck += run.kill(rng.random(), number, over=n % 2 == 1, writing=n // 2 % 2 == 1)
                n += 1
            if n_kills:
                run.finish()
            run.part = "fills"
            reasons = Counter(fill(run, rng.random()) for _ in range(n_fills))
            results[command.name] = {
                "seconds_undisturbed": round(run.seconds, 2), "kills": struck, "after_a_kill": dict(run.outcomes),
                "full_disks": n_fills, "on_a_full_disk": dict(reasons), "findings": run.findings,
            }  # fmt: skip
            print(f"{command.name}: {json.dumps(results[command.name])}", flush=True)
    n_findings, n_struck = (
        sum(map(count, results.values()))
        for count in (lambda r: sum(map(len, r["findings"].values())), lambda r: r["kills"])
    )
    told = {
        "seed": options.seed, "rows": options.rows, "kills": n_struck, "fills": options.fills, "findings": n_findings,
        "commands": results,
    }  # fmt: skip
    options.out.parent.mkdir(exist_ok=True)
    options.out.write_text(json.dumps(told, indent=1) + "\n")
    print(f"{n_struck} kills and {options.fills} full disks, {n_findings} findings: {options.out}")
    sys.exit(n_findings > 0)


if __name__ == "__main__":
    main()
