"""Everything that candidates share, computed once: token counts, layer outputs, the base's own scores.

A count matrix of all n-grams of all rows is no leak: a candidate takes from it the columns that occur in its
budget, and computes document frequencies from its budget alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from headstart.artifact import read, write
from headstart.comparison import array_store
from headstart.comparison.problem import Problem, labels_of
from headstart.corpus import Corpus, duplicates
from headstart.corpus import read as read_corpus
from headstart.features import layer_outputs
from headstart.heads.tfidf import TfidfHead, vectorizer_of
from headstart.layers import StageGraph
from headstart.predictor import NetworkScorer, Predictor
from headstart.strategies import adapt_to_texts

__all__ = ["SPACES", "Context", "TrainingDraw", "prepare"]

SPACES: dict[str, tuple[str, int, str]] = {
    "words": ("words", 2, "sublinear"),
    "punctuated": ("punctuated", 3, "binary"),
}
"""n-gram spaces: name -> what a token is, words in the longest n-gram, how n-grams are counted (see `TfidfHead`)."""

_WIDEST_LAYER = 4096


@dataclass(frozen=True)
class TrainingDraw:
    """The rows that one fit may learn from.

    Attributes:
        rows: positions in the context's rows, all of them in the pool, int64 [labels].
        seed: of everything random in the fit.
        columns: whether the tabular columns may be read.
    """

    rows: NDArray[np.int64]
    seed: int
    columns: bool = False


class Context:
    """Rows and what is known of them, opened from the folder that `prepare` filled; the pool's rows come first.

    Attributes:
        folder: where the arrays lie.
        n_pool: rows to draw from; the rest are test rows.
        names: the two labels.
        columns: tabular columns.
        layers: names of the base's layers whose outputs are here.
        device: where networks are trained.
    """

    def __init__(self, folder: Path) -> None:
        facts = array_store.load_facts(folder, "facts")
        self.folder = folder
        self.n_pool: int = facts["n_pool"]
        self.names: tuple[str, str] = tuple(facts["names"])
        self.columns: tuple[str, ...] = tuple(facts["columns"])
        self.column_types: dict[str, str] = facts["column_types"]
        self.layers: tuple[str, ...] = tuple(facts["layers"])
        self.text: str = facts["text"]
        self.device: str = facts["device"]
        self.group: str | None = facts["group"]
        self.has_network: bool = facts["has_network"]
        self.has_source: bool = facts["has_source"]
        self._base: Predictor | None = None

    @cached_property
    def labels(self) -> NDArray[np.int64]:
        """Class codes of all rows [rows]."""
        return array_store.load_array(self.folder, "labels")

    @cached_property
    def groups(self) -> NDArray[np.int64] | None:
        """Group codes of all rows [rows], or None."""
        return array_store.load_array(self.folder, "groups") if self.group is not None else None

    @cached_property
    def test(self) -> NDArray[np.int64]:
        """Positions of the test rows [test]."""
        return np.arange(self.n_pool, len(self.labels))

    @cached_property
    def doubled(self) -> NDArray[np.bool_]:
        """Which test rows' texts stand in the pool too [test]."""
        return array_store.load_array(self.folder, "doubled")

    @cached_property
    def table(self) -> pa.Table:
        """Texts and columns of all rows."""
        return array_store.load_table(self.folder, "rows")

    @cached_property
    def base(self) -> Predictor:
        """The base."""
        return self._base or Predictor.from_parts(read(self.folder / "base", mapped=True), trust_patterns=True)

    @cached_property
    def well_read(self) -> Predictor:
        """The base after it has read the pool's texts, without their labels: once for all workers."""
        folder = self.folder / "read"
        if not folder.exists():
            write(folder, adapt_to_texts(self.base, self.texts()).to_parts())
        return Predictor.from_parts(read(folder, mapped=True), trust_patterns=True)

    @property
    def base_logits_of_pool(self) -> NDArray[np.float64] | None:
        """The base's logits of the pool [pool], or None where the base has no labels."""
        return self.base_logits[: self.n_pool] if self.base.label_names else None

    @cached_property
    def base_logits(self) -> NDArray[np.float64]:
        """The base's logits of all rows, before calibration [rows]."""
        return array_store.load_array(self.folder, "base_logits")

    def layer(self, name: str) -> NDArray[np.float32]:
        """Return a layer's output for all rows, one vector a row [rows, size]."""
        return array_store.load_array(self.folder, f"layer_{self.layers.index(name)}")

    def counts(self, space: str) -> Any:
        """Return how often each n-gram of a space stands in each row, CSR [rows, n_grams]."""
        return array_store.load_sparse(self.folder, space)

    def ngrams(self, space: str) -> list[str]:
        """Return the n-grams of a space, in the order of its columns."""
        return array_store.load_strings(self.folder, f"{space}_ngrams")

    def prior(self) -> tuple[NDArray[np.float64], NDArray[np.float64], TfidfHead]:
        """Return the source model over the space ``words``: idf (NaN where unknown) and weights [n_grams]; and itself."""
        head = TfidfHead.from_arrays(
            array_store.load_strings(self.folder, "source_ngrams"),
            {
                name: array_store.load_array(self.folder, f"source_{name}")
                for name in ("idf", "coefficients", "intercept")
            },
            2,
            None,
        )
        place = {ngram: i for i, ngram in enumerate(head.ngrams)}
        found = np.array([place.get(ngram, -1) for ngram in self.ngrams("words")], np.int64)
        known = found >= 0
        return np.where(known, head.idf[found], np.nan), np.where(known, head.coefficients[found], 0.0), head

    def corpus(self, rows: NDArray[np.int64]) -> Corpus:
        """Return labelled rows as a corpus."""
        table = self.table.take(pa.array(rows))
        corpus = read_corpus(table, text=self.text, columns=None)
        names = np.array(self.names, dtype=object)
        return corpus.with_labels(names[self.labels[rows]].tolist(), names=self.names)

    def texts(self, *, of_test: bool = False) -> Corpus:
        """Return the texts of the pool that stand in no test row, without labels; with `of_test` those of all rows."""
        column = self.table.column(self.text)
        if of_test:
            return Corpus(column.combine_chunks(), text_name=self.text)
        pool, test = (column.slice(*part).combine_chunks() for part in ((0, self.n_pool), (self.n_pool,)))
        return Corpus(pool, text_name=self.text).take(np.flatnonzero(~duplicates(pool, test).in_a))

    def source(self) -> Corpus:
        """Return the source's labelled rows."""
        table, names = array_store.load_table(self.folder, "source"), np.array(self.names, dtype=object)
        corpus = Corpus(table.column("text").combine_chunks(), text_name=self.text)
        return corpus.with_labels(names[table.column("label").to_numpy()].tolist(), names=self.names)

    def group_codes(self, rows: NDArray[np.int64]) -> NDArray[np.int64] | None:
        """Return the group codes of rows [rows], or None."""
        return None if self.groups is None else self.groups[rows]


