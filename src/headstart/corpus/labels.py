"""Label values of any type as class codes, with the order said and never guessed.

A label's *name* is what it means, whatever type held it: 1, 1.0, ``"1"`` and a 1 from CSV are all ``"1"``;
True, ``"true"`` and ``"TRUE"`` are ``"True"``. So a model trained on ints takes a CSV of strings.
"""

import csv
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from headstart.corpus.columns import NUMBER, distinct
from headstart.errors import DataError, OptionError

MISSING_LABELS = frozenset(
    ("NA", "<NA>", "N/A", "n/a", "#N/A", "#NA", "#N/A N/A", "NaN", "nan", "-NaN", "-nan", "NULL", "null", "None", "NaT")
)
"""How programs write a label that is missing, letter by letter as pandas reads it: ``none`` may be the name of a class."""

_MOST_SHOWN = 12


class LabelCodes(NamedTuple):
    """Labels as codes: ``codes`` int64 ``[rows]`` (-1 where missing), ``names`` in code order."""

    codes: np.ndarray
    names: tuple[str, ...]


def label_name(value: object) -> str | None:
    """What a label value is called; None when it is missing (null, NaN, blank).

    >>> [label_name(value) for value in (1, 1.0, "1", True, "TRUE", " good ", None)]
    ['1', '1', '1', 'True', 'True', 'good', None]
    """
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if value is None or value != value:
        return None
    text = str(value).strip()
    if text.casefold() in ("true", "false"):
        return text.capitalize()
    if re.fullmatch(NUMBER, text) and float(text).is_integer() and abs(float(text)) < 2**53:
        return str(int(float(text)))
    return text or None


def encode_labels(
    values: object,
    *,
    label_map: Mapping[Any, Any] | None = None,
    positive: object = None,
    names: Sequence[str] | None = None,
    missing: Collection[str] = MISSING_LABELS,
) -> LabelCodes:
    """Class codes of a label column, and the names in the order of the codes.

    Without ``names`` the order is False before True, numbers by size, then the alphabet; of two classes the
    last is the positive one (code 1) unless ``positive`` says otherwise.

    Args:
        values: list, NumPy, pandas, Polars or Arrow column of ints, bools or strings ``[rows]``.
        label_map: renames values before anything else: ``{"happy": 1, "not happy": 0}``. Every value must be
            in it, or be one of the names that it maps to.
        positive: which of two classes is the positive one.
        names: the classes of a model that exists, in code order; the values must be among them. None, or none of
            them, where no model says which.
        missing: strings that stand for no label, unless `label_map` or `names` have them; null, NaN and blanks always do.

    Returns:
        ``(codes, names)``: int64 ``[rows]``, -1 where the label is missing; names in code order.

    Raises:
        DataError: values that the map or the model does not know (lists both, shows the option to type), or
            ``positive`` is none of the values.
    """
    rows, held = distinct(values, "label", "the data")
    found = [label_name(value) for value in held]
    known = {label_name(value) for value in (*(label_map or ()), *(names or ()))}
    mapped = mapped_names([None if name in missing and name not in known else name for name in found], label_map)
    present = tuple(sorted({name for name in mapped if name is not None}, key=name_order))
    order = _known(present, names, positive) if names else _with_positive_last(present, positive)
    codes = {name: code for code, name in enumerate(order)}
    table = np.array([-1 if name is None else codes[name] for name in mapped], np.int64)
    return LabelCodes(table[rows] if len(table) else np.zeros(0, np.int64), order)


def label_values(values: object, names: Sequence[str]) -> tuple[Any, ...]:
    """The value behind each name as the data hold it: ``(0, 1)`` for ints, the name itself where there is none."""
    found: dict[str | None, Any] = {}
    for value in distinct(values, "label", "the data")[1]:
        found.setdefault(label_name(value), value)
    return tuple(found.get(name, name) for name in names)


def parse_label_map(text: str) -> dict[str, str]:
    """``"A=x,B=y"`` of ``--label-map`` as ``{"A": "x", "B": "y"}``.

    Raises:
        OptionError: a part without ``=``, or a value that stands there twice.
    """
    mapping: dict[str, str] = {}
    for part in next(csv.reader([text], skipinitialspace=True)) or [""]:
        value, equals, name = (piece.strip() for piece in part.partition("="))
        if not (equals and value and name) or value in mapping:
            raise OptionError(
                f"--label-map {text!r} cannot be read at {part!r}. "
                f"Write each value of the data once with the name it gets: A=x,B=y "
                f"(inside quotation marks where it holds a comma)."
            )
        mapping[value] = name
    return mapping


