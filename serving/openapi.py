"""The OpenAPI document of the service, made of the models that requests are checked with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from serving.requests import ErrorResponse, EventsRequest, EventsResponse, ScoreRequest, ScoreResponse

_REF = "#/components/schemas/{model}"
_ERRORS = {
    "400": "the body is not JSON",
    "413": "the body is too large",
    "415": "the body is of another type",
    "422": "a field is missing, unknown or wrong; nothing was done",
    "500": "the service failed",
    "503": "try again in a second",
}
# BentoML's own page asks the reader's browser to load a tracker from elsewhere; this one loads nothing from elsewhere.
DOCS_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>winback</title>
<link rel="stylesheet" href="./static_content/swagger-ui.css"></head>
<body><div id="swagger-ui"></div>
<script src="./static_content/swagger-ui-bundle.js"></script>
<script src="./static_content/swagger-ui-standalone-preset.js"></script>
<script src="./static_content/swagger-initializer.js"></script></body></html>
"""


def described(probes: Mapping[str, Any]) -> dict[str, Any]:
    """The whole document; probes: the paths that BentoML describes itself."""
    models: list[type[BaseModel]] = [ScoreRequest, ScoreResponse, EventsRequest, EventsResponse, ErrorResponse]
    sides = [(model, "validation") for model in models]
    _, schemas = models_json_schema(sides, ref_template=_REF)  # type: ignore[arg-type]
    paths = {
        "/score": _post("score", "Scores of some users, with reasons", ScoreRequest, ScoreResponse),
        "/events": _post("events", "Take in what happened, durably and once", EventsRequest, EventsResponse),
    }
    return {
        "openapi": "3.1.0", "info": {"title": "winback", "version": "1"}, "servers": [{"url": "."}],
        "paths": {**paths, **probes}, "components": {"schemas": schemas["$defs"]},
    }  # fmt: skip


def _post(name: str, summary: str, request: type[BaseModel], response: type[BaseModel]) -> dict[str, Any]:
    errors = {status: {"description": says, **_json(ErrorResponse)} for status, says in _ERRORS.items()}
    return {
        "post": {
            "operationId": name, "summary": summary, "requestBody": {"required": True, **_json(request)},
            "responses": {"200": {"description": response.__doc__, **_json(response)}, **errors},
        }
    }  # fmt: skip


def _json(model: type[BaseModel]) -> dict[str, Any]:
    return {"content": {"application/json": {"schema": {"$ref": _REF.format(model=model.__name__)}}}}
