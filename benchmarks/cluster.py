"""`predict --ray` on simulated nodes: killed nodes, killed drivers and full disks lose no row; what it costs next to one process.

    python benchmarks/cluster.py MODEL [--rows 2500000] [--nodes 1,2,4] [--kills 20] [--driver-kills 5] [--fills 5] [--data ROWS]

Rows are those of DATA (anything that `headstart.read` reads; made up where none is named), repeated up to ``--rows`` and numbered. The
single process scores them on as many threads as there are nodes; then clusters of 1, 2, 4 nodes with one processor each, their head
without any, score them through the command. Times run from the first row to the last, start-up is told apart. Counts of lost,
doubled and changed rows are right on a busy machine too, times are not. Results go to ``benchmarks/results/cluster.json``.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import headstart
from headstart.bulk import predict_file
from headstart.executors import RayCluster
from headstart.fragments import predict_folder
from headstart.kernels.workers import threads
from headstart.predictor import Predictor
from kills import BAD, FILLING, GOOD, small_disk
from measuring import machine, spread, versions, write

GROUP_ROWS = 50_000


def make_rows(path: Path, n: int, data: str | None) -> None:
    """Write `n` numbered rows."""
    if data is None:
        rng = np.random.default_rng(0)
        words = [
            " ".join(rng.permutation([*rng.choice(FILLING, 20), *rng.choice(GOOD if i % 2 else BAD, 3)]))
            for i in range(2000)
        ]
        texts = pa.array(words, pa.large_string())
    else:
        texts = headstart.read(data).texts
    with pq.ParquetWriter(path, pa.schema([("id", pa.int64()), ("text", pa.large_string())])) as writer:
        for start in range(0, n, GROUP_ROWS):
            ids = np.arange(start, min(start + GROUP_ROWS, n))
            writer.write_table(pa.table({"id": ids, "text": texts.take(pa.array(ids % len(texts)))}))


def make_files(folder: Path, n: int, data: str | None) -> None:
    """Write `n` numbered rows into 24 files, each of which is a fragment."""
    folder.mkdir()
    make_rows(folder / "all.parquet", n, data)
    table = pq.read_table(folder / "all.parquet")
    (folder / "all.parquet").unlink()
    for number, start in enumerate(range(0, n, -(-n // 24))):
        pq.write_table(table.slice(start, -(-n // 24)), folder / f"{number:02d}.parquet")


class Clock:
    """Seconds to the first row, and from it to the last."""

    def __init__(self) -> None:
        self.begun = time.perf_counter()
        self.first: float | None = None
        self.rows = self.rows_at_first = 0

    def __call__(self, rows: int) -> None:
        self.rows += rows
        self.last = time.perf_counter()
        if self.first is None and rows:
            self.first, self.rows_at_first = self.last, rows

    def told(self) -> dict[str, float]:
        first = self.first or self.last
        rate = (self.rows - self.rows_at_first) / max(self.last - first, 1e-9)
        return {
            "seconds_to_first_rows": round(first - self.begun, 2), "seconds": round(self.last - self.begun, 2), "rows_a_second": round(rate),
        }  # fmt: skip


@contextmanager
def cluster_of(n: int) -> Iterator[Any]:
    """A cluster of `n` nodes with a processor each, and a head that does no work."""
    from ray.cluster_utils import Cluster

    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ["PYTHONPATH"] = str(Path(headstart.__file__).parent.parent)
    cluster = Cluster()
    add_node(cluster, num_cpus=0, include_dashboard=False)
    try:
        for _ in range(n):
            add_node(cluster)
        yield cluster
    finally:
        cluster.shutdown()


def add_node(cluster: Any, **options: Any) -> None:
    """Start a node with a processor; a busy machine takes longer than Ray waits."""
    for attempt in range(5):
        try:
            cluster.add_node(**{"num_cpus": 1, "object_store_memory": 300 << 20, **options})
        except Exception:
            if attempt == 4:
                raise
        else:
            return


def command(model: Path, data: Path, out: Path, address: str) -> list[str]:
    asked = ["predict", str(model), str(data), "--out", str(out), "--keep", "id", "--ray", address]
    return [sys.executable, "-m", "headstart", *asked]


def started(asked: list[str]) -> subprocess.Popen[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(asked, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment)


def faults(out: Path, wanted: pa.Table) -> Counter[str]:
    """Count rows that are lost, doubled or changed, and rows out of their order."""
    parts = [pq.read_table(path) for path in sorted(out.glob("part-*.parquet"))]
    found = pa.concat_tables(parts) if parts else wanted.slice(0, 0)
    ids = found.column("id").to_numpy()
    counts = np.bincount(ids, minlength=len(wanted))
    told = Counter(lost=int((counts == 0).sum()), doubled=int((counts > 1).sum()), changed=0)
    if not told["lost"] and not told["doubled"]:
        told["changed"] = (
            0
            if found.combine_chunks().equals(wanted)
            else int((found.column(1).to_numpy(False) != wanted.column(1).to_numpy(False)).sum()) or 1
        )
    return told


def kill_nodes(
    n: int, model: Path, data: Path, place: Path, wanted: pa.Table, seconds: float, rng: random.Random
) -> dict[str, Any]:
    """Kill a random node in the middle of each run, and give the cluster a new one."""
    total, ends = Counter[str](), Counter[str]()
    with cluster_of(2) as cluster:
        for number in range(n):
            out = place / f"node-{number}"
            with started(command(model, data, out, cluster.address)) as run:
                wait_for_begin(out, run)
                time.sleep(rng.uniform(0, seconds))
                ends["while it ran" if run.poll() is None else "after its end"] += 1
                cluster.remove_node(rng.choice(list(cluster.worker_nodes)), allow_graceful=False)
                add_node(cluster)
                told = run.communicate()[1]
            if run.returncode:
                total["failed runs"] += 1
                print(told[-2000:], file=sys.stderr)
            total += faults(out, wanted)
            shutil.rmtree(out, ignore_errors=True)
    return {
        "kills": n,
        "killed": dict(ends),
        **{name: total[name] for name in ("failed runs", "lost", "doubled", "changed")},
    }


def kill_drivers(
    n: int, model: Path, data: Path, place: Path, wanted: pa.Table, seconds: float, rng: random.Random
) -> dict[str, Any]:
    """Kill the command in the middle, give it again, and see that parts that were there are not done again."""
    total = Counter[str]()
    kept: list[int] = []
    with cluster_of(2) as cluster:
        for number in range(n):
            out = place / f"driver-{number}"
            with started(command(model, data, out, cluster.address)) as run:
                wait_for_begin(out, run)
                time.sleep(rng.uniform(0, seconds))
                run.send_signal(signal.SIGKILL)
                run.communicate()
            time.sleep(2)  # tasks of a dead driver end
            noted = {path.stem for path in (out / "_parts").glob("*.json")} if (out / "_parts").exists() else set()
            before = {path.name: path.stat().st_mtime_ns for path in out.glob("part-*.parquet") if path.name in noted}
            with started(command(model, data, out, cluster.address)) as run:
                told = run.communicate()[1]
            if run.returncode:
                total["failed runs"] += 1
                print(told[-2000:], file=sys.stderr)
            kept.append(len(before))
            total["done again"] += sum((out / name).stat().st_mtime_ns != at for name, at in before.items())
            total += faults(out, wanted)
            shutil.rmtree(out, ignore_errors=True)
    return {
        "kills": n,
        "parts kept": kept,
        **{name: total[name] for name in ("failed runs", "done again", "lost", "doubled", "changed")},
    }


def fill_disks(n: int, model: Path, data: Path, wanted: pa.Table, needed: int, rng: random.Random) -> dict[str, Any]:
    """Let a part of the results fit, expect one sentence, make room, and go on."""
    total = Counter[str]()
    with cluster_of(2) as cluster:
        for _ in range(n):
            with small_disk(3 * needed + 2**20) as disk:
                if disk is None:
                    return {"fills": 0, "why": "no tmpfs can be mounted here"}
                free = os.statvfs(disk)
                with (disk / "ballast").open("wb") as ballast:
                    limit = int(rng.uniform(0.1, 0.9) * needed)
                    os.posix_fallocate(ballast.fileno(), 0, free.f_bavail * free.f_frsize - limit)
                out = disk / "out"
                with started(command(model, data, out, cluster.address)) as run:
                    told = run.communicate()[1]
                sentences = [line for line in told.splitlines() if line.startswith("headstart: ")]
                total["without a sentence"] += (
                    run.returncode != 2 or len(sentences) != 1 or "cannot be written" not in sentences[0]
                )
                if total["without a sentence"]:
                    print(told[-2000:], file=sys.stderr)
                (disk / "ballast").unlink()
                with started(command(model, data, out, cluster.address)) as run:
                    told = run.communicate()[1]
                total["failed runs"] += run.returncode != 0
                total += faults(out, wanted)
    return {
        "fills": n,
        **{name: total[name] for name in ("without a sentence", "failed runs", "lost", "doubled", "changed")},
    }


def wait_for_begin(out: Path, run: subprocess.Popen[str]) -> None:
    """Wait until the command has a part, or has ended."""
    while run.poll() is None and not list(out.glob("part-*.parquet")):
        time.sleep(0.05)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--rows", type=int, default=2_500_000)
    parser.add_argument("--data")
    parser.add_argument("--nodes", default="1,2,4")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--kill-rows", type=int, default=200_000, help="rows of the runs that are killed")
    parser.add_argument("--driver-kills", type=int, default=5)
    parser.add_argument("--fills", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    result: dict[str, Any] = {
        "machine": machine(),
        "versions": versions("ray", "headstart", "pyarrow"),
        "rows": options.rows,
    }
    predictor = Predictor.load(options.model)
    with tempfile.TemporaryDirectory(prefix="cluster-") as folder:
        place = Path(folder)
        if options.nodes:
            make_rows(place / "rows.parquet", options.rows, options.data)
        widths = [int(n) for n in options.nodes.split(",") if n]
        for n in widths:
            alone, spread_out = [], []
            with cluster_of(n) as cluster:
                for _ in range(options.repeats):
                    with threads(n):
                        clock = Clock()
                        predict_file(
                            predictor, place / "rows.parquet", place / "one.parquet", keep=["id"], progress=clock
                        )
                    alone.append(clock.told())
                    shutil.rmtree(place / "out", ignore_errors=True)
                    clock = Clock()
                    predict_folder(
                        predictor,
                        str(place / "rows.parquet"),
                        str(place / "out"),
                        RayCluster(cluster.address),
                        keep=["id"],
                        progress=clock,
                    )
                    spread_out.append(clock.told())
            wanted = pq.read_table(place / "one.parquet").combine_chunks()
            result[f"{n} nodes"] = {
                "one process": {name: spread(one[name] for one in alone) for name in alone[0]},
                "cluster": {name: spread(one[name] for one in spread_out) for name in spread_out[0]},
                "faults": dict(faults(place / "out", wanted)),
            }
        few = min(options.kill_rows, options.rows)
        make_files(place / "few", few, options.data)
        started_at = time.perf_counter()
        predict_file(predictor, str(place / "few"), place / "few-scored.parquet", keep=["id"])
        seconds = (time.perf_counter() - started_at) / 2
        wanted = pq.read_table(place / "few-scored.parquet").combine_chunks()
        needed = (place / "few-scored.parquet").stat().st_size
        asked = (options.model, place / "few", place, wanted, seconds, rng)
        if options.kills:
            result["node kills"] = kill_nodes(options.kills, *asked)
            print(result["node kills"], file=sys.stderr)
        if options.driver_kills:
            result["driver kills"] = kill_drivers(options.driver_kills, *asked)
            print(result["driver kills"], file=sys.stderr)
        if options.fills:
            result["full disks"] = fill_disks(options.fills, options.model, place / "few", wanted, needed, rng)
    write("cluster", result, options.out)


if __name__ == "__main__":
    main()
