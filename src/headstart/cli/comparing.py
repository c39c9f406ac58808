"""The command `compare`: which way of using a base is best here, and what it saves."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from headstart.cli import console, reading
from headstart.cli import options as opt

if TYPE_CHECKING:
    from headstart.comparison import Comparison

__all__ = ["register"]

_EVERY = 15.0  # seconds between two lines of progress where no bar can be drawn

Budgets = Annotated[
    str | None,
    typer.Option("--budgets", metavar="100,500,all", help="Numbers of labels to compare at.", show_default="50 to all"),
]
Seeds = Annotated[int, typer.Option("--seeds", metavar="N", help="Draws of the training rows at each budget.")]
CheapSeeds = Annotated[
    int | None,
    typer.Option(
        "--cheap-seeds",
        metavar="N",
        help="Draws at 500 labels and fewer of what is no network.",
        show_default="as --seeds",
    ),
]
Names = Annotated[
    str | None,
    typer.Option(
        "--candidates",
        metavar="A,B",
        help="Only these strategies; 'all' among them stands for those that run unnamed.",
        show_default="all",
    ),
]
Label = Annotated[
    str | None,
    typer.Option(
        "--label", metavar="COL", help="The column of labels; without any, only the gap is measured.",
        show_default="label",
    ),
]  # fmt: skip
Refused = Annotated[str | None, typer.Option("--valid", metavar="DATA|FRACTION", hidden=True)]


def compare(
    model: opt.Model,
    data: opt.Data,
    out: opt.Out,
    columns: opt.Columns = None,
    column_types: opt.ColumnTypes = None,
    budgets: Budgets = None,
    seeds: Seeds = 5,
    cheap_seeds: CheapSeeds = None,
    candidates: Names = None,
    source: opt.Source = None,
    source_text: Annotated[
        str | None,
        typer.Option(
            "--source-text", metavar="COL", help="Its column of texts.", show_default="the model's own, or text"
        ),
    ] = None,
    source_label: Annotated[str, typer.Option("--source-label", metavar="COL", help="Its column of labels.")] = "label",
    text: opt.Text = None,
    label: Label = None,
    where: opt.Where = None,
    label_map: opt.LabelMap = None,
    positive: opt.Positive = None,
    test: opt.Test = None,
    group: opt.Group = None,
    n_labels: opt.NLabels = None,
    seed: opt.Seed = 0,
    device: opt.Device = "auto",
    n_jobs: Annotated[
        int | None, typer.Option("--jobs", metavar="N", help="Processes.", show_default="one a core")
    ] = None,
    config: opt.Config = None,
    set_: opt.Set = None,
    cache: opt.Cache = None,
    valid: Refused = None,
    threads: opt.Threads = None,
    as_json: opt.Json = False,
    files: opt.Files = None,
) -> None:
    """Compare all ways of using a model on other texts, and of doing without it, at several label budgets.

    Writes rows.jsonl, verdict.json, report.html and the model to ship into a folder. A comparison that was stopped
    goes on when the same command is given again.
    """
    from headstart.comparison import check_place
    from headstart.comparison import compare as run
    from headstart.corpus import parse_label_map
    from headstart.estimators import load

    _refuse_valid(valid)
    check_place(out, (opt.model_files(model), data, source, test, config))
    base = load(model).predictor_
    chosen = opt.column_list(columns)
    options = reading.DataOptions(
        text, label or opt.UNNAMED, where or (), label_map, positive, chosen, group, files, (base.text, "text")
    )
    read = reading.read_perhaps_labelled if label is None else reading.read_labelled
    corpus = read(options, data, base.label_names)
    origin = None
    if source is not None:
        of_source = reading.DataOptions(source_text, source_label, files=files, otherwise=(base.text, "text"))
        origin = reading.read_labelled(of_source, source, base.label_names)
    progress = _Progress()
    asked: dict[str, Any] = {
        "budgets": _budgets(budgets, n_labels),
        "seeds": seeds,
        "cheap_seeds": cheap_seeds,
        "candidates": opt.column_list(candidates) or None,
        "random_state": seed,
        "n_jobs": n_jobs,
        "cache": cache,
        "device": device,
        **opt.comparison_options(config, set_),
    }
    result = run(
        base,
        corpus,
        columns=chosen,
        column_types=opt.column_types(column_types),
        source=origin,
        test=_test(options, test, base.label_names),
        groups=group,
        out=out,
        progress=progress,
        about={
            "base": Path(model).name,
            "command": console.command_line(),
            "label_map": parse_label_map(label_map) if label_map else {},
        },
        **asked,
    )
    progress.close()
    if corpus.labels is None:
        result.report(out / "report.html")
    _tell(result, out)
    console.emit(_facts(result, out), as_json=as_json, lines=_lines(result, out))


def _refuse_valid(valid: str | None) -> None:
    """Say why validation rows are not taken, to those who give them to every command that trains."""
    from headstart.errors import OptionError

    if valid is not None:
        raise OptionError(
            f"--valid is {valid}, and compare takes no validation rows: a budget of N means N labels in all, so what stops "
            "early and what is calibrated is held out of these. Leave --valid out; rows of your own may be test rows (--test) "
            "or stand in DATA."
        )


def register(app: typer.Typer) -> None:
    """Add this command to the application."""
    app.command()(opt.reads_files(compare))


def _test(options: reading.DataOptions, test: str | None, names: Sequence[str]) -> Any:
    from headstart.errors import OptionError

    if test is None:
        return None
    try:
        share = float(test)
    except ValueError:
        return reading.read_labelled(options, test, names)
    if not 0 < share < 1:
        raise OptionError(f"--test is {test}; expected a share of the rows between 0 and 1, such as 0.2, or a file.")
    return share


def _budgets(text: str | None, n_labels: int | None) -> list[int | None] | None:
    from headstart.errors import OptionError

    if text is None:
        if n_labels is None:
            return None
        return [*(n for n in (50, 100, 200, 500, 1000, 2000, 5000, 10_000) if n <= 0.8 * n_labels), n_labels]
    found: list[int | None] = []
    for part in opt.column_list(text):
        if part.lower() == "all":
            found.append(n_labels)
        elif part.isdecimal():
            found.append(int(part))
        else:
            raise OptionError(
                f"--budgets holds {part!r}; expected numbers of labels parted by commas, the last perhaps 'all': 100,500,all."
            )
    return found


class _Progress:
    """A bar with the time left on a terminal, a line now and then elsewhere."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._task: Any = None
        self._said = -_EVERY

    def __call__(self, done: int, total: int, seconds_left: float | None, last: str) -> None:
        left = "" if seconds_left is None else f"about {_duration(seconds_left)} left"
        if sys.stderr.isatty():
            self._draw(done, total, left)
        elif time.perf_counter() - self._said >= _EVERY or done == total:
            self._said = time.perf_counter()
            console.note(f"{done} of {total} fits done" + (f", {left}" if left and done < total else ""))

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()

    def _draw(self, done: int, total: int, left: str) -> None:
        if self._bar is None:
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

            parts = (TextColumn("fits"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
            self._bar = Progress(*parts, console=Console(stderr=True), transient=True)
            self._bar.start()
            self._task = self._bar.add_task(left, total=total)
        self._bar.update(self._task, completed=done, description=left)


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


def _tell(result: Comparison, out: Path) -> None:
    for note in result.facts.get("notes", ()):
        console.note(note)
    for name, why in result.facts.get("left_out", {}).items():
        console.note(f"{name} is left out: {why}")
    for why in result.gap["left_out"]:
        console.note(why)
    for sentence in result.verdict.get("warnings", ()):
        console.warn(sentence)
    shared = result.counts.get("test", {}).get("n_duplicates_of_train")
    if shared:
        console.warn(
            f"{shared:,} of the test texts also stand in the training rows; the verdict says what holds without them"
        )


def _facts(result: Comparison, out: Path) -> dict[str, Any]:
    facts = {name: part for name, part in result.to_dict().items() if name != "shown"}
    if result.predictor is not None:
        facts["model"] = str(out / "model")
    return {**facts, "report": str(out / "report.html")}


def _lines(result: Comparison, out: Path) -> list[str]:
    lines = [*result.verdict["words"].split("\n"), ""]
    if result.rows:
        lines += [*_table(result), "", f"model: {out / 'model'}"]
    return [*lines, f"report: {out / 'report.html'}"]


def _table(result: Comparison) -> list[str]:
    """Return mean AUCs, candidates down and budgets across."""
    budgets = sorted({row["budget"] for row in result.rows})
    found: dict[str, dict[int, list[float]]] = {}
    for row in result.rows:
        found.setdefault(row["strategy"], {}).setdefault(row["budget"], []).append(row["auc"])
    rows = []
    for name, means in found.items():
        cells = {f"{n:,} labels": sum(means[n]) / len(means[n]) if n in means else None for n in budgets}
        rows.append({"mean AUC": name, **cells})
    return console.table(rows)
