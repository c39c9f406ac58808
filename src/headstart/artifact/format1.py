"""The one converter: a model that format 1 describes (1.0 to 1.3), as format 2 describes it. Its files are the same."""

from __future__ import annotations

from headstart.artifact.arguments import kept_arguments
from headstart.errors import ArtifactError
from headstart.plain import Facts, Json
from headstart.records import REMEDY

_MINOR = 3
"""The last number behind the point that models of format 1 were written with."""


def converted(model: Facts) -> tuple[Json, int]:
    """Return a description of format 1 as one of format 2, and the number behind the point of its version, 0 to 3.

    Raises:
        ArtifactError: it is of a later version, or lacks what every model had.
    """
    new = dict(model)
    minor = new.pop("minor", 0)
    if type(minor) is not int or not 0 <= minor <= _MINOR:
        raise ArtifactError(
            f"this model is of format 1.{minor!r:.20}, and this version of headstart reads up to 1.{_MINOR} and 2; upgrade headstart."
        )
    try:
        task = dict(new.pop("task", {"kind": "binary", "names": new["labels"]}))
        if task.pop("names") != new["labels"]:
            raise ArtifactError(f"this model's labels are not the names of its task. {REMEDY}")
        if new["labels"] or task["kind"] == "regression":  # an encoder has no task
            new["task"] = task
        new["rule"] = {
            **new.pop("rule", {}),
            "calibration": new.pop("calibration"),
            "threshold": new.pop("threshold"),
        }
        new["estimator"] = kept_arguments(new["estimator"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        if isinstance(error, ArtifactError):
            raise
        raise ArtifactError(f"this model lacks what every model of format 1 has ({error!r:.100}). {REMEDY}") from error
    return new, minor
