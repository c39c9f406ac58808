"""Load mutated models, and look for whatever is neither a refusal in a sentence nor a model that works.

    python benchmarks/fuzz_artifacts.py [--cases 100000] [--seed 0] [--only NUMBER]

Nine small models (networks, linear, CatBoost and TF-IDF heads, with and without columns) are trained, and a tenth is
imported from MXNet. A case takes one and changes it: bytes flipped, cut, spliced and overwritten, files swapped and lost, JSON
edited, sizes inflated. In every second case all digests are made right again, so that the parsers behind
them are reached: after changes to bytes, to the manifest, or to whole tensors and words. Then it is loaded
as `headstart.load` does, and three texts are scored with what was loaded.

A finding is: the process died; an exception that is no `ArtifactError` (for data that the model then refuses: no
`HeadstartError`); a change with wrong digests that was not noticed; more than a second of processor time; more
memory than four times the files and 64 MB; a score that is no number. Time in the child processes that try
CatBoost's files is not ours and counted apart. A case is made of the seed and its number alone: ``--only`` repeats it.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import select
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from mutations import inflate_sizes, mutate_array, mutate_bytes, mutate_json

Files = dict[str, bytes]
Rng = random.Random

HERE = Path(__file__).resolve().parent
MANIFEST, RUN = "headstart.json", "run.json"
SHARES = {
    "blend": 4,
    "gru": 4,
    "fast": 3,
    "tutorial": 2,
    "linear": 4,
    "linear-columns": 4,
    "tfidf": 3,
    "tfidf-columns": 4,
    "catboost": 2,
    "imported": 3,
}
TEXTS = ["a good hotel with a nice view", "", "awful"]
SECONDS, SLACK, PATIENCE = 1.0, 64 * 2**20, 60


# --- mutations ---------------------------------------------------------------------------------------


def mutate_parts(parts: Any, rng: Rng) -> Any:
    """Change tensors, words or blobs as whole values, as a program that writes the format could."""
    from headstart.artifact import Parts

    tensors = {stem: dict(arrays) for stem, arrays in parts.tensors.items()}
    words = None if parts.words is None else parts.words.to_pylist()
    blobs = dict(parts.blobs)
    if tensors and rng.random() < 0.7:
        stem = rng.choice(sorted(tensors))
        name = rng.choice(sorted(tensors[stem]))
        array = tensors[stem].pop(name)
        match rng.randrange(10):
            case 0:
                pass
            case 1:
                tensors[stem][name + "x"] = array
            case 2:
                tensors[rng.choice(("weights", "head", "vocabulary", "other"))] = {name: array}
            case _:
                tensors[stem][name] = mutate_array(array, rng)
    elif words is not None and rng.random() < 0.8:
        at = rng.randrange(len(words) + 1)
        words = rng.choice((
            words[:at], words[at:], words * 2, [*words, "new"], words[::-1], None, [], [""] * len(words), ["a" * 100_000, *words[1:]],
            [*words[:at], "two words", *words[at + 1 :]], [*words[:at], "\0\n\r\\", *words[at:]],
        ))  # fmt: skip
    else:
        blobs = {"head.cbm": b""} if not blobs or rng.random() < 0.3 else {"other.cbm": next(iter(blobs.values()))}
    return Parts(parts.model, tensors, words, blobs, parts.run)


# --- digests made right ------------------------------------------------------------------------------


def opened(files: Files) -> dict[str, Any]:
    """The manifest, without its digest."""
    from headstart.artifact import documents

    return documents.unseal(files[MANIFEST], "content_hash", Path(MANIFEST))[0]


def sealed(files: Files, body: dict[str, Any], run: dict[str, Any] | None = None) -> Files:
    """The files with the manifest `body`, and ``run.json`` to match, holding `run` or nothing."""
    from headstart.artifact import documents
    from headstart.artifact.manifest import run_bytes

    raw, content_hash = documents.seal("content_hash", body)
    return {**files, MANIFEST: raw, RUN: run_bytes(run or {}, content_hash)}


def with_right_digests(files: Files, rng: Rng, folder: Path) -> tuple[str, Files]:
    """Change a model and make its digests right."""
    from headstart.artifact import read, write

    kind = rng.choice(
        (
            "bytes",
            "bytes",
            "json",
            "json",
            "sizes",
            "sizes",
            "model",
            "model",
            "model",
            "parts",
            "parts",
            "parts",
            "run",
        )
    )
    if kind == "parts":
        parts = mutate_parts(read(put(files, folder / "whole")), rng)
        write(folder / "mutated", parts)
        return kind, {path.name: path.read_bytes() for path in (folder / "mutated").iterdir()}
    body = opened(files)
    if kind == "bytes":
        name = "head.cbm" if "head.cbm" in files and rng.random() < 0.7 else rng.choice(sorted(body["files"]))
        raw = mutate_bytes(files[name], rng, list(files.values()))
        body["files"][name].update(bytes=len(raw), sha256=hashlib.sha256(raw).hexdigest())
        if "words" in body["files"][name]:
            body["files"][name]["words"] = raw.count(b"\n")
        return kind, sealed({**files, name: raw}, body)
    part = rng.choice((body["model"]["scorer"], body["model"]["scorer"], body["model"]["text"], body["model"], body))
    if kind == "run":
        run = json.loads(files[RUN])["run"]
        mutate_json(run, rng)
        return kind, sealed(files, body, run)
    if kind == "json":
        mutate_json(body, rng)
    elif kind == "sizes":
        inflate_sizes(part, rng)
    else:
        mutate_json(part, rng)
    return kind, sealed(files, body)


def with_wrong_digests(files: Files, rng: Rng) -> tuple[str, Files]:
    """Change a model and nothing else."""
    files = dict(files)
    name = rng.choice(sorted(files))
    match rng.randrange(12):
        case 0:
            del files[name]
            return "lost", files
        case 1:
            other = rng.choice(sorted(files))
            files[name], files[other] = files[other], files[name]
            return "swapped", files
        case 2 if name.endswith(".json"):
            body = json.loads(files[name])
            mutate_json(body, rng)
            files[name] = json.dumps(body, indent=rng.choice((None, 1)), sort_keys=True).encode()
            return "json", files
        case _:
            files[name] = mutate_bytes(files[name], rng, list(files.values()))
            return "bytes", files


# --- one case ----------------------------------------------------------------------------------------


def put(files: Files, folder: Path) -> Path:
    """Write the files, and no others, into `folder`."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, raw in files.items():
        if Path(name).name == name:
            (folder / name).write_bytes(raw)
    return folder


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


