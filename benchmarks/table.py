"""Write the tables of ``docs/speed.md`` from the files in ``benchmarks/results``.

    python benchmarks/table.py [--check]

What stands between the page's two marker comments is replaced. ``--check`` writes nothing and fails if the page is not
what the files say.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from measuring import RESULTS

PAGE = Path(__file__).parents[1] / "docs" / "speed.md"
BEGIN, END = "<!-- begin: benchmarks/table.py -->", "<!-- end: benchmarks/table.py -->"
MISSING, BEST = "not measured", "'s best"
Result = dict[str, Any]


class Line(NamedTuple):
    """What is claimed, the goal, the script that measured it, and how to find it in that script's file."""

    what: str
    goal: str
    script: str
    reached: Callable[[Result], str]


def times(*path: str) -> Callable[[Result], str]:
    """Return a reader of a median with its range."""

    def read(result: Result) -> str:
        value: Any = result
        for name in path:
            value = value[name]
        return f"**{value['median']:g}** ({value['least']:g} to {value['most']:g})"

    return read


def best_of(section: str, *names: str) -> Callable[[Result], str]:
    """Return a reader of several medians with their ranges, each named."""
    return lambda result: "; ".join(f"{name.split(' / ')[0]} {times(section, name)(result)}" for name in names)


def scored(result: Result) -> str:
    return ", ".join(f"{name} **{ratio:g}**" for name, ratio in result["ratio"].items() if name != "scikit-learn")


def starts(name: str) -> Callable[[Result], str]:
    def read(result: Result) -> str:
        seconds = sorted(result["seconds_of_first_prediction"] if name == "first" else result["seconds_to_start"][name])
        return f"**{seconds[len(seconds) // 2]:.3g}** ({seconds[0]:.3g} to {seconds[-1]:.3g})"

    return read


def less(net: str) -> Callable[[Result], str]:
    def read(result: Result) -> str:
        found = result["nets"][net]["compiled less torch"]
        return f"**{found['mean']:+.4f}** ± {found['half_width']:.4f}"

    return read


def latencies(task: str) -> Callable[[Result], str]:
    def read(result: Result) -> str:
        found = {name: part[task]["headstart / onnxruntime"] for name, part in result["models"].items() if task in part}
        return ", ".join(f"{name} **{ratio:g}**" for name, ratio in found.items())

    return read


def to_peer(result: Result, peer: str) -> str:
    """Return all ratios with a peer, each named by our contender."""
    found = {
        name.replace(peer, "").replace(" / ", ""): value["median"]
        for name, value in result["times_the_seconds_of"].items()
        if name.startswith(peer) or name.endswith(peer)
    }
    return ", ".join(f"{name} **{ratio:g}**" for name, ratio in found.items()) or "the AUC was not reached"


def to_mxnet(peer: str) -> Callable[[Result], str]:
    """Return a reader of the ratios with MXNet, with the AUC asked of us and its own."""

    def read(result: Result) -> str:
        best = result["contenders"][peer]["end_auc"]["median"]
        return f"{to_peer(result, peer + BEST)}, at AUC {result['data']['auc']:g} (its best {best:g})"

    return read


def fasttext(result: Result) -> str:
    best = max((run["auc"] for run in result["fasttext_search"]), default=None)
    if best is None:
        return MISSING
    return f"{to_peer(result, 'fasttext')}, at AUC {result['data']['common_auc']:g} (its best {best:g})"


def largest(part: str, value: str) -> Callable[[Result], str]:
    """Return a reader of a value at the largest size, for all nets."""

    def read(result: Result) -> str:
        found = []
        for name, growth in result["growth"].items():
            if name.startswith(part):
                first, last = growth["sizes"][0], growth["sizes"][-1]
                found.append(
                    f"{name.removeprefix(part + ' ')} **{last[value]:,}** at {last['rows']:,} rows ({first[value]:,} at {first['rows']:,})"
                )
        return "; ".join(found) or MISSING

    return read


