"""Do positive and negative words fall apart on the map of a base? Draws it, and lets the neighbours vote.

    python benchmarks/words.py MODEL [OUT.png]

Half of the hundred words praise and half condemn; the AUC is that of each word's ten nearest others on the map.
"""

from __future__ import annotations

import sys

import headstart as hs
from headstart.report import map_figure, neighbour_vote_auc, tsne
from headstart.words import word_vectors

GOOD = """
good great excellent wonderful amazing awesome brilliant fantastic superb perfect beautiful lovely enjoyable
delightful charming touching moving funny hilarious entertaining refreshing powerful stunning outstanding
favorite loved love best masterpiece gem classic memorable heartwarming captivating gripping impressive
thoughtful clever witty finest solid recommended incredible terrific magnificent splendid fun fascinating
genius flawless
""".split()  # noqa: SIM905 - read by people, not a list literal of fifty strings
BAD = """
bad worse worst terrible horrible awful boring dull lame stupid poor poorly waste wasted disappointing
disappointed disappointment annoying pathetic ridiculous mess crap garbage trash laughable unfunny predictable
bland tedious weak pointless mediocre forgettable avoid fails failed badly uninteresting unconvincing lousy
dreadful atrocious embarrassing cheap amateurish unwatchable cheesy painful insult confusing
""".split()  # noqa: SIM905 - read by people, not a list literal of fifty strings


def main(model: str, out: str) -> None:
    """Draw the map and print the AUC."""
    base = hs.load(model)
    found = word_vectors(base, [*GOOD, *BAD])
    points = tsne(found.vectors)
    auc = neighbour_vote_auc(points, [int(word in GOOD) for word in found.words])
    print(
        f"{len(found.words)} words, AUC of the neighbours' vote {auc:.3f}; not in the vocabulary: {found.unknown or 'none'}"
    )
    middle = float(sorted(found.probabilities)[len(found.words) // 2])
    figure = map_figure(
        points,
        found.words,
        scores=found.probabilities,
        score_name="probability of positive",
        centre=middle,
        title="Words",
    )
    figure.save(out)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "out/words.png")
