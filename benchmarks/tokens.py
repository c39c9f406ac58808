"""Text to ids, and vocabulary fitting, beside the tutorial's pandas pipeline and Hugging Face tokenizers.

    HEADSTART_DATA=folder python benchmarks/tokens.py [--rows 10000] [--rounds 7]

All in one process on one thread, taking turns: ours, pandas, Hugging Face, ours, pandas, ... Each does the
tutorial's split: lower-case, every mark of ``string.punctuation`` a token of its own, cut at white space, look
up in a vocabulary of the same texts. The speed of a round is megabytes of UTF-8 a second; a ratio is taken within
its round, and the median and the range over the rounds are written to ``benchmarks/results/tokens.json``.
Before anything is timed, ids are compared: all rows with pandas, and with Hugging Face, which knows other
punctuation and white space, those of plain ASCII. Where ``tokenizers`` is missing, its part is left out.
"""

import argparse
import os
import re
import string
import sys
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.compute as pc
import pyarrow.parquet as pq

from headstart.text import encode, fit_steps, text_steps
from measuring import machine, spread, versions, write
from protocol import data_folder

PACKAGES = ("numpy", "pyarrow", "numba", "pandas", "tokenizers")
PUNCTUATION = re.compile(f"([{re.escape(string.punctuation)}])")
GOALS = {"encode / pandas": 10, "fit / pandas": 5, "encode / hugging face": 20}


class Ours:
    """One pass over the Arrow buffer."""

    def __init__(self, texts: Any) -> None:
        self.texts = texts
        self.steps = text_steps("tutorial", min_count=1)

    def fit(self) -> None:
        """Learn the vocabulary."""
        fit_steps(self.steps, self.texts, n_threads=1)

    def encode(self) -> Any:
        """Give the ids of every row."""
        return encode(self.steps, self.texts, n_threads=1).ids

    def words(self) -> list[str]:
        """Give the vocabulary from id 2 on."""
        return self.steps[-1].vocabulary_.to_pylist()[2:]


class Pandas:
    """The tutorial's: ``str.lower``, a regular expression around every mark, ``split``, a dictionary."""

    def __init__(self, texts: Any) -> None:
        self.texts = pd.Series(texts.to_pylist(), dtype=object)
        self.ids: dict[str, int] = {}

    def tokens(self) -> Any:
        """Give the tokens of every row."""
        return self.texts.str.lower().apply(lambda text: PUNCTUATION.sub(r" \1 ", text).split())

    def fit(self) -> None:
        """Learn the vocabulary."""
        counts: Counter[str] = Counter()
        for row in self.tokens():
            counts.update(row)
        ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        self.ids = {word: i for i, (word, _) in enumerate(ordered, 2)}

    def encode(self) -> Any:
        """Give the ids of every row."""
        return [[self.ids.get(token, 1) for token in row] for row in self.tokens()]


class HuggingFace:
    """The ``tokenizers`` library, in Rust, without offsets."""

    def __init__(self, texts: Any, words: list[str]) -> None:
        from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

        vocabulary = {"<pad>": 0, "<unk>": 1} | {word: i for i, word in enumerate(words, 2)}
        self.texts = texts.to_pylist()
        self.tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
        self.tokenizer.normalizer = normalizers.Lowercase()
        self.tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation("isolated")]
        )

    def encode(self) -> Any:
        """Give the ids of every row."""
        return [row.ids for row in self.tokenizer.encode_batch_fast(self.texts)]


def same_rows(ids: Any, others: list[list[int]], rows: Any) -> bool:
    return all(np.array_equal(ids[i], others[i]) for i in rows)


def seconds(act: Callable[[], Any]) -> float:
    start = time.process_time()
    act()
    return time.process_time() - start


def contenders(texts: Any) -> dict[str, Any]:
    """Each fitted, and its ids compared with ours."""
    ours, pandas = Ours(texts), Pandas(texts)
    ours.fit()
    pandas.fit()
    ids = ours.encode()
    # str.lower is not one to one (the dotted capital I becomes two characters), so a row may differ.
    expected = pandas.encode()
    differ = [i for i in range(len(ids)) if not same_rows(ids, expected, [i])]
    print(f"pandas: {len(ids) - len(differ):,} of {len(ids):,} rows have the same ids", file=sys.stderr)
    found = {"headstart": ours, "pandas": pandas}
    try:
        found["hugging face"] = HuggingFace(texts, ours.words())
    except ImportError:
        print("tokenizers is not installed, so its part is left out: pip install tokenizers", file=sys.stderr)
        return found
    ascii_rows = [i for i, plain in enumerate(pc.string_is_ascii(texts).to_pylist()) if plain]
    same = same_rows(ids, found["hugging face"].encode(), ascii_rows)
    print(f"hugging face: all {len(ascii_rows):,} ASCII rows have the same ids: {same}", file=sys.stderr)
    return found


def measure(found: dict[str, Any], rounds: int) -> dict[str, dict[str, list[float]]]:
    """Seconds by task and contender, one number a round."""
    times: dict[str, dict[str, list[float]]] = {"encode": {}, "fit": {}}
    for _ in range(rounds):
        for task, by_name in times.items():
            for name, contender in found.items():
                if hasattr(contender, task):
                    by_name.setdefault(name, []).append(seconds(getattr(contender, task)))
    return times


def report(times: dict[str, dict[str, list[float]]], megabytes: float) -> dict[str, Any]:
    speeds, ratios = {}, {}
    for task, by_name in times.items():
        for name, taken in by_name.items():
            speeds[f"{task}, {name}"] = spread([megabytes / s for s in taken])
            if name != "headstart":
                pairs = zip(taken, by_name["headstart"], strict=True)
                ratios[f"{task} / {name}"] = spread([theirs / ours for theirs, ours in pairs])
    return {"megabytes_per_second": speeds, "times_as_fast_as": ratios}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    before = machine()
    texts = pq.read_table(data_folder() / "imdb.parquet", columns=["text"])["text"].combine_chunks()
    texts = texts.take(np.random.default_rng(0).permutation(len(texts))[: options.rows])
    megabytes = pc.sum(pc.binary_length(texts)).as_py() / 1e6
    times = measure(contenders(texts), options.rounds)
    result = {
        "claim": "text to ids and vocabulary fitting, one thread, interleaved in one process",
        "data": {"rows": len(texts), "megabytes": round(megabytes, 1), "rounds": options.rounds},
        "machine": before,
        "versions": versions(*PACKAGES),
        **report(times, megabytes),
        "goals": GOALS,
    }
    write("tokens", result)


if __name__ == "__main__":
    main()
