"""What a few labels of hotel reviews are worth to a base: fine-tuning beside TF-IDF, on many draws.

``self-train`` has read the texts of all rows that labels are drawn from, without labels; ``self-train+fine-tune`` is fine-tuning
beside these texts (``--unlabelled``), which it reads before the labels and learns from after them.

    python benchmarks/few_labels.py MODEL [--draws 20] [--out DIR]

``hotel_datafiniti`` (folder HEADSTART_DATA), 80/20 at random; 20 draws of 50, 100 and 500 labels, 5 of 2,000 (of TF-IDF
20, which is what 100 labels are held against), and all. A
budget of N means N labels in all. Means with the half width of their 95% interval over draws, and at each budget in how
many draws fine-tuning was ahead. Rows stream to ``rows.jsonl``; a run that was stopped goes on.
"""

from __future__ import annotations

import argparse
import json
from functools import cached_property
from pathlib import Path
from typing import Any

import headstart as hs
from headstart.corpus import Corpus, split_rows, subset
from headstart.metrics import auc
from headstart.predictor import Predictor
from headstart.strategies import STRATEGIES, Settings, adapt_to_texts, self_train
from hotel_strategies import cell
from protocol import data_folder

BUDGETS: tuple[int | None, ...] = (50, 100, 500, 2000, None)
FEW_DRAWS = 5
NAMES = ("as-is", "fine-tune", "self-train", "self-train+fine-tune", "tfidf")


def table(rows: list[dict[str, Any]]) -> str:
    """Return the Markdown table."""
    budgets = sorted({row["budget"] for row in rows})
    lines = ["| AUC | " + " | ".join(f"{b:,} labels" for b in budgets) + " |", "|---" * (len(budgets) + 1) + "|"]
    found = {(row["strategy"], row["budget"], row["draw"]): row["auc"] for row in rows}
    for name in NAMES:
        cells = [cell([value for (s, b, _), value in found.items() if (s, b) == (name, budget)]) for budget in budgets]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    ahead = []
    for budget in budgets:
        pairs = [
            (value, found["tfidf", budget, draw])
            for (s, b, draw), value in found.items()
            if (s, b) == (NAMES[3], budget)
        ]
        ahead.append(f"{sum(a > b for a, b in pairs)} of {len(pairs)}")
    return "\n".join([*lines, "| draws with self-train+fine-tune ahead of tfidf | " + " | ".join(ahead) + " |"]) + "\n"


class Models:
    """Models of all strategies; what looks at no label is made once.

    Attributes:
        base: the base.
        texts: the pool's.
    """

    def __init__(self, base: Any, pool: Corpus) -> None:
        self.base = base.predictor_
        self.texts = Corpus(pool.texts)

    @cached_property
    def read(self) -> Predictor:
        """The base after it has read the pool's texts."""
        return adapt_to_texts(self.base, self.texts)

    @cached_property
    def taught(self) -> Predictor:
        """The base after it has taught itself on them."""
        return self_train(self.read, self.texts)

    def fitted(self, name: str, part: Corpus, draw: int) -> Predictor:
        """Return a strategy's model, fitted on all labels of `part`."""
        if name in ("as-is", "self-train"):
            return self.base if name == "as-is" else self.taught
        reads = name.startswith("self-train+")
        settings = Settings(random_state=draw, unlabelled=self.texts if reads else None)
        start = self.read if reads else self.base
        return STRATEGIES[name.removeprefix("self-train+")](part, None, start, settings).predictor


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
    models = Models(base, pool)
    path = arguments.out / "rows.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    done = {(row["strategy"], row["budget"], row["draw"]) for row in rows}
    with path.open("a") as file:
        for budget in BUDGETS:
            n = len(pool) if budget is None else budget
            for draw in range(1 if budget is None else arguments.draws):
                part = pool if budget is None else pool.take(subset(pool.labels, n, random_state=draw))
                for name in NAMES:
                    few = n > 500 and draw >= FEW_DRAWS and name != "tfidf"
                    if few or (name, n, draw) in done:
                        continue
                    model = models.fitted(name, part, draw)
                    rows.append({"strategy": name, "budget": n, "draw": draw})
                    rows[-1]["auc"] = auc(test.labels, model.score(test).logits)
                    file.write(json.dumps(rows[-1]) + "\n")
                    file.flush()
                    print(rows[-1], flush=True)
    (arguments.out / "table.md").write_text(table(rows))
    print(table(rows))


if __name__ == "__main__":
    main()