def linear(result: Result) -> str:
    found = {name: part["from_line"] for name, part in result["growth"].items() if "from_line" in part}
    return "; ".join(f"{name} **{max(map(abs, away)):.0%}**" for name, away in found.items()) or MISSING


TRAINING = "times_as_fast_as"
LINES = (
    Line("exact GRU, whole training step, to `torch.nn.GRU` flushed", "at least 4 times", "recurrent", times(TRAINING, "gru / torch gru")),
    Line("the same to `torch.nn.LSTM`", "-", "recurrent", times(TRAINING, "gru / torch lstm")),
    Line("the same to MXNet 1.9.1, hybridized", "at least 4 times", "frameworks", times(TRAINING, "gru / mxnet")),
    Line("the same to it with denormals flushed from outside", "at least 4 times", "frameworks", times(TRAINING, "gru / mxnet-flushed")),
    Line("the same to Keras 3 on JAX", "-", "frameworks", times(TRAINING, "gru / keras-jax")),
    Line("the same to Keras 3 on TensorFlow", "-", "frameworks", times(TRAINING, "gru / keras-tensorflow")),
    Line("time-parallel encoder, to `torch.nn.GRU` flushed", "at least 10 times", "recurrent", best_of(TRAINING, "fast, window 1 / torch gru", "fast / torch gru")),
    Line("what a second processor adds", "at least 1.7 times", "recurrent", best_of("second_thread", "gru", "fast, window 1", "fast")),
    Line("what it adds to a product of matrices", "-", "recurrent", lambda r: f"**{r['sgemm']['second_thread']:g}**"),
    Line("share of the sgemm peak, exact GRU", "30%", "recurrent", lambda r: ", ".join(f"{n} thread{'s' * (n > 1)} **{r['share_of_sgemm'][f'gru, {n} threads']:.0%}**" for n in (1, 2))),
    Line("AUC after training, exact GRU in compiled loops less torch's own, 5 seeds", "0 within noise", "paths", less("gru")),
    Line("the same, time-parallel encoder", "0 within noise", "paths", less("fast")),
    Line("seconds until validation AUC .9634: MXNet's until its best to ours", "at least 20 times", "to_quality", to_mxnet("mxnet")),
    Line("the same to MXNet with denormals flushed", "-", "to_quality", to_mxnet("mxnet-flushed")),
    Line("until the same validation AUC, our seconds to fastText's", "at most 2 times", "to_quality", fasttext),
    Line("text to ids, to pandas, one thread", "at least 10 times", "tokens", times(TRAINING, "encode / pandas")),
    Line("vocabulary, to pandas, one thread", "at least 5 times", "tokens", times(TRAINING, "fit / pandas")),
    Line("text to ids, to Hugging Face tokenizers, one thread", "at least 20 times", "tokens", times(TRAINING, "encode / hugging face")),
    Line("`predict`, Parquet to Parquet, to TF-IDF and logistic regression", "at least 4 times", "scoring", scored),
    Line("one review from text to probability, our milliseconds to ONNX Runtime's", "at most 1 times", "latency", latencies("whole, one review")),
    Line("one review, the network alone", "at most 1 times", "latency", latencies("network, one review")),
    Line("one snippet, the network alone", "-", "latency", latencies("network, one snippet")),
    Line("`import headstart`, seconds", "under .15", "scoring", starts("import headstart")),
    Line("`headstart --help`, seconds", "under .3", "scoring", starts("headstart --help")),
    Line("first prediction of a loaded model, seconds", "under 1.5", "scoring", starts("first")),
    Line("the whole process: import, load, score one text, seconds", "-", "scoring", starts("load and score one text")),
    Line("`headstart demo`, whole, seconds", "under 240", "whole_demo", times("seconds")),
    Line("peak memory of training, MiB", "at most 6,144", "growth", largest("train", "peak_mib")),
    Line("peak memory of scoring, MiB", "at most 1,536, flat", "growth", largest("predict", "peak_mib")),
    Line("rows scored a second", "-", "growth", largest("predict", "rows_per_second")),
    Line("how far seconds are from a straight line over the rows", "at most 10%", "growth", linear),
)  # fmt: skip


