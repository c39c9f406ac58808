"""A model is never written over the base that it was made from."""

from __future__ import annotations

import os

from headstart.artifact import read
from headstart.errors import ArtifactError, OptionError
from headstart.features import as_predictor
from headstart.outputs import check_apart


def check_not_base(path: str | os.PathLike[str], base: object) -> None:
    """Refuse a folder that holds the base.

    Args:
        path: where a model is to be written.
        base: what it was made from: the path of a model, a fitted classifier or a predictor, which is known again by
            its content.

    Raises:
        OptionError: the base lies there.
    """
    if isinstance(base, str | os.PathLike):
        check_apart(path, [base], option="the model's folder")
        return
    try:
        there = read(path)
    except ArtifactError:
        return
    own = as_predictor(base).to_parts()
    # The same arrays and words, made in the same way, in whatever format: what `as-is` makes has its base's arrays as well.
    if there.digest(but=there.model) == own.digest(but=own.model) and there.model["info"] == own.model["info"]:
        raise OptionError(
            f"{str(path)!r} holds the base that this model was made from, and would lose it; save to another folder."
        )
