"""What the children of `test_surroundings` run: score with every kind of model, in surroundings of many kinds.

python surroundings.py server|elsewhere|few FOLDER     prints scores by surroundings and model as JSON
"""

from __future__ import annotations

import asyncio
import faulthandler
import json
import multiprocessing
import os
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

PATIENCE = 300  # seconds until something counts as hanging: on a busy machine loading all models takes a minute or two
SETTLING = 20  # seconds

Found = dict[str, list[list[float]]]
Models = dict[str, tuple[Any, Any]]


def load_all(folder: Path, *names: str) -> Models:
    """Every model of the newest format with its rows, many times over, so that there is work to share out."""
    import pyarrow as pa

    import headstart as hs

    found = {}
    for path in sorted(folder.glob("v1.1-*.json")):
        if names and path.stem not in names:
            continue
        told = json.loads(path.read_text(encoding="utf-8"))
        rows = pa.concat_tables([pa.table({"text": told["texts"], **told["columns"]})] * 40)
        model = hs.load(folder / path.stem)
        found[path.stem] = (
            (hs.LayerFeatures(model, layer="pooled").transform, rows["text"].to_pylist())
            if "vectors" in told
            else (model.predict_proba, rows)
        )
    return found


def score_all(models: Models) -> Found:
    """What every model says of its first three rows."""
    return {name: score(rows)[:3].tolist() for name, (score, rows) in models.items()}


def have_torch_work() -> None:
    """Multiply something that torch shares out among its threads."""
    import torch

    (torch.ones(600, 600) @ torch.ones(600, 600)).add_(1).sum().item()


def with_torch_pool() -> None:
    """Have torch make its pool, as whatever a server does before it forks may."""
    import torch

    torch.set_num_threads(max(2, torch.get_num_threads()))
    have_torch_work()


def through_a_pipe(models: Models) -> Found:
    """Fork, score in the child, and return what it says."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        signal.alarm(PATIENCE)
        try:
            have_torch_work()
            with os.fdopen(writing, "w") as file:
                json.dump(score_all(models), file)
            os._exit(0)
        finally:
            os._exit(1)
    os.close(writing)
    with os.fdopen(reading) as file:
        said = file.read()
    ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if ended or not said:
        raise RuntimeError(f"the child ended with {ended}")
    found: Found = json.loads(said)
    return found


def foreign_threads() -> int:
    """How many threads this process has that are not Python's own, such as those of torch's pools."""
    tasks = Path("/proc/self/task")
    return len(list(tasks.iterdir())) - threading.active_count() if tasks.is_dir() else 0


def by_eight_threads(models: Models) -> Found:
    """All threads must agree, and leave no pool of torch's behind for each of them."""
    before = foreign_threads()
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: score_all(models), range(8)))
    if any(one != found[0] for one in found):
        raise RuntimeError("threads disagree")
    deadline = time.monotonic() + SETTLING
    while foreign_threads() > before + 2 and time.monotonic() < deadline:
        time.sleep(0.05)  # the system takes a moment to end threads that Python has joined
    if foreign_threads() > before + 2:
        raise RuntimeError(f"{foreign_threads() - before} threads are left")
    return found[0]


def in_an_event_loop(models: Models) -> Found:
    async def serve() -> Found:
        found = await asyncio.gather(*(asyncio.to_thread(score_all, models) for _ in range(3)))
        if any(one != found[0] for one in found):
            raise RuntimeError("tasks disagree")
        return score_all(models)

    return asyncio.run(serve())


def forked_by_a_thread(models: Models) -> Found:
    with ThreadPoolExecutor(1) as other:
        return other.submit(through_a_pipe, models).result()


def server(folder: Path) -> dict[str, Found]:
    """What a server may do with models that it loaded once."""
    models = load_all(folder)
    with_torch_pool()
    return {
        "forked once loaded": through_a_pipe(models),
        "alone": score_all(models),
        "forked once used": through_a_pipe(models),
        "by eight threads": by_eight_threads(models),
        "forked after threads": through_a_pipe(models),
        "in an event loop": in_an_event_loop(models),
        "forked by a thread": forked_by_a_thread(models),
    }


def _alone_into(folder: Path, queue: Any) -> None:
    queue.put(score_all(load_all(folder)))


def by_process(method: str, folder: Path) -> Found:
    context: Any = multiprocessing.get_context(method)
    queue = context.Queue()
    process = context.Process(target=_alone_into, args=(folder, queue))
    process.start()
    found: Found = queue.get(timeout=PATIENCE)
    process.join()
    return found


def elsewhere(folder: Path) -> dict[str, Found]:
    """Loaded and used first in another thread than the main one; then in processes of `multiprocessing`."""
    with ThreadPoolExecutor(1) as other:
        found = {"in another thread": other.submit(lambda: score_all(load_all(folder))).result()}
    return {**found, **{method: by_process(method, folder) for method in ("spawn", "fork")}}


def few(folder: Path) -> dict[str, Found]:
    """Two models, for where all loops are compiled anew."""
    return {"few": score_all(load_all(folder, "v1.1-fast", "v1.1-typed-tfidf"))}


if __name__ == "__main__":
    faulthandler.dump_traceback_later(2 * PATIENCE, exit=True)
    print(json.dumps({"server": server, "elsewhere": elsewhere, "few": few}[sys.argv[1]](Path(sys.argv[2]))))
