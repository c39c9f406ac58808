"""Work on the nodes of a Ray cluster.

Each item is a task of Ray's, which retries it elsewhere when its node dies, asks an autoscaler for nodes while tasks wait, and
gives the next one to a process that has the work open already: models and rows are loaded once a process, from a copy on the
node's disk that came through the object store once a node. Ray Data was tried in its place; docs/cluster.md says why not.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import re
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import headstart
from headstart.errors import MissingDependencyError, OptionError, OutputError
from headstart.executors.node import Answer, fingerprint, put_back
from headstart.executors.work import ONE_THREAD, Work, result_of
from headstart.plain import Json
from headstart.printing import without_secrets

if TYPE_CHECKING:
    from ray.remote_function import RemoteFunction

_AHEAD = 1000
"""Tasks that wait at Ray at once; an autoscaler sees them."""
_ALONE = {"env_vars": ONE_THREAD}
"""The same for all tasks, so that a process that has answered whether a node will do goes on with its first item."""
_RETRIES = 20
_SEEN_FILES = 20
"""Files that each node is asked for before work begins, drawn evenly."""
_SECONDS = 120
"""A node that has not answered after this is left out."""


class RayCluster:
    """Does items as tasks on a Ray cluster, with a thread and a processor each.

    Args:
        address: ``"auto"`` for the cluster that this machine belongs to, or ``HOST:PORT`` of its head node; ``"local"`` starts one here,
            for as long as work lasts. Ray's client (``ray://``) is not taken: it passes all results through its server.
    """

    def __init__(self, address: str) -> None:
        self.address = address

    @property
    def width(self) -> int:
        """How many processors the cluster has at present; 1 as long as it is not asked."""
        ray = sys.modules.get("ray")
        return int(ray.cluster_resources().get("CPU", 1)) if ray is not None and ray.is_initialized() else 1

    def run(self, work: Work, items: Sequence[Json]) -> Iterator[tuple[Json, Json]]:
        """Do all items; the longest are begun first.

        Raises:
            OptionError: there is no such cluster, its versions differ, or its nodes lack a package, a file or memory.
        """
        if not items:
            return
        with self.connected() as ray:
            nodes = _checked_nodes(ray, work)
            files, digest = _stored(ray, work.reads)
            key = hashlib.sha256(f"{socket.gethostname()} {work.name} {digest}".encode()).hexdigest()[:32]
            spec = {
                "target": work.target,
                "arguments": dict(work.arguments),
                "writes": work.writes is not None,
                "key": key,
            }
            how = {
                "num_cpus": 1, "num_gpus": work.gpus, "memory": work.memory, "max_retries": _RETRIES, "max_calls": 0,
                "runtime_env": _ALONE, "scheduling_strategy": "SPREAD",
            }  # fmt: skip
            task = ray.remote(**how)(_task())
            waiting = iter(longest_first(work, items))
            pending: dict[object, Json] = {}
            try:
                while True:
                    for item in waiting:
                        pending[task.remote(spec, files, item)] = item
                        if len(pending) >= _AHEAD:
                            break
                    if not pending:
                        return
                    (ref,), _ = ray.wait(list(pending), num_returns=1)
                    item = pending.pop(ref)
                    answered, written = _got(ray, ref)
                    result = result_of(item, answered)
                    if work.writes is not None:
                        put_back(work.writes, written)
                    yield item, result
            finally:
                for ref in pending:
                    ray.cancel(ref, force=True)
                if pending:  # what still runs would make its copy anew
                    ray.wait(list(pending), num_returns=len(pending), timeout=10)
                _forget_copies(ray, nodes, key)

    @contextlib.contextmanager
    def connected(self) -> Iterator[ModuleType]:
        """Give `ray`, connected to the cluster while the block lasts; a connection that is there is used and left.

        Raises:
            MissingDependencyError, OptionError: why there is no connection.
        """
        try:
            import ray
        except ModuleNotFoundError as error:
            raise MissingDependencyError("ray", "ray", "Work on a cluster", whole=True) from error
        _reachable(self.address)
        if ray.is_initialized():
            yield ray
            return
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        dashboard = False if self.address == "local" else None
        # Workers of a driver find modules in its current folder first; in this one there is nothing but what is installed.
        with contextlib.chdir(Path(headstart.__file__).parent.parent), _told(self.address), _own_sigterm():
            ray.init(
                address=self.address, log_to_driver=False, logging_level=logging.ERROR, include_dashboard=dashboard
            )
        try:
            yield ray
        finally:
            ray.shutdown()


def _reachable(address: str) -> None:
    """Refuse an address where nobody listens, which Ray itself would try for a minute."""
    found = re.fullmatch(r"\[?([^\s/@]+?)\]?:(\d{1,5})", address)
    if address in ("auto", "local"):
        return
    if found is None or int(found[2]) > 65535:
        raise OptionError(
            f"--ray is {without_secrets(address)!r}; expected auto, local, or HOST:PORT of a head node, such as 10.0.0.5:6379; "
            "run the command on a machine of the cluster."
        )
    try:
        socket.create_connection((found[1], int(found[2])), timeout=5).close()
    except OSError as error:
        raise OptionError(
            f"no Ray cluster answers at {address} ({error.strerror or error}). Start one there with "
            f"`ray start --head --port={found[2]}`, or name the address that `ray status` shows on its head node."
        ) from error


@contextlib.contextmanager
def _told(address: str) -> Iterator[None]:
    """What Ray raises when it cannot connect, as a sentence."""
    try:
        yield
    except (ConnectionError, RuntimeError, ValueError, TimeoutError) as error:
        text = " ".join(str(error).split())
        if "ersion mismatch" in text:
            told = re.findall(r"(?:Ray|Python): ([\w.]+)", text)
            cluster, here = (told[:2], told[2:4]) if len(told) >= 4 else (["?", "?"], ["?", "?"])
            raise OptionError(
                f"the cluster at {without_secrets(address)} runs Ray {cluster[0]} on Python {cluster[1]}, and this machine Ray "
                f"{here[0]} on Python {here[1]}; install the same versions here (pip install 'ray=={cluster[0]}')."
            ) from error
        raise OptionError(
            f"no Ray cluster can be joined at {without_secrets(address)}: {text[:200].rstrip('.')}. Start one with `ray start --head`, or "
            "name the address that `ray status` shows on its head node."
        ) from error


def longest_first(work: Work, items: Sequence[Json]) -> Sequence[Json]:
    """Return items in the order in which they are begun: none that is long is left to the end, when all others are done."""
    return items if work.cost is None else sorted(items, key=work.cost, reverse=True)


@contextlib.contextmanager
def _own_sigterm() -> Iterator[None]:
    """Keep this process's answer to SIGTERM, which Ray replaces by one that ends it as if by a fault."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if before is not None:  # set outside of Python
            signal.signal(signal.SIGTERM, before)


