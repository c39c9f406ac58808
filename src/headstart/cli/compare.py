"""The command `compare`: which way of using a base is best here, and what it saves."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from headstart.cli import console, reading
from headstart.cli.clusters import on_cluster
from headstart.cli.commands import Compare
from headstart.cli.progress import Progress
from headstart.cli.settings import column_types, given_options
from headstart.comparison import Comparison, check_place
from headstart.comparison import compare as run
from headstart.corpus import parse_label_map
from headstart.errors import OptionError, unknown_name
from headstart.options import check_types
from headstart.plain import Json
from headstart.predictor import Predictor


def compare(options: Compare) -> None:
    """Compare all ways of using a model, and write what came of it into a folder."""
    if options.valid is not None:
        raise OptionError(
            f"--valid is {options.valid}, and compare takes no validation rows: a budget of N means N labels in all, so what stops "
            "early and what is calibrated is held out of these. Leave --valid out; rows of your own may be test rows (--test) "
            "or stand in DATA."
        )
    if options.ray is not None and options.n_jobs is not None:
        raise OptionError("--ray and --jobs came, and each says where fits are done; give one of them.")
    folders, data, out = *_bases_and_data(options), options.out
    check_place(out, (*map(reading.model_files, folders), data, options.source, options.test, options.config))
    bases = {folder.name: Predictor.load(folder) for folder in folders}
    base = next((one for one in bases.values() if one.task is not None), bases[folders[0].name])
    columns = reading.column_list(options.columns)
    rows = reading.data_options(options, base, columns=columns, group=options.group)
    rows = replace(rows, base=base.task)
    read = reading.read_perhaps_labelled if options.label is None else reading.read_labelled
    corpus = read(rows, data)
    source = None
    if options.source is not None:
        of_source = reading.DataOptions(
            options.source_text, options.source_label, files=rows.files, otherwise=rows.otherwise
        )
        source = reading.read_labelled(of_source.of(base.task), options.source)
    asked: Json = {
        "budgets": _budgets(options.budgets, options.n_labels),
        "seeds": options.seeds,
        "cheap_seeds": options.cheap_seeds,
        "candidates": reading.column_list(options.candidates) or None,
        "metric": options.metric,
        "random_state": options.seed,
        "n_jobs": options.n_jobs,
        "cache": options.cache,
        "device": options.device,
        **_settings(options),
    }
    with on_cluster(options.ray, options.device) as (executor, _), closing(Progress()) as progress:
        result = run(
            bases if len(bases) > 1 else base,
            corpus,
            columns=columns,
            column_types=column_types(options.column_types),
            source=source,
            test=_test(rows.of(corpus.task), options.test),
            groups=options.group,
            out=out,
            executor=executor,
            progress=progress.fits,
            about={
                "base": ", ".join(bases),
                "command": console.COMMAND.get(),
                "label_map": parse_label_map(options.label_map) if options.label_map else {},
            },
            **asked,
        )
    if corpus.labels is None:
        result.report(out / "report.html")
    _tell(result)
    console.emit(_facts(result, out), as_json=options.as_json, lines=_lines(result, out))


def _bases_and_data(options: Compare) -> tuple[list[Path], list[str]]:
    """Return the folders of the bases, and the data: with ``--data`` all that stands before it are bases.

    Raises:
        OptionError: two bases of one name.
    """
    if options.data_after is None and not options.data:
        raise OptionError("a model came and no data; name them after it: headstart compare MODEL DATA --out DIR.")
    if options.data_after is None:
        return [options.model], options.data
    folders = [options.model, *map(Path, options.data)]
    for folder in folders:
        if [one.name for one in folders].count(folder.name) > 1:
            raise OptionError(
                f"two of the bases are called {folder.name!r}, and a comparison tells them apart by the names of their folders; copy "
                "one of them to a folder of another name."
            )
    return folders, options.data_after


def _settings(options: Compare) -> Json:
    """Return options of `headstart.comparison.compare` from a TOML file and from ``KEY=VALUE``, the latter first."""
    known = ("budgets", "seeds", "cheap_seeds", "candidates", "metric", "random_state", "n_jobs", "cache", "device")
    found: Json = {}
    for key, value in given_options(options.config, options.set_):
        if key not in known:
            raise unknown_name("option", key, known)
        found[key] = value
    check_types(run, found)
    return found


def _test(options: reading.DataOptions, test: str | None) -> Any:
    if test is None:
        return None
    try:
        share = float(test)
    except ValueError:
        return reading.read_labelled(options, test)
    if not 0 < share < 1:
        raise OptionError(f"--test is {test}; expected a share of the rows between 0 and 1, such as 0.2, or a file.")
    return share


def _budgets(text: str | None, n_labels: int | None) -> list[int | None] | None:
    if text is None:
        if n_labels is None:
            return None
        return [*(n for n in (50, 100, 200, 500, 1000, 2000, 5000, 10_000) if n <= 0.8 * n_labels), n_labels]
    found: list[int | None] = []
    for part in reading.column_list(text):
        if part.lower() == "all":
            found.append(n_labels)
        elif part.isdecimal():
            found.append(int(part))
        else:
            raise OptionError(
                f"--budgets holds {part!r}; expected numbers of labels parted by commas, the last perhaps 'all': 100,500,all."
            )
    return found


def _tell(result: Comparison) -> None:
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


def _facts(result: Comparison, out: Path) -> Json:
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
    """Return means of the metric, candidates down and budgets across."""
    metric = result.verdict["metric"]
    budgets = sorted({row["budget"] for row in result.rows})
    found: dict[str, dict[int, list[float]]] = {}
    for row in result.rows:
        found.setdefault(row["strategy"], {}).setdefault(row["budget"], []).append(row[metric["name"]])
    rows = []
    for name, means in found.items():
        cells = {f"{n:,} labels": sum(means[n]) / len(means[n]) if n in means else None for n in budgets}
        rows.append({f"mean {metric['title']}": name, **cells})
    return console.table(rows)
