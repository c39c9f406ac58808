"""What a few labels of hotel reviews are worth to a base: fine-tuning beside TF-IDF, on many draws.

``self-train`` has read the texts of all rows that labels are drawn from, without labels; ``self-train+fine-tune`` is
fine-tuned from there.

    python benchmarks/few_labels.py MODEL [--draws 20] [--out DIR]

``hotel_datafiniti`` (folder HEADSTART_DATA), 80/20 at random; 20 draws of 50, 100 and 500 labels, 5 of 2,000, and all. A
budget of N means N labels in all. Means with the half width of their 95% interval over draws, and at each budget in how
many draws fine-tuning was ahead. Rows stream to ``rows.jsonl``; a run that was stopped goes on.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import headstart as hs
from headstart.corpus import split_rows, subset
from headstart.metrics import auc
from hotel_strategies import cell
from protocol import data_folder

BUDGETS: tuple[int | None, ...] = (50, 100, 500, 2000, None)
STRATEGIES = ("as-is", "fine-tune", "self-train", "self-train+fine-tune", "tfidf")


def table(rows: list[dict[str, Any]]) -> str:
    """Return the Markdown table."""
    budgets = sorted({row["budget"] for row in rows})
    lines = ["| AUC | " + " | ".join(f"{b:,} labels" for b in budgets) + " |", "|---" * (len(budgets) + 1) + "|"]
    found = {(row["strategy"], row["budget"], row["draw"]): row["auc"] for row in rows}
    for name in STRATEGIES:
        cells = [cell([value for (s, b, _), value in found.items() if (s, b) == (name, budget)]) for budget in budgets]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    ahead = []
    for budget in budgets:
        pairs = [
            (value, found["tfidf", budget, draw])
            for (s, b, draw), value in found.items()
            if (s, b) == (STRATEGIES[3], budget)
        ]
        ahead.append(f"{sum(a > b for a, b in pairs)} of {len(pairs)}")
    return "\n".join([*lines, "| draws with self-train+fine-tune ahead of tfidf | " + " | ".join(ahead) + " |"]) + "\n"


def fitted(name: str, base: Any, taught: Any, part: Any, draw: int) -> Any:
    """Return a strategy's model; those that start from the base that has taught itself are given it ready."""
    if name == "self-train":
        return taught
    start = taught if name.startswith("self-train+") else base
    return hs.TextClassifier(base=start, strategy=name.removeprefix("self-train+"), random_state=draw).fit(part)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--draws", type=int, default=20)
    parser.add_argument("--out", type=Path, default=Path("out/few_labels"))
    arguments = parser.parse_args()
    base = hs.load(arguments.model)
    corpus = hs.read(str(data_folder() / "hotel_datafiniti.parquet"), label="label", columns=())
    rest, held = split_rows(len(corpus), 0.2, random_state=1)
    pool, test = corpus.take(rest), corpus.take(held)
    arguments.out.mkdir(parents=True, exist_ok=True)
    taught = hs.TextClassifier(base=base, strategy="self-train").fit(pool.texts)
    path = arguments.out / "rows.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    done = {(row["strategy"], row["budget"], row["draw"]) for row in rows}
    with path.open("a") as file:
        for budget in BUDGETS:
            n = len(pool) if budget is None else budget
            for draw in range(1 if budget is None else arguments.draws if n <= 500 else min(5, arguments.draws)):
                part = pool if budget is None else pool.take(subset(pool.labels, n, random_state=draw))
                for name in STRATEGIES:
                    if (name, n, draw) in done:
                        continue
                    model = fitted(name, base, taught, part, draw)
                    rows.append({"strategy": name, "budget": n, "draw": draw})
                    rows[-1]["auc"] = auc(test.labels, model.decision_function(test))
                    file.write(json.dumps(rows[-1]) + "\n")
                    file.flush()
                    print(rows[-1], flush=True)
    (arguments.out / "table.md").write_text(table(rows))
    print(table(rows))


if __name__ == "__main__":
    main()
