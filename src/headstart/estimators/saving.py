"""Where a run puts the model that it makes, and what it must not put it over."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from headstart.artifact import check_target, write
from headstart.corpus import Corpus, digest
from headstart.errors import OptionError
from headstart.estimators.text_estimator import TextEstimator
from headstart.outputs import check_file, check_folder, failed_writes, working_folder
from headstart.plain import Facts

_NO_PART_OF_THE_RUN = ("base", "cache", "checkpoint", "events", "unlabelled", "verbose")


@dataclass(frozen=True)
class ModelPlace:
    """The place of a model that a run makes.

    Args:
        out: the model's folder.
        inputs: what the run reads: files, folders, patterns, models; None and numbers are passed over.
        force: whether to replace the model of another run.
        report: a page to write as well.
    """

    out: Path
    inputs: tuple[Any, ...] = ()
    force: bool = False
    report: Path | None = None

    def check(self) -> None:
        """Refuse a place that is wrong whatever will be written; call it before anything is read.

        Raises:
            OptionError, ArtifactError, OutputError: what stands there, and what to do.
        """
        with failed_writes(self.out):
            check_target(self.out)
        check_folder(self.out, self.inputs, option="--out")
        if self.report is not None:
            if self.out.resolve() in (self.report.resolve(), *self.report.resolve().parents):
                raise OptionError(
                    f"--report is {str(self.report)!r}, which lies in the model of --out; write it elsewhere."
                )
            check_file(self.report, self.inputs, option="--report")

    @contextmanager
    def reserved(self, run: str) -> Iterator[Path]:
        """Reserve the place for the run with the digest `run`, and give the folder of its checkpoint.

        The folder is removed when the block ends well, and kept for the next try otherwise.

        Raises:
            OptionError, ArtifactError: if another process is at work there, or another run's model stands there.
        """
        check_target(self.out, force=self.force, run=run)
        busy = f"another process is making {str(self.out)!r}; wait until it is done, or give --out another folder."
        with working_folder(self.out.with_name(self.out.name + ".checkpoint"), busy) as folder:
            yield folder

    def save(self, model: TextEstimator, run: str | None = None) -> str:
        """Write the model and return its content hash.

        Args:
            model: fitted.
            run: digest of the run; a later run of the same digest may replace the model.
        """
        if run is not None:
            predictor = model.predictor_
            model.predictor_ = replace(predictor, run={**predictor.run, "digest": run})
        return write(self.out, model.predictor_.to_parts(), force=self.force)


def run_digest(corpora: Mapping[str, Corpus | None], options: Facts, base: str | None = None) -> str:
    """Return a SHA-256, in hex, of all that decides what a run makes.

    Args:
        corpora: the rows by the part that they play.
        options: the estimator's arguments, seed included.
        base: the content hash of the model that is carried over.
    """
    told = {name: value for name, value in options.items() if name not in _NO_PART_OF_THE_RUN}
    if "workers" in (training := told.get("trainer_options") or {}):  # another number goes on from the same checkpoint
        training = {name: value for name, value in training.items() if name != "workers"}
        told["trainer_options"] = training or None
    rows = {name: None if corpus is None else digest(corpus) for name, corpus in corpora.items()}
    whole = json.dumps([rows, told, base], sort_keys=True, default=str)
    return hashlib.sha256(whole.encode("utf-8", "surrogatepass")).hexdigest()
