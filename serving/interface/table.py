"""The interface: every route in one table, from which callers are answered and the OpenAPI document is made."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pydantic_core import to_json

from features.problems import InputProblem
from serving.interface.explain_requests import ExplainRequest, ExplainResponse
from serving.interface.metrics import MEDIA
from serving.interface.openapi import DOCS_HEADERS, DOCS_PAGE, described
from serving.interface.probes import Alive, NotReady, Probes, Readiness
from serving.interface.requests import (
    ErrorResponse,
    EventsRequest,
    EventsResponse,
    Listing,
    Refusal,
    ScoreRequest,
    ScoreResponse,
)
from serving.interface.route import JSON, Call, Reply, Route
from serving.waterfall import explain_user
from serving.waterfall_plot import picture

HTML = "text/html; charset=utf-8"
PICTURES = {"png": "image/png", "svg": "image/svg+xml"}


def routes() -> tuple[Route, ...]:
    """The table; a route is one line."""
    probes = Probes()
    table = (
        Route("POST", "/score", _score, "score", ScoreRequest, ScoreResponse, "Scores of some users, with reasons"),
        Route("POST", "/explain", _explain, "score", ExplainRequest, ExplainResponse, "A user's scores, explained",
              (JSON, *PICTURES.values()), {404: ErrorResponse}),
        Route("POST", "/events", _events, "events", EventsRequest, EventsResponse, "Take in events, durably and once"),
        Route("GET", "/livez", probes.alive, None, None, Alive, "Alive"),
        Route("GET", "/readyz", probes.ready, None, None, Readiness, "Ready to answer", refusals={503: NotReady}),
        Route("GET", "/metrics", probes.metrics, "any", None, None, "Figures for Prometheus", (MEDIA,)),
        Route("GET", "/docs", _docs, None, None, None, "The interface, to read and to try", (HTML,)),
    )
    document = Route("GET", "/docs.json", _docs, None, None, None, "The interface as OpenAPI")
    listing = Route("GET", "/", _docs, None, None, Listing, "What there is")
    whole = (*table, document, listing)
    return (*table, _constant(document, described(whole)), _constant(listing, _listed(whole)))


def _score(call: Call) -> dict[str, Any]:
    answer = call.live.score(call.request, call.now, call.laps)
    call.note["users"] = len(answer["scores"])
    call.state.metrics.scored(answer)
    return answer


def _events(call: Call) -> dict[str, Any]:
    answer = call.live.accept(call.request, call.now, call.laps)
    call.note["events"] = len(call.request.events)
    call.state.metrics.taken(answer)
    return answer


def _explain(call: Call) -> dict[str, Any] | Reply:
    answer = explain_user(call.live, call.request, call.now)
    if call.request.format == "json":
        return answer
    try:
        return Reply(picture(answer, call.request.format, call.request.lang), PICTURES[call.request.format])
    except InputProblem as problem:
        raise Refusal(422, problem.code, f"{problem}", "Ask for another task, or for the format json.") from None


async def _docs(_: Call) -> Reply:
    return Reply(DOCS_PAGE.encode(), HTML, headers=DOCS_HEADERS)


def _constant(route: Route, said: Any) -> Route:
    """The route with an answer that is always the same, written down once."""
    body = to_json(said)

    async def answer(_: Call) -> Reply:
        return Reply(body)

    return replace(route, answer=answer)


def _listed(table: tuple[Route, ...]) -> dict[str, Any]:
    return {
        "service": "winback",
        "endpoints": {f"{route.method} {route.path}": route.summary for route in table},
    }
