"""Labels and row weights as scikit-learn hands them over: what may come, and what the classes are called afterwards."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import DataConversionWarning

from headstart.corpus import Corpus, as_corpus, encode_labels, label_name
from headstart.errors import DataError, OptionError

__all__ = ["class_factors", "labelled", "weighted"]


def labelled(
    X: Any,
    y: Any = None,
    *,
    text: str | None = None,
    columns: Sequence[str] = (),
    label_map: Mapping[Any, Any] | None = None,
    positive: Any = None,
    names: Sequence[str] | None = None,
    sample_weight: Any = None,
) -> Corpus:
    """Return texts and labels in any form as a `Corpus`; see `headstart.corpus.encode_labels` for the labels.

    Its `label_values` are the values of `y`, also where `label_map` renames them one to one.

    Args:
        X: texts, a table or a corpus [rows].
        y: labels [rows], or one column of them [rows, 1]; None takes those of a labelled corpus.
        text, columns: of a table, as `headstart.corpus.as_corpus` takes them.
        label_map, positive, names: as `headstart.corpus.encode_labels` takes them.
        sample_weight: weights [rows], a number for all rows, or None.

    Raises:
        DataError: if texts, labels and weights differ in number, a label is missing, or the labels do not fit.
    """
    corpus = as_corpus(X, text=text, columns=columns)
    if sample_weight is not None:
        corpus = replace(corpus, weights=_checked_weights(sample_weight, len(corpus)))
    positive = _renamed(positive, label_map)
    if y is not None:
        return _with_values(corpus, _one_dimension(y), label_map=label_map, positive=positive, names=names)
    as_they_are = not label_map and positive is None and names in (None, (), corpus.label_names)
    if corpus.labels is None or as_they_are:
        return corpus
    found = [corpus.label_names[code] for code in corpus.labels]
    values = dict(zip(corpus.label_names, corpus.label_values or corpus.label_names, strict=True))
    again = _with_values(corpus, found, label_map=label_map, positive=positive, names=names)
    return replace(again, label_values=tuple(values.get(value, value) for value in again.label_values))


def class_factors(corpus: Corpus, class_weight: Mapping[Any, float] | str | None) -> NDArray[np.float64]:
    """Return what each class code's rows count for [2]: ``"balanced"`` lets both classes count alike.

    Args:
        corpus: the training rows, with labels.
        class_weight: None, ``"balanced"``, or weights by label value; a label that is not there counts 1.

    Raises:
        OptionError: a weight that is no positive number, or one of a label that the rows do not have.
    """
    codes = np.asarray(corpus.labels)
    if class_weight is None:
        return np.ones(2)
    if class_weight == "balanced":
        sums = np.bincount(codes, corpus.weights, minlength=2)[:2]
        return np.asarray(sums.sum() / (2 * np.maximum(sums, 1e-300)))
    if isinstance(class_weight, str):
        raise OptionError(f"class_weight is {class_weight!r}; expected 'balanced', a weight by label, or None.")
    factors = np.ones(2)
    known = {label_name(value): code for code, value in enumerate(corpus.label_values)}
    known |= {name: code for code, name in enumerate(corpus.label_names)}
    for value, weight in class_weight.items():
        code = known.get(label_name(value))
        if code is None:
            raise OptionError(
                f"class_weight names the label {value!r}, and the labels are "
                f"{', '.join(map(repr, corpus.label_values))}; name only these."
            )
        if isinstance(weight, bool) or not 0 <= weight < np.inf:
            raise OptionError(f"class_weight of {value!r} is {weight!r}; expected a number of 0 or more.")
        factors[code] = weight
    return factors


def weighted(corpus: Corpus, factors: NDArray[np.float64]) -> Corpus:
    """Return the corpus with each row's weight times that of its class; weights that are all 1 are no weights.

    Rows of weight 0 are left out, as if they were not there.

    Raises:
        DataError: if no row is left.
    """
    if corpus.labels is None or (corpus.weights is None and (factors == 1).all()):
        return corpus
    weights = (1.0 if corpus.weights is None else corpus.weights) * factors[corpus.labels]
    if not weights.any():
        raise DataError(
            f"all {len(corpus)} sample weights are zero, which leaves no row to learn from; give some weight."
        )
    if (weights == 1).all():
        return replace(corpus, weights=None)
    found = replace(corpus, weights=weights)
    return found if weights.all() else found.take(weights > 0)


def _with_values(corpus: Corpus, y: Any, *, label_map: Mapping[Any, Any] | None, **options: Any) -> Corpus:
    found = corpus.with_labels(y, label_map=label_map, **options)
    if len(found) < len(corpus):
        missing = np.flatnonzero(encode_labels(y).codes < 0)
        raise DataError(
            f"Input y contains NaN: {len(missing)} of {len(corpus)} labels are missing (null, NaN or blank), the first in "
            f"row {missing[0]}. Drop these rows, or pass their texts as unlabelled=."
        )
    _refuse_measurements(found)
    return replace(found, label_values=_values_behind(y, found, label_map)) if label_map else found


def _values_behind(y: Any, corpus: Corpus, label_map: Mapping[Any, Any]) -> tuple[Any, ...]:
    """Return the value of `y` behind each renamed label; the new names where one of these has several behind it."""
    renamed = {label_name(value): label_name(name) for value, name in label_map.items()}
    held = Corpus(corpus.texts).with_labels(y)
    values: dict[Any, Any] = dict.fromkeys(renamed) | dict(zip(held.label_names, held.label_values, strict=True))
    behind: dict[Any, list[Any]] = {}
    for old, value in values.items():
        behind.setdefault(renamed.get(old, old), []).append(old if value is None else value)
    if any(len(several) > 1 for several in behind.values()):
        return corpus.label_names
    return tuple(behind.get(name, [name])[0] for name in corpus.label_names)


def _renamed(positive: Any, label_map: Mapping[Any, Any] | None) -> Any:
    """Return the positive label's new name, where it was named as `y` holds it."""
    renamed = {label_name(value): name for value, name in (label_map or {}).items()}
    if positive is None or label_name(positive) in {label_name(name) for name in renamed.values()}:
        return positive
    return renamed.get(label_name(positive), positive)


def _one_dimension(y: Any) -> Any:
    """Return `y` as one column, as scikit-learn would have it: a column vector is one, with a warning."""
    if hasattr(y, "toarray"):
        raise DataError("Sparse data was passed for y; pass the labels as an array, a list or a Series [rows].")
    nested = isinstance(y, list | tuple) and len(y) > 0 and isinstance(y[0], list | tuple | np.ndarray)
    frame = hasattr(y, "columns") and not isinstance(y, Mapping)
    values = np.asarray(y) if nested or frame or not hasattr(y, "__len__") else y
    if not isinstance(values, np.ndarray):
        return values
    if values.dtype.kind == "c":
        raise DataError("Complex data not supported: the labels are complex numbers; pass two values of another type.")
    if values.dtype.kind == "f" and np.isinf(values).any():
        raise DataError(f"Input y contains infinity or a value too large for {values.dtype!r}.")
    if values.ndim != 1:
        if values.ndim != 2 or values.shape[1] != 1:
            raise DataError(
                f"y should be a 1d array, got an array of shape {values.shape} instead; pass a label a row."
            )
        _warn_of_column_vector()
    return values.reshape(-1)


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


def _checked_weights(sample_weight: Any, n_rows: int) -> NDArray[np.float64]:
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
