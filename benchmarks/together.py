"""What an encoder adds to a base: a `blend` alone and with the encoder's vectors, on sets never seen, and what it costs.

    HEADSTART_DATA=DIR python benchmarks/together.py BASE ENCODER [--protocol DIR] [--train 5000] [--valid 1000] [--rows 2000]
                                                     [--sets hotel_opspam amazon_books] [--seed 0]

`BASE` is a folder of a `blend` that was trained on the protocol's training rows (benchmarks/protocol.py writes them), `ENCODER` a
folder of sentence-transformers or a model that `headstart import hf` wrote. The branch learns from `--train` of these rows and is
weighed on `--valid` of the validation rows. Prints a JSON line a set: AUC of the base, of both together, the gain, seconds; and at
the end the mean gain, the least one and the share that the encoder got.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np

import headstart as hs
from bases import TARGETS
from headstart.metrics import auc
from headstart.strategies.encoder_branch import with_encoder
from headstart.strategies.settings import Settings
from protocol import data_folder, write_protocol


def some(corpus: Any, n: int, seed: int) -> Any:
    """Return n rows drawn by a seed, in their order; all of 0 or of fewer."""
    if not n or len(corpus) <= n:
        return corpus
    return corpus.take(np.sort(np.random.default_rng(seed).permutation(len(corpus))[:n]))


def main() -> None:
    """Join, measure and print."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("base", type=Path)
    asked.add_argument("encoder", type=Path)
    asked.add_argument("--protocol", type=Path, default=Path("out/protocol"))
    asked.add_argument("--train", type=int, default=5000)
    asked.add_argument("--valid", type=int, default=1000)
    asked.add_argument("--rows", type=int, default=0, help="most rows of a set; 0 for all")
    asked.add_argument("--sets", nargs="+", default=list(TARGETS))
    asked.add_argument("--seed", type=int, default=0)
    given = asked.parse_args()
    if not (given.protocol / "train.parquet").exists():
        write_protocol(given.protocol)
    base = hs.load(given.base).predictor_
    known = (given.encoder / "headstart.json").exists()
    encoder = (hs.load(given.encoder) if known else hs.import_hf(given.encoder)).predictor_
    train, valid = (
        some(
            hs.read(str(given.protocol / f"{part}.parquet"), label="label", columns=()),
            getattr(given, part),
            given.seed,
        )
        for part in ("train", "valid")
    )
    started = time.perf_counter()
    both, share = with_encoder(base, encoder, train, valid, Settings(random_state=given.seed))
    told: dict[str, Any] = {"share": share, "seconds_to_join": round(time.perf_counter() - started, 1)}
    gains = []
    sources = {"valid": valid} | {
        name: some(hs.read(str(data_folder() / f"{name}.parquet"), label="label", columns=()), given.rows, 0)
        for name in given.sets
    }
    for name, rows in sources.items():
        seconds, found = [], []
        for model in (base, both):
            started = time.perf_counter()
            found.append(auc(rows.labels, model.score(rows).logits))
            seconds.append(round(time.perf_counter() - started, 1))
        gains.append(found[1] - found[0])
        row = {
            "set": name,
            "rows": len(rows),
            "alone": found[0],
            "together": found[1],
            "gain": gains[-1],
            "seconds": seconds,
        }
        print(
            json.dumps({key: round(value, 4) if isinstance(value, float) else value for key, value in row.items()}),
            flush=True,
        )
    print(
        json.dumps({**told, "mean_gain": round(float(np.mean(gains[1:])), 4), "least_gain": round(min(gains[1:]), 4)})
    )


if __name__ == "__main__":
    main()