def rows(results: dict[str, Result]) -> list[str]:
    """Return the table of claims."""
    lines = ["| what | goal | reached | script |", "|---|---|---|---|"]
    for line in LINES:
        try:
            reached = line.reached(results[line.script])
        except KeyError:
            reached = MISSING
        lines.append(f"| {line.what} | {line.goal} | {reached} | `{line.script}.py` |")
    return lines


def gpu(results: dict[str, Result]) -> list[str]:
    """Return the table of the GPU and of the processor next to it."""
    result = results.get("gpu")
    if result is None:
        return []
    lines = [
        f"One {result['card']}, and {result['machine']['processors']} cores of the machine that it is in (`gpu.py`):", "",
        "| what | batch | precision | processor, rows a second | GPU, rows a second | GPU, MiB | largest difference of outputs |",
        "|---|---|---|---|---|---|---|",
    ]  # fmt: skip
    on_cpu = {(r["part"], r["net"], r.get("batch")): r for r in result["rows"] if r["device"] == "cpu"}
    for row in result["rows"]:
        if row["device"] == "cpu":
            continue
        part, net, batch = row["part"], row["net"], row.get("batch")
        here = on_cpu.get((part, net, batch), {}).get("rows_a_second", "-")
        what = (
            f"{part}, {row['fit_seconds']:g} s to fit, {on_cpu[part, net, batch]['fit_seconds']:g} on the processor; then scored"
            if "fit_seconds" in row
            else f"{part} {net}"
        )
        apart = (
            "trained apart"
            if "fit_seconds" in row
            else f"{row['largest_difference']:.0e}"
            if "largest_difference" in row
            else "-"
        )
        lines.append(
            f"| {what} | {batch or '-'} | {row.get('precision', '-')} | {here if isinstance(here, str) else f'{here:,}'} | **{row['rows_a_second']:,}** | {row['mib']:,} | {apart} |"
        )
    return lines


def machines(results: dict[str, Result]) -> list[str]:
    """Return the table of what was measured where."""
    lines = ["| script | processor | processors | load before | versions |", "|---|---|---|---|---|"]
    for name in dict.fromkeys(line.script for line in LINES):
        if name not in results:
            continue
        where, known = results[name]["machine"], results[name].get("versions", {})
        load = " ".join(map(str, where.get("load_before") or ["-"]))
        named = ", ".join(f"{package} {version}" for package, version in known.items() if isinstance(version, str))
        lines.append(
            f"| `{name}.py` | {where['processor'] or '-'} | {where.get('processors', '-')} | {load} | {named} |"
        )
    return lines


def page(text: str, results: dict[str, Result]) -> str:
    """Return the page with both tables anew.

    Raises:
        SystemExit: if the page lacks a marker.
    """
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        raise SystemExit(f"{PAGE} should hold {BEGIN} and {END} once each; put them where the tables belong.")
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    tables = "\n".join([*rows(results), "", *gpu(results), "", "Measured on:", "", *machines(results)])
    return f"{before}{BEGIN}\n\n{tables}\n\n{END}{after}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    names = {line.script for line in LINES} | {"gpu"}
    results = {name: json.loads(file.read_text()) for name in names if (file := RESULTS / f"{name}.json").exists()}
    old = PAGE.read_text(encoding="utf-8")
    new = page(old, results)
    if check and new != old:
        sys.exit(f"{PAGE} is not what {RESULTS} says; run python benchmarks/table.py.")
    if not check:
        PAGE.write_text(new, encoding="utf-8")
        print(f"{PAGE}: {sum(name in results for name in names)} of {len(names)} files of results")


if __name__ == "__main__":
    main()
