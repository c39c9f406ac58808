"""An install for prediction alone scores every stored model, or says in a sentence what to install.

    python .ci/core_predicts.py tests/data/artifacts

It ends with an error where a model's numbers differ by more than 1e-5, where one is refused that should not be, and where
something is installed that only learning needs.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
import pyarrow as pa

import headstart as hs
from headstart.errors import MissingDependencyError

EXTRAS = {
    "catboost": "the extra 'catboost'",
    "tokenizers": "the extra 'hf'",
    "torch": "pip install 'headstart[train]'",
    "pillow": "the extra 'images'",
}
"""What a model may need beyond the core, and what the sentence has to name."""

OTHER_ROWS = {"series": list, "images": lambda one: np.array(one, np.uint8), "table": pa.table}
"""How rows that are no texts are given to a model, by their name next to it."""


def scored(path: Path) -> str:
    """Return what came of one model: ``ok``, or the package that it needs."""
    told = json.loads(path.read_text(encoding="utf-8"))
    rows = next((rows_of(told[kind]) for kind, rows_of in OTHER_ROWS.items() if kind in told), None)
    if rows is None:
        columns = dict(told["columns"])
        if "day" in columns and path.stem.startswith("v1-"):  # 1.0 knew a date only by the column's type
            columns["day"] = pa.array(columns["day"]).cast(pa.date32())
        rows = pa.table({"text": told["texts"], **columns})
    try:
        model = hs.load(path.with_suffix(""))
        warnings.simplefilter("ignore", FutureWarning)  # where the positive label stands first
        if "vectors" in told:
            return "ok"
        found = model.score_rows(rows).probabilities if "task" in told else model.predict_proba(rows)[:, 1]
    except MissingDependencyError as error:
        if EXTRAS[error.package] not in str(error):
            raise SystemExit(f"{path.stem}: the sentence does not say what to install: {error}") from error
        return str(error.package)
    expected = np.array(told["probabilities"])
    if not np.allclose(expected, found, rtol=0, atol=1e-5):
        raise SystemExit(f"{path.stem}: {np.abs(expected - found).max()} off")
    return "ok"


def main(folder: Path) -> None:
    """Score every model of a folder, run two commands, and print what came of each."""
    for name in ("torch", "sklearn", "scipy", "jinja2"):
        if importlib.util.find_spec(name):
            raise SystemExit(f"{name} is installed, and prediction should do without it")
    results = {path.stem: scored(path) for path in sorted(folder.glob("v*.json"))}
    for name, result in results.items():
        print(f"{name:28} {result}")
    with tempfile.TemporaryDirectory() as place:
        rows = Path(place) / "rows.csv"
        rows.write_text("text\ngood film\nbad film\n", encoding="utf-8")
        predict = [sys.executable, "-m", "headstart", "predict", str(folder / "v2-blend"), str(rows), "--out", "-"]
        subprocess.run(predict, check=True)
        train = subprocess.run(
            [*predict[:3], "train", str(rows), "--out", place + "/m"], capture_output=True, text=True
        )
        if train.returncode != 2 or "pip install 'headstart[train]'" not in train.stderr:
            raise SystemExit(f"train without its packages ends with {train.returncode}: {train.stderr}")
    print(
        f"{sum(one == 'ok' for one in results.values())} of {len(results)} stored models are scored by the core alone"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
