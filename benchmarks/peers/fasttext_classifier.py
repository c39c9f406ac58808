"""fastText with bigrams; runs in the environment ``fasttext``.

    python fasttext_classifier.py TRAIN VALID OPTIONS

Reads two files of ``__label__0 words ...`` lines, trains, scores the second file and prints seconds and probabilities.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import fasttext


def main() -> None:
    train, valid, options = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
    started = time.perf_counter()
    model = fasttext.train_supervised(input=train, wordNgrams=2, verbose=0, **options)
    trained = time.perf_counter()
    texts = [line.split(" ", 1)[1] for line in Path(valid).read_text(encoding="utf-8").split("\n") if line]
    labels, shares = model.predict(texts, k=2)
    found = [float(row[list(names).index("__label__1")]) for names, row in zip(labels, shares, strict=True)]
    seconds = {"train_seconds": trained - started, "valid_seconds": time.perf_counter() - trained}
    print(json.dumps({**seconds, "probabilities": found}))


if __name__ == "__main__":
    main()
