"""The rows of a comparison and all that was computed of them once, in a folder that every process maps.

A count matrix of all n-grams of all rows is no leak: a strategy takes from it the columns that occur in its
budget, and computes document frequencies from its budget alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from headstart.arrays import Array
from headstart.artifact import read, write
from headstart.comparison import array_store
from headstart.comparison.problem import Problem, asked_of, carries_source, labels_of
from headstart.corpus import Corpus, duplicates, subset
from headstart.corpus import read as read_corpus
from headstart.corpus.splits import group_codes
from headstart.evaluation.metric import Metric
from headstart.features import layer_outputs
from headstart.heads import TfidfHead
from headstart.layers import StageGraph
from headstart.plain import Json
from headstart.predictor import NetworkScorer, Predictor
from headstart.strategies import Settings, SharedRows
from headstart.strategies.shared import SPACES, NgramCounts, count_ngrams, fit_source_model, readable_layers
from headstart.tasks import Task, task_from_json

_FURTHER = "bases"


class Workspace:
    """Rows and what is known of them, opened from the folder that `prepare` filled; the pool's rows come first.

    Attributes:
        folder: where the arrays lie.
        n_pool: rows to draw from; the rest are test rows.
        task: the kind of answers that the labels ask for.
        metric: what strategies are measured by.
        columns: tabular columns.
        layers: names of the base's layers whose outputs are here.
        text: name of the text column.
        device: where networks are trained.
        group: the column whose equal values stay on one side, or None.
        input: what the rows are; see `headstart.corpus.Corpus`.
    """

    def __init__(self, folder: Path) -> None:
        facts = array_store.load_facts(folder, "facts")
        self.folder = folder
        self.n_pool: int = facts["n_pool"]
        self.task: Task = task_from_json(facts["task"])
        self.metric: Metric = self.task.metrics[facts["metric"]]
        self.columns: tuple[str, ...] = tuple(facts["columns"])
        self.column_types: dict[str, str] = facts["column_types"]
        self.layers: tuple[str, ...] = tuple(facts["layers"])
        self.text: str = facts["text"]
        self.device: str = facts["device"]
        self.group: str | None = facts["group"]
        self.input: str = facts["input"]
        self._reads: tuple[str, ...] = tuple(facts["reads"])
        self._has_source: bool = facts["has_source"]
        self._base: Predictor | None = None

    @cached_property
    def labels(self) -> Array:
        """The targets of all rows; see `headstart.tasks` for their shape."""
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

    def of_base(self, name: str) -> Workspace:
        """Return the same rows with another of several bases, by its name; itself for the first, or for none."""
        folder = self.folder / _FURTHER / name
        if not name or not folder.exists():
            return self
        if name not in self._further:
            self._further[name] = Workspace(folder)
        return self._further[name]

    @cached_property
    def _further(self) -> dict[str, Workspace]:
        return {}

    @cached_property
    def base(self) -> Predictor:
        """The base."""
        return self._base or Predictor.from_parts(read(self.folder / "base", mapped=True), trust_patterns=True)

    @property
    def base_logits_of_pool(self) -> NDArray[np.float64] | None:
        """The base's logits of the pool [pool] or [pool, outputs], or None where the base has no labels."""
        return self.base_logits[: self.n_pool] if self.base.label_names else None

    @cached_property
    def base_logits(self) -> NDArray[np.float64]:
        """The base's logits of all rows, before calibration [rows] or [rows, outputs]."""
        return array_store.load_array(self.folder, "base_logits")

    @cached_property
    def source(self) -> Corpus | None:
        """The source's labelled rows, or None."""
        if not self._has_source:
            return None
        texts = array_store.load_table(self.folder, "source").column("text").combine_chunks()
        task = task_from_json(array_store.load_facts(self.folder, "source_task"))
        return _labelled(Corpus(texts, text_name=self.text), task, array_store.load_array(self.folder, "source_labels"))

    @cached_property
    def unlabelled(self) -> Corpus:
        """The texts of the pool that stand in no test row, without labels."""
        column = self._table.column(self.text)
        pool, test = (column.slice(*part).combine_chunks() for part in ((0, self.n_pool), (self.n_pool,)))
        return Corpus(pool, text_name=self.text).take(np.flatnonzero(~duplicates(pool, test).in_a))

    @cached_property
    def _table(self) -> pa.Table:
        return array_store.load_table(self.folder, "rows")

    @cached_property
    def _counts(self) -> dict[str, NgramCounts]:
        return {}

    def counts(self, space: str) -> NgramCounts:
        """Return the n-grams of a space in all rows."""
        if space not in self._counts:
            matrix, ngrams = (load(self.folder, name) for load, name in _of_space(space))
            self._counts[space] = NgramCounts(matrix, ngrams)
        return self._counts[space]

    def layer(self, name: str) -> NDArray[np.float32]:
        """Return a layer's output for all rows, one vector a row [rows, size]."""
        return array_store.load_array(self.folder, f"layer_{self.layers.index(name)}")

    @cached_property
    def source_model(self) -> TfidfHead:
        """TF-IDF and logistic regression of the source."""
        names = ("idf", "coefficients", "intercept")
        arrays = {name: array_store.load_array(self.folder, f"source_{name}") for name in names}
        ngrams, space = array_store.load_strings(self.folder, "source_ngrams"), SPACES["words"]
        return TfidfHead.from_arrays(ngrams, arrays, space.longest, None, tokens=space.tokens, counts=space.counts)

    def corpus(self, rows: NDArray[np.int64]) -> Corpus:
        """Return labelled rows as a corpus."""
        table = self._table.take(pa.array(rows))
        corpus = read_corpus(table, text=self.text, columns=None)
        corpus = replace(corpus, input=self.input, reads=self._reads)
        return _labelled(corpus, self.task, self.labels[rows])

    def drawn(self, budget: int, seed: int) -> NDArray[np.int64]:
        """Return the rows of the pool that a draw holds [budget]."""
        groups = self.group_codes(np.arange(self.n_pool))
        return subset(self.task.strata(self.labels[: self.n_pool]), budget, groups=groups, random_state=seed)

    def group_codes(self, rows: NDArray[np.int64]) -> NDArray[np.int64] | None:
        """Return the group codes of rows [rows], or None."""
        return None if self.groups is None else self.groups[rows]

    def adapted_base(self, base: Predictor, texts: Corpus, settings: Settings) -> Predictor:
        """Return the base after it has read the pool's texts, by the seed of the settings: once for all workers."""
        folder = self.folder / f"adapted_{settings.random_state}"
        if not folder.exists():
            write(folder, SharedRows(texts, base, settings).adapted_base(base, texts).to_parts())
        return Predictor.from_parts(read(folder, mapped=True), trust_patterns=True)


