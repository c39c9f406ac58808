"""Targets whose true answer is known, and a small comparison of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

FILLING = ("the", "room", "was", "with", "and", "a", "very", "of", "in", "we", "stayed", "there", "it", "at", "night")
GOOD = ("great", "lovely", "superb", "charming", "delightful", "warm")
BAD = ("awful", "dreary", "boring", "clumsy", "terrible", "cold")


@dataclass(frozen=True)
class Target:
    """A labelled table and the columns that may be read."""

    frame: Any
    labels: list[int]
    columns: tuple[str, ...] = ()


def _texts(rng: Any, tones: list[list[str]]) -> list[str]:
    texts = []
    for words in tones:
        mixed = [*rng.choice(FILLING, 8), *words]
        rng.shuffle(mixed)
        texts.append(" ".join(mixed))
    return texts


def like_source(n: int, seed: int) -> Target:
    """Texts as the base was trained on: good words or bad ones."""
    rng = np.random.default_rng(seed)
    labels = (np.arange(n) % 2).tolist()
    tones = [list(rng.choice(GOOD if label else BAD, 3)) for label in labels]
    return Target(pa.table({"text": _texts(rng, tones)}), labels)


def shuffled(n: int, seed: int) -> Target:
    """The same, with labels that have nothing to do with the texts."""
    target = like_source(n, seed)
    return Target(target.frame, np.random.default_rng(seed + 1).permutation(target.labels).tolist())


def own_words(n: int, seed: int) -> Target:
    """Most of what decides is said in words that the base never saw; its own words tell a part."""
    rng = np.random.default_rng(seed)
    labels = (np.arange(n) % 2).tolist()
    tones = []
    for label in labels:
        told = label if rng.random() < 0.95 else 1 - label
        own = [f"{'plus' if label else 'minus'}{k}" for k in rng.integers(0, 300, 4)]
        tones.append([*rng.choice(GOOD if told else BAD, 1), *own])
    return Target(pa.table({"text": _texts(rng, tones)}), labels)


def columns_decide(n: int, seed: int) -> Target:
    """The texts say nothing, the stars nearly all."""
    rng = np.random.default_rng(seed)
    labels = (np.arange(n) % 2).tolist()
    tones = [list(rng.choice(GOOD + BAD, 3)) for _ in labels]
    stars = [int(2 * label + rng.integers(1, 4)) for label in labels]
    return Target(pa.table({"text": _texts(rng, tones), "stars": stars}), labels, ("stars",))


class Read(HTMLParser):
    """The texts of a page's elements, by tag; each holds the texts inside it."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[str, list[str]]] = []
        self.open: list[tuple[str, list[str]]] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        element: tuple[str, list[str]] = (tag, [])
        self.found.append(element)
        if tag not in ("meta", "br", "link", "path", "circle", "rect", "line"):
            self.open.append(element)

    def handle_endtag(self, tag: str) -> None:
        if any(name == tag for name, _ in self.open):
            while self.open.pop()[0] != tag:
                pass

    def handle_data(self, data: str) -> None:
        for _, texts in self.open:
            texts.append(data)

    def texts(self, tag: str) -> list[str]:
        return ["".join(parts) for name, parts in self.found if name == tag]


@pytest.fixture
def read_page() -> Callable[[str], Read]:
    def read(html: str) -> Read:
        page = Read()
        page.feed(html)
        return page

    return read


@pytest.fixture(scope="session")
def targets() -> dict[str, Callable[[int, int], Target]]:
    return {"like source": like_source, "shuffled": shuffled, "own words": own_words, "columns": columns_decide}


@pytest.fixture(scope="session")
def misled_base(reviews: Any, small_options: Callable[[str], dict[str, Any]]) -> Any:
    """A base that was trained on shuffled labels."""
    from headstart import TextClassifier

    labels = np.random.default_rng(4).permutation(reviews.labels)
    return TextClassifier(
        net="gru",
        net_options=small_options("gru"),
        epochs=1,
        learning_rate=0.01,
        batch_size=16,
        device="cpu",
        random_state=3,
    ).fit(reviews.texts, labels)
