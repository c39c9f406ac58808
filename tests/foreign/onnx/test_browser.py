"""The reader in JavaScript says what the reader in Python says, and the page scores as the folder does."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import headstart as hs
from headstart.foreign.onnx import export_onnx
from headstart.foreign.onnx.agreement import odd_texts
from headstart.foreign.onnx.building import built
from headstart.foreign.onnx.reading import pretrained_spec, terms_spec, words_spec
from headstart.foreign.onnx.score import Model, Reader
from headstart.heads.tfidf import TOKENS
from headstart.text import fit_steps, steps_to_json, text_steps

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "examples" / "browser"
ARTIFACTS = ROOT / "tests" / "data" / "artifacts"
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
RUNTIME = Path(os.environ.get("HEADSTART_ORT_WEB", ROOT / "examples" / "browser" / "ort"))
"""Where the files of onnxruntime-web lie, which is no part of this repository."""

READ = """
import { Reader } from "./headstart.js";
export const read = (cases) => cases.map(({ spec, texts }) => {
  const reader = new Reader(spec);
  return texts.map((text) => Object.fromEntries(
    Object.entries(reader.batch([text])).map(([name, { data }]) => [name, Array.from(data)])));
});
"""
IN_NODE = """
import { readFileSync, writeFileSync } from "node:fs";
import { read } from "./read.js";
writeFileSync("found.json", JSON.stringify(read(JSON.parse(readFileSync("cases.json", "utf-8")))));
"""
IN_BROWSER = """<script type="module">
const send = (body) => fetch("/found.json", { method: "POST", body });
try {
  const { read } = await import("./read.js");
  await send(JSON.stringify(read(await (await fetch("cases.json")).json())));
} catch (error) { await send(JSON.stringify({ error: String(error) })); }
</script>"""
SCORE = """<iframe src="index.html"></iframe><script type="module">
const send = (body) => fetch("/found.json", { method: "POST", body });
try {
  const ort = await import("./ort/ort.wasm.min.mjs");
  const { Model } = await import("./headstart.js");
  ort.env.wasm.numThreads = 1;
  const bytes = async (name) => (await fetch("model/" + name)).arrayBuffer();
  const spec = JSON.parse(new TextDecoder().decode(await bytes("reader.json")));
  const model = await Model.open(ort, new Uint8Array(await bytes("model.onnx")), spec);
  const found = [], texts = await (await fetch("cases.json")).json();
  for (let at = 0; at < texts.length; at += 64) found.push(...(await model.predictions(texts.slice(at, at + 64))));
  const page = document.querySelector("iframe").contentDocument;
  page.getElementById("text").value = "a good hotel";
  for (let i = 0; i < 200 && !page.getElementById("labels").children.length; i += 1) {
    page.getElementById("text").dispatchEvent(new Event("input"));
    await new Promise((done) => setTimeout(done, 50));
  }
  await send(JSON.stringify({ found, page: page.getElementById("answer").textContent, rows: page.getElementById("labels").textContent }));
} catch (error) { await send(JSON.stringify({ error: String(error) })); }
</script>"""


def cases(piece_rules: str, wordy: list[str]) -> list[dict[str, Any]]:
    """A reader of every kind, and texts."""
    texts = odd_texts(wordy, 1000, longest=40)
    small, words = texts[:150], " ".join(wordy)
    specs = []
    for tokens, form in (("words", "NFC"), ("tutorial", "NFKD")):
        steps = fit_steps(text_steps(tokens, form=form, min_count=1), [words])
        specs.append(words_spec(steps_to_json(steps)["steps"], steps[-1].vocabulary_.to_pylist()))
    specs.append(pretrained_spec(piece_rules, framed=True))
    specs += [terms_spec(tokens, 2, [*wordy, "the great", "a hotel"]) for tokens in sorted(TOKENS)]
    plain = {"ngrams": {}, "max_tokens": 40, "clip": "both"}
    made = [{"spec": {**spec, **plain}, "texts": small} for spec in specs]
    _, blend = built(hs.load(ARTIFACTS / "v1.2-multilabel-new-head").predictor_)
    return [*made, {"spec": blend, "texts": odd_texts(blend["vocabulary"], 1000)}]


def test_the_reader_in_javascript_reads_as_the_one_in_python(
    piece_rules: str, wordy: list[str], tmp_path: Path
) -> None:
    given = cases(piece_rules, wordy)
    (tmp_path / "cases.json").write_text(json.dumps(given))
    (tmp_path / "read.js").write_text(READ)
    shutil.copy(PAGE / "headstart.js", tmp_path)
    if shutil.which("node"):
        (tmp_path / "package.json").write_text('{"type": "module"}')
        (tmp_path / "run.js").write_text(IN_NODE)
        subprocess.run(["node", "run.js"], cwd=tmp_path, check=True, timeout=120)
        found = json.loads((tmp_path / "found.json").read_text())
    else:
        found = in_browser(tmp_path, IN_BROWSER)
    for case, rows in zip(given, found, strict=True):
        reader = Reader(case["spec"])
        for text, row in zip(case["texts"], rows, strict=True):
            wanted = {name: value.ravel() for name, value in reader.batch([text]).items()}
            if case["spec"]["kind"] == "terms":  # in no order
                assert sorted(zip(row["places"], row["counts"], strict=True)) == sorted(
                    zip(wanted["places"].tolist(), wanted["counts"].tolist(), strict=True)
                ), ascii(text)
            else:
                for name, value in wanted.items():
                    assert row[name] == value.tolist(), (name, ascii(text))


@pytest.mark.skipif(
    not RUNTIME.is_dir(), reason="onnxruntime-web is not here: set HEADSTART_ORT_WEB to its dist folder"
)
@pytest.mark.parametrize(
    "name", ["v1.2-multiclass-blend", "v1.1-fast", "v1.2-ordinal-tfidf", "v1.2-regression-new-head"]
)
def test_the_page_scores_as_the_folder_does(name: str, tmp_path: Path) -> None:
    export_onnx(hs.load(ARTIFACTS / name).predictor_, tmp_path / "model")
    for file in ("headstart.js", "index.html"):
        shutil.copy(PAGE / file, tmp_path)
    (tmp_path / "ort").mkdir()
    for file in ("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm"):
        (tmp_path / "ort" / file).symlink_to(RUNTIME / file)
    model = Model(tmp_path / "model")
    texts = odd_texts(model.spec["vocabulary"], 1000)
    (tmp_path / "cases.json").write_text(json.dumps(texts))
    answer = in_browser(tmp_path, SCORE)
    assert "error" not in answer, answer
    wanted = [row for at in range(0, 1000, 64) for row in model.predictions(texts[at : at + 64])]
    if "probabilities" not in answer["found"][0]:
        spread = [row["prediction"] for row in wanted]
        np.testing.assert_allclose([row["prediction"] for row in answer["found"]], spread, atol=1e-5 * np.ptp(spread))
        return
    found = [list(row["probabilities"].values()) for row in answer["found"]]
    np.testing.assert_allclose(
        found, [[row[f"probability_{name}"] for name in model.spec["names"]] for row in wanted], atol=1e-5
    )
    same = [row["prediction"] == ours["prediction"] for row, ours in zip(answer["found"], wanted, strict=True)]
    assert np.mean(same) > 0.99
    assert answer["page"] == model.predictions(["a good hotel"])[0]["prediction"]


def in_browser(folder: Path, page: str) -> Any:
    """Open a page over the files of a folder in a headless browser; return what it sends."""
    if BROWSER is None:
        pytest.skip("there is neither node nor a browser to run JavaScript")
    (folder / "check.html").write_text(page)
    with served(folder) as (address, wait):
        options = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder / 'profile'}"]
        browser = subprocess.Popen(
            [BROWSER, *options, f"{address}/check.html"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            return wait()
        finally:
            browser.terminate()
            browser.wait()


@contextmanager
def served(folder: Path) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Serve a folder, and give its address and what waits for the first thing that is sent to it."""
    sent: list[bytes] = []
    there = threading.Event()

    class Handler(SimpleHTTPRequestHandler):
        extensions_map = {
            **SimpleHTTPRequestHandler.extensions_map,
            ".mjs": "text/javascript",
            ".wasm": "application/wasm",
        }

        def __init__(self, *given: Any) -> None:
            super().__init__(*given, directory=str(folder))

        def do_POST(self) -> None:
            sent.append(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(204)
            self.end_headers()
            there.set()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    def wait() -> Any:
        assert there.wait(120), "the page sent nothing"
        return json.loads(sent[0])

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", wait
        finally:
            server.shutdown()
            thread.join()
