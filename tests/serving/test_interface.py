"""The interface around its answers: who may ask, what every answer carries, what is logged and counted."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from features.business import Business, read_business
from features.online.store import Snapshot, StoreUnavailable
from serving.interface.keys import add_key, key_file
from serving.interface.laps import Laps
from serving.interface.metrics import Metrics
from serving.interface.probes import NotReady, Readiness
from serving.interface.requests import ErrorResponse, Refusal, ScoreRequest
from serving.interface.route import Call, Route
from serving.interface.table import routes
from tests.serving.conftest import CONFIG, NOW, Server
from tests.serving.hosting import hosted

BODY = {"user_ids": ["u1"]}
SECURITY = ("x-content-type-options", "cache-control", "referrer-policy", "content-security-policy", "x-request-id")


def fine(_: Call) -> dict[str, bool]:
    return {"fine": True}


def table() -> list[Route]:
    return [
        Route("POST", "/score", fine, "score", ScoreRequest, None, "a test's"),
        Route("POST", "/events", fine, "events", ScoreRequest, None, "a test's"),
        Route("POST", "/forget", fine, "admin", ScoreRequest, None, "a test's"),
        Route("GET", "/figures", fine, "any", None, None, "a test's"),
        Route("GET", "/open", fine, None, None, None, "a test's"),
    ]


@pytest.fixture
def business(tmp_path: Path) -> Business:
    (tmp_path / "winback.toml").write_text(CONFIG, "utf-8")
    return read_business(tmp_path / "winback.toml")


def refused(answer: httpx.Response, status: int, code: str) -> None:
    assert answer.status_code == status, answer.text
    assert ErrorResponse.model_validate_json(answer.content).error.code == code


# Seen to fail on: a route that forgets its scope; a service that nobody has locked and that lets everybody in.
def test_a_key_opens_what_it_is_for(business: Business) -> None:
    names = ("score", "events", "admin")
    tokens = {name: add_key(business, name, [name], NOW) for name in names}
    with hosted(table(), business.root, keys=key_file(business)) as host, host.client() as client:
        for path, scope in (("/score", "score"), ("/events", "events"), ("/forget", "admin")):
            answer = client.post(path, json=BODY)
            refused(answer, 401, "missing_key")
            assert answer.headers["www-authenticate"] == "Bearer"
            for wrong in ("Bearer wb_wrong", "Bearer", "Basic d2I6d2I=", tokens[scope]):
                answer = client.post(path, json=BODY, headers={"Authorization": wrong})
                assert answer.status_code == 401
            for name in names:
                for headers in ({"Authorization": f"bearer {tokens[name]}"}, {"X-API-Key": tokens[name]}):
                    answer = client.post(path, json=BODY, headers=headers)
                    if name == scope:
                        assert answer.status_code == 200
                    else:
                        refused(answer, 403, "wrong_scope")
        assert client.get("/open").status_code == 200
        refused(client.get("/figures"), 401, "missing_key")
        assert client.get("/figures", headers={"X-API-Key": tokens["events"]}).status_code == 200
    log = host.log.read_text()
    assert all(token not in log for token in tokens.values())
    assert '"key":"score"' in log


def test_an_interface_that_was_not_told_about_keys_lets_nobody_in() -> None:
    from serving.interface.limits import Limits
    from serving.interface.state import State

    with pytest.raises(Refusal) as caught:
        State(Limits()).key("wb_anything", "score")
    assert caught.value.status == 401


def test_every_answer_is_marked_and_guarded(tmp_path: Path) -> None:
    with hosted(table(), tmp_path) as host, host.client() as client:
        for method, path in (("GET", "/open"), ("HEAD", "/open"), ("GET", "/nothing"), ("OPTIONS", "/score"), ("POST", "/score"),
                             ("GET", "/static_content/x"), ("TRACE", "/"), ("PROPFIND", "/score")):  # fmt: skip
            answer = client.request(method, path)
            assert all(name in answer.headers for name in SECURITY), (method, path, answer.headers)
            assert method != "HEAD" or answer.content == b""
        for sent, kept in (("ok-1._Z", True), ("x" * 64, True), ("x" * 65, False), ("a b", False), ("<i>", False), ("", False)):
            said = client.get("/open", headers={"X-Request-ID": sent}).headers["x-request-id"]
            assert (said == sent) is kept
            assert len(said) <= 64


# Seen to fail on: a line with the path as it was sent (it may carry a user's id).
def test_a_line_an_answer_without_anybodys_data(tmp_path: Path) -> None:
    def broken(_: Call) -> None:
        raise ValueError("secret-value")

    routes = [*table(), Route("POST", "/broken", broken, None, ScoreRequest, None, "a test's")]
    with hosted(routes, tmp_path) as host, host.client(headers={"X-Request-ID": "r1"}) as client:
        client.post("/score", json={"user_ids": ["secret-user"]})
        client.post("/score", json={"user_ids": ["secret-user"], "secret-field": "secret-value"})
        client.get("/score/secret-user?secret=1")
        refused(client.post("/broken", json={"user_ids": ["secret-user"]}), 500, "internal_error")
    text = host.log.read_text()  # a line follows its answer
    assert "secret" not in text
    lines = [json.loads(line) for line in text.splitlines()]
    assert [(line["route"], line["status"]) for line in lines if "route" in line] == [
        ("/score", 200), ("/score", 422), ("other", 404), ("/broken", 500)
    ]  # fmt: skip
    assert {line["request"] for line in lines} == {"r1"}
    failed = next(line for line in lines if "failed" in line)
    assert failed["failed"] == "ValueError"
    assert any("broken" in place for place in failed["at"])
    assert {"wait", "parse", "encode"} <= set(lines[0]["stages"])


def test_the_figures_count_what_happened(tmp_path: Path) -> None:
    with hosted(table(), tmp_path) as host, host.client() as client:
        for _ in range(3):
            client.post("/score", json=BODY)
        client.post("/score", content=b"{")
        for number in range(50):
            client.get(f"/users/{number}")
        metrics = host.interface.state.metrics
        metrics.scored({"scores": [{"models": {"churn": "a/1", "ltv": "b/1"}, "churn": {"percentile": 42.0}, "ltv": None}], "missing": ["x"]})
        metrics.taken({"accepted": 3, "duplicates": 2, "rejected": [{"index": 1}]})
        metrics.serving({"churn": "winback-churn/1"})
        metrics.serving({"churn": "winback-churn/2"})
        metrics.refused_model("churn")
        assert host.settled() == (0, 0)
    text = metrics.text().decode()
    for line in (
        'winback_requests_total{route="/score",status="200"} 3.0', 'winback_requests_total{route="/score",status="400"} 1.0',
        'winback_requests_total{route="other",status="404"} 50.0', 'winback_rejected_total{code="bad_json"} 1.0',
        'winback_request_seconds_count{route="/score"} 4.0', 'winback_stage_seconds_count{route="/score",stage="encode"} 3.0',
        'winback_score_percentile_bucket{le="40.0",task="churn"} 0.0', 'winback_score_percentile_bucket{le="50.0",task="churn"} 1.0',
        "winback_users_missing_total 1.0", 'winback_events_total{verdict="accepted"} 3.0', 'winback_events_total{verdict="duplicate"} 2.0',
        'winback_events_total{verdict="rejected"} 1.0', 'winback_model_info{model="winback-churn/1",task="churn"} 0.0',
        'winback_model_info{model="winback-churn/2",task="churn"} 1.0', 'winback_models_refused_total{task="churn"} 1.0',
        "winback_in_flight 0.0",
    ):  # fmt: skip
        assert line in text, line
    assert "/users/" not in text


@dataclass
class Away:
    """A store that answers, is away, or takes for ever."""

    how: str = "answers"
    asked: int = 0
    free: threading.Event = field(default_factory=threading.Event)

    def read(self, _: Any) -> Snapshot:
        self.asked += 1
        if self.how == "hangs":
            self.free.wait(20)
        if self.how == "away":
            raise StoreUnavailable("server away")
        return Snapshot({}, (), NOW - 90_000_000)


# Seen to fail on: a store that is asked for every probe; a probe that waits for ever.
def test_ready_means_that_the_store_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serving.interface.probes.FRESH_SECONDS", 0.1)
    monkeypatch.setattr("serving.interface.probes.STORE_SECONDS", 0.3)
    with hosted(routes(), tmp_path) as host, host.client() as client:
        live: Any = host.interface.state.live
        live.store = store = Away()
        host.interface.state.watch_report = lambda: {"registry": "reachable", "refused": ["churn/4: no"], "models": {}}
        said = Readiness.model_validate_json(client.get("/readyz").content)
        assert (said.status, said.store, said.watch and said.watch.refused) == ("ready", "answers", ["churn/4: no"])
        assert "winback_freshness_lag_seconds 90.0" in client.get("/metrics").text
        for _ in range(20):
            client.get("/readyz")
        assert store.asked < 15
        for how in ("away", "hangs"):
            store.how = how
            time.sleep(0.15)
            answer = client.get("/readyz")
            assert answer.status_code == 503
            assert answer.headers["retry-after"] == "1"
            not_ready = NotReady.model_validate_json(answer.content)
            assert (not_ready.error.code, not_ready.readiness.store) == ("not_ready", "unavailable")
            assert client.get("/livez").json() == {"status": "alive"}
        store.how = "answers"
        store.free.set()
        time.sleep(0.2)
        assert client.get("/readyz").status_code == 200


def test_before_there_is_a_model_nothing_is_ready(tmp_path: Path) -> None:
    with hosted(routes(), tmp_path) as host, host.client() as client:
        host.interface.state._live = None
        refused(client.get("/readyz"), 503, "not_ready")
        refused(client.post("/score", json=BODY), 503, "not_ready")


@pytest.mark.parametrize("raw", [
    b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n",
    b"POST /score HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
    b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nA: " + b"x" * 60_000 + b"\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    b"POST /score HTTP/1.1\r\nHost: x\r\nContent-Length: " + b"9" * 5_000 + b"\r\n\r\n",
    b"POST /score HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
])  # fmt: skip
def test_what_is_not_http_is_told_so_in_our_form(server: Server, raw: bytes) -> None:
    host, _, port = server.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=20) as line:
        line.sendall(raw)
        said = b""
        while piece := line.recv(65_536):
            said += piece
    head, _, body = said.partition(b"\r\n\r\n")
    assert head.split()[1] in (b"400", b"413", b"431"), head
    assert b"application/json" in head
    assert ErrorResponse.model_validate_json(body).error.code in ("bad_http", "too_large", "large_headers")
    assert httpx.get(f"{server.url}/livez").status_code == 200


def test_a_web_socket_is_refused_in_our_form(server: Server) -> None:
    headers = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA=="}
    refused(httpx.get(f"{server.url}/score", headers=headers), 404, "not_found")


def test_who_collects_traces_finds_the_stages_in_the_span(tmp_path: Path) -> None:
    kept, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    with hosted(table(), tmp_path) as host:
        interface = host.interface

        async def ask() -> None:
            async def receive() -> dict[str, Any]:
                return {"type": "http.request", "body": json.dumps(BODY).encode(), "more_body": False}

            async def send(_: Any) -> None:
                return None

            scope = {"type": "http", "method": "POST", "path": "/score", "headers": [(b"content-length", b"20")]}
            with provider.get_tracer("t").start_as_current_span("POST /score"):
                await interface(scope, receive, send)

        asyncio.run(ask())
    attributes = kept.get_finished_spans()[0].attributes
    assert attributes is not None
    assert {"winback.wait_ms", "winback.parse_ms", "winback.encode_ms"} <= set(attributes)


def test_stages_add_up() -> None:
    laps = Laps()
    for stage in ("read", "features", "read"):
        time.sleep(0.002)
        laps.lap(stage)  # type: ignore[arg-type]
    assert set(laps.seconds) == {"read", "features"}
    assert laps.seconds["read"] >= 0.004
    assert laps.seconds["features"] >= 0.002


def test_figures_are_not_shared_between_interfaces() -> None:
    one, other = Metrics(), Metrics()
    one.refused_model("churn")
    assert b'winback_models_refused_total{task="churn"} 1.0' in one.text()
    assert b'task="churn"' not in other.text()
