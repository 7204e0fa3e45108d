"""The service as a caller meets it: over HTTP, in a process of its own, with real models."""

from __future__ import annotations

import json
import random
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import BaseModel

from features.problems import InputProblem
from serving.interface.requests import ErrorResponse, EventsRequest, EventsResponse, ScoreRequest, ScoreResponse
from serving.service import run
from tests.serving.conftest import Server, Shop

JSON = {"Content-Type": "application/json"}


def refused(answer: httpx.Response, status: int, code: str) -> tuple[str, str]:
    """Message and hint of an error in DESIGN.md's form."""
    assert answer.status_code == status, answer.text
    error = ErrorResponse.model_validate_json(answer.content).error
    assert error.code == code
    assert error.message
    assert error.hint
    return error.message, error.hint


def event(name: str, **said: Any) -> dict[str, Any]:
    return {"event_id": name, "user_id": "u3", "time": "2025-12-30T10:00:00+01:00", "kind": "order", "value": 5} | said


def test_a_score_is_what_the_document_says(client: httpx.Client, server: Server) -> None:
    asked = {"user_ids": [*server.shop.users[:50], "nobody"], "reasons": 10, "lang": "zh"}
    answer = client.post("/score", json=asked)
    assert answer.status_code == 200, answer.text
    said = ScoreResponse.model_validate_json(answer.content)
    assert [score.user_id for score in said.scores] == list(server.shop.users[:50])
    assert said.missing == ["nobody"]
    assert said.scores[0].models == {task: f"winback-{task}/1" for task in ("churn", "conversion", "ltv")}
    assert {score.user_id for score in said.scores} > {"😀", "用户", "a b", "u,1"}


def test_every_score_says_how_sure_it_is(client: httpx.Client, server: Server) -> None:
    scores = client.post("/score", json={"user_ids": list(server.shop.users[:50])}).json()["scores"]
    churn, conversion, ltv = ([score[task] for score in scores if score[task]] for task in ("churn", "conversion", "ltv"))
    assert churn
    assert conversion
    assert all(0 < one["uncertainty"] <= 1 for one in churn)
    assert {one["uncertainty"] for one in conversion} == {None}  # its model has none
    for one in ltv:
        assert one["low_90"] < one["low"] <= one["expected"] <= one["high"] < one["high_90"]
    assert {one["grade"] for one in (*churn, *conversion, *ltv)} == {"B"}


def test_an_event_is_in_the_next_score_once(client: httpx.Client) -> None:
    before = client.post("/score", json={"user_ids": ["u3"]}).json()["scores"][0]
    first = client.post("/events", json={"events": [event("once"), event("once"), event("bad", time="soon")]})
    assert first.status_code == 200
    said = EventsResponse.model_validate_json(first.content)
    assert (said.accepted, said.duplicates, said.rejected[0].index) == (1, 1, 2)
    again = client.post("/events", json={"events": [event("once")]})
    assert again.json() == {"accepted": 0, "duplicates": 1, "rejected": []}
    after = client.post("/score", json={"user_ids": ["u3"]}).json()["scores"][0]
    assert after["events_seen"] == before["events_seen"] + 1
    assert after["last_event_at"] == "2025-12-30T09:00:00Z"


def test_an_id_of_the_log_is_a_duplicate(client: httpx.Client) -> None:
    assert client.post("/events", json={"events": [event("e1")]}).json()["duplicates"] == 1


SCORE_FAULTS: list[tuple[Any, str, str, str]] = [
    ({"user_ids": [f"u{number}" for number in range(10_001)]}, "too_many", "user_ids", "10,000"),
    ({"user_ids": []}, "too_few", "user_ids", "10,000"),
    ({}, "missing_field", "user_ids", "non-empty string"),
    ({"user_ids": ["u1"], "user": 1}, "unknown_field", "user", "user_ids"),
    ({"user_ids": "u1"}, "bad_field", "user_ids", "list"),
    ({"user_ids": [1]}, "bad_field", "user_ids[0]", "string"),
    ({"user_ids": ["u1", " "]}, "bad_field", "user_ids[1]", "string"),
    ({"user_ids": ["u1"], "reasons": 11}, "bad_field", "reasons", "0 to 10"),
    ({"user_ids": ["u1"], "reasons": "3"}, "bad_field", "reasons", "0 to 10"),
    ({"user_ids": ["u1"], "lang": "fr"}, "bad_field", "lang", '"zh"'),
    ({"user_ids": ["u1"], "as_of": "2100-01-01"}, "as_of_in_the_future", "as_of", "past"),
    ({"user_ids": ["u1"], "as_of": "soon"}, "bad_as_of", "as_of", "ISO 8601"),
    ([], "bad_field", "the body", "user_ids"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "code", "where", "hint"), SCORE_FAULTS)
