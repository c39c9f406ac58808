"""What a text step may give to scikit-learn's ``ColumnTransformer``, which puts tables next to each other."""

import sys
from typing import TypeVar

from sklearn.base import BaseEstimator

from headstart.errors import DataError

Output = TypeVar("Output")


def refuse_what_is_no_table(step: BaseEstimator, output: Output, reason: str) -> Output:
    """Return the output of a step, unless a ``ColumnTransformer`` waits for it and it is no table.

    Args:
        step: what calls this, in its ``transform``.
        output: what it is about to return.
        reason: the sentence to refuse with. Scikit-learn's own, "should be 2D", does not say what to write.

    Raises:
        DataError: with that sentence.
    """
    is_table = getattr(output, "ndim", 0) == 2 or hasattr(output, "columns")
    if not is_table and "sklearn.compose" in sys.modules and _feeds_column_transformer(step):
        raise DataError(reason)
    return output


def _feeds_column_transformer(step: BaseEstimator) -> bool:
    """Whether a ``ColumnTransformer`` called the step, or a pipeline that ends with it. Only the stack tells."""
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import Pipeline

    frame = sys._getframe(1)
    while frame := frame.f_back:  # type: ignore[assignment]
        caller = frame.f_locals.get("self") if "self" in frame.f_code.co_varnames else None
        if isinstance(caller, Pipeline) and caller.steps[-1][1] is step:
            step = caller
        elif isinstance(caller, BaseEstimator) and caller is not step:
            return isinstance(caller, ColumnTransformer)
    return False
