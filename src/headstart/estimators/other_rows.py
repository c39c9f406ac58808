"""The estimators of rows that are no texts: the body of `TextClassifier`, with the options that mean something to them."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

from headstart.estimators.classifier import TextClassifier
from headstart.estimators.regressor import TextRegressor
from headstart.estimators.text_estimator import TextEstimator

_OF_TEXTS = (
    "tokens", "min_count", "max_words", "max_tokens", "clip", "word_vectors", "text", "unlabelled", "source", "cache", "encoder", "teacher",
)  # fmt: skip


class _OtherRows(TextEstimator):
    """Keeps the options that its signature has: those of `TextEstimator` but for what is about words, and `column`."""

    column: str | Sequence[str] | None = None

    def __init_subclass__(cls, **given: Any) -> None:
        super().__init_subclass__(**given)
        if "_row_kind" not in vars(cls):
            return
        known = inspect.signature(TextEstimator.__init__).parameters
        options = [one for name, one in known.items() if name not in _OF_TEXTS]
        options = [one.replace(default=cls._net) if one.name == "net" else one for one in options]
        if cls._row_kind != "columns":
            options.append(inspect.Parameter("column", inspect.Parameter.KEYWORD_ONLY, default=None))

        def __init__(self: Any, **options: Any) -> None:
            TextEstimator.__init__(self)
            for name, parameter in signature.parameters.items():
                if name != "self":
                    setattr(self, name, options.pop(name, parameter.default))
            for name in options:
                raise TypeError(
                    f"{type(self).__name__} has no option {name!r}; it has {', '.join([*signature.parameters][1:])}"
                )

        signature = inspect.Signature(options)
        __init__.__signature__ = signature  # type: ignore[attr-defined]
        cls.__init__ = __init__  # type: ignore[method-assign]

    @property
    def _named(self) -> str | Sequence[str] | None:
        return self.columns or None if self._row_kind == "columns" else self.column

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = self._row_kind == "columns"
        tags.input_tags.one_d_array = self._row_kind != "columns"
        tags.input_tags.two_d_array = self._row_kind == "columns"
        tags.input_tags.three_d_array = self._row_kind != "columns"
        return tags


class TabularClassifier(_OtherRows, TextClassifier):
    """Tells kinds of rows of a table apart, from scratch or from what a base has learnt elsewhere.

    `X` is a table (pandas, Polars, Arrow, a dict of columns), of which `columns` are read, or all; or an array [rows, columns].
    Numbers, dates, categories and truth values are told from the training rows. `y`, and all else, is as with `TextClassifier`.

    >>> X = {"length": [1.0, 1.2, 5.0, 5.1] * 10, "colour": ["red", "red", "blue", "blue"] * 10}
    >>> TabularClassifier(strategy="columns").fit(X, ["a", "a", "b", "b"] * 10).predict({"length": [5.2], "colour": ["blue"]}).tolist()
    ['b']
    """

    _row_kind, _net = "columns", "mlp"


class TabularRegressor(_OtherRows, TextRegressor):
    """Predicts a number for each row of a table; `X` is as with `TabularClassifier`, `y` as with `TextRegressor`."""

    _row_kind, _net = "columns", "mlp"


class SeriesClassifier(_OtherRows, TextClassifier):
    """Tells kinds of series apart, from scratch or from what a base has learnt elsewhere.

    `X` is an array [rows, channels, steps] or [rows, steps]; a list of series of unequal lengths, each [channels, steps] or
    [steps]; or a table, whose `column` holds lists of numbers, or one such list for each channel (several columns are a channel
    each). What is missing within a series (NaN, null) is taken for the value before it.
    """

    _row_kind, _net = "series", "inception"


class SeriesRegressor(_OtherRows, TextRegressor):
    """Predicts a number for each series; `X` is as with `SeriesClassifier`, `y` as with `TextRegressor`."""

    _row_kind, _net = "series", "inception"


class ImageClassifier(_OtherRows, TextClassifier):
    """Tells kinds of images apart, from scratch or from what a base has learnt elsewhere.

    `X` is an array [rows, height, width] of grey or [rows, height, width, 3] of colours, 0 to 255 or fractions; a list of such
    arrays, or of files' bytes; or a table, whose `column` holds paths of files or their bytes.
    """

    _row_kind, _net = "image", "resnet"


class ImageRegressor(_OtherRows, TextRegressor):
    """Predicts a number for each image; `X` is as with `ImageClassifier`, `y` as with `TextRegressor`."""

    _row_kind, _net = "image", "resnet"
