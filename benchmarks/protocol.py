"""Write the tutorial protocol's rows as Parquet files: train 16,000, valid 4,000, test 5,000, official 25,000.

    python benchmarks/protocol.py [OUT]

Reads ``imdb.parquet`` in the folder given by HEADSTART_DATA (default ``data``). The rows with
``split == "train"`` are split twice by ``train_test_split(test_size=.2, random_state=1)``. The hotel set
is split likewise: ``datafiniti_train`` 13,766, ``datafiniti_valid`` 3,442, ``datafiniti_test`` 4,303.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from sklearn.model_selection import train_test_split


def data_folder() -> Path:
    """Return the folder of the data sets, or say where it was looked for."""
    folder = Path(os.environ.get("HEADSTART_DATA", "data"))
    if not (folder / "imdb.parquet").exists():
        sys.exit(f"{folder}/imdb.parquet is not there; set HEADSTART_DATA to the folder that holds it.")
    return folder


def twice(table: pa.Table) -> dict[str, pa.Table]:
    """Return train, valid and test rows by the tutorial's two splits."""
    rest, test = train_test_split(range(table.num_rows), test_size=0.2, random_state=1)
    train, valid = train_test_split(rest, test_size=0.2, random_state=1)
    return {name: table.take(pa.array(rows)) for name, rows in (("train", train), ("valid", valid), ("test", test))}


def write_protocol(out: Path) -> Path:
    """Write all files into `out` and return it."""
    folder = data_folder()
    imdb = pq.read_table(folder / "imdb.parquet", columns=["text", "label", "split"])
    parts = twice(imdb.filter(pc.equal(imdb["split"], "train")).select(["text", "label"]))
    parts["official"] = imdb.filter(pc.equal(imdb["split"], "test")).select(["text", "label"])
    hotels = folder / "hotel_datafiniti.parquet"
    if hotels.exists():
        parts |= {f"datafiniti_{name}": part for name, part in twice(pq.read_table(hotels)).items()}
    out.mkdir(parents=True, exist_ok=True)
    for name, part in parts.items():
        pq.write_table(part, out / f"{name}.parquet", compression="zstd")
        print(f"{out / name}.parquet: {part.num_rows:,} rows")
    return out


if __name__ == "__main__":
    write_protocol(Path(sys.argv[1] if len(sys.argv) > 1 else "out/protocol"))