def prepare(
    problem: Problem,
    base: Predictor,
    source: Corpus | None,
    folder: Path,
    *,
    spaces: tuple[str, ...] = tuple(SPACES),
    cache: str | Path | None = None,
    device: str = "cpu",
) -> Context:
    """Fill a folder with all that candidates share, and open it.

    Args:
        problem: the rows.
        base: what is carried over.
        source: its labelled training texts, for what learns from them; or None.
        folder: an empty folder.
        spaces: the n-gram spaces that are needed.
        cache: where outputs of a large imported encoder are kept; see `headstart.features.layer_outputs`.
        device: where layers are computed, and networks trained later on.
    """
    folder.mkdir(parents=True, exist_ok=True)
    both = [problem.pool, problem.test]
    table = pa.concat_tables([part.frame() for part in both], promote_options="default").combine_chunks()
    array_store.save_table(folder, "rows", table)
    np.save(folder / "labels.npy", np.concatenate([labels_of(part) for part in both]))
    np.save(folder / "doubled.npy", problem.doubled)
    corpus = Corpus(table.column(problem.pool.text_name).combine_chunks(), text_name=problem.pool.text_name)
    if problem.group is not None:
        from headstart.corpus.splits import group_codes

        np.save(folder / "groups.npy", group_codes(table.column(problem.group).combine_chunks()))
    strings = ["" if text is None else text for text in corpus.texts.to_pylist()]
    for space in spaces:
        _count(folder, space, strings)
    layers = _run_base(folder, base, corpus, cache, device)
    if source is not None:
        rows = pa.table({"text": source.texts, "label": labels_of(source)})
        array_store.save_table(folder, "source", rows)
        _learn_prior(folder, source)
    facts = {
        "n_pool": len(problem.pool), "names": list(problem.pool.label_names), "columns": list(problem.columns),
        "column_types": problem.column_types,
        "layers": layers, "text": problem.pool.text_name, "group": problem.group, "device": device,
        "has_network": isinstance(base.scorer, NetworkScorer), "has_source": source is not None,
    }  # fmt: skip
    array_store.save_facts(folder, "facts", facts)
    context = Context(folder)
    context._base = base
    return context


