"""The table of docs/compare.md: IMDB carried to four sets, at all budgets that exist, with the verdicts.

    python benchmarks/compare.py MODEL [SET ...] [--out out/compare] [--seeds 5] [--cheap-seeds 20] [--candidates A,B]

Reads the sets in the folder given by HEADSTART_DATA, and ``out/protocol/train.parquet`` (benchmarks/protocol.py) as the
source. A run that was stopped goes on. Prints Markdown: a table a set, the verdict, and how far the gap's figures
foretold the accuracy of the base as it is.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import headstart as hs
from protocol import data_folder

BUDGETS = (50, 100, 200, 500, 1000, 2000)
SETS: dict[str, dict[str, Any]] = {
    "hotel_opspam": {},
    "hotel_tripadvisor_aspects": {},
    "amazon_books": {},
    "hotel_datafiniti": {"groups": "hotel_name", "columns": ["categories", "state", "n_categories"]},
}


def run(model: str, name: str, options: argparse.Namespace) -> Any:
    """Compare on one set."""
    how = SETS[name]
    kept = [*how.get("columns", ()), *([how["groups"]] if "groups" in how else [])]
    base = hs.load(model)
    corpus = hs.read(
        str(data_folder() / f"{name}.parquet"), label="label", label_names=base.predictor_.label_names, columns=kept
    )
    names = options.candidates
    n_pool = int(0.8 * len(corpus))
    return hs.compare(
        base, corpus, budgets=[*(n for n in BUDGETS if n < n_pool), None], seeds=options.seeds,
        cheap_seeds=options.cheap_seeds, candidates=names and names.split(","), source=hs.read(options.source, label="label", columns=()),
        out=Path(options.out) / name, progress=say, **how,
    )  # fmt: skip


def say(done: int, total: int, left: float | None, last: str) -> None:
    """Print how far it is, now and then."""
    if done % 20 == 0 or done == total:
        print(f"<!-- {done}/{total} {last}, {left or 0:.0f} s left -->", flush=True)


def table(result: Any) -> str:
    """Return the mean AUCs with their intervals as Markdown."""
    found = {(one["strategy"], one["budget"]): one for one in result.estimates}
    budgets = sorted({budget for _, budget in found})
    lines = ["| candidate | " + " | ".join(f"{n:,}" for n in budgets) + " |", "|---" * (len(budgets) + 1) + "|"]
    for name in result.facts["candidates"]:
        cells = [
            f"{one['auc']:.3f} [{one['low']:.3f}, {one['high']:.3f}]" if (one := found.get((name, n))) else ""
            for n in budgets
        ]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def foretold(name: str, result: Any) -> str:
    """Return one line of the table of what the gap foretold."""
    gap, as_is = result.gap, next(row for row in result.rows if row["strategy"] == "as-is")
    sure, words = gap["confidence"], gap["vocabulary"] or {}
    cells = (
        words.get("unknown_token_rate"), words.get("share_of_target_in_top_1000"), words.get("jensen_shannon"),
        (gap["proxy_a_distance"] or {}).get("value"), sure["average_confidence"], sure["difference_of_confidences"],
        as_is["accuracy"], as_is["auc"],
    )  # fmt: skip
    return f"| {name} | " + " | ".join("" if value is None else f"{value:.3f}" for value in cells) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("sets", nargs="*", default="all", choices=[*SETS, "all"])
    parser.add_argument("--out", default="out/compare")
    parser.add_argument("--source", default="out/protocol/train.parquet")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--cheap-seeds", type=int, default=20)
    parser.add_argument("--candidates", help="names, as headstart compare takes them: all,as-is+texts,as-is+test-texts")
    options = parser.parse_args()
    wanted = list(SETS) if "all" in options.sets else options.sets
    lines = [
        "| set | unknown tokens | in top 1,000 | Jensen-Shannon | A-distance | confidence | by DoC | accuracy as-is | AUC |",
        "|---" * 9 + "|",
    ]
    for name in wanted:
        result = run(options.model, name, options)
        lines.append(foretold(name, result))
        print(f"\n### {name}\n\n{table(result)}\n\n{result.verdict['words']}\n", flush=True)
        print(f"{result.facts['seconds']:.0f} seconds on {result.facts['n_jobs']} processes.\n")
    print("### What the gap foretold\n\n" + "\n".join(lines))


if __name__ == "__main__":
    main()
