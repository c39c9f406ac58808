"""Score texts with the model in this folder. NumPy and ONNX Runtime are all that is needed: pip install numpy onnxruntime

    python score.py reviews.txt            one text a line
    python score.py reviews.jsonl          one JSON object a line, its text in the column that the model reads
    some-program | python score.py -       lines from standard input; --jsonl says that they are JSON
    from score import Model; Model(".").predictions(["a text", "another"])

The answer is CSV with the columns that `headstart predict` writes. The format of reader.json is described in docs/deploy.md.
"""

from __future__ import annotations

import argparse
import base64
import csv
import json
import re
import sys
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

Array = np.ndarray[Any, np.dtype[Any]]
UNKNOWN, FIRST_WORD, ID_BITS = 1, 2, 21
ROWS = 16
NUMBERS = {"number": "prediction", "low": "low", "high": "high", "in_scope": "in_scope"}


class Reader:
    """Texts to the inputs of the graph, as reader.json says."""

    def __init__(self, spec: dict[str, Any]) -> None:
        self.spec = spec
        self.steps = [_step(step) for step in spec["steps"]]
        self.places = {word: place for place, word in enumerate(spec["vocabulary"])}
        self.kept = re.compile("|".join(map(re.escape, spec.get("kept", []))) or "(?!)")
        self.ngrams = {name: Ngrams(**stored) for name, stored in spec["ngrams"].items()}

    def tokens(self, text: str) -> list[str]:
        """Return the tokens of a text."""
        value: Any = re.sub("[\ud800-\udfff]", "\ufffd", text)
        for step in self.steps:
            value = step(value)
        return list(value)

    def ids(self, text: str | None) -> Array:
        """Return the ids of a text, int32 [tokens]: 0 is padding, 1 unknown; a long text is cut."""
        text, at = self.spec["fill"] if text is None else text, 0
        if self.spec["kind"] == "words":
            found = [self.places.get(token, UNKNOWN) for token in self.tokens(text)]
        else:
            found = list(self.spec["before"])
            for match in self.kept.finditer(text):
                found += [*self._pieces(text[at : match.start()]), self.places.get(match[0], UNKNOWN)]
                at = match.end()
            found += [*self._pieces(text[at:]), *self.spec["after"]]
        most = self.spec["max_tokens"] or len(found)
        if len(found) > most:
            head = {"head": most, "tail": 0, "both": (most + 1) // 2}[self.spec["clip"]]
            found = found[:head] + found[len(found) - (most - head) :]
        return np.array(found, np.int32)

    def batch(self, texts: Sequence[str | None]) -> dict[str, Array]:
        """Return the inputs of the graph for some texts, by name."""
        if self.spec["kind"] == "terms":
            terms = [self._terms(self.tokens(text or "")) for text in texts]
            counts = padded([[*row.values()] for row in terms], 0).astype(np.float32)
            return {"places": padded([[*row] for row in terms], -1), "counts": counts}
        rows = [self.ids(text) for text in texts]
        found = {"ids": padded(rows, 0), "lengths": np.array([len(row) for row in rows], np.int32)}
        for name, ngrams in self.ngrams.items():
            found[f"{name}.places"] = padded([ngrams.places(row) for row in rows], -1)
        return found

    def _pieces(self, text: str) -> list[int]:
        return [piece for word in self.tokens(text) for piece in self._pieces_of(word)]

    def _pieces_of(self, word: str) -> list[int]:
        found: list[int] = []
        start, n = 0, len(word)
        while start < n <= self.spec["longest_word"]:
            before = self.spec["continued"] if start else ""
            end = next((end for end in range(n, start, -1) if before + word[start:end] in self.places), None)
            if end is None:
                return [UNKNOWN]
            found.append(self.places[before + word[start:end]])
            start = end
        return found or [UNKNOWN]

    def _terms(self, tokens: list[str]) -> Counter[int]:
        windows = ((i, n) for n in range(1, self.spec["longest"] + 1) for i in range(len(tokens) - n + 1))
        terms = (" ".join(tokens[i : i + n]) for i, n in windows)
        return Counter(self.places[term] for term in terms if term in self.places)


class Ngrams:
    """A list of n-grams of ids: each is one number, its ids of 21 bits each, the last lowest; the list ascends."""

    def __init__(self, listed: str, group: str | None, longest: int, last: float) -> None:
        self.listed = np.frombuffer(base64.b64decode(listed), "<i8")
        self.group = None if group is None else np.frombuffer(base64.b64decode(group), "<i4")
        self.longest, self.last = longest, last

    def places(self, ids: Array) -> Array:
        """Return where the n-grams of a text stand in the list, each once."""
        ids = ids if self.group is None else self.group[ids]
        ids = ids[int(len(ids) * (1.0 - self.last)) :].astype(np.int64)
        keys, known, found = np.zeros_like(ids), np.ones(len(ids), bool), [np.zeros(0, np.int64)]
        for n in range(min(self.longest, len(ids))):
            keys, known = keys[: len(ids) - n], known[: len(ids) - n] & (ids[n:] >= FIRST_WORD)
            keys = keys << ID_BITS | ids[n:]
            found.append(keys[known])
        wanted = np.unique(np.concatenate(found))
        at: Array = np.minimum(np.searchsorted(self.listed, wanted), len(self.listed) - 1)
        found_there: Array = at[self.listed[at] == wanted]
        return found_there


class Model:
    """The graph, and what reads texts for it."""

    def __init__(self, folder: str | Path = Path(__file__).parent, threads: int = 0) -> None:
        self.spec = json.loads((Path(folder) / "reader.json").read_text(encoding="utf-8"))
        self.reader = Reader(self.spec)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        path = str(Path(folder) / "model.onnx")
        self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self.outputs = [output.name for output in self.session.get_outputs()]

    def score(self, texts: Sequence[str | None]) -> dict[str, Array]:
        """Return the outputs of the graph for some texts, by name; at padding, those of every token say nothing."""
        return dict(zip(self.outputs, self.session.run(self.outputs, self.reader.batch(texts)), strict=True))

    def predictions(self, texts: Sequence[str | None]) -> list[dict[str, Any]]:
        """Return one dict a text: `prediction`, the probability of each label, and what else the model says."""
        names, found = self.spec["names"], self.score(texts)
        rows: list[dict[str, Any]] = [{} for _ in texts]
        for i, row in enumerate(rows):
            if "decision" in found:
                said = found["decision"][i]
                chosen = [name for name, yes in zip(names, np.atleast_1d(said), strict=False) if yes]
                row["prediction"] = chosen if said.ndim else None if said < 0 else names[said]
                row |= {f"probability_{name}": float(found["probabilities"][i, k]) for k, name in enumerate(names)}
            if "label_set" in found:
                row["label_set"] = [name for k, name in enumerate(names) if found["label_set"][i, k]]
            row |= {to: float(found[name][i]) for name, to in NUMBERS.items() if name in found}
            if "vectors" in found:
                row["vector"] = found["vectors"][i].tolist()
        return rows


def padded(rows: Sequence[Sequence[int] | Array], value: int) -> Array:
    """Return rows of different lengths as one array, int32 [rows, longest, 1 at least]."""
    found = np.full((len(rows), max([1, *map(len, rows)])), value, np.int32)
    for i, row in enumerate(rows):
        found[i, : len(row)] = row
    return found


def _step(step: dict[str, Any]) -> Callable[[str], Iterable[str]]:
    kind = step["kind"]
    if kind == "normalize":
        return lambda text: unicodedata.normalize(step["form"], text)
    if kind == "replace":
        table = str.maketrans(step["characters"])
        return lambda text: text.translate(table)
    if kind == "lower":
        return str.lower
    if kind == "remove":
        removed = re.compile(_any_of(step["ranges"]) or "(?!)")
        return lambda text: removed.sub("", text)
    pattern = re.compile(step["pattern"] if "pattern" in step else _token(**step))
    return lambda text: filter(None, pattern.findall(text))


def _token(kind: str, classes: dict[str, Any], shortest: int, longest_tag: int) -> str:
    """Return a regular expression with one group, which holds the token; tags are matched outside of it."""
    word, single, apostrophe = (_any_of(classes[name]) for name in ("word", "single", "apostrophe"))
    inner = _any_of([*classes["word"], *classes["mark"]])
    inner = f"(?:{inner}|{apostrophe}(?={word}))" if apostrophe else inner
    token = f"{word}{inner}{{{shortest - 1},}}" + (f"|{single}" if single else "")
    most = longest_tag - 3
    tag = f"<(?:[A-Za-z][^<>]{{0,{most}}}|/[A-Za-z][^<>]{{0,{most - 1}}})>|" if longest_tag else ""
    return f"{tag}({token})"


def _any_of(ranges: list[list[int]]) -> str:
    inside = "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in ranges)
    return f"[{inside}]" if ranges else ""


def main() -> None:
    """Read texts, and print what the model says of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("texts", help="a file, or - for standard input")
    parser.add_argument("--jsonl", action="store_true", help="lines are JSON; a file that ends in .jsonl is taken so")
    given = parser.parse_args()
    model, writer = Model(), None
    with sys.stdin.buffer if given.texts == "-" else Path(given.texts).open("rb") as lines:
        texts: Any = (line.decode("utf-8", "replace").rstrip("\r\n") for line in lines)
        if given.jsonl or given.texts.endswith(".jsonl"):
            column = model.spec["column"]
            texts = (row.get(column) if isinstance(row, dict) else row for row in map(json.loads, texts))
        while some := list(islice(texts, ROWS)):
            for row in model.predictions(some):
                if writer is None:
                    writer = csv.DictWriter(sys.stdout, list(row), lineterminator="\n")
                    writer.writeheader()
                lists = {k: json.dumps(v, ensure_ascii=False) for k, v in row.items() if isinstance(v, list)}
                writer.writerow({**row, **lists})


if __name__ == "__main__":
    main()
