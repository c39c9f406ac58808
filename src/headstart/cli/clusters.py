"""What commands that score on a Ray cluster share: `--ray`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
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
def on_cluster(address: str, device: str) -> Iterator[tuple[RayCluster, str]]:
    """Give a cluster, connected, and the device that its processes compute on: its GPUs, where it has some and none is named."""
    cluster = RayCluster(address)
    with cluster.connected() as ray:
        if device == "auto":
            device = "cuda" if ray.cluster_resources().get("GPU") else "cpu"
        yield cluster, device
