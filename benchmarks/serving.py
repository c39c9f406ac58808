"""`headstart serve` next to one async FastAPI route on uvicorn with the same engine: rows a second, latency, errors, memory.

    python benchmarks/serving.py MODEL [--seconds 600] [--clients 64] [--out FILE.json]

Clients run in a process of their own on one core (the last), the server on the others. First all of them ask as fast as they
are answered, which gives the top load; then they ask at 70% of it, at even times, and latency counts from when a request was
due, so that one that is held up is seen. Reviews are IMDB's (HEADSTART_DATA). The first answer to each is held
against what the model says of the same text.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from protocol import data_folder

SHARE_OF_TOP = 0.7


def texts() -> list[str]:
    """Return reviews of IMDB's test half, in a fixed order."""
    table = pq.read_table(data_folder() / "imdb.parquet", columns=["text", "split"])
    rows = [
        text for text, split in zip(*(column.to_pylist() for column in table.columns), strict=True) if split == "test"
    ]
    return [rows[i] for i in np.random.default_rng(0).permutation(len(rows))[:2000]]


async def ask(reader: Any, writer: Any, body: bytes) -> dict[str, Any]:
    """Send one request on an open connection and return the answer; the least that HTTP needs, so that the load costs little."""
    head = f"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)
    status_line, *headers = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    length = next(int(one.split(":")[1]) for one in headers if one.lower().startswith("content-length"))
    answer = json.loads(await reader.readexactly(length))
    if " 200 " not in status_line:
        raise OSError(f"{status_line}: {answer}")
    return dict(answer)


async def load(port: int, bodies: list[bytes], clients: int, seconds: float, rate: float | None) -> dict[str, Any]:
    """Return latencies, errors and answers by text; `rate` requests a second, or as many as are answered."""
    latencies, errors, answers = [], [], {}
    start = time.perf_counter()
    turn = iter(range(1 << 60))

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while (now := time.perf_counter() - start) < seconds:
            number = next(turn)
            due = now if rate is None else number / rate
            if due >= seconds:
                break
            if due > now:
                await asyncio.sleep(due - now)
            try:
                answer = await ask(reader, writer, bodies[number % len(bodies)])
            except (OSError, asyncio.IncompleteReadError, json.JSONDecodeError) as error:
                errors.append(repr(error)[:200])
                writer.close()
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                continue
            latencies.append(time.perf_counter() - start - due)
            answers.setdefault(number % len(bodies), answer)
        writer.close()

    await asyncio.gather(*(client() for _ in range(clients)))
    took = time.perf_counter() - start
    p50, p99 = np.percentile(latencies, [50, 99]) * 1000 if latencies else (None, None)
    figures = {
        "rows_a_second": len(latencies) / took,
        "p50_ms": p50,
        "p99_ms": p99,
        "errors": len(errors),
        "first_errors": errors[:3],
    }
    return {**figures, "answers": answers}


def worker(port: int, clients: int, seconds: float, rate: float | None) -> dict[str, Any]:
    """Run the load in a process of its own on the last core."""
    command = [sys.executable, __file__, "--load", json.dumps([port, clients, seconds, rate])]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return dict(json.loads(done.stdout))


def memory_of(pid: int) -> float:
    """Return resident MiB of a process."""
    fields = Path(f"/proc/{pid}/status").read_text().split("VmRSS:")[1].split()
    return int(fields[0]) / 1024


def measured(command: list[str], port: int, arguments: argparse.Namespace) -> dict[str, Any]:
    """Start a server, load it, and return its figures."""
    cores = sorted(os.sched_getaffinity(0))
    began = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        os.sched_setaffinity(server.pid, cores[:-1] or cores)
        try:
            while not is_ready(port):
                if server.poll() is not None or time.perf_counter() - began > 300:
                    sys.exit(f"{command} does not answer")
                time.sleep(0.02)
            ready = time.perf_counter() - began
            worker(port, arguments.clients, min(10, arguments.seconds), None)  # compiles, and fills caches
            first_minute = memory_of(server.pid)
            top = worker(port, arguments.clients, arguments.seconds, None)
            steady = worker(port, arguments.clients, arguments.seconds, SHARE_OF_TOP * top["rows_a_second"])
            memory = memory_of(server.pid)
        finally:
            server.terminate()
    return {"ready_s": ready, "top": top, "steady": steady, "memory_mib": [first_minute, memory]}


def is_ready(port: int) -> bool:
    """Return whether a server answers."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=1):
            return True
    except OSError:
        return False


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def differences(answers: dict[str, Any], model: str) -> dict[str, Any]:
    """Return how far answers are from what the model says of the same texts in one batch, and how many labels differ."""
    import headstart as hs

    loaded, rows = hs.load(model), texts()
    predictor = loaded.predictor_
    numbers = sorted(map(int, answers))
    probabilities = loaded.predict_proba([rows[i] for i in numbers])[:, 1]
    name = f"probability_{predictor.label_names[1]}"
    said = np.array([answers[str(i)][name] for i in numbers])
    labels = [predictor.label_names[int(p >= predictor.threshold)] for p in probabilities]
    wrong = sum(answers[str(i)]["prediction"] != label for i, label in zip(numbers, labels, strict=True))
    return {"texts": len(numbers), "largest": float(np.abs(said - probabilities).max()), "labels": wrong}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?")
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/serving.json"))
    parser.add_argument("--load", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.load:
        port, clients, seconds, rate = json.loads(arguments.load)
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
        bodies = [json.dumps({"text": text}).encode() for text in texts()]
        print(json.dumps(asyncio.run(load(port, bodies, clients, seconds, rate))))
        return
    if arguments.model is None:
        parser.error("name a model's folder")
    result: dict[str, Any] = {
        "seconds": arguments.seconds,
        "clients": arguments.clients,
        "cores": len(os.sched_getaffinity(0)),
    }
    for name in ("headstart serve", "one FastAPI route"):
        port = free_port()
        command = {
            "headstart serve": [sys.executable, "-m", "headstart", "serve", arguments.model, "--port", str(port)],
            "one FastAPI route": [sys.executable, "benchmarks/peers/fastapi_route.py", arguments.model, str(port)],
        }[name]
        found = measured(command, port, arguments)
        for part in ("top", "steady"):
            found[part]["differs"] = differences(found[part].pop("answers"), arguments.model)
        result[name] = found
        print(name, json.dumps(found), flush=True)
    result["times"] = (
        result["headstart serve"]["top"]["rows_a_second"] / result["one FastAPI route"]["top"]["rows_a_second"]
    )
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(result, indent=1) + "\n")
    print(f"{result['times']:.2f} times the rows a second")


if __name__ == "__main__":
    main()
