"""Damages MXNet files in 200,000 ways and counts what the readers make of them.

    python benchmarks/fuzz_mxnet.py --cases 100000 --seed 0

Half of the cases are ``.params`` files, half ``-symbol.json`` files: bytes flipped, files cut, parts of two files
spliced, sizes inflated, JSON edited (options, operators, inputs, types). Each is read, and what can be read is
built into a network and run on two texts. The law: it is refused by an `ArtifactError` with a sentence (a
`DataError` while it runs), or it is loaded to values that fit its bytes; never another exception, a crash, more
than a second of CPU time, or more memory than 4 times the file and 64 MB. One worker process does the work; it is
replaced when it dies or hangs, and the case it died of is counted. A case is made of its number and the seed alone:
``--only N`` runs one again. Needs Linux for the memory figures.
"""

from __future__ import annotations

import argparse
import copy
import json
import multiprocessing
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

DATA = Path(__file__).parents[1] / "tests" / "data" / "mxnet"
RESULTS = Path(__file__).parent / "results" / "fuzz_mxnet.json"
NETS = ("tiny", "tiny_lstm", "tiny_gru2", "tiny_conv", "zoo_textcnn", "zoo_attention", "zoo_stacked")
ARRAYS = ("nd_dict", "nd_list", "nd_npshape", "nd_sparse", "nd_v1", "nd_v0", "nd_single", "nd_empty")
MOST_SECONDS = 1.0
SILENCE_SECONDS = 20.0
ALLOWED_BYTES = 64_000_000
FEWEST_WORDS = 12

Random = np.random.Generator
EDGES = (
    0,
    1,
    2,
    3,
    31,
    32,
    33,
    127,
    255,
    2**15,
    2**16,
    2**31 - 1,
    2**31,
    2**32 - 1,
    2**40,
    2**62,
    2**63 - 1,
    2**64 - 1,
)
TEXTS = (
    "", "0", "1", "-1", "2", "3", "7", "-2", "None", "True", "False", "nan", "inf", "-inf", "1e308", "1e999", "0.5", "()", "(0,)",
    "(1,)", "(-1,)", "(2, 3)", "(0, -1)", "(1, 0, 2)", "(-4, 1, -1)", "(999999999,)", "(65535, 65535)", "(1,1,1,1,1,1,1,1,1)",
    "99999999", "999999999999", "9" * 30, "9" * 5000, "[1, 2]", "(a,)", "__import__('os')", "gru", "lstm", "rnn_relu", "max", "avg", "lp",
    "full", "relu", "elu", "prelu", "int32", "float16", "float32", "wrap", "\x00", "é", "\ud800",
)  # fmt: skip


# ------------------------------------------------------------------ damage to bytes


def flip(data: bytes, rng: Random, _others: list[bytes]) -> bytes:
    made = bytearray(data)
    for _ in range(int(rng.integers(1, 9)) if made else 0):
        place = int(rng.integers(min(len(made), 400) if rng.random() < 0.5 else len(made)))
        made[place] = int(rng.integers(256)) if rng.random() < 0.5 else made[place] ^ (1 << int(rng.integers(8)))
    return bytes(made)


def cut(data: bytes, rng: Random, _others: list[bytes]) -> bytes:
    first, last = sorted(int(place) for place in rng.integers(0, len(data) + 1, 2))
    return data[:last] if rng.random() < 0.6 else data[:first] + data[last:]


def splice(data: bytes, rng: Random, others: list[bytes]) -> bytes:
    other = others[int(rng.integers(len(others)))]
    first, last = sorted(int(place) for place in rng.integers(0, len(other) + 1, 2))
    last = min(last, first + 4000)
    place = int(rng.integers(len(data) + 1))
    behind = data[place:] if rng.random() < 0.5 else data[place + last - first :]
    return data[:place] + other[first:last] + behind


def inflate(data: bytes, rng: Random, _others: list[bytes]) -> bytes:
    """Overwrite a count, a size or a type: near a record's beginning, in the file's head or in its name table."""
    marks = [i for i in range(len(data) - 4) if data[i + 1 : i + 4] == b"\xfa\x93\xf9"] if len(data) < 200_000 else []
    starts = [0, 16, max(0, len(data) - 600), *marks]
    place = starts[int(rng.integers(len(starts)))] + 4 * int(rng.integers(0, 14))
    width = int(rng.choice([4, 8]))
    number = int(EDGES[int(rng.integers(len(EDGES)))])
    number = (number if rng.random() < 0.7 else -number) % (1 << (8 * width))
    return (data[:place] + number.to_bytes(width, "little") + data[place + width :])[: max(len(data), 1)]


# ------------------------------------------------------------------- damage to JSON