def _labelled(corpus: Corpus, task: Task, labels: Array) -> Corpus:
    return replace(corpus, labels=np.array(labels), label_names=task.names, label_values=task.names, kind=task.kind)


class StoredRows(SharedRows):
    """Some rows of a comparison: what a strategy asks for is looked up in its workspace.

    Args:
        workspace: of the comparison.
        rows: positions in it, int64 [rows]; None for the pool's texts without labels.
        settings: of the fit.
        exact: compute layers' outputs for these rows alone, as they are computed outside a comparison: other companies of
            rows may differ in the last digit.
    """

    def __init__(
        self, workspace: Workspace, rows: NDArray[np.int64] | None, settings: Settings, *, exact: bool = False
    ) -> None:
        super().__init__(workspace.unlabelled if rows is None else workspace.corpus(rows), workspace.base, settings)
        self._workspace, self._rows, self._exact = workspace, rows, exact

    def counts(self, space: str) -> NgramCounts:
        """Return the n-grams of all rows, counted in these."""
        matrix, ngrams = self._workspace.counts(space)
        return NgramCounts(matrix[self._rows], ngrams)

    def outputs(self, layers: Sequence[str]) -> NDArray[np.float32]:
        """Return outputs of the base's layers side by side, float32 [rows, size]."""
        if self._exact:
            return super().outputs(layers)
        return np.concatenate([np.asarray(self._workspace.layer(name)[self._rows]) for name in layers], axis=1)

    def base_logits(self) -> NDArray[np.float64]:
        """Return the base's own logits [rows] or [rows, outputs]."""
        return np.array(self._workspace.base_logits[self._rows])

    def source_model(self) -> TfidfHead:
        """Return TF-IDF and logistic regression of the source."""
        return self._workspace.source_model

    def adapted_base(self, base: Predictor, texts: Corpus) -> Predictor:
        """Return the base after it has read texts: the pool's are read once for all draws."""
        if self._rows is None or texts is not self._workspace.unlabelled:
            return super().adapted_base(base, texts)
        # Draws differ in their labels and not in what was read; what is kept reads by its own seed.
        settings = self._settings if self._exact else replace(self._settings, random_state=0)
        return self._workspace.adapted_base(base, texts, settings)


