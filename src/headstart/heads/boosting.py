"""CatBoost over layer outputs and tabular columns, stored in CatBoost's own format."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from headstart.arrays import Array
from headstart.artifact import rewritten_in_child
from headstart.errors import ArtifactError, DataError
from headstart.extras import optional
from headstart.heads.columns import ColumnEncoder
from headstart.plain import Json
from headstart.tasks import Goals

CatBoost = Any
"""What the package catboost gives: it has no types."""
_FILE = "head.cbm"


def _catboost() -> CatBoost:
    return optional("catboost", "catboost", "The CatBoost head")


class NothingVariesError(DataError):
    """CatBoost finds no feature to split on."""


@dataclass(frozen=True)
class CatBoostHead:
    """Gradient-boosted trees: Prokhorenkova et al., "CatBoost: unbiased boosting with categorical features", 2018.

    Attributes:
        model: the fitted ``CatBoostClassifier``.
        n_features: size of the layer output it expects.
        encoder: of the tabular columns, or None. Categories go in as they are, nulls among them.
        constants: of several outputs, the logit of each that was the same in all training rows, which trees cannot learn, and
            None for the others [outputs]; empty for one output.
        file: what a head that was read came from: CatBoost does not always read again what it writes of a damaged model.
    """

    model: CatBoost
    n_features: int
    encoder: ColumnEncoder | None = None
    constants: tuple[float | None, ...] = ()
    file: bytes | None = field(default=None, repr=False, compare=False)

    kind = "catboost"

    @classmethod
    def try_out(
        cls,
        features: NDArray[np.float32],
        goals: Goals,
        kept: NDArray[np.int64],
        held: NDArray[np.int64],
        *,
        table: pa.Table | None = None,
        encoder: ColumnEncoder | None = None,
        random_state: int = 0,
    ) -> tuple[int, NDArray[np.float64]]:
        """Grow on the `kept` rows until the `held` ones gain nothing; return the number of trees, 10 or more,
        and the logits of the held-out rows, [held] or [held, outputs]."""
        labels, constants = _labels(goals, kept)
        trial = _classifier(600, goals, random_state, early_stopping_rounds=40)
        codes = goals.task.kind == "multiclass"  # numbers need not stand among those that trees are grown on
        known = held[np.isin(labels[held], labels[kept])] if codes else held
        pools = (_pool(features, table, encoder, rows, labels, goals.weights) for rows in (kept, known))
        _grow(trial, next(pools), eval_set=next(pools))
        logits = _raw(trial, _pool(features, table, encoder, held))
        return max(10, trial.tree_count_), _with_constants(logits, constants)

    @classmethod
    def grow(
        cls,
        features: NDArray[np.float32],
        goals: Goals,
        n_trees: int,
        *,
        table: pa.Table | None = None,
        encoder: ColumnEncoder | None = None,
        random_state: int = 0,
    ) -> CatBoostHead:
        """Grow so many trees on all rows.

        Raises:
            NothingVariesError: there is no feature to split on, or fewer than two outputs to tell apart.
        """
        rows = np.arange(len(goals.values))
        labels, constants = _labels(goals, rows)
        model = _classifier(n_trees, goals, random_state)
        _grow(model, _pool(features, table, encoder, rows, labels, goals.weights))
        return cls(model, features.shape[1], encoder, constants)

    def decision(self, features: NDArray[np.float32], table: pa.Table | None = None) -> NDArray[np.float64]:
        """Return the logits of each row: [rows], or [rows, outputs] of several."""
        if len(features) == 0:
            return np.zeros((0, self.n_outputs) if self.constants else 0)
        pool = _pool(features, table, self.encoder, np.arange(len(features)))
        return _with_constants(_raw(self.model, pool), self.constants)

    @property
    def n_outputs(self) -> int:
        """Logits a row."""
        return len(self.constants) or 1

    @property
    def n_indicators(self) -> int:
        """How many of the inputs come from columns, which are read as they are."""
        return 0 if self.encoder is None else len(self.encoder.kinds)

    @property
    def n_inputs(self) -> int:
        """How many inputs are read: values of layers, and columns."""
        return self.n_features + self.n_indicators

    def config(self) -> Json:
        """Return what is stored next to `blobs`, JSON-able."""
        columns = None if self.encoder is None else self.encoder.config()
        several = {"constants": list(self.constants)} if self.constants else {}
        return {"kind": self.kind, "columns": columns, "size": self.n_features, **several}

    def arrays(self) -> dict[str, Array]:
        """Return nothing: all is in `blobs`."""
        return {}

    def blobs(self) -> dict[str, bytes]:
        """Return the model in CatBoost's binary format, without dates, names of files and the course of the training.

        The same trees are the same bytes.
        """
        return {_FILE: self.file or _rewritten(_written(self.model))[1]}

    @classmethod
    def from_blob(
        cls,
        blob: bytes,
        n_features: int,
        encoder: ColumnEncoder | None,
        constants: Sequence[float | None] = (),
    ) -> CatBoostHead:
        """Read CatBoost's binary format again.

        Raises:
            ArtifactError: if CatBoost refuses it or crashes on it, or it was fitted on another number of features.
            MissingDependencyError: if CatBoost is not installed.
        """
        _catboost()
        # CatBoost crashes on some files that it did not write, and would take this process along.
        sound = rewritten_in_child(check_and_rewrite, blob, what=_FILE)
        try:
            model = _read(sound)
        except Exception as error:
            raise ArtifactError(f"CatBoost cannot read head.cbm ({error}); copy the model again.") from error
        n_categories = len(encoder.category_names) if encoder else 0
        expected = n_features + (encoder.n_numbers if encoder else 0) + n_categories
        found = len(model.feature_names_)
        # The numbers come first, then the categories.
        if found != expected or model.get_cat_feature_indices() != list(range(expected - n_categories, expected)):
            raise ArtifactError(
                f"this model's CatBoost head reads {found} features, {len(model.get_cat_feature_indices())} of them categories, "
                f"where its layer and columns give {expected} with {n_categories}; the model's files do not belong together: "
                "copy it again."
            )
        n_learnt = constants.count(None) if constants else 1
        if _n_outputs(model) != n_learnt:
            raise ArtifactError(
                f"this model's CatBoost head has trees of {_n_outputs(model)} outputs, where {n_learnt} were expected; the model's "
                "files do not belong together: copy it again."
            )
        return cls(model, n_features, encoder, tuple(constants), sound)


_KEPT = {"class_params"}
"""What CatBoost needs of the metadata next to its trees; the rest tells of the machine and the training."""


def check_and_rewrite(blob: bytes) -> bytes:
    """Read CatBoost's binary format, score some rows with it, and write it anew; for a child process.

    Raises:
        ValueError: if its trees hold what no training leaves there.
    """
    read, sound = _rewritten(blob)
    for model in (read, _read(sound)):
        _try_out(model)
    return sound


def _rewritten(blob: bytes) -> tuple[CatBoost, bytes]:
    # CatBoost orders what it writes differently once it has read it; from then on it stays.
    model = _read(blob)
    facts = model.get_metadata()
    for name in set(facts.keys()) - _KEPT:
        del facts[name]
    return model, _written(model)


def _try_out(model: CatBoost) -> None:
    leaves = model.get_leaf_values()
    if len(leaves) != sum(model.get_tree_leaf_counts()) * _n_outputs(model) or not np.isfinite(leaves).all():
        raise ValueError("the leaves of its trees are not all there, or hold values that are no finite numbers")
    n_categories = len(model.get_cat_feature_indices())
    n_numbers = len(model.feature_names_) - n_categories
    # Rows that reach most of the leaves, and categories never seen.
    numbers = np.random.default_rng(0).normal(size=(64, n_numbers)).astype(np.float32)
    numbers[:4] = np.array([0, np.nan, 1e30, -1e30], np.float32)[:, None]
    texts = np.array([[str(row).encode()] * n_categories for row in range(64)], dtype=object)
    data = _features_data(numbers, texts if n_categories else None)
    if not np.isfinite(model.predict(_catboost().Pool(data), prediction_type="RawFormulaVal")).all():
        raise ValueError("it gives scores that are no finite numbers")


def _n_outputs(model: CatBoost) -> int:
    n_leaves = int(sum(model.get_tree_leaf_counts()))
    return max(1, len(model.get_leaf_values()) // max(1, n_leaves))


_LOSSES = {
    "binary": "Logloss",
    "ordinal": "CrossEntropy",  # as Logloss, of goals between 0 and 1
    "regression": "CrossEntropy",
    "multiclass": "MultiClass",
    "multilabel": "MultiLogloss",
}


def _labels(goals: Goals, rows: NDArray[np.int64]) -> tuple[Array, tuple[float | None, ...]]:
    """Return what CatBoost learns, of all rows, and the constant logits that it does not learn; see `CatBoostHead.constants`.

    What it cannot do: learn a class or label that is in none of the rows, or a label that is in all of them.
    """
    values = goals.values
    if values.ndim == 1:
        return values, ()
    sums, n = values[rows].sum(0), len(rows)
    varies = (sums > 0) & (sums < n)
    if varies.sum() < 2:
        raise NothingVariesError(
            f"CatBoost needs two labels at least that some of the {n:,} rows have and others lack, and {varies.sum()} came. "
            "Use head='linear', or more rows."
        )
    constants = [None if own else float(np.log((s + 0.5) / (n - s + 0.5))) for own, s in zip(varies, sums, strict=True)]
    return (values.argmax(1) if goals.task.link == "softmax" else values[:, varies]), tuple(constants)


def _with_constants(logits: NDArray[np.float64], constants: tuple[float | None, ...]) -> NDArray[np.float64]:
    if not constants:
        return logits
    found = np.tile(np.array([0.0 if one is None else one for one in constants]), (len(logits), 1))
    found[:, [one is None for one in constants]] = logits
    return found


def _raw(model: CatBoost, pool: object) -> NDArray[np.float64]:
    return np.asarray(model.predict(pool, prediction_type="RawFormulaVal"), np.float64)


def _classifier(n_trees: int, goals: Goals, random_state: int, **options: Any) -> CatBoost:
    return _catboost().CatBoostClassifier(
        iterations=n_trees,
        learning_rate=0.05 if len(goals.values) < 5000 else 0.1,
        depth=4,
        border_count=64,  # on layers of hundreds of values as good as CatBoost's own 254, in less than half the time
        loss_function=_LOSSES[goals.task.kind],
        random_seed=random_state,
        thread_count=1,  # so that the trees are the same on any machine
        verbose=False,
        allow_writing_files=False,
        **options,
    )


def _grow(model: CatBoost, pool: CatBoost, **options: Any) -> None:
    try:
        model.fit(pool, **options)
    except _catboost().CatBoostError as error:
        if "constant or ignored" not in str(error):
            raise
        raise NothingVariesError(
            f"CatBoost finds nothing to split {pool.num_row():,} rows on: the features are the same in nearly all of them. "
            "Use head='linear', other columns, or more rows."
        ) from error


def _written(model: CatBoost) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "head.cbm"
        model.save_model(str(path), format="cbm")
        return path.read_bytes()


def _read(blob: bytes) -> CatBoost:
    model = _catboost().CatBoostClassifier()
    model.load_model(blob=blob)
    return model


def _pool(
    features: NDArray[np.float32],
    table: pa.Table | None,
    encoder: ColumnEncoder | None,
    rows: NDArray[np.int64],
    labels: Array | None = None,
    weights: Array | None = None,
) -> CatBoost:
    numbers, texts = np.ascontiguousarray(features[rows], np.float32), None
    if encoder is not None and table is not None:
        chosen = table.take(pa.array(rows))
        numbers = np.ascontiguousarray(np.concatenate([numbers, encoder.numbers(chosen)], axis=1))
        if encoder.category_names:
            # FeaturesData takes bytes, and nothing else, for categories.
            texts = np.array([[value.encode() for value in row] for row in encoder.texts(chosen)], dtype=object)
    of_rows = (None if part is None else part[rows] for part in (labels, weights))
    return _catboost().Pool(_features_data(numbers, texts), **dict(zip(("label", "weight"), of_rows, strict=True)))


def _features_data(numbers: NDArray[np.float32], texts: Array | None) -> CatBoost:
    return _catboost().FeaturesData(num_feature_data=numbers if numbers.shape[1] else None, cat_feature_data=texts)