def test_a_wrong_score_request_is_told_what_to_send(
    client: httpx.Client, body: Any, code: str, where: str, hint: str
) -> None:
    message, said = refused(client.post("/score", json=body), 422, code)
    assert where in message
    assert hint in said


def without(field: str) -> dict[str, Any]:
    return {name: said for name, said in event("f").items() if name != field}


EVENT_FAULTS: list[tuple[Any, str, str, str]] = [
    (without("kind"), "missing_field", "events[1].kind is missing", "order"),
    (without("event_id"), "missing_field", "events[1].event_id", "same whenever"),
    (event("f", kind=""), "bad_field", "events[1].kind", "order"),
    (event("f", kind=None), "bad_field", "events[1].kind", "order"),
    (event("f", valeu=3), "unknown_field", "events[1].valeu", "'value'"),
    (event("f", value="3"), "bad_field", "events[1].value", "finite number"),
    (event("f", value=True), "bad_field", "events[1].value", "finite number"),
    (event("f", user_id="x" * 513), "bad_field", "events[1].user_id", "string"),
    ("not an event", "bad_field", "events[1]", "event_id"),
]  # fmt: skip


@pytest.mark.parametrize(("wrong", "code", "where", "hint"), EVENT_FAULTS)
def test_an_event_of_the_wrong_shape_stores_nothing(
    client: httpx.Client, wrong: Any, code: str, where: str, hint: str
) -> None:
    seen = client.post("/score", json={"user_ids": ["u5"]}).json()["scores"][0]["events_seen"]
    message, said = refused(client.post("/events", json={"events": [event("good", user_id="u5"), wrong]}), 422, code)
    assert where in message
    assert hint in said
    assert client.post("/score", json={"user_ids": ["u5"]}).json()["scores"][0]["events_seen"] == seen


def test_5001_events_are_too_many(client: httpx.Client) -> None:
    body = {"events": [event(f"many{number}") for number in range(5_001)]}
    assert "5,000" in refused(client.post("/events", json=body), 422, "too_many")[1]


# Seen to fail on: a service without our middleware, which answers in plain text.
def test_every_other_error_has_the_same_form(client: httpx.Client) -> None:
    for path in ("/score", "/events"):
        for body in (b"", b"{", b"\xff\xfe", b"nonsense", b'{"user_ids": ["\\ud800"]}', b"[" * 100_000):
            refused(client.post(path, content=body, headers=JSON), 400, "bad_json")
        for kind in (
            "application/x-www-form-urlencoded",
            "application/vnd.bentoml+pickle",
            "multipart/form-data; boundary=x",
            "text/plain",
        ):
            assert (
                "Content-Type"
                in refused(client.post(path, content=b"{}", headers={"Content-Type": kind}), 415, "not_json")[1]
            )
        refused(client.post(path, content=b"{}", headers=JSON | {"Content-Encoding": "gzip"}), 415, "not_json")
        for method in ("GET", "PUT", "DELETE"):
            answer = client.request(method, path)
            refused(answer, 405, "wrong_method")
            assert answer.headers["allow"] == "POST"
    refused(client.post("/score", content=b" " * (17 << 20), headers=JSON), 413, "too_large")
    for path in ("/nothing", "/score/u1", "/../etc/passwd", "/%00"):
        refused(client.get(path), 404, "not_found")
    refused(client.post("/livez"), 405, "wrong_method")


def test_probes_metrics_and_pages_answer(client: httpx.Client) -> None:
    for path in ("/livez", "/readyz", "/metrics", "/docs", "/static_content/swagger-ui.css"):
        assert client.get(path).status_code == 200, path
    assert "winback_request_seconds_bucket" in client.get("/metrics").text
    assert "POST /score" in client.get("/").json()["endpoints"]
    assert "googletagmanager" not in client.get("/docs").text + client.get("/").text


def test_the_document_describes_both_routes(client: httpx.Client) -> None:
    document = client.get("/docs.json").json()
    assert set(document["paths"]) >= {"/score", "/events", "/livez", "/readyz", "/metrics"}
    for path, asked, said in (("/score", ScoreRequest, ScoreResponse), ("/events", EventsRequest, EventsResponse)):
        post = document["paths"][path]["post"]
        assert schema(document, post["requestBody"]) == properties(asked)
        assert schema(document, post["responses"]["200"]) == properties(said)
        assert schema(document, post["responses"]["422"]) == properties(ErrorResponse)
    chance, amount = (document["components"]["schemas"][name] for name in ("Probability", "Amount"))
    assert {part["type"] for part in chance["properties"]["uncertainty"]["anyOf"]} == {"number", "null"}
    assert {"probability", "uncertainty", "grade"} <= set(chance["required"])
    assert {"expected", "low", "high", "low_90", "high_90", "grade"} <= set(amount["required"])
    names = set(document["components"]["schemas"])
    wanted = {
        part.split("/")[-1].rstrip('"}')
        for part in json.dumps(document).split('"#/components/schemas/')[1:]
        for part in [part.split('"')[0]]
    }
    assert wanted <= names