def _of_space(space: str) -> tuple[tuple[Any, str], tuple[Any, str]]:
    return (array_store.load_sparse, space), (array_store.load_strings, f"{space}_ngrams")


def prepare(
    problem: Problem,
    base: Predictor,
    source: Corpus | None,
    folder: Path,
    *,
    spaces: tuple[str, ...] = tuple(SPACES),
    cache: str | Path | None = None,
    device: str = "cpu",
    metric: Metric | None = None,
    further: Mapping[str, Predictor] | None = None,
) -> Workspace:
    """Fill a folder with all that strategies share, and open it.

    Args:
        problem: the rows.
        base: what is carried over.
        source: labelled training texts of a base, for what learns from them; or None.
        folder: an empty folder.
        spaces: the n-gram spaces that are needed.
        cache: where outputs of a large imported encoder are kept; see `headstart.features.layer_outputs`.
        device: where layers are computed, and networks trained later on.
        metric: what strategies are measured by; None for the task's own.
        further: other bases by name, for `Workspace.of_base`.
    """
    for name, other in (further or {}).items():
        how: Json = {"cache": cache, "device": device, "metric": metric}
        prepare(problem, other, None, folder / _FURTHER / name, spaces=(), **how)
    folder.mkdir(parents=True, exist_ok=True)
    both = [problem.pool, problem.test]
    table = pa.concat_tables([part.frame() for part in both], promote_options="default").combine_chunks()
    array_store.save_table(folder, "rows", table)
    np.save(folder / "labels.npy", np.concatenate([labels_of(part) for part in both]))
    np.save(folder / "doubled.npy", problem.doubled)
    name = problem.pool.text_name
    corpus = replace(
        problem.pool, texts=table.column(name).combine_chunks(), columns=table.drop_columns([name]), labels=None
    )
    if problem.group is not None:
        np.save(folder / "groups.npy", group_codes(table.column(problem.group).combine_chunks()))
    for space in spaces:
        matrix, ngrams = count_ngrams(corpus, SPACES[space])
        array_store.save_sparse(folder, space, matrix)
        array_store.save_table(folder, f"{space}_ngrams", pa.table({"ngram": pa.array(ngrams, pa.large_string())}))
    layers = _run_base(folder, base, corpus, cache, device)
    if source is not None:
        _save_source(folder, source, readable=carries_source(problem.task, source))
    facts = {
        "n_pool": len(problem.pool), "task": problem.task.to_json(),
        "metric": (metric or problem.task.primary).name, "columns": list(problem.columns),
        "column_types": problem.column_types,
        "layers": layers, "text": problem.pool.text_name, "group": problem.group, "device": device,
        "has_source": source is not None, "input": problem.pool.input, "reads": list(problem.pool.reads),
    }  # fmt: skip
    array_store.save_facts(folder, "facts", facts)
    workspace = Workspace(folder)
    workspace._base = base
    return workspace


def _run_base(folder: Path, base: Predictor, corpus: Corpus, cache: str | Path | None, device: str) -> tuple[str, ...]:
    """Score all rows with the base, and take all its layers' outputs in one pass; return the layers' names."""
    write(folder / "base", base.to_parts())
    layers = readable_layers(base)
    if not layers:
        np.save(folder / "base_logits.npy", base.score(corpus).logits)
        return ()
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
    base: Predictor, corpus: Corpus, layers: Sequence[str], parts: dict[str, list[NDArray[np.float32]]]
) -> NDArray[np.float64]:
    last = base.net.stages[-1]
    if isinstance(base.scorer, NetworkScorer) and isinstance(base.net, StageGraph) and last in layers:
        found = np.concatenate(parts[last]).astype(np.float64)
        return (
            found[:, 0] if base.answers.n_outputs == 1 else found
        )  # the last stage of a table is the network's result
    return base.score(corpus).logits


def _save_source(folder: Path, source: Corpus, *, readable: bool) -> None:
    array_store.save_table(folder, "source", pa.table({"text": source.texts}))
    array_store.save_facts(folder, "source_task", asked_of(source).to_json())
    np.save(folder / "source_labels.npy", labels_of(source))
    if not readable:
        return
    model = fit_source_model(source)
    ngrams = pa.array(model.ngrams, pa.large_string())
    array_store.save_table(folder, "source_ngrams", pa.table({"ngram": ngrams}))
    for name, array in model.arrays().items():
        np.save(folder / f"source_{name}.npy", array)
