"""What a folder for ONNX Runtime takes: bytes, the install that runs it, a fresh process, and one text beside ours.

    HEADSTART_DATA=folder python benchmarks/export.py MODEL [MODEL ...] [--texts 100]

MODEL is a folder written by `headstart train` or `transfer`, of two labels. Each is exported as float32, float16 and int8. AUC is
measured on `--texts` of IMDB's test reviews; a text in milliseconds is the median over them, of the folder's `score.py` and of our own
predictor, in turns, on one thread. A fresh process imports, loads and scores one text; of five, the median. The install is the
size of NumPy, ONNX Runtime and what they need, as they are installed here. Results go to ``benchmarks/results/export.json``.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import time
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

import headstart as hs
from headstart.corpus import Corpus, read
from headstart.foreign.onnx import export_onnx
from headstart.foreign.onnx.score import Model
from headstart.kernels import workers
from measuring import machine, spread, versions, write
from protocol import data_folder

FRESH = "import sys; sys.path.insert(0, sys.argv[1]); from score import Model; Model(sys.argv[1]).predictions(['a good film'])"
OURS = "import sys, headstart; headstart.load(sys.argv[1]).predictor_.score(headstart.Corpus(['a good film']))"
N_FRESH = 5


def installed(*packages: str) -> dict[str, int]:
    """Return the bytes of packages and of what they need."""
    found: dict[str, int] = {}
    waiting = list(packages)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        package = metadata.distribution(name)
        places = [Path(str(file.locate())) for file in package.files or []]
        found[name] = sum(place.stat().st_size for place in places if place.is_file())
        needs = [one for one in package.requires or [] if "extra ==" not in one]
        waiting += [match[0] for one in needs if (match := re.match(r"[\w.-]+", one))]
    return found


def fresh(code: str, folder: Path) -> dict[str, float]:
    """Return the seconds of new processes that end once they have scored a text."""
    seconds = []
    for _ in range(N_FRESH):
        started = time.perf_counter()
        subprocess.run([sys.executable, "-c", code, str(folder)], check=True, stdout=subprocess.DEVNULL)
        seconds.append(time.perf_counter() - started)
    return spread(seconds)


def in_turns(folder: Path, predictor: Any, texts: list[str]) -> dict[str, Any]:
    """Return milliseconds of one text, from string to probability, by ours and by the folder."""
    model = Model(folder, threads=1)
    found: dict[str, list[float]] = {"headstart": [], "score.py": []}
    corpora = [Corpus([text]) for text in texts]
    with workers.limit_threads(1):
        for text, corpus in zip([texts[0], *texts], [corpora[0], *corpora], strict=True):
            for name, job in (
                ("headstart", lambda c=corpus: predictor.score(c)),
                ("score.py", lambda t=text: model.predictions([t])),
            ):
                started = time.perf_counter()
                job()
                found[name].append(1e3 * (time.perf_counter() - started))
    return {name: spread(values[1:], 3) for name, values in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", type=Path, nargs="+")
    parser.add_argument("--texts", type=int, default=100)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    result: dict[str, Any] = {"machine": machine(), "versions": versions("numpy", "onnx", "onnxruntime", "headstart")}
    result["installed_bytes"] = installed("numpy", "onnxruntime")
    reviews = read(data_folder() / "imdb.parquet", text="text", label="label", where={"split": "test"})
    labelled = reviews.take(np.random.default_rng(0).permutation(len(reviews))[: options.texts])
    texts = labelled.texts.to_pylist()
    for path in options.models:
        predictor = hs.load(path).predictor_
        own: dict[str, Any] = {"fresh_process_seconds": {"headstart": fresh(OURS, path)}}
        for dtype in ("float32", "float16", "int8"):
            with tempfile.TemporaryDirectory() as place:
                folder = Path(place) / "folder"
                own[dtype] = export_onnx(predictor, folder, dtype=dtype, labelled=labelled)
                if dtype == "float32":
                    own["fresh_process_seconds"]["score.py"] = fresh(FRESH, folder)
                    own["one_text_milliseconds"] = in_turns(folder, predictor, texts)
        result[path.name] = own
    write("export", result, options.out)


if __name__ == "__main__":
    main()
