"""Requests and answers: what `predict` would write, and every refusal a sentence."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from headstart.artifact import read
from headstart.bulk import predict_file
from headstart.errors import OptionError
from headstart.predictor import Predictor
from headstart.serve import Limits, application

from .conftest import KINDS, STORED, stored_rows

Serving = Callable[..., TestClient]
LINES = "application/x-ndjson"


def predicted(predictor: Predictor, rows: list[dict[str, Any]], folder: Path) -> list[dict[str, Any]]:
    """What `predict` writes of rows in a file."""
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    predict_file(predictor, folder / "rows.jsonl", folder / "out.jsonl")
    return [json.loads(line) for line in (folder / "out.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_answers_what_predict_writes(name: str, serving: Serving, tmp_path: Path) -> None:
    rows = stored_rows(name)
    wanted = predicted(Predictor.from_parts(read(STORED / name)), rows, tmp_path)
    client = serving(name)
    batch = client.post("/predict", json={"rows": rows})
    assert batch.status_code == 200, batch.text
    assert batch.json()["rows"] == wanted  # to the digit: the same rows in one batch
    assert batch.headers["headstart-model"].startswith(f"{name}@")
    lines = client.post("/predict", content="\n".join(map(json.dumps, rows)), headers={"content-type": LINES})
    alone = client.post(f"/models/{name}/predict", json=rows[0]).json()
    for answer, row in zip([*map(json.loads, lines.text.splitlines()), alone], [*wanted, wanted[0]], strict=True):
        assert list(answer) == list(row)
        for key, value in row.items():
            assert answer[key] == (pytest.approx(value, abs=1e-6) if isinstance(value, float) else value), key


@pytest.mark.parametrize("change", [{"abstain_below": 0.99}, {"coverage": 0.9, "quantile": 0.6}])
def test_rules_answer_as_they_do_in_files(change: dict[str, Any], tmp_path: Path) -> None:
    predictor = Predictor.from_parts(read(STORED / "v1.2-multiclass-tfidf")).with_rule(**change)
    rows = stored_rows("v1.2-multiclass-tfidf")
    found = TestClient(application(predictor)).post("/predict", json={"rows": rows}).json()["rows"]
    assert found == predicted(predictor, rows, tmp_path)
    assert found[0]["prediction"] is None or found[0]["label_set"] is not None


LIMITS = Limits(body_bytes=2000, rows=3, characters=50, seconds=0.3)
REFUSED: dict[str, tuple[int, Any, str]] = {
    "no JSON": (400, "{", "is not JSON"),
    "no UTF-8": (400, b'{"text": "\xff"}', "is not UTF-8"),
    "deep": (400, "[" * 1900, "nested too deeply"),
    "a long number": (422, '{"text": ' + "9" * 1900 + "}", "is a number"),
    "a list": (422, "[]", "An object was expected"),
    "no rows": (422, '{"rows": []}', "at least one row"),
    "rows that are none": (422, '{"rows": [1]}', "Row 1 is no object"),
    "no text": (422, '{"rows": [{"text": ""}, {"txt": ""}]}', "Row 2 has no 'text'"),
    "nothing": (422, "{}", "Send a row as"),
    "a number": (422, '{"text": 5}', "is a number"),
    "half an emoji": (422, '{"text": "\\ud83d"}', "half of a surrogate pair"),
    "a long text": (422, json.dumps({"text": "x" * 51}), "has 51 characters, and at most 50"),
    "many rows": (422, json.dumps({"rows": [{"text": ""}] * 4}), "has 4 rows, and at most 3"),
    "a large body": (413, b"x" * 2001, "larger than 2,000 bytes"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_requests_that_cannot_be_answered_get_a_sentence(case: str, serving: Serving) -> None:
    status, body, sentence = REFUSED[case]
    answer = serving(limits=LIMITS).post("/predict", content=body, headers={"content-type": "application/json"})
    assert (answer.status_code, sentence in answer.json()["error"]) == (status, True), answer.text
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")


@pytest.mark.parametrize(
    ("method", "path", "headers", "status", "sentence"),
    [
        ("POST", "/predict", {"content-type": "text/plain"}, 415, "send application/json"),
        ("GET", "/predict", {}, 405, "takes another method"),
        ("GET", "/nowhere", {}, 404, "no such address"),
        ("GET", "/models/v1.1-nbsvn", {}, 404, "Did you mean 'v1.1-nbsvm'?"),
        ("POST", "/reload", {}, 404, "no such address"),
    ],
)
def test_other_addresses(
    method: str, path: str, headers: dict[str, str], status: int, sentence: str, serving: Serving
) -> None:
    answer = serving().request(method, path, content=b"{}" if method == "POST" else None, headers=headers)
    assert (answer.status_code, sentence in answer.json()["error"]) == (status, True), answer.text


def test_columns_are_wanted_by_name_and_take_null(serving: Serving) -> None:
    client, (row, *_) = serving("v1.1-tfidf"), stored_rows("v1.1-tfidf")
    without = {name: value for name, value in row.items() if name != "stars"}
    assert "Row 1 has no 'stars'" in client.post("/predict", json=without).json()["error"]
    assert client.post("/predict", json={**row, "stars": None}).status_code == 200
    assert "one type" in client.post("/predict", json={"rows": [row, {**row, "stars": "x"}]}).json()["error"]
    assert client.post("/predict", json={**row, "stars": [1]}).status_code == 422


def test_a_stream_answers_every_line_and_goes_on_after_a_bad_one(serving: Serving) -> None:
    body = '{"text": "good"}\n\n{"text": 5}\nno\n{"rows": []}\n{"text": "good"}'
    answer = serving().post("/predict", content=body, headers={"content-type": f"{LINES}; charset=utf-8"})
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert [sorted(line)[0] for line in lines] == ["prediction", "error", "error", "error", "prediction"]
    assert lines[1]["error"].startswith("Line 3: ") and lines[0] == lines[4]


def test_models_are_found_by_name_and_hash() -> None:
    names = {"one": STORED / "v1.1-nbsvm", "two": STORED / "v1-positive-first"}
    client = TestClient(application(names))
    first, second = client.get("/models").json()["models"]
    assert (first["labels"], second["name"]) == (["neg", "pos"], "two") or first["name"] == "one"
    for address in ("two", f"two@{second['hash'][:8]}", second["hash"]):
        answer = client.post(f"/models/{address}/predict", json={"text": "good"})
        assert answer.headers["headstart-model"] == f"two@{second['hash'][:12]}", address
    assert client.get(f"/models/one@{second['hash'][:8]}").status_code == 404
    assert client.get(f"/models/two@{second['hash'][:7]}").status_code == 404
    with pytest.raises(OptionError, match="give at least one"):
        application({})


def test_a_token_is_wanted_where_one_is_set(serving: Serving) -> None:
    client, right = serving(token="s3cret"), {"authorization": "Bearer s3cret"}
    for path in ("/models", "/metrics", "/models/x", "/nowhere"):
        answer = client.get(path)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer"), path
    assert client.post("/predict", json={"text": ""}, headers={"authorization": "Bearer s3cre"}).status_code == 401
    assert client.post("/predict", json={"text": ""}, headers=right).status_code == 200
    assert [client.get(path).status_code for path in ("/", "/health", "/ready", "/page.js")] == [200] * 4
    assert client.post("/reload", headers=right).json()["reloaded"] == []


def test_it_mounts_in_another_application(serving: Serving) -> None:
    site = Starlette()
    site.mount("/mood", application({"m": STORED / "v1.1-nbsvm"}, token="t"))
    client = TestClient(site)
    assert client.get("/mood/health").json() == {"status": "ok"}
    assert client.get("/mood/").headers["content-type"].startswith("text/html")
    assert client.get("/mood/models").status_code == 401
    answer = client.post("/mood/predict", json={"text": "good"}, headers={"authorization": "Bearer t"})
    assert answer.status_code == 200, answer.text


def test_metrics_count_rows_words_and_scores(serving: Serving) -> None:
    client = TestClient(application({"m": STORED / "v1-blend"}))
    client.post("/predict", json={"rows": [{"text": "good hotel"}, {"text": "xyzzy"}]})
    figures = client.get("/metrics").text
    assert 'headstart_requests_total{route="/predict",status="200"} 1.0' in figures
    for name in ("rows_total", "unknown_tokens_total", "score_bucket", "request_seconds_bucket", "waiting_rows", "scoring_seconds_sum"):  # fmt: skip
        assert f"headstart_{name}" in figures


def test_logs_hold_texts_only_where_asked(caplog: pytest.LogCaptureFixture) -> None:
    for log_texts in (False, True):
        caplog.clear()
        with caplog.at_level("INFO", "headstart.serve"):
            client = TestClient(application({"m": STORED / "v1.1-nbsvm"}, log_texts=log_texts, token="s3cret"))
            client.post("/predict?text=xyzzy", json={"text": "xyzzy"}, headers={"authorization": "Bearer s3cret"})
        said = str([record.__dict__ for record in caplog.records])
        assert ("xyzzy" in said, "s3cret" in said, "'rows': 1" in said) == (log_texts, False, True)


def test_a_full_queue_says_when_to_come_again(serving: Serving) -> None:
    client = serving(limits=Limits(waiting_rows=0))
    for answer in (client.post("/predict", json={"text": ""}), client.get("/ready")):
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert answer.json()["error"].endswith(".")


def test_bodies_that_are_held_are_bounded(serving: Serving) -> None:
    answer = serving(limits=Limits(held_bytes=5)).post("/predict", json={"text": "longer"})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


def test_a_slow_request_is_ended() -> None:
    app = application({"m": STORED / "v1.1-nbsvm"}, limits=LIMITS)
    sent: list[Any] = []

    async def never() -> Any:
        await asyncio.sleep(60)

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"content-type", b"application/json")]
    scope = {"type": "http", "method": "POST", "path": "/predict", "headers": headers, "query_string": b"", "root_path": ""}  # fmt: skip
    asyncio.run(asyncio.wait_for(app(scope, never, send), 10))
    assert sent[0]["status"] == 408 and b"within 0.3 seconds" in sent[1]["body"]


def test_the_page_has_nothing_from_elsewhere(serving: Serving) -> None:
    for path in ("/", "/page.css", "/page.js"):
        page = serving().get(path)
        assert page.status_code == 200
        assert "http:" not in page.text and "https:" not in page.text and "style=" not in page.text
        assert "innerHTML" not in page.text


def test_openapi_has_examples_that_are_taken(serving: Serving) -> None:
    for name in ("v1.1-typed-tfidf", "v1.1-nbsvm"):
        client = serving(name)
        route = client.get("/openapi.json").json()["paths"]["/predict"]["post"]
        for example in route["requestBody"]["content"]["application/json"]["examples"].values():
            answer = client.post("/predict", json=example["value"])
            assert answer.status_code == 200, answer.text
        assert {"400", "401", "408", "413", "415", "422", "503"} <= set(route["responses"])


def test_a_fault_of_one_request_is_not_the_fault_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    app = application({"m": STORED / "v1.1-nbsvm"})
    served = app.state.models.first
    scored = type(served).scored

    def faulty(self: Any, corpus: Any) -> Any:
        if "boom" in corpus.texts.to_pylist():
            raise OptionError("this row cannot be scored.")
        return scored(self, corpus)

    monkeypatch.setattr(type(served), "scored", faulty)

    async def both() -> list[Any]:
        batcher = app.state.server._batcher
        corpora = [served.corpus([{"text": text}], Limits()) for text in ("good", "boom", "bad")]
        return await asyncio.gather(*(batcher.answers(served, one) for one in corpora), return_exceptions=True)

    good, refused, bad = asyncio.run(both())
    assert good and bad and str(refused) == "this row cannot be scored." and refused.status == 422
    assert replace(served, name="x").version.startswith("x@")