def describe_labels(names: Sequence[str]) -> str:
    """The mapping in words, for people: ``not happy = 0, happy = 1 (positive)``; of a single label its name."""
    if len(names) == 1:
        return names[0]
    marks = ["" if len(names) != 2 or code == 0 else " (positive)" for code in range(len(names))]
    named = [f"{name} = {code}{mark}" for code, (name, mark) in enumerate(zip(names, marks, strict=True))]
    return ", ".join(named[:_MOST_SHOWN]) + (
        f" and {len(named) - _MOST_SHOWN} more" if len(named) > _MOST_SHOWN else ""
    )


def require_two_classes(codes: np.ndarray, names: Sequence[str], where: str = "the training data") -> None:
    """Refuse labels from which nothing can be learnt.

    Raises:
        DataError: fewer than two classes occur in ``codes``.
    """
    present = np.unique(codes[codes >= 0])
    if len(present) >= 2:
        return
    found = f"only the label {names[present[0]]!r}" if len(present) else "no label at all"
    raise DataError(
        f"All {len(codes)} rows of {where} hold {found}; training needs rows of at least two classes, "
        f"and {'one class' if len(present) else 'none'} came. "
        f"Check the label column, --where and --label-map."
    )


def mapped_names(found: Sequence[str | None], label_map: Mapping[Any, Any] | None) -> list[str | None]:
    """Names as a label map renames them; None stays None.

    Raises:
        DataError: a name that the map does not know.
    """
    if not label_map:
        return list(found)
    renamed = {label_name(value): label_name(name) for value, name in label_map.items()}
    targets = set(renamed.values())
    unknown = [name for name in found if name is not None and name not in renamed and name not in targets]
    if unknown:
        raise DataError(
            f"The label map names {listed(sorted(filter(None, renamed)))} but the data also hold {listed(unknown)}. "
            f"Add them to the map, or drop their rows with --where."
        )
    return [renamed.get(name, name) for name in found]


def name_order(name: str) -> tuple[int, float, str]:
    """What names are sorted by: numbers by size, then the alphabet."""
    is_number = re.fullmatch(NUMBER, name) is not None
    return (0, float(name), name) if is_number else (1, 0.0, name)


def _with_positive_last(present: tuple[str, ...], positive: object) -> tuple[str, ...]:
    if positive is None:
        return present
    last = label_name(positive)
    if last not in present:
        raise DataError(f"The positive label {positive!r} is none of those in the data: {listed(present)}. Name one.")
    if len(present) > 2:
        raise DataError(
            f"A positive label was named ({positive!r}), but the data hold {len(present)} classes: {listed(present)}. "
            f"Join them into two with --label-map, or name none."
        )
    return (*(name for name in present if name != last), last)


def _known(present: Sequence[str], names: Sequence[str], positive: object) -> tuple[str, ...]:
    """The model's names, when the data's are among them."""
    order = tuple(str(name) for name in names)
    if unknown := sorted(set(present) - set(order), key=name_order):
        if len(order) > 2:
            raise DataError(
                f"The labels of the data hold {listed(unknown)}, and those of the model are {listed(order)}. Rename them with "
                f'--label-map (label_map=), as in "{unknown[0]}={order[0]}", or drop their rows with --where.'
            )
        example = ",".join(f"{value}={name}" for value, name in zip(present, order, strict=False))
        raise DataError(
            f"The labels of the data are {listed(present)}; those of the model are {listed(order)} "
            f"({describe_labels(order)}), so {listed(unknown)} cannot be placed. "
            f'Say which is which, for example --label-map "{example}" if that is what they mean.'
        )
    if positive is not None and label_name(positive) != order[-1]:
        raise DataError(
            f"The positive label {positive!r} was asked for, but the model's is {order[-1]!r} "
            f"({describe_labels(order)}). Drop --positive, or rename values with --label-map."
        )
    return order


def listed(names: Sequence[str]) -> str:
    """The first names in quotation marks, and how many more there are."""
    shown = ", ".join(repr(name) for name in names[:_MOST_SHOWN])
    return f"{shown} and {len(names) - _MOST_SHOWN} more" if len(names) > _MOST_SHOWN else shown or "none"