def schema(document: dict[str, Any], part: dict[str, Any]) -> set[str]:
    name = part["content"]["application/json"]["schema"]["$ref"].split("/")[-1]
    found = document["components"]["schemas"][name]
    assert found["additionalProperties"] is False
    return set(found["properties"])


def properties(model: type[BaseModel]) -> set[str]:
    return set(model.model_fields)


def some_json(chance: random.Random, depth: int = 0) -> Any:
    """Anything, with a liking for the words of the interface."""
    words = [
        "user_ids",
        "events",
        "event_id",
        "user_id",
        "time",
        "kind",
        "value",
        "item",
        "as_of",
        "lang",
        "reasons",
        "u1",
        "😀",
        "",
        "\0",
        "en",
        "order",
    ]
    pick = chance.randrange(8 if depth < 4 else 5)
    if pick < 2:
        return chance.choice([*words, "2025-01-01", "9999-12-31T23:59:59Z", "0001-01-01", "2025-13-01"])
    if pick < 5:
        return chance.choice([None, True, 0, -1, 3, 10**30, 1e308, 0.5])
    if pick == 5:
        return [some_json(chance, depth + 1) for _ in range(chance.randrange(4))]
    return {chance.choice(words): some_json(chance, depth + 1) for _ in range(chance.randrange(7))}


def near_json(chance: random.Random) -> tuple[str, Any]:
    """A good request with one thing changed."""
    if chance.random() < 0.5:
        body: dict[str, Any] = {"user_ids": ["u1", "u2"], "reasons": 2, "lang": "en", "as_of": "2025-11-01"}
        inner, path = body, "/score"
    else:
        inner = event(f"fuzz{chance.random()}", user_id="fuzzed")
        body, path = {"events": [inner]}, "/events"
    inner[chance.choice(list(inner))] = some_json(chance, 2)
    return path, body


# Seen to fail on: an as_of that is read outside its guard.
def test_random_bodies_never_break_it(client: httpx.Client) -> None:
    chance = random.Random(11)
    for number in range(240):
        path, body = near_json(chance) if number % 3 else (chance.choice(["/score", "/events"]), some_json(chance))
        answer = client.post(path, content=json.dumps(body).encode(), headers=JSON)
        assert answer.status_code in (200, 400, 422), (answer.status_code, path, body)
        if answer.status_code == 200:
            (ScoreResponse if path == "/score" else EventsResponse).model_validate_json(answer.content)
        else:
            ErrorResponse.model_validate_json(answer.content)
    assert client.get("/readyz").status_code == 200


# Seen to fail on: BEGIN instead of BEGIN IMMEDIATE (events of one user lost).
def test_eight_clients_at_once_lose_nothing(server: Server) -> None:
    def work(client_number: int) -> list[int]:
        with httpx.Client(base_url=server.url, timeout=60) as http:
            statuses = []
            for number in range(12):
                one = event(
                    f"c{client_number}-{number}",
                    user_id="crowd",
                    time=f"2025-12-0{client_number + 1}T{number:02}:00:00Z",
                )
                statuses.append(http.post("/events", json={"events": [one]}).status_code)
                statuses.append(http.post("/score", json={"user_ids": ["crowd", "u1", "u2"]}).status_code)
            return statuses

    with ThreadPoolExecutor(8) as pool:
        assert {status for statuses in pool.map(work, range(8)) for status in statuses} == {200}
    said = httpx.post(f"{server.url}/score", json={"user_ids": ["crowd"]}).json()["scores"][0]
    assert said["events_seen"] == 96


# Seen to fail on: logging what was refused (BentoML's API methods do, with a traceback: input_value='secretx').
def test_nobodys_data_is_in_the_log(client: httpx.Client, server: Server) -> None:
    client.post("/score", json={"user_ids": ["secret-person"], "reasons": "secret-reason"})
    client.post("/events", json={"events": [event("secret-event", user_id="secret-person", time="secret-time")]})
    time.sleep(0.2)
    log = server.log.read_text("utf-8")
    assert "secret" not in log
    assert "Traceback" not in log
    assert f"ready: {server.url}" in log
    assert "curl -s" in log


def test_what_is_wrong_is_said_before_it_starts(shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with pytest.raises(InputProblem, match="does not exist"):
        run(tmp_path / "winback.toml")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(InputProblem, match="--port"):
            run(shop.config, port=taken.getsockname()[1])
    changed = shop.config.read_text("utf-8").replace(
        'activity = ["order"]\nhorizon_days = 60', 'activity = ["order"]\nhorizon_days = 61'
    )
    other = shop.config.with_name("changed.toml")
    other.write_text(changed, "utf-8")
    with pytest.raises(InputProblem) as caught:
        run(other)
    assert caught.value.code == "definition_changed"
    assert "winback train churn" in str(caught.value)
