"""Labels and row weights as scikit-learn hands them over: what may come, and what the classes are called afterwards."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np
from sklearn.exceptions import DataConversionWarning

from headstart.arrays import Doubles
from headstart.corpus import Corpus, as_corpus, label_name
from headstart.corpus.targets import AUTO, Labelling, encode_targets
from headstart.errors import DataError, OptionError
from headstart.tasks import Task


def labelled(
    X: object,
    y: object = None,
    *,
    text: str | None = None,
    columns: Sequence[str] = (),
    sample_weight: object = None,
    **how: Any,
) -> Corpus:
    """Return texts and labels in any form as a `Corpus`.

    Its `label_values` are the values of `y`, also where `label_map` renames them one to one.

    Args:
        X: texts, a table or a corpus [rows].
        y: labels [rows], or one column of them [rows, 1]; 0 and 1 [rows, labels] or lists of labels [rows]; None takes those of a
            labelled corpus.
        text, columns: of a table, as `headstart.corpus.as_corpus` takes them.
        sample_weight: weights [rows], a number for all rows, or None.
        how: fields of `headstart.corpus.targets.Labelling`.

    Raises:
        DataError: if texts, labels and weights differ in number, a label is missing, or the labels do not fit.
        OptionError: an option that means nothing to the labels' task.
    """
    corpus = as_corpus(X, text=text, columns=columns)
    if sample_weight is not None:
        corpus = replace(corpus, weights=_checked_weights(sample_weight, len(corpus)))
    how["positive"] = _renamed(how.get("positive"), how.get("label_map"))
    asked = Labelling(**how)
    if y is not None:
        return _with_values(corpus, columns_of(y), asked)
    if corpus.labels is None or _fits(corpus, asked):
        return corpus
    if asked.kind in (AUTO, "classes"):
        asked = replace(asked, task=corpus.kind or AUTO)
    if asked.kind == corpus.kind == "ordinal" and asked.order is None and not isinstance(asked.task, Task):
        of_base = (
            asked.base is not None and asked.base.kind == "ordinal" and {*corpus.label_names} <= {*asked.base.names}
        )
        asked = replace(asked, order=None if of_base or asked.label_map else corpus.label_names)
    values = dict(zip(corpus.label_names, corpus.label_values or corpus.label_names, strict=True))
    again = _with_values(corpus, _names_of(corpus), asked)
    found = tuple(values.get(value, value) for value in again.label_values)
    return replace(
        again, label_values=found, label_column=corpus.label_column, label_note=corpus.label_note or again.label_note
    )


def _fits(corpus: Corpus, asked: Labelling) -> bool:
    """Tell whether a corpus's labels are what is asked for already."""
    if asked.label_map or asked.positive is not None or asked.order is not None:
        return False
    names = corpus.label_names
    if isinstance(asked.task, Task):
        return (asked.kind, asked.task.names) == (corpus.kind or asked.kind, names)
    if asked.kind not in (AUTO, "classes", corpus.kind):
        return False
    wanted = asked.names or (asked.base.names if asked.base is not None else None)
    return wanted in (None, (), names)


def _names_of(corpus: Corpus) -> Any:
    """Return the label of each row by name, a list of them, or a number."""
    return None if corpus.task is None else corpus.task.named(np.asarray(corpus.labels)).tolist()