def attempt(folder: Path, table: Any) -> tuple[str, str]:
    """Load and use what lies in `folder`; return the outcome and a sentence on it."""
    import headstart as hs
    from headstart.corpus import as_corpus
    from headstart.errors import ArtifactError, HeadstartError

    try:
        predictor = hs.load(folder).predictor_
    except ArtifactError as error:
        return ("refused" if len(str(error).split()) >= 12 else "FOUND short sentence"), str(error)
    except Exception:
        return "FOUND exception at load", traceback.format_exc()
    try:
        scores = predictor.score(as_corpus(table, text=predictor.text, columns=predictor.columns))
    except HeadstartError as error:
        return "loaded, texts refused", str(error)
    except Exception:
        return "FOUND exception at use", traceback.format_exc()
    if not np.isfinite(scores.probabilities).all():
        return "FOUND no number", f"probabilities {scores.probabilities}"
    return "loaded", ""


def run_case(number: int, seed: int, models: dict[str, Files], folder: Path, table: Any) -> dict[str, Any]:
    """Make and try one case."""
    rng = random.Random(f"{seed}/{number}")
    name = rng.choices(list(SHARES), list(SHARES.values()))[0]
    files = models[name]
    right = number % 2 == 1
    try:
        kind, changed = with_right_digests(files, rng, folder) if right else with_wrong_digests(files, rng)
    except ValueError as error:  # What cannot even be written.
        return {
            "number": number,
            "kind": "unwritable",
            "model": name,
            "outcome": "not written",
            "detail": str(error)[:200],
        }
    size = sum(map(len, changed.values()))
    place = put(changed, folder / "case")
    with Meter() as meter:
        outcome, detail = attempt(place, table)
    same = changed == files
    if not right and not same and not outcome.startswith(("refused", "FOUND")):
        outcome, detail = "FOUND unnoticed change", detail
    if meter.seconds > SECONDS:
        outcome, detail = "FOUND hang", f"{meter.seconds:.1f} s; {outcome}: {detail}"
    if meter.memory > 4 * size + SLACK:
        outcome, detail = "FOUND memory", f"{meter.memory / 2**20:.0f} MB for {size:,} bytes; {outcome}: {detail}"
    kind = f"{kind}, digests {'right' if right else 'wrong'}{', no change' if same else ''}"
    return {
        "number": number, "kind": kind, "model": name, "outcome": outcome, "seconds": meter.seconds,
        "memory": meter.memory, "detail": detail if outcome.startswith("FOUND") else detail[:200],
    }  # fmt: skip