def edit(data: bytes, rng: Random, _others: list[bytes]) -> bytes:
    graph = json.loads(data)
    for _ in range(int(rng.integers(1, 4))):
        EDITS[int(rng.integers(len(EDITS)))](graph, rng)
    return json.dumps(graph).encode()


def _node(graph: Any, rng: Random, *, operation: bool = True) -> dict[str, Any]:
    nodes = [node for node in graph["nodes"] if isinstance(node, dict) and (node.get("op") != "null" or not operation)]
    return nodes[int(rng.integers(len(nodes)))] if nodes else {}


def edit_option(graph: Any, rng: Random) -> None:
    options = _node(graph, rng).setdefault("attrs", {})
    name = list(options)[int(rng.integers(len(options)))] if options else "axis"
    options[name] = TEXTS[int(rng.integers(len(TEXTS)))]


def edit_number(graph: Any, rng: Random) -> None:
    """Change one digit of an option: the damage that stays plausible."""
    options = _node(graph, rng).get("attrs", {})
    names = [name for name in options if isinstance(options[name], str) and any(c.isdigit() for c in options[name])]
    if names:
        name = names[int(rng.integers(len(names)))]
        places = [i for i, c in enumerate(options[name]) if c.isdigit()]
        i = places[int(rng.integers(len(places)))]
        options[name] = (
            options[name][:i] + str(int(rng.choice([0, 1, 2, 9, 99, 123456, 10**9]))) + options[name][i + 1 :]
        )


def edit_operator(graph: Any, rng: Random) -> None:
    from headstart.nets.mxnet.operators import OPERATORS

    names = sorted(OPERATORS)
    node = _node(graph, rng)
    node["op"] = names[int(rng.integers(len(names)))]
    if rng.random() < 0.5:
        node["attrs"] = {}


def edit_inputs(graph: Any, rng: Random) -> None:
    node = _node(graph, rng)
    inputs = node.get("inputs", [])
    choice = rng.random()
    if choice < 0.5 and inputs:
        inputs[int(rng.integers(len(inputs)))] = [
            int(rng.integers(-1, len(graph["nodes"]) + 1)),
            int(rng.integers(0, 3)),
            0,
        ]
    elif choice < 0.7 and inputs:
        inputs.pop(int(rng.integers(len(inputs))))
    else:
        node["inputs"] = [*inputs, [int(rng.integers(len(graph["nodes"]) + 1)), 0, 0]]


def edit_type(graph: Any, rng: Random) -> None:
    odd = (None, 0, -1, 1.5, True, [], {}, "", [[]], 10**400, {"op": "null"})
    value = odd[int(rng.integers(len(odd)))]
    where = rng.random()
    if where < 0.3:
        graph[list(graph)[int(rng.integers(len(graph)))]] = value
    elif where < 0.8:
        node = _node(graph, rng, operation=False)
        if node:
            node[list(node)[int(rng.integers(len(node)))]] = value
    else:
        graph["nodes"][int(rng.integers(len(graph["nodes"])))] = value


def edit_list(graph: Any, rng: Random) -> None:
    nodes = graph["nodes"]
    place = int(rng.integers(len(nodes)))
    choice = int(rng.integers(4))
    if choice == 0 and len(nodes) > 1:
        nodes.pop(place)
    elif choice == 1:
        nodes.insert(place, copy.deepcopy(nodes[int(rng.integers(len(nodes)))]))
    elif choice == 2:
        other = int(rng.integers(len(nodes)))
        nodes[place], nodes[other] = nodes[other], nodes[place]
    else:
        nodes.extend(copy.deepcopy(nodes[place:]) * int(rng.integers(1, 4)))


def edit_heads(graph: Any, rng: Random) -> None:
    graph["heads"] = [[int(rng.integers(-1, len(graph["nodes"]) + 1)), int(rng.integers(0, 3)), 0]] * int(
        rng.integers(1, 3)
    )


EDITS: tuple[Callable[[Any, Random], None], ...] = (
    edit_option, edit_option, edit_number, edit_number, edit_operator, edit_inputs, edit_type, edit_list, edit_heads,
)  # fmt: skip


def nudge(data: bytes, rng: Random, _others: list[bytes]) -> bytes:
    """Change one option."""
    graph = json.loads(data)
    (edit_number if rng.random() < 0.7 else edit_option)(graph, rng)
    return json.dumps(graph).encode()


def guarded_edit(data: bytes, rng: Random, others: list[bytes]) -> bytes:
    """Edit, or flip where an earlier edit left nothing to edit."""
    try:
        return edit(data, rng, others)
    except (TypeError, KeyError, AttributeError, ValueError, IndexError):
        return flip(data, rng, others)