def class_factors(corpus: Corpus, class_weight: Mapping[Any, float] | str | None) -> Doubles | None:
    """Return what each class code's rows count for [classes]: ``"balanced"`` lets all classes count alike.

    Args:
        corpus: the training rows, with labels.
        class_weight: None, ``"balanced"``, or weights by label value; a label that is not there counts 1.

    Raises:
        OptionError: a weight that is no positive number, one of a label that the rows do not have, or a task without one label a
            row.
    """
    if class_weight is None or corpus.labels is None:
        return None
    if corpus.kind in ("multilabel", "regression"):
        raise OptionError(
            f"class_weight came, and the task is {corpus.kind}; rows can be weighed by their class only where each has one. Pass "
            "sample_weight, or leave it out."
        )
    codes, n_classes = corpus.labels, len(corpus.label_names)
    if class_weight == "balanced":
        sums = np.bincount(codes, corpus.weights, minlength=n_classes)
        return np.asarray(sums.sum() / ((sums > 0).sum() * np.maximum(sums, 1e-300)))
    if isinstance(class_weight, str):
        raise OptionError(f"class_weight is {class_weight!r}; expected 'balanced', a weight by label, or None.")
    factors = np.ones(n_classes)
    known = {label_name(value): code for code, value in enumerate(corpus.label_values)}
    known |= {name: code for code, name in enumerate(corpus.label_names)}
    for value, weight in class_weight.items():
        code = known.get(label_name(value))
        if code is None:
            raise OptionError(
                f"class_weight names the label {value!r}, and the labels are "
                f"{', '.join(map(repr, corpus.label_values[:12]))}{' and more' if n_classes > 12 else ''}; name only these."
            )
        if isinstance(weight, bool) or not 0 <= weight < np.inf:
            raise OptionError(f"class_weight of {value!r} is {weight!r}; expected a number of 0 or more.")
        factors[code] = weight
    return factors


def weighted(corpus: Corpus, factors: Doubles | None) -> Corpus:
    """Return the corpus with each row's weight times that of its class; weights that are all 1 are no weights.

    Rows of weight 0 are left out, as if they were not there.

    Raises:
        DataError: if no row is left.
    """
    if corpus.labels is None or (corpus.weights is None and (factors is None or (factors == 1).all())):
        return corpus
    weights: Doubles = np.ones(len(corpus)) if corpus.weights is None else corpus.weights
    weights = weights if factors is None else weights * factors[corpus.labels]
    if not weights.any():
        raise DataError(
            f"all {len(corpus)} sample weights are zero, which leaves no row to learn from; give some weight."
        )
    if (weights == 1).all():
        return replace(corpus, weights=None)
    found = replace(corpus, weights=weights)
    return found if weights.all() else found.take(weights > 0)


def _with_values(corpus: Corpus, y: object, asked: Labelling) -> Corpus:
    found = corpus.with_labels(y, **{field.name: getattr(asked, field.name) for field in fields(asked)})
    if len(found) < len(corpus):
        missing = np.flatnonzero(~encode_targets(y, asked).held)
        raise DataError(
            f"Input y contains NaN: {len(missing)} of {len(corpus)} labels are missing (null, NaN or blank), the first in "
            f"row {missing[0]}. Drop these rows, or pass their texts as unlabelled=."
        )
    if asked.kind == "classes":
        _refuse_measurements(found)
    behind = asked.label_map and not isinstance(y, Mapping) and found.kind != "multilabel"
    return replace(found, label_values=_values_behind(y, found, asked.label_map or {})) if behind else found


def _values_behind(y: object, corpus: Corpus, label_map: Mapping[Any, Any]) -> tuple[Any, ...]:
    """Return the value of `y` behind each renamed label; the new names where one of these has several behind it."""
    renamed = {label_name(value): label_name(name) for value, name in label_map.items()}
    held = Corpus(corpus.texts).with_labels(y, task="classes")
    values: dict[Any, Any] = dict.fromkeys(renamed) | dict(zip(held.label_names, held.label_values, strict=True))
    behind: dict[Any, list[Any]] = {}
    for old, value in values.items():
        behind.setdefault(renamed.get(old, old), []).append(old if value is None else value)
    if any(len(several) > 1 for several in behind.values()):
        return corpus.label_names
    return tuple(behind.get(name, [name])[0] for name in corpus.label_names)


