"""What commands that score on a Ray cluster share: `--ray`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import PurePath

from headstart.errors import OptionError
from headstart.executors import RayCluster


def check_cluster_out(out: str) -> None:
    """Refuse an output that is called as one file is.

    Raises:
        OptionError: says what is written.
    """
    if out == "-" or PurePath(out).suffix.lower() not in ("", ".parquet"):
        raise OptionError(
            f"--out is {out!r}, and with --ray a folder of Parquet files is written; name a folder, such as scored."
        )


@contextmanager
def on_cluster(address: str | None, device: str) -> Iterator[tuple[RayCluster | None, str]]:
    """Give a cluster, connected, and the device that its processes compute on: its GPUs, where it has some and none is named.

    What is printed goes to standard error meanwhile, since Ray prints what it has to say of nodes that died. Without an address there
    is no cluster, and the device is the one that was named.
    """
    if address is None:
        yield None, device
        return
    cluster = RayCluster(address)
    with redirect_stdout(sys.stderr), cluster.connected() as ray:
        if device == "auto":
            device = "cuda" if ray.cluster_resources().get("GPU") else "cpu"
        yield cluster, device
