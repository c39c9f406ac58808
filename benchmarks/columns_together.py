"""Texts and tabular columns: in one network, or the network's layers and the columns in a head behind it?

    HEADSTART_DATA=DIR python benchmarks/columns_together.py [--rows 1000 4000] [--seeds 3]

Reviews of hotels and of books have columns next to their texts. On the same rows of each set: a `gru` of the texts alone; a `gru` that
reads the columns next to its pooled state; `features`, layers of a `gru` that learnt on the other set, and the columns, in a linear
head or trees; TF-IDF with the columns. AUC on a third of the rows, 2,000 at most, that nobody learnt from, mean and range of the draws.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

import headstart as hs
from headstart.metrics import auc

SETS: dict[str, tuple[str, ...]] = {
    "hotel_datafiniti": ("state", "latitude", "longitude", "n_categories", "reviewer_state", "date"),
    "amazon_books": ("helpful_votes", "total_votes", "date"),
}
"""Sets, and those of their columns that do not decide the label."""
MOST_TESTED = 2000


def rows_of(name: str, seed: int) -> tuple[Any, Any]:
    """Return a set's rows, shuffled, and their labels."""
    table = pq.read_table(Path(os.environ["HEADSTART_DATA"]) / f"{name}.parquet")
    table = table.take(np.random.default_rng(seed).permutation(len(table)))
    return table, table["label"].to_numpy()


def main() -> None:
    """Print a table a set."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[1000, 4000])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--base-rows", type=int, default=8000)
    given = parser.parse_args()
    for name, columns in SETS.items():
        other = next(one for one in SETS if one != name)
        table, labels = rows_of(other, 0)
        base = hs.TextClassifier(net="gru").fit(table.slice(0, given.base_rows), labels[: given.base_rows])
        ways: dict[str, dict[str, Any]] = {
            "one network": {"net": "gru", "columns": columns},
            "the texts alone": {"net": "gru"},
            "features + columns": {"base": base, "strategy": "features", "columns": columns},
            "features": {"base": base, "strategy": "features"},
            "TF-IDF + columns": {"strategy": "tfidf", "columns": columns},
        }
        print(
            f"{name}, columns {', '.join(columns)}\n| rows | {' | '.join(ways)} |\n|---|{'---|' * len(ways)}",
            flush=True,
        )
        for n_rows in given.rows:
            found: dict[str, list[float]] = {way: [] for way in ways}
            for seed in range(given.seeds):
                table, labels = rows_of(name, seed + 1)
                n_test = min(MOST_TESTED, len(table) // 3)
                for way, options in ways.items():
                    model = hs.TextClassifier(random_state=seed, **options)
                    model.fit(table.slice(n_test, n_rows), labels[n_test : n_test + n_rows])
                    found[way].append(auc(labels[:n_test], model.predict_proba(table.slice(0, n_test))[:, 1]))
            cells = [f"{np.mean(one):.3f} ({min(one):.3f} to {max(one):.3f})" for one in found.values()]
            print(f"| {n_rows:,} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