def _renamed(positive: object, label_map: Mapping[Any, Any] | None) -> Any:
    """Return the positive label's new name, where it was named as `y` holds it."""
    renamed = {label_name(value): name for value, name in (label_map or {}).items()}
    if positive is None or label_name(positive) in {label_name(name) for name in renamed.values()}:
        return positive
    return renamed.get(label_name(positive), positive)


def columns_of(y: Any) -> Any:
    """Return `y` as one column, or as columns of 0 and 1 by name; a column vector is one, with scikit-learn's warning."""
    if hasattr(y, "toarray"):
        raise DataError("Sparse data was passed for y; pass the labels as an array, a list or a Series [rows].")
    if hasattr(y, "columns") and not isinstance(y, Mapping):
        if len(y.columns) > 1:
            return {str(name): y[name] for name in y.columns}
        y = np.asarray(y)
    nested = (
        isinstance(y, list | tuple) and len(y) > 0 and isinstance(y[0], list | tuple | set | frozenset | np.ndarray)
    )
    if nested:
        rows = [_as_list(row) for row in y]
        sizes = {len(row) if isinstance(row, list) else None for row in rows}
        if len(sizes) > 1 or any(isinstance(value, str) for row in rows for value in row):
            return rows  # labels by name, some a row
        y = rows
    values = np.asarray(y) if nested or not hasattr(y, "__len__") else y
    if not isinstance(values, np.ndarray):
        return values
    if values.dtype.kind == "c":
        raise DataError("Complex data not supported: the labels are complex numbers; pass two values of another type.")
    if values.dtype.kind == "f" and np.isinf(values).any():
        raise DataError(f"Input y contains infinity or a value too large for {values.dtype!r}.")
    if values.ndim == 1:
        return values
    if values.ndim == 2 and values.shape[1] == 1:
        _warn_of_column_vector()
        return values.reshape(-1)
    if values.ndim != 2 or values.shape[1] == 0 or not np.isin(values, (0, 1)).all():
        raise DataError(
            f"y should be a 1d array, got an array of shape {values.shape} instead; pass a label a row, or 0 and 1 for each of "
            "several labels."
        )
    return {str(place): values[:, place] for place in range(values.shape[1])}


def _as_list(row: object) -> Any:
    """Return a row's labels as a list; what holds none, such as None, as it is."""
    if isinstance(row, set | frozenset):
        return sorted(row, key=str)
    return list(row) if isinstance(row, list | tuple | np.ndarray) else row


def _warn_of_column_vector() -> None:
    message = (
        "A column-vector y was passed when a 1d array was expected. Please change the shape of y to (n_samples, ), "
        "for example using ravel()."
    )
    warnings.warn(message, DataConversionWarning, stacklevel=5)


def _refuse_measurements(corpus: Corpus) -> None:
    """Refuse labels that are no classes but numbers on a scale."""
    values = corpus.label_values
    broken = [value for value in values if isinstance(value, float) and not value.is_integer()]
    if len(values) > 2 and broken:
        raise DataError(
            f"Unknown label type: continuous. The labels hold {len(values)} values such as {broken[0]:g}, which are numbers "
            "on a scale and no classes; cut them into two classes first."
        )


def _checked_weights(sample_weight: object, n_rows: int) -> Doubles:
    """Return the weights as float64 [n_rows]."""
    try:
        weights = np.asarray(sample_weight, np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"sample_weight holds values that are no numbers ({error}); pass a weight a row.") from error
    if weights.ndim == 0:
        weights = np.full(n_rows, weights)
    if weights.ndim != 1:
        raise DataError(f"Sample weights must be 1D array or scalar; an array of shape {weights.shape} came.")
    if len(weights) != n_rows:
        raise DataError(f"{len(weights)} sample weights came for {n_rows} texts. Pass one weight a text.")
    for found, what in ((np.isnan(weights), "NaN"), (np.isinf(weights), "infinity"), (weights < 0, "negative values")):
        if found.any():
            raise DataError(
                f"Input sample_weight contains {what}, first in row {found.argmax()}; expected numbers of 0 or more."
            )
    return weights