# --- many cases --------------------------------------------------------------------------------------


def training_table() -> tuple[Any, list[int]]:
    """Sixty made-up reviews with two columns, and their labels."""
    import pyarrow as pa

    rng = np.random.default_rng(0)
    words = ["hotel", "room", "food", "staff", "clean", "dirty", "good", "bad", "great", "awful", "nice", "rude"]
    texts = [" ".join(rng.choice(words, 8)) for _ in range(60)]
    columns = {"stars": rng.integers(1, 6, 60).astype(float), "device": rng.choice(["phone", "tablet"], 60)}
    return pa.table({"text": texts, **columns}), [int("good" in text or "great" in text) for text in texts]


def train_models(folder: Path) -> None:
    """Save one small model of each kind of `SHARES`."""
    import headstart as hs
    from headstart.estimators import import_mxnet

    table, labels = training_table()
    small = {"embedding_size": 4, "hidden_size": 3, "dense": (4,)}
    gru = hs.TextClassifier(net="gru", net_options=small, epochs=1, text="text", random_state=0).fit(table, labels)
    mixed: dict[str, Any] = {"text": "text", "columns": ["stars", "device"], "random_state": 0}
    plain: dict[str, Any] = {"text": "text", "random_state": 0}
    carried: dict[str, Any] = {"base": gru, "strategy": "features"}
    gru.save(folder / "gru")
    makers: dict[str, Callable[[], Any]] = {
        "blend": lambda: hs.TextClassifier(
            net="blend", net_options={"embedding_size": 4, "hidden_size": 3}, epochs=1, **plain
        ),
        "fast": lambda: hs.TextClassifier(
            net="fast", net_options={"embedding_size": 4, "hidden_size": 3, "window": 2}, epochs=1, **plain
        ),
        "tutorial": lambda: hs.TextClassifier(net="tutorial", epochs=1, **plain),
        "linear": lambda: hs.TextClassifier(**carried, head="linear", **plain),
        "linear-columns": lambda: hs.TextClassifier(**carried, head="linear", **mixed),
        "tfidf": lambda: hs.TextClassifier(strategy="tfidf", **plain),
        "tfidf-columns": lambda: hs.TextClassifier(strategy="tfidf", **mixed),
        "catboost": lambda: hs.TextClassifier(**carried, head="catboost", **mixed),
    }
    prefix = HERE.parent / "tests" / "data" / "mxnet" / "tiny"
    vocabulary = prefix.with_name("tiny-vocab.json")
    import_mxnet(prefix, vocabulary=vocabulary, labels=("0", "1")).save(folder / "imported")
    for name, make in makers.items():
        make().fit(table, labels).save(folder / name)


def work(folder: Path, seed: int, numbers: range) -> None:
    """Run cases in this process and print a line of JSON for each."""
    models = {name: {path.name: path.read_bytes() for path in (folder / name).iterdir()} for name in SHARES}
    table = training_table()[0].slice(0, len(TEXTS)).set_column(0, "text", [TEXTS])
    scratch = Path(tempfile.mkdtemp(dir=folder))
    for name in SHARES:  # What is imported and compiled at first use is not a case's doing.
        outcome, detail = attempt(folder / name, table)
        if outcome != "loaded":
            raise SystemExit(f"the unchanged model {name} does not load: {outcome} {detail}")
    for number in numbers:
        sys.stdout.write(json.dumps(run_case(number, seed, models, scratch, table)) + "\n")
        sys.stdout.flush()


