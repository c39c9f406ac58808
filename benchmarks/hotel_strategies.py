"""All strategies on hotel reviews: one table, with intervals, of what each gives at each number of labels.

    python benchmarks/hotel_strategies.py MODEL [--protocol DIR] [--draws 5] [--only as-is,features] [--out DIR]

MODEL is a base trained on the tutorial protocol's 16,000 IMDB reviews (benchmarks/protocol.py writes the
rows). The hotel set is ``hotel_datafiniti`` split like the tutorial: 13,766 / 3,442 / 4,303 rows; labels come
from the first, AUC is measured on the last, the middle is not used: a budget of N is N labels in all. Rows
stream to ``rows.jsonl`` (a run that was stopped goes on), the table goes to ``table.md``.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

import headstart as hs
from headstart.corpus import Corpus, subset
from headstart.features import layer_table
from headstart.metrics import auc

BUDGETS: tuple[int | None, ...] = (100, 500, 2000, None)
WANTED_LAYERS = ("pooled", "dense0", "dense1", "embedding")


def candidates(base: hs.TextClassifier) -> dict[str, dict[str, Any]]:
    """Return the options of every row of the table."""
    layers = [row["layer"] for row in layer_table(base)]
    table: dict[str, dict[str, Any]] = {"as-is": {"strategy": "as-is"}}
    for head in ("linear", "catboost"):
        for layer in (name for name in WANTED_LAYERS if name in layers):
            table[f"features {layer} {head}"] = {"strategy": "features", "layer": layer, "head": head}
    table["fine-tune"] = {"strategy": "fine-tune"}
    table["scratch"] = {"strategy": "scratch"}
    table["tfidf"] = {"strategy": "tfidf"}
    return table


def measure(options: dict[str, Any], base: hs.TextClassifier, train: Corpus, test: Corpus, draw: int) -> dict[str, Any]:
    """Return AUC and seconds of one candidate on one draw of labels."""
    started = time.perf_counter()
    model = hs.TextClassifier(base=base, random_state=draw, **options).fit(train)
    seconds = time.perf_counter() - started
    return {"auc": auc(test.labels, model.decision_function(test)), "seconds": seconds}


def table(rows: list[dict[str, Any]]) -> str:
    """Return the Markdown table: means over draws and 95% intervals."""
    names = list(dict.fromkeys(row["strategy"] for row in rows))
    budgets = sorted({row["budget"] for row in rows})
    lines = [
        "| AUC on 4,303 test rows | " + " | ".join(f"{b:,} labels" for b in budgets) + " |",
        "|---" * (len(budgets) + 1) + "|",
    ]
    for name in names:
        cells = []
        for budget in budgets:
            values = [row["auc"] for row in rows if row["strategy"] == name and row["budget"] == budget]
            cells.append(cell(values))
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def cell(values: list[float]) -> str:
    """Return a mean with the half width of its 95% interval over draws."""
    if not values:
        return "-"
    if len(values) == 1 or np.ptp(values) < 1e-12:
        return f"{np.mean(values):.4f}"
    half = stats.t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values))
    return f"{np.mean(values):.4f} ± {half:.4f}"


def jobs(base: hs.TextClassifier, train: Corpus, draws: int) -> Iterator[tuple[str, dict[str, Any], int, int, Corpus]]:
    """Yield name, options, budget, draw and training rows; every candidate sees the same rows of a draw."""
    for budget in BUDGETS:
        for draw in range(draws):
            n = len(train) if budget is None else budget
            part = train if budget is None else train.take(subset(train.labels, n, random_state=draw))
            for name, options in candidates(base).items():
                yield name, options, n, draw, part


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--protocol", type=Path, default=Path("out/protocol"))
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--only", default="", help="strategies, by how their names begin; all of them by default")
    parser.add_argument("--out", type=Path, default=Path("out/hotel_strategies"))
    arguments = parser.parse_args()
    base = hs.load(arguments.model)
    train, test = (
        hs.read(str(arguments.protocol / f"datafiniti_{part}.parquet"), label="label") for part in ("train", "test")
    )
    arguments.out.mkdir(parents=True, exist_ok=True)
    path = arguments.out / "rows.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    done = {(row["strategy"], row["budget"], row["draw"]) for row in rows}
    with path.open("a") as file:
        for name, options, n, draw, part in jobs(base, train, arguments.draws):
            if (name, n, draw) in done or not name.startswith(tuple(arguments.only.split(","))):
                continue
            row = {"strategy": name, "budget": n, "draw": draw, **measure(options, base, part, test, draw)}
            rows.append(row)
            file.write(json.dumps(row) + "\n")
            file.flush()
            print(f"{n:6,} labels, draw {draw}, {name}: {row['auc']:.4f} ({row['seconds']:.1f} s)", flush=True)
    (arguments.out / "table.md").write_text(table(rows))
    print(table(rows))


if __name__ == "__main__":
    main()