DAMAGE: dict[str, dict[str, Callable[[bytes, Random, list[bytes]], bytes]]] = {
    "params": {"flip": flip, "cut": cut, "splice": splice, "inflate": inflate},
    "symbol": {"flip": flip, "cut": cut, "splice": splice, "edit": guarded_edit, "nudge": nudge},
}


class Maker:
    """Makes case number n of a seed."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        names = [f"{net}-0000" for net in NETS] + [f"{net}.gluon" for net in NETS] + [*ARRAYS] * 2
        self.files = {
            "params": [(name, (DATA / f"{name}.params").read_bytes()) for name in names],
            "symbol": [(name, (DATA / f"{name}-symbol.json").read_bytes()) for name in NETS],
        }

    def __call__(self, number: int) -> tuple[str, str, str, bytes]:
        """Return what kind of file it is, the file it was made of, the damage, and the bytes."""
        rng = np.random.default_rng([self.seed, number])
        kind = "params" if number % 2 == 0 else "symbol"
        files = self.files[kind]
        name, data = files[int(rng.integers(len(files)))]
        damages = list(DAMAGE[kind])
        damage = damages[int(rng.integers(len(damages)))]
        for _ in range(1 if rng.random() < 0.8 else 2):
            data = DAMAGE[kind][damage](data, rng, [other for _, other in files])
        return kind, name, damage, data


# --------------------------------------------------------------------- the judge


class Judge:
    """Reads a damaged file as a user's program would, and says what happened."""

    def __init__(self, folder: Path) -> None:
        import torch

        from headstart.batches import Batch
        from headstart.foreign.mxnet import read_params, read_symbol

        torch.set_num_threads(1)
        self.folder = folder
        self.batch = Batch(ids=torch.tensor([[5, 2, 9, 0], [7, 1, 3, 4]]), lengths=torch.tensor([3, 4]))
        self.symbols = {net: read_symbol(DATA / f"{net}-symbol.json") for net in NETS}
        self.tensors = {net: self.named(read_params(DATA / f"{net}-0000.params")) for net in NETS}
        for net in NETS:
            self.run(self.symbols[net], self.tensors[net])

    @staticmethod
    def named(arrays: Any) -> dict[str, Any]:
        """Return the arrays as tensors, by the graph's names."""
        import torch

        return {name.split(":")[-1]: torch.from_numpy(array) for name, array in arrays.items()}

    def run(self, symbol: Any, tensors: dict[str, Any]) -> None:
        """Build the network and score two texts."""
        import torch

        from headstart.foreign.mxnet import MXNetGraph

        graph = MXNetGraph(symbol, {name: value.clone() for name, value in tensors.items()})
        with torch.no_grad():
            logits = graph.eval()(self.batch)
        if logits.shape != (2, graph.n_outputs) or logits.dtype != torch.float32:
            raise RuntimeError(f"the network gave {logits.dtype} {tuple(logits.shape)}")

    def read(self, kind: str, name: str, data: bytes) -> None:
        """Read a damaged file, and build and run the network that it is part of."""
        from headstart.foreign.mxnet import read_params, read_symbol

        path = self.folder / f"case.{kind}"
        path.write_bytes(data)
        net = name.removesuffix("-0000").removesuffix(".gluon")
        if kind == "symbol":
            self.run(read_symbol(path), self.tensors[net])
            return
        arrays = read_params(path)
        found = list(arrays.values()) if isinstance(arrays, dict) else arrays
        if sum(array.nbytes for array in found) > 2 * len(data) + (64 << 20):
            raise RuntimeError("the arrays hold more than the file")
        if name.endswith("-0000") and isinstance(arrays, dict):
            self.run(self.symbols[net], self.named(arrays))

    def judge(self, kind: str, name: str, data: bytes) -> dict[str, Any]:
        """Return ``outcome`` (``"refused"``, ``"loaded"`` or a fault), ``seconds`` of CPU and ``bytes`` of memory."""
        from headstart.errors import ArtifactError, DataError

        before = _reset_peak()
        start = time.process_time()
        outcome, message = "loaded", ""
        try:
            self.read(kind, name, data)
        except (ArtifactError, DataError) as error:
            outcome, message = "refused", str(error)
            if len(message.split()) < FEWEST_WORDS:
                outcome = "refused without a sentence"
        except BaseException as error:
            outcome, message = type(error).__name__, str(error)
        seconds = time.process_time() - start
        used = max(0, _peak() - before)
        if seconds > MOST_SECONDS:
            outcome = "slow"
        if used > 4 * len(data) + ALLOWED_BYTES:
            outcome = "memory"
        return {"outcome": outcome, "message": message[:300], "seconds": seconds, "bytes": used, "size": len(data)}