def watched(folder: Path, seed: int, numbers: range, *, script: str = __file__) -> Iterator[dict[str, Any]]:
    """Have child processes run the cases, a new one after each death; yield the results."""
    number = numbers.start
    while number < numbers.stop:
        command = [sys.executable, script, "--seed", str(seed), "--work", str(folder), str(number), str(numbers.stop)]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}
        ) as child:
            if child.stdout is None:
                raise SystemExit("the child process has no output")
            began = number
            while number < numbers.stop:
                patience = PATIENCE + 60 * (number == began)
                if not select.select([child.stdout], [], [], patience)[0]:
                    child.kill()
                line = child.stdout.readline()
                if not line:
                    break
                yield json.loads(line)
                number += 1
        if child.returncode and number < numbers.stop:
            if number == began:
                raise SystemExit(
                    f"the child process ended with code {child.returncode} before its first case, {number}"
                )
            yield {
                "number": number,
                "kind": "?",
                "model": "?",
                "outcome": "FOUND death",
                "detail": f"code {child.returncode}",
            }
            number += 1


def main() -> None:
    """Run, print and store."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="number of the first case, to go on with a run")
    parser.add_argument("--only", type=int, help="run this one case and print all about it")
    parser.add_argument("--work", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, default=HERE / "results" / "fuzz_artifacts.json")
    options = parser.parse_args()
    if options.work:
        work(Path(options.work[0]), options.seed, range(int(options.work[1]), int(options.work[2])))
        return
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as place:
        train_models(Path(place))
        numbers = (
            range(options.first, options.first + options.cases)
            if options.only is None
            else range(options.only, options.only + 1)
        )
        report(watched(Path(place), options.seed, numbers), options)


def report(results: Iterator[dict[str, Any]], options: argparse.Namespace) -> None:
    """Count the results, print them, and store the summary unless only one case was asked for."""
    start = time.perf_counter()
    outcomes: Counter[str] = Counter()
    table: dict[str, Counter[str]] = {}
    found: list[dict[str, Any]] = []
    longest = most = 0.0
    for n, result in enumerate(results, 1):
        outcomes[result["outcome"]] += 1
        table.setdefault(result["kind"], Counter())[result["outcome"]] += 1
        longest, most = max(longest, result.get("seconds", 0)), max(most, result.get("memory", 0))
        if result["outcome"].startswith("FOUND"):
            found.append(result)
            print(
                f"case {result['number']} ({result['model']}, {result['kind']}): {result['outcome']}\n  {result['detail'][-700:]}",
                flush=True,
            )
        if n % 5000 == 0:
            print(f"{n:,} cases, {time.perf_counter() - start:.0f} s, {dict(outcomes)}", file=sys.stderr, flush=True)
        if options.only is not None:
            print(json.dumps(result, indent=1))
    for kind in sorted(table):
        print(f"{kind:35s} {', '.join(f'{name} {count:,}' for name, count in sorted(table[kind].items()))}")
    print(
        f"{sum(outcomes.values()):,} cases, {len(found)} findings; longest {longest:.2f} s, most memory {most / 2**20:.0f} MB"
    )
    if options.only is None:
        summary = {
            "first": options.first, "cases": sum(outcomes.values()), "seed": options.seed,
            "findings": len(found), "outcomes": dict(sorted(outcomes.items())),
            "by_kind": {kind: dict(sorted(table[kind].items())) for kind in sorted(table)},
            "longest_seconds": round(longest, 3), "most_megabytes": round(most / 2**20, 1), "found": found[:100],
        }  # fmt: skip
        options.out.parent.mkdir(exist_ok=True)
        options.out.write_text(json.dumps(summary, indent=1) + "\n")


if __name__ == "__main__":
    main()
