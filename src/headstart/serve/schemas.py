"""What the OpenAPI page says of requests and answers, with examples."""

from __future__ import annotations

from typing import Any

from headstart import __version__
from headstart.corpus import TextColumns
from headstart.plain import Json
from headstart.serve.catalog import Models
from headstart.serve.limits import Limits

JSON_LINES = ("application/x-ndjson", "application/jsonl")
"""Media types of streams; what comes as the first goes out as the first."""

_TITLE = {"title": "Headstart", "version": __version__}
_DESCRIPTION = 'Scores texts as `headstart predict` does. Every refusal is {"error": "a sentence"}.'
_ERROR = {"type": "object", "required": ["error"], "properties": {"error": {"type": "string"}}}


def _refused(why: str, example: str, **headers: Any) -> Json:
    content = {"application/json": {"schema": _ERROR, "example": {"error": example}}}
    return {"description": why, "content": content, **({"headers": headers} if headers else {})}


_RETRY = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "string"}}}
_NOT_FOUND: Json = {"404": _refused("No such model.", "There is no model 'x' here. There are: reviews@3f2a9c51d0b7.")}
_UNAUTHORIZED: Json = {
    "401": _refused(
        "No token, or a wrong one.", "This server wants a token: send the header Authorization: Bearer TOKEN."
    )
}
_ERRORS: Json = {
    **_UNAUTHORIZED,
    "400": _refused("No JSON.", "The request is not JSON (Expecting value: line 1 column 1 (char 0)); send {\"text\": \"...\"}."),
    "408": _refused("It arrived too slowly.", "The request did not arrive within 30 seconds; send it faster."),
    "413": _refused("It is too large.", "The request is larger than 8,388,608 bytes; send it in pieces, or as a stream of JSON lines."),
    "415": _refused("Another kind of content.", "The content type is 'text/plain'; send application/json or application/x-ndjson."),
    "422": _refused("JSON that holds no rows for this model.", "Row 3 has no 'text'. Send a row as {\"text\": ...}."),
    "503": _refused("The queue is full.", "20,000 rows are waiting to be scored, and no more are taken; send it again.", **_RETRY),
}  # fmt: skip

_JSON: Json = {"description": "It is well.", "content": {"application/json": {"schema": {"type": "object"}}}}
_PLAIN: Json = {"description": "Figures.", "content": {"text/plain": {"schema": {"type": "string"}}}}
_MODEL: Json = {"name": "model", "in": "path", "required": True, "schema": {"type": "string"}}
_VALUES = {"number": 3, "date": "2024-06-24", "truth": True, "category": "phone", "text": "Quiet", "words": "Quiet"}


def document(models: Models, limits: Limits, *, reloads: bool) -> Json:
    """Return what ``/openapi.json`` gives, but for where it is served."""
    predicting, named = _predicting(models, limits), {"parameters": [_MODEL]}
    given, busy = {"200": _JSON}, {"503": _ERRORS["503"]}

    def told(summary: str, responses: Json, more: Json | None = None) -> Json:
        return {"summary": summary, **(more or {}), "responses": responses}

    scored = {**predicting.pop("responses"), **_ERRORS}
    paths: Json = {
        "/predict": {"post": told("Score with the first model", scored, predicting)},
        "/models/{model}/predict": {
            "post": told("Score with a model, by NAME or NAME@HASH", {**scored, **_NOT_FOUND}, {**named, **predicting})
        },
        "/models": {"get": told("The models", {**given, **_UNAUTHORIZED})},
        "/models/{model}": {"get": told("A model", {**given, **_UNAUTHORIZED, **_NOT_FOUND}, named)},
        "/health": {"get": told("Whether the process answers", given)},
        "/ready": {"get": told("Whether it takes rows", {**given, **busy})},
        "/metrics": {"get": told("Figures for Prometheus", {"200": _PLAIN, **_UNAUTHORIZED})},
    }
    if reloads:
        answers = {**given, **_UNAUTHORIZED, "409": _ERRORS["422"]}
        paths["/reload"] = {"post": told("Read models that were replaced", answers)}
    return {"openapi": "3.1.0", "info": {**_TITLE, "description": _DESCRIPTION}, "paths": paths}


def _predicting(models: Models, limits: Limits) -> Json:
    """Return what the prediction routes take and give; examples are those of the first model."""
    first = models.first
    text: Json = {"type": ["string", "null"], "maxLength": limits.characters, "description": "A text."}
    cell: Json = {"type": ["string", "number", "boolean", "null"], "description": "A column that the model reads."}
    texts = TextColumns(first.predictor.text).names
    example: Json = dict.fromkeys(texts, "A quiet, well-made film.")
    if first.predictor.encoder is not None:
        example |= {name: _VALUES[kind] for name, kind in first.predictor.encoder.types.items()}
    row: Json = {
        "type": "object",
        "required": list(example),
        "properties": {name: text if name in texts else cell for name in example},
    }
    answer: Json = {"type": "object", "required": ["prediction"], "properties": {"prediction": {}}}
    answer["description"] = (
        "What `headstart predict` writes of a row: prediction, probability_LABEL, label_set, low and high."
    )
    taken: Json = {
        "application/json": {
            "schema": {"anyOf": [row, _batch(row, limits)]},
            "examples": {
                "one row": {"value": example},
                "a batch": {"value": {"rows": [example, {**example, texts[0]: "I left early."}]}},
            },
        },
        **{kind: {"schema": {"type": "string"}, "description": "A row a line; streamed."} for kind in JSON_LINES},
    }
    given: Json = {
        "application/json": {
            "schema": {"anyOf": [answer, _batch(answer, limits)]},
            "example": {"prediction": "positive", "probability_negative": 0.08, "probability_positive": 0.92},
        },
        **{kind: {"schema": {"type": "string"}} for kind in JSON_LINES},
    }  # fmt: skip
    headers = {
        "Headstart-Model": {"description": "NAME@HASH of the model that answered.", "schema": {"type": "string"}}
    }
    return {
        "requestBody": {"required": True, "content": taken},
        "responses": {
            "200": {"description": "An answer for each row, in order.", "content": given, "headers": headers}
        },
    }


def _batch(row: Json, limits: Limits) -> Json:
    rows = {"type": "array", "items": row, "minItems": 1, "maxItems": limits.rows}
    return {"type": "object", "required": ["rows"], "properties": {"rows": rows}}
