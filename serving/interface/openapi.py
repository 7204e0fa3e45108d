"""The OpenAPI document of the service, made of the table that answers and the models that check."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from serving.interface.requests import ErrorResponse
from serving.interface.route import JSON, Route

_REF = "#/components/schemas/{model}"
_WITH_KEY = {401: "no key, or an unknown one", 403: "a key of another scope"}
_WITH_BODY = {
    400: "the body is not JSON, or ended too early",
    408: "the body came too slowly",
    413: "the body is too large",
    415: "the body is of another type",
    422: "a field is missing, unknown or wrong; nothing was done",
    429: "too many requests at once; nothing was done",
    503: "the store cannot answer now, or no thread was free in time",
}
_ALWAYS = {431: "the headers are too large", 500: "the service failed"}
_RETRY = {429, 503}
_EXAMPLES: Mapping[str, Any] = {
    "/score": {"user_ids": ["u1"], "reasons": 3, "lang": "en"},
    "/events": {
        "events": [
            {"event_id": "e1", "user_id": "u1", "time": "2026-07-15T08:30:00Z", "kind": "order", "value": 30.0}
        ]
    },
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
DOCS_HEADERS = (
    (
        b"content-security-policy",
        b"default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        b"font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
)


def described(table: Iterable[Route]) -> dict[str, Any]:
    """The whole document."""
    table = tuple(table)
    models: list[type[BaseModel]] = [ErrorResponse]
    for route in table:
        models += [model for model in (route.request, route.response, *route.refusals.values()) if model is not None]
    sides = [(model, "validation") for model in dict.fromkeys(models)]
    _, schemas = models_json_schema(sides, ref_template=_REF)  # type: ignore[arg-type]
    paths: dict[str, Any] = {}
    for route in table:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0", "info": {"title": "winback", "version": "1"}, "servers": [{"url": "."}],
        "paths": paths, "components": {"schemas": schemas["$defs"], "securitySchemes": _KEYS},
    }  # fmt: skip


_KEYS = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "a key made by `winback keys add`, such as wb_..."},
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "the same key"},
}


def statuses(route: Route) -> dict[int, str]:
    """Every status that a route may answer with beyond 200, and what it means."""
    found = (_WITH_KEY if route.scope else {}) | (_WITH_BODY if route.request else {}) | _ALWAYS
    return dict(sorted((dict.fromkeys(route.refusals, "not known, or not now") | found).items()))


def _operation(route: Route) -> dict[str, Any]:
    operation: dict[str, Any] = {"operationId": route.path.strip("/") or "index", "summary": route.summary}
    if route.scope:
        operation["security"] = [{"bearer": []}, {"header": []}]
        needs = "any key" if route.scope == "any" else f"a key with the scope {route.scope}"
        operation["description"] = f"Needs {needs}, unless the service was started without keys."
    if route.request:
        content: dict[str, Any] = _schema(route.request)
        if route.path in _EXAMPLES:
            content["example"] = _EXAMPLES[route.path]
        operation["requestBody"] = {"required": True, "content": {JSON: content}}
    plain: dict[str, Any] = {"schema": {} if JSON in route.media else {"type": "string"}}
    answer = _schema(route.response) if route.response else plain
    doc = " ".join((route.response.__doc__ or route.summary).split()) if route.response else route.summary
    responses = {"200": {"description": doc, "headers": _headers(200), "content": _contents(route, answer)}}
    for status, says in statuses(route).items():
        model = route.refusals.get(status, ErrorResponse)
        responses[str(status)] = {
            "description": says, "headers": _headers(status), "content": {JSON: _schema(model)}
        }  # fmt: skip
    return operation | {"responses": responses}


def _contents(route: Route, answer: dict[str, Any]) -> dict[str, Any]:
    """What each media type of an answer holds; a picture is described by its type alone."""
    if route.response is None:
        return dict.fromkeys(route.media, answer)
    return {media: answer if media == JSON else {"schema": {"contentMediaType": media}} for media in route.media}


def _headers(status: int) -> dict[str, Any]:
    found: dict[str, Any] = {
        "X-Request-ID": {"description": "yours when it was sane, else ours", "schema": {"type": "string"}}
    }
    if status in _RETRY:
        found["Retry-After"] = {"description": "seconds", "schema": {"type": "integer"}}
    if status == 401:
        found["WWW-Authenticate"] = {"description": "Bearer", "schema": {"type": "string"}}
    return found


def _schema(model: type[BaseModel]) -> dict[str, Any]:
    return {"schema": {"$ref": _REF.format(model=model.__name__)}}
