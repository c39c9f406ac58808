"""How often the verdict is right: error rates and power on simulated scores, next to a test that knows the best reference.

    python benchmarks/power.py [--simulations 5000] [--only null,gain,harm,hard] [--seed 0] [--out FILE.json]

Scores of 1,000 test rows and 3 draws of training rows are drawn from a normal model of each class whose parts were fitted to
the scores of `headstart compare` on hotel_tripadvisor_aspects and hotel_opspam with 500 labels (base: `blend` on 16,000 IMDB
reviews): within a class, scores of two ways of carrying the base over correlate by .95 to .99, those of two reference
points by .71 to .93, those of a base and a reference by .6 to .7, those of one reference on two draws by .78 (`scratch`) to .90
(`tfidf`). The AUC of a reference varies over draws by a standard deviation of .006, that of the noisiest (`scratch`) by .016,
the worst that was seen at 500 labels. References have an AUC of .915.

``null``: nothing is gained or lost, and all references are tied: how often are "helps" and "hurts" said? ``gain``: a base gains
.01 to .04 over the best: how often is "helps" said, and how often would it be by one test that knows the best reference and
way of carrying, at the same level? The others are tied with the best, or .01 below it, as they lay on both sets. ``harm``: the
same for a loss. ``hard``: where an interval for the best of several is at its worst, nothing being gained: the others lie by
a little (.005 to .015) below the best; or the best is a noisy one, and the others lie .03 below.
Writes ``benchmarks/results/power.json``.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.comparison.verdict import LEVEL, Measured, decide
from headstart.evaluation.draws import Components, components, difference
from headstart.strategies import Strategy

N_ROWS, N_DRAWS = 1000, 3
REFERENCE_AUC = 0.915
USUAL, NOISIEST = 0.006, 0.016
"""Standard deviation of an AUC over draws of training rows: of a reference as a rule, and of the noisiest seen."""

# Parts of the variance of scores within a class: what all strategies share, what its family shares, its own, what
# draws of training rows change for the family, and for itself.
PARTS = {
    "carried": (0.64, 0.33, 0.02, 0.005, 0.005),
    "reference": (0.64, 0.09, 0.12, 0.06, 0.09),
    "noisy": (0.64, 0.09, 0.05, 0.06, 0.16),
}
WAYS, REFERENCES = (1, 4), (1, 3, 8)
Case = tuple[str, int, list[tuple[str, float, float]], float]

GAINS = (0.01, 0.02, 0.025, 0.03, 0.04)


def separation(auc: float) -> float:
    """Return how far apart the means of two unit normals stand whose AUC this is."""
    low, high = 0.0, 10.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if 0.5 * (1 + math.erf(middle / 2)) < auc else (low, middle)
    return low


def family(
    rng: np.random.Generator,
    kinds: list[str],
    aucs: list[float],
    deviations: list[float],
    labels: NDArray[Any],
    shared: Any,
) -> list[Components]:
    """Return the components of strategies of one family, on the same draws and test rows."""
    n = len(labels)
    of_family, of_family_draws = rng.standard_normal(n), rng.standard_normal((N_DRAWS, n))
    found = []
    for kind, auc, deviation in zip(kinds, aucs, deviations, strict=True):
        weights = np.sqrt(PARTS[kind])
        steady = weights[0] * shared + weights[1] * of_family + weights[2] * rng.standard_normal(n)
        noise = weights[3] * of_family_draws + weights[4] * rng.standard_normal((N_DRAWS, n))
        apart = separation(auc)
        slope = (separation(auc + 0.001) - apart) / 0.001
        moved = apart + slope * deviation * rng.standard_normal(N_DRAWS)
        scores = {seed: steady + noise[seed] + moved[seed] * labels for seed in range(N_DRAWS)}
        found.append(components(labels, scores))
    return found


def simulate(
    rng: np.random.Generator, ways: int, others: list[tuple[str, float, float]], gain: float
) -> tuple[dict[str, Any], float, float]:
    """Return one verdict, and the p-values of a gain and of a loss by a test that knows whom to compare.

    Args:
        rng: of the scores.
        ways: of carrying the base over.
        others: of the references kind, AUC and its deviation over draws, of each; the first is the one that the oracle knows.
        gain: of the base over .915.
    """
    labels = (np.arange(N_ROWS) % 2).astype(int)
    shared = rng.standard_normal(N_ROWS)
    carried = family(rng, ["carried"] * ways, [REFERENCE_AUC + gain] * ways, [0.002] * ways, labels, shared)
    kinds, aucs, deviations = (list(part) for part in zip(*others, strict=True))
    measured = family(rng, kinds, aucs, deviations, labels, shared)
    curves = {f"way {i}": {500: parts} for i, parts in enumerate(carried)}
    curves |= {f"reference {i}": {500: parts} for i, parts in enumerate(measured)}
    uses: Any = {name: "base" if name.startswith("way") else "nothing" for name in curves}
    strategies = {name: Strategy(name, _none, "simulated", uses=uses[name]) for name in curves}
    verdict = decide(Measured(strategies, curves, (500,)))
    return verdict, difference(carried[0], measured[0]).p_greater, difference(measured[0], carried[0]).p_greater


def _none(*_: Any) -> Any:
    raise NotImplementedError


def references(n: int, below: float = 0.0) -> list[tuple[str, float, float]]:
    """Return the best reference, and others so far below it; every third is as noisy as the worst seen."""
    kinds = [("noisy", NOISIEST) if i % 3 == 2 else ("reference", USUAL) for i in range(n)]
    return [(kind, REFERENCE_AUC - (below if i else 0.0), noise) for i, (kind, noise) in enumerate(kinds)]


def rates(seed: int, n: int, ways: int, others: list[tuple[str, float, float]], gain: float) -> dict[str, Any]:
    """Return how often each word is said, with the 95% upper bound, and how often the oracle sees it."""
    rng = np.random.default_rng(seed)
    words: dict[str, int] = {}
    sees = {"helps": 0, "hurts": 0}
    for _ in range(n):
        verdict, helps, hurts = simulate(rng, ways, others, gain)
        words[verdict["word"]] = words.get(verdict["word"], 0) + 1
        sees["helps"] += helps < LEVEL
        sees["hurts"] += hurts < LEVEL
    found: dict[str, Any] = {word: round(count / n, 4) for word, count in sorted(words.items())}
    for word in ("helps", "hurts"):
        share = words.get(word, 0) / n
        found[f"{word}, upper bound"] = round(share + 1.645 * math.sqrt(max(share * (1 - share), 1 / n) / n), 4)
        found[f"oracle {word}"] = round(sees[word] / n, 4)
    return found


def null() -> list[Case]:
    return [(f"null, {ways} ways, {n} tied", ways, references(n), 0.0) for ways in WAYS for n in REFERENCES]


def differences(sign: int, word: str) -> list[Case]:
    cases = []
    for gain in GAINS:
        for ways in WAYS:
            cases += [(f"{word} {gain}, {ways} ways, {n} tied", ways, references(n), sign * gain) for n in REFERENCES]
            apart = references(3, 0.01)
            cases.append((f"{word} {gain}, {ways} ways, 3 apart", ways, apart, sign * gain))
    return cases


def hard() -> list[Case]:
    cases = [
        (f"null, {ways} ways, {n} at {below} below the best", ways, references(n, below), 0.0)
        for ways in WAYS for n in (3, 8) for below in (0.005, 0.01, 0.015)
    ]  # fmt: skip
    for noise in (NOISIEST, 0.03):
        others = [("noisy", REFERENCE_AUC, noise), *[("reference", REFERENCE_AUC - 0.03, USUAL)] * 2]
        cases += [(f"null, {ways} ways, the best with noise of {noise}", ways, others, 0.0) for ways in WAYS]
    return cases


PARTS_OF_STUDY: dict[str, Callable[[], list[Case]]] = {
    "null": null,
    "gain": partial(differences, 1, "gain"),
    "harm": partial(differences, -1, "harm"),
    "hard": hard,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--simulations", type=int, default=5000)
    parser.add_argument("--only", default="null,gain,harm,hard")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "power.json")
    options = parser.parse_args()
    cases: list[tuple[str, int, list[tuple[str, float, float]], float]] = []
    for part in options.only.split(","):
        cases += PARTS_OF_STUDY[part]()
    found: dict[str, Any] = json.loads(options.out.read_text()) if options.out.exists() else {}
    for name, ways, others, gain in cases:
        started = time.perf_counter()
        found[name] = {
            "simulations": options.simulations,
            **rates(options.seed, options.simulations, ways, others, gain),
        }
        options.out.write_text(json.dumps(found, indent=1) + "\n")
        print(f"{name} ({time.perf_counter() - started:.0f} s): {json.dumps(found[name])}", flush=True)


if __name__ == "__main__":
    main()