def _checked_nodes(ray: ModuleType, work: Work) -> list[str]:
    """Return ids of the nodes that work can go to, each of which was asked whether it has what is needed.

    Raises:
        OptionError: what is missing, and where.
    """
    alive = [node for node in ray.nodes() if node["Alive"]]
    able = [node for node in alive if node["Resources"].get("CPU", 0) >= 1]
    _check_room(able, work)
    seen = (
        sorted({work.sees[i * (len(work.sees) - 1) // max(1, _SEEN_FILES - 1)] for i in range(_SEEN_FILES)})
        if work.sees
        else []
    )
    wanted = {name: fingerprint(name) for name in seen}
    probe = ray.remote(num_cpus=0, max_retries=0, runtime_env=_ALONE)(_probe())
    asked = {
        _on(ray, probe, node["NodeID"]).remote(headstart.__version__, list(work.packages), wanted): node
        for node in able
    }
    done, _ = ray.wait(list(asked), num_returns=len(asked), timeout=_SECONDS) if asked else ([], [])
    found = []
    for ref in done:
        node = asked[ref]
        where = f"the node {node['NodeManagerAddress']}"
        try:
            told = ray.get(ref)
        except ray.exceptions.RayError:  # it died meanwhile
            continue
        found.append(node["NodeID"])
        if told["version"] != headstart.__version__:
            other = f"has headstart {told['version']}" if told["version"] else "lacks headstart"
            raise OptionError(
                f"{where} {other}, and this machine has {headstart.__version__}; install the same on every node: "
                f"pip install 'headstart[ray]=={headstart.__version__}'."
            )
        if told["missing"]:
            extra = "train" if "torch" in told["missing"] else "ray"
            raise OptionError(
                f"{where} lacks the package {told['missing'][0]!r}, which this work needs; install it on every node: "
                f"pip install 'headstart[{extra}]'."
            )
        if told["unseen"]:
            name = without_secrets(told["unseen"][0])
            raise OptionError(
                f"{where} does not see {name!r} as this machine does; put it where every node sees it under the same name, such as a "
                "shared disk or s3://."
            )
    if able and not found:
        raise OptionError(
            f"none of the cluster's {len(able)} nodes could start a process within {_SECONDS} seconds; look at `ray status`."
        )
    return found


def _check_room(able: Sequence[Json], work: Work) -> None:
    """Refuse work for which no node is large enough; a cluster that is scaled down to none may grow yet."""
    need = [("memory", work.memory, f"{work.memory / 1e9:.1f} GB of memory"), ("GPU", work.gpus, "a GPU")]
    for name, amount, said in need:
        most = max((node["Resources"].get(name, 0) for node in able), default=amount)
        if most < amount:
            has = f"the largest has {most / 1e9:.1f} GB" if name == "memory" else "none has one"
            raise OptionError(
                f"a process of this work needs {said}, and of the cluster's {len(able)} nodes {has}; start larger nodes."
            )


def _stored(ray: ModuleType, folder: Path) -> tuple[dict[str, object], str]:
    """Put the files of a folder into the object store; return references by relative name, and a digest of all."""
    import numpy as np

    digest, found = hashlib.sha256(), {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name, content = path.relative_to(folder).as_posix(), np.fromfile(path, np.uint8)
        digest.update(f"{name} {len(content)} ".encode())
        digest.update(content.data)
        found[name] = ray.put(content)
    return found, digest.hexdigest()


def _got(ray: ModuleType, ref: object) -> Answer:
    try:
        found: Answer = ray.get(ref)
    except ray.exceptions.OutOfMemoryError as error:
        raise OptionError(
            "the cluster's nodes ran out of memory at this work and ended its processes; start larger nodes, or such with fewer "
            "processors for their memory."
        ) from error
    except ray.exceptions.OutOfDiskError as error:
        raise OutputError(
            "a node's disk is full, and Ray keeps objects there; free some space on the nodes."
        ) from error
    except (
        ray.exceptions.WorkerCrashedError,
        ray.exceptions.NodeDiedError,
        ray.exceptions.TaskUnschedulableError,
    ) as error:
        raise OptionError(
            f"a process of the cluster ended {_RETRIES + 1} times at the same piece of work "
            f"({str(error).strip().splitlines()[0][:200]}); look at its nodes' memory with `ray status`, and run the command again."
        ) from error
    return found


def _forget_copies(ray: ModuleType, nodes: Sequence[str], key: str) -> None:
    forget = ray.remote(num_cpus=0, max_retries=0, runtime_env=_ALONE)(_forget())
    refs = [_on(ray, forget, node).remote(key) for node in nodes]
    if refs:
        ray.wait(refs, num_returns=len(refs), timeout=30)


def _on(ray: ModuleType, task: RemoteFunction, node: str) -> RemoteFunction:
    strategy = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(node, soft=False)
    moved: RemoteFunction = task.options(scheduling_strategy=strategy)
    return moved


# Functions within functions are sent as code, so that a node where headstart is missing can say so. Nothing of theirs stands outside.


def _task() -> Callable[[Json, Mapping[str, object], Json], Answer]:
    def headstart_item(spec: Json, files: Mapping[str, object], item: Json) -> Answer:
        from headstart.executors.node import done

        return done(spec, files, item)

    return headstart_item


def _forget() -> Callable[[str], None]:
    def headstart_forget(key: str) -> None:
        from headstart.executors.node import forget

        forget(key)

    return headstart_forget


def _probe() -> Callable[[str, list[str], dict[str, str]], Json]:
    def headstart_probe(version: str, packages: list[str], wanted: dict[str, str]) -> Json:
        import importlib.util

        missing = [name for name in packages if importlib.util.find_spec(name) is None]
        if importlib.util.find_spec("headstart") is None:
            return {"version": None, "missing": missing, "unseen": []}
        import headstart

        found: Json = {"version": headstart.__version__, "missing": missing, "unseen": []}
        if headstart.__version__ == version:
            from headstart.executors.node import fingerprint

            found["unseen"] = [name for name, one in wanted.items() if fingerprint(name) != one]
        return found

    return headstart_probe