def _count(folder: Path, space: str, strings: list[str]) -> None:
    from sklearn.feature_extraction.text import CountVectorizer

    tokens, longest, counts = SPACES[space]
    pattern = vectorizer_of(longest, tokens, counts).token_pattern
    vectorizer = CountVectorizer(
        ngram_range=(1, longest), token_pattern=pattern, binary=counts == "binary", dtype=np.float32
    )
    try:
        matrix, ngrams = vectorizer.fit_transform(strings), vectorizer.get_feature_names_out().tolist()
    except ValueError:  # no text holds a word: every n-gram candidate then predicts the share of the classes
        import scipy.sparse as sp

        matrix, ngrams = sp.csr_matrix((len(strings), 0), dtype=np.float32), []
    array_store.save_sparse(folder, space, matrix)
    array_store.save_table(folder, f"{space}_ngrams", pa.table({"ngram": pa.array(ngrams, pa.large_string())}))


def _run_base(folder: Path, base: Predictor, corpus: Corpus, cache: str | Path | None, device: str) -> list[str]:
    """Score all rows with the base, and take all its layers' outputs in one pass; return the layers' names."""
    write(folder / "base", base.to_parts())
    if base.columns or base.scorer.net is None:
        np.save(folder / "base_logits.npy", base.score(corpus).logits)
        return []
    layers = [name for name in base.net.stages if not _too_wide(base.net.shapes.get(name, ()))]
    parts: dict[str, list[NDArray[np.float32]]] = {name: [] for name in layers}
    for outputs in layer_outputs(base, corpus, layers, cache=cache, device=device):
        for name, value in outputs.items():
            parts[name].append(value)
    base.net.to("cpu")
    for i, name in enumerate(layers):
        np.save(folder / f"layer_{i}.npy", np.concatenate(parts[name]))
    if base.label_names:
        np.save(folder / "base_logits.npy", _own_logits(base, corpus, layers, parts))
    return layers


def _own_logits(
    base: Predictor, corpus: Corpus, layers: list[str], parts: dict[str, list[NDArray[np.float32]]]
) -> NDArray[np.float64]:
    last = base.net.stages[-1]
    if isinstance(base.scorer, NetworkScorer) and isinstance(base.net, StageGraph) and last in layers:
        return np.concatenate(parts[last])[:, 0].astype(np.float64)  # the last stage of a table is the network's result
    return base.score(corpus).logits


def _too_wide(shape: tuple[Any, ...]) -> bool:
    return any(isinstance(size, int) and size > _WIDEST_LAYER for size in shape)


def _learn_prior(folder: Path, source: Corpus) -> None:
    """Fit TF-IDF and logistic regression on the source; C as ANCHORS' reference has it."""
    from headstart.comparison.logistic import ridge_path

    texts = ["" if text is None else text for text in source.texts.to_pylist()]
    vectorizer = vectorizer_of(2, min_df=2)
    line = ridge_path(vectorizer.fit_transform(texts), labels_of(source), (1.0, 10.0))[-1]
    ngrams = pa.array(vectorizer.get_feature_names_out().tolist(), pa.large_string())
    array_store.save_table(folder, "source_ngrams", pa.table({"ngram": ngrams}))
    np.save(folder / "source_idf.npy", vectorizer.idf_)
    np.save(folder / "source_coefficients.npy", line.coefficients)
    np.save(folder / "source_intercept.npy", np.array([line.intercept]))
