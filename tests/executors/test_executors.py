"""Executors do the same work in this process, in several, and on a cluster."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from headstart.errors import DataError, OptionError
from headstart.executors import Cores, Executor, Here, RayCluster, Work
from headstart.executors.cluster import _told, longest_first

WORK = '''
import os
import time
from headstart.errors import DataError


def open_sums(reads, writes, *, more, journal):
    """Read a number once, add it to each item."""
    with open(journal, "a") as file:
        file.write("opened\\n")
    number = int((reads / "deep" / "number").read_text())

    def do(item):
        with open(journal, "a") as file:
            file.write(f"{item['n']}\\n")
        if item.get("fails") == "ours":
            raise DataError("the row is no row.")
        if item.get("fails") == "theirs":
            raise KeyError("a slip")
        if item.get("fails") == "once" and not os.path.exists(journal + ".died"):
            open(journal + ".died", "w").close()
            os._exit(1)
        if writes is not None:
            (writes / "sums").mkdir(parents=True, exist_ok=True)
            (writes / "sums" / f"{item['n']}.txt").write_text(str(number + more + item["n"]))
        return {"sum": number + more + item["n"], "threads": os.environ.get("OMP_NUM_THREADS")}

    return do
'''


@pytest.fixture
def work(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Work:
    """Adding 10 and 5 to numbers; its module stands where other processes find it."""
    modules = tmp_path / "modules"
    if "cluster" in request.fixturenames:
        modules = request.getfixturevalue("cluster").modules
    modules.mkdir(exist_ok=True)
    (modules / "sums_for_tests.py").write_text(WORK)
    monkeypatch.syspath_prepend(modules)
    import sums_for_tests

    (tmp_path / "reads" / "deep").mkdir(parents=True)
    (tmp_path / "reads" / "deep" / "number").write_text("10")
    arguments = {"more": 5, "journal": str(tmp_path / "journal")}
    return Work(sums_for_tests.open_sums, str(tmp_path), tmp_path / "reads", tmp_path / "out", arguments)


EXECUTORS: dict[str, Callable[[Any], Executor]] = {
    "here": lambda _: Here(),
    "cores": lambda _: Cores(2),
    "cluster": lambda request: RayCluster(request.getfixturevalue("cluster").address),
}


@pytest.fixture(params=EXECUTORS)
def executor(request: pytest.FixtureRequest) -> Executor:
    if request.param == "cluster":
        request.getfixturevalue("cluster")
    return EXECUTORS[request.param](request)


def journal(work: Work) -> list[str]:
    return Path(work.arguments["journal"]).read_text().split()


def test_each_item_is_done_once_and_its_files_are_there(executor: Executor, work: Work, request: Any) -> None:
    cluster = isinstance(executor, RayCluster)
    found = []
    for item, result in executor.run(work, [{"n": n} for n in range(5)]):
        assert (tmp := work.writes / "sums" / f"{item['n']}.txt").read_text() == str(result["sum"]), tmp
        found.append((item["n"], result["sum"]))
    assert sorted(found) == [(n, n + 15) for n in range(5)]
    done = [line for line in journal(work) if line != "opened"]
    assert sorted(done) == list("01234")
    assert journal(work).count("opened") <= 2, "opened once a process"
    assert not cluster or result["threads"] == "1"


@pytest.mark.parametrize(
    ("fails", "error", "told"), [("ours", DataError, "no row"), ("theirs", (KeyError, RuntimeError), "a slip")]
)
def test_an_error_is_raised_as_it_was(executor: Executor, work: Work, fails: str, error: Any, told: str) -> None:
    with pytest.raises(error, match=told):
        list(executor.run(work, [{"n": 1}, {"n": 2, "fails": fails}, {"n": 3}]))


def test_nothing_to_do_opens_nothing(executor: Executor, work: Work) -> None:
    assert list(executor.run(work, [])) == [] or isinstance(executor, Here)


class TestCluster:
    def test_begins_with_the_longest_and_survives_a_worker(self, cluster: Any, work: Work) -> None:
        from dataclasses import replace

        copies = Path(tempfile.gettempdir()) / f"headstart-{os.getuid()}"
        before = set(copies.glob("*/read/deep/number"))
        costly = replace(work, cost=lambda item: item["n"], writes=None)
        items = [{"n": n} for n in range(3)] + [{"n": 9, "fails": "once"}]
        found = {item["n"]: result["sum"] for item, result in RayCluster(cluster.address).run(costly, items)}
        assert found == {0: 15, 1: 16, 2: 17, 9: 24}
        assert [item["n"] for item in longest_first(costly, items)] == [9, 2, 1, 0]
        assert journal(work).count("9") == 2
        assert set(copies.glob("*/read/deep/number")) <= before, "copies are removed"

    def test_the_driver_stays_as_it_was_and_its_folder_apart(self, cluster: Any, work: Work) -> None:
        assert len(list(RayCluster(cluster.address).run(work, [{"n": 1}]))) == 1
        assert not list(cluster.poisoned.glob("RAN-*")), "nothing of the current folder is imported"
        assert cluster.keeps_sigterm

    @pytest.mark.parametrize(
        ("lacks", "told"),
        [
            ({"packages": ("nowhere_to_be_found",)}, "lacks the package 'nowhere_to_be_found'.*pip install"),
            ({"memory": 1 << 50}, "needs 1125899.9 GB of memory, and of the cluster's 2 nodes the largest has"),
            ({"gpus": 1}, "needs a GPU"),
        ],
    )
    def test_what_nodes_lack_is_said_before_work_begins(self, cluster: Any, work: Work, lacks: Any, told: str) -> None:
        from dataclasses import replace

        with pytest.raises(OptionError, match=told):
            list(RayCluster(cluster.address).run(replace(work, **lacks), [{"n": 1}]))
        assert not Path(work.arguments["journal"]).exists()


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("127.0.0.1:9", "no Ray cluster answers at 127.0.0.1:9.*ray start --head"),
        ("nonsense", "expected auto, local, or HOST:PORT"),
        ("ray://me:hunter2@host:1", "--ray is 'ray://host:1'"),
        ("host:99999", "expected auto"),
    ],
)
def test_an_address_without_a_cluster(address: str, told: str, work: Work) -> None:
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'headstart[ray]'")
    with pytest.raises(OptionError, match=told) as caught:
        list(RayCluster(address).run(work, [{"n": 1}]))
    assert "hunter2" not in str(caught.value)


def test_other_versions_are_named() -> None:
    text = (
        "Version mismatch: The cluster was started with:\n    Ray: 2.59.0\n    Python: 3.12.1\n"
        "This process on node 10.0.0.1 was started with:\n    Ray: 2.60.0\n    Python: 3.11.7\n"
    )
    with (
        pytest.raises(
            OptionError, match="runs Ray 2.59.0 on Python 3.12.1, and this machine Ray 2.60.0 on Python 3.11.7"
        ),
        _told("a:1"),
    ):
        raise RuntimeError(text)


def test_processes_die_with_a_killed_parent(work: Work, tmp_path: Path) -> None:
    """What joblib's do not."""
    script = f"""
        import sys
        sys.path.insert(0, {str(tmp_path / "modules")!r})
        from pathlib import Path
        import sums_for_tests, time
        from headstart.executors import Cores, Work
        work = Work(sums_for_tests.open_sums, "x", Path({str(work.reads)!r}), None, {dict(work.arguments)!r})
        for item, _ in Cores(2).run(work, [{{"n": n}} for n in range(3)]):
            print(item, flush=True)
            time.sleep(60)
    """
    with subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE) as parent:
        parent.stdout.readline()
        children = Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text().split()
        assert len(children) == 2
        parent.send_signal(signal.SIGKILL)
    for _ in range(100):
        alive = [pid for pid in children if Path(f"/proc/{pid}").exists()]
        if not alive:
            return
        time.sleep(0.05)
    pytest.fail(f"{alive} outlived their parent")