def _reset_peak() -> int:
    Path("/proc/self/clear_refs").write_text("5")
    return _peak()


def _peak() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) * 1024
    return 0


def work(pipe: Connection, seed: int, folder: str, numbers: range) -> None:
    """Judge cases and send each verdict; the number goes first, so that whoever reads knows what killed us."""
    maker, judge = Maker(seed), Judge(Path(folder))
    limit = 8 << 30
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    for number in numbers:
        kind, name, damage, data = maker(number)
        pipe.send((number, None))
        pipe.send((number, {**judge.judge(kind, name, data), "kind": kind, "file": name, "damage": damage}))
    pipe.send((-1, None))


# ----------------------------------------------------------------- the supervisor


def supervise(seed: int, n_cases: int, report: Callable[[int, dict[str, Any]], None]) -> None:
    """Have all cases judged, by a new worker whenever one dies or falls silent."""
    context = multiprocessing.get_context("spawn")
    start = 0
    with tempfile.TemporaryDirectory() as folder:
        while start < n_cases:
            ours, theirs = context.Pipe(duplex=False)
            worker = context.Process(target=work, args=(theirs, seed, folder, range(start, n_cases)), daemon=True)
            worker.start()
            theirs.close()
            current, fault = _listen(ours, report)
            worker.kill()
            worker.join()
            if fault:
                report(
                    current, {"outcome": fault, "message": f"exit code {worker.exitcode}", "kind": "?", "damage": "?"}
                )
            start = n_cases if current < 0 else current + 1


def _listen(pipe: Connection, report: Callable[[int, dict[str, Any]], None]) -> tuple[int, str]:
    current, patience = -1, 120.0  # the first word takes as long as torch's import
    while True:
        try:
            if not pipe.poll(patience):
                return current, "hang"
            number, verdict = pipe.recv()
        except (EOFError, OSError):
            return current, "crash"
        if number < 0:
            return -1, ""
        current, patience = number, SILENCE_SECONDS
        if verdict is not None:
            report(number, verdict)


class Tally:
    """Counts verdicts and keeps those that break the law."""

    def __init__(self, n_cases: int) -> None:
        self.n_cases = n_cases
        self.counts: Counter[str] = Counter()
        self.faults: list[dict[str, Any]] = []
        self.slowest = self.hungriest = 0.0
        self.start = time.time()

    def __call__(self, number: int, verdict: dict[str, Any]) -> None:
        """Count one verdict."""
        self.counts[f"{verdict['kind']} | {verdict['damage']} | {verdict['outcome']}"] += 1
        self.slowest = max(self.slowest, verdict.get("seconds", 0.0))
        self.hungriest = max(self.hungriest, verdict.get("bytes", 0) - 4 * verdict.get("size", 0))
        if verdict["outcome"] not in ("refused", "loaded"):
            self.faults.append({"number": number, **verdict})
            print(f"case {number}: {verdict}", file=sys.stderr, flush=True)
        if number % 5000 == 0:
            print(
                f"{number:,} of {self.n_cases:,} cases, {time.time() - self.start:.0f} s", file=sys.stderr, flush=True
            )

    def result(self, seed: int) -> dict[str, Any]:
        """Return the summary, ready for JSON."""
        totals: Counter[str] = Counter()
        for name, count in self.counts.items():
            kind, _, outcome = name.split(" | ")
            totals[f"{kind} {outcome}"] += count
        return {
            "seed": seed,
            "cases": sum(self.counts.values()),
            "totals": dict(sorted(totals.items())),
            "by_damage": dict(sorted(self.counts.items())),
            "faults": self.faults[:200],
            "n_faults": len(self.faults),
            "slowest_cpu_seconds": round(self.slowest, 3),
            "most_memory_beyond_4_x_file_mb": round(self.hungriest / 1e6, 1),
        }


def main() -> int:
    """Run the cases, print the summary, write it beside the other results; 1 if the law was broken."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=100_000, help="how many of each kind of file")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, help="run this case alone, in this process, and print its verdict")
    arguments = parser.parse_args()
    if arguments.only is not None:
        with tempfile.TemporaryDirectory() as folder:
            kind, name, damage, data = Maker(arguments.seed)(arguments.only)
            print(kind, name, damage, json.dumps(Judge(Path(folder)).judge(kind, name, data), indent=1))
        return 0
    tally = Tally(2 * arguments.cases)
    supervise(arguments.seed, 2 * arguments.cases, tally)
    result = tally.result(arguments.seed)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps({name: value for name, value in result.items() if name != "by_damage"}, indent=1))
    return 1 if tally.faults else 0


if __name__ == "__main__":
    sys.exit(main())
