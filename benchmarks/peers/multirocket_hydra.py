"""MultiRocketHydra of aeon over the draws that `benchmarks/other_data.py --draws FILE` wrote: accuracy on the same test rows.

    python benchmarks/peers/multirocket_hydra.py FILE      (in an environment of its own: pip install aeon torch)

Series of unequal lengths get zeros behind their end, up to the longest.
"""

from __future__ import annotations

import sys

import numpy as np
from aeon.classification.convolution_based import MultiRocketHydraClassifier


def padded(steps: np.ndarray, rows: np.ndarray, length: int) -> np.ndarray:
    """Return series as an array [rows, channels, length] with zeros behind each end."""
    found = np.zeros((len(steps), len(rows), max(length, 10)))
    for place, (end, n) in enumerate(zip(np.cumsum(steps), steps, strict=True)):
        found[place, :, :n] = rows[:, end - n : end]
    return found


def main() -> None:
    """Print a line a budget: the mean over the draws, and each draw."""
    stored = np.load(sys.argv[1])
    length = max(stored["pool_steps"].max(), stored["test_steps"].max())
    pool, test = (padded(stored[f"{part}_steps"], stored[f"{part}_rows"], length) for part in ("pool", "test"))
    found: dict[int, list[float]] = {}
    for name in stored.files:
        if name.startswith("draw_"):
            rows, budget = stored[name], int(name.split("_")[1])
            model = MultiRocketHydraClassifier(random_state=0).fit(pool[rows], stored["pool_labels"][rows])
            found.setdefault(budget, []).append(float((model.predict(test) == stored["test_labels"]).mean()))
            print(budget, f"{np.mean(found[budget]):.3f}", [f"{one:.3f}" for one in found[budget]], flush=True)


if __name__ == "__main__":
    main()
