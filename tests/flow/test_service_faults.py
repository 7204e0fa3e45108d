"""What was acknowledged is there, once, whatever dies: a worker, the whole service; and memory stays flat."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.postgres import running
from tests.serving.conftest import Shop, shop
from tests.serving.started import Started, copy_of, started

__all__ = ["shop"]
USERS = 20
A_CALL = 7


def event(number: int) -> dict[str, Any]:
    """Event number n: whose it is and when it was follow from the number, so that it can be sent again."""
    at = f"2025-12-{1 + number % 28:02d}T{number % 24:02d}:{number % 60:02d}:00Z"
    return {"event_id": f"w{number}", "user_id": f"writer-{number % USERS}", "time": at, "kind": "order", "value": 1.5}


@dataclass
class Sent:
    """sent: every number that was tried.  stored: those that the service said it had."""

    sent: set[int] = field(default_factory=set)
    stored: set[int] = field(default_factory=set)
    other: set[int] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)


@contextmanager
def writing(url: Callable[[], str], writers: int = 3) -> Iterator[Sent]:
    """Writers that post event after event until the block ends, whatever becomes of the service."""
    said, ended = Sent(), threading.Event()
    numbers = iter(range(10**9))

    def write() -> None:
        while not ended.is_set():
            with said.lock:
                mine = [next(numbers) for _ in range(A_CALL)]
                said.sent.update(mine)
            try:
                answer = httpx.post(f"{url()}/events", json={"events": [event(n) for n in mine]}, timeout=30)
            except httpx.TransportError:
                time.sleep(0.05)
                continue
            if answer.status_code == 200:
                assert answer.json()["rejected"] == [], answer.text
                with said.lock:
                    said.stored.update(mine)
            else:
                said.other.add(answer.status_code)
                time.sleep(0.05)

    threads = [threading.Thread(target=write) for _ in range(writers)]
    for thread in threads:
        thread.start()
    try:
        yield said
    finally:
        ended.set()
        for thread in threads:
            thread.join()


def posted(http: httpx.Client, numbers: set[int]) -> tuple[int, int]:
    """Send these events again: how many are new to the service, and how many it knew."""
    accepted = duplicates = 0
    ordered = sorted(numbers)
    for at in range(0, len(ordered), 1000):
        answer = http.post("/events", json={"events": [event(n) for n in ordered[at : at + 1000]]}).json()
        assert not answer["rejected"]
        accepted, duplicates = accepted + answer["accepted"], duplicates + answer["duplicates"]
    return accepted, duplicates


def nothing_lost_nothing_twice(service: Started, said: Sent) -> None:
    with httpx.Client(base_url=service.url, timeout=60) as http:
        assert posted(http, said.stored) == (0, len(said.stored))  # every acknowledged event is there
        posted(http, said.sent)
        users = [f"writer-{number}" for number in range(USERS)]
        scores = http.post("/score", json={"user_ids": users, "reasons": 0}).json()["scores"]
        assert {one["user_id"]: one["events_seen"] for one in scores} == {
            user: sum(number % USERS == at for number in said.sent) for at, user in enumerate(users)
        }  # and once


def test_a_killed_worker_loses_nothing_that_was_acknowledged(shop: Shop, tmp_path: Path) -> None:
    chance = random.Random(3)
    with started(copy_of(shop, tmp_path / "own"), workers=2) as service:
        with writing(lambda: service.url) as said:
            for _ in range(3):
                before = len(said.stored)
                _until(lambda least=before + 200: len(said.stored) > least)
                time.sleep(chance.uniform(0, 0.3))
                os.kill(chance.choice(service.workers()), signal.SIGKILL)
            before = len(said.stored)
            _until(lambda: len(said.stored) > before + 200)
        assert said.other <= {429, 503}
        nothing_lost_nothing_twice(service, said)


# Seen to fail on: an answer before the commit.
def test_a_killed_service_loses_nothing_that_was_acknowledged(shop: Shop, tmp_path: Path) -> None:
    config, url = copy_of(shop, tmp_path / "own"), ""
    with writing(lambda: url or "http://127.0.0.1:9") as said:
        for turn in range(2):
            with started(config) as service:
                url, before = service.url, len(said.stored)
                _until(lambda least=before + 300: len(said.stored) > least)
                time.sleep(0.1 * turn)
                service.kill()
    with started(config) as service:
        nothing_lost_nothing_twice(service, said)


def test_a_database_that_goes_away_is_said_and_nothing_is_lost(shop: Shop, tmp_path: Path) -> None:
    config = copy_of(shop, tmp_path / "own")
    with running() as database, started(config, workers=2, WINBACK_STORE_URL=database.url_with_password) as service:
        with writing(lambda: service.url) as said:
            _until(lambda: len(said.stored) > 200)
            database.stop()
            _until(lambda: 503 in said.other)
            away = httpx.post(f"{service.url}/score", json={"user_ids": ["u3"]}, timeout=60)
            assert away.status_code == 503
            assert away.json()["error"]["code"] == "store_unavailable"
            assert away.headers["Retry-After"]
            assert httpx.get(f"{service.url}/livez", timeout=30).status_code == 200
            _until(lambda: httpx.get(f"{service.url}/readyz", timeout=30).status_code == 503)
            database.start()
            before = len(said.stored)
            _until(lambda: len(said.stored) > before + 200)
        assert said.other == {503}
        assert httpx.get(f"{service.url}/readyz", timeout=30).status_code == 200
        nothing_lost_nothing_twice(service, said)


def test_a_service_that_is_stopped_answers_what_it_has_begun(shop: Shop, tmp_path: Path) -> None:
    body = json.dumps({"events": [event(1)]}).encode()
    head = f"POST /events HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    with started(copy_of(shop, tmp_path / "own")) as service:
        callers = [socket.create_connection(("127.0.0.1", int(service.url.rpartition(":")[2])), 30) for _ in range(3)]
        for caller in callers:
            caller.sendall(head.encode() + body[:20])
        _until(lambda: httpx.get(f"{service.url}/readyz", timeout=30).json()["in_flight"] == 3)
        service.process.send_signal(signal.SIGTERM)
        time.sleep(1)
        for caller in callers:
            caller.sendall(body[20:])
        answers = [caller.recv(65_536) for caller in callers]
        service.process.wait(60)
    assert [answer.split(b"\r\n")[0] for answer in answers] == [b"HTTP/1.1 200 OK"] * 3


# Seen to fail on: workers that do not look whose children they are.
def test_workers_do_not_outlive_the_service(shop: Shop, tmp_path: Path) -> None:
    with started(copy_of(shop, tmp_path / "own")) as service:
        workers = service.workers()
        assert workers
        service.process.kill()
        service.process.wait()
        _until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers))


def _until(true: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "the writers got nowhere"
        time.sleep(0.02)


@pytest.mark.parametrize("seconds", [25, pytest.param(600, marks=[pytest.mark.soak, pytest.mark.timeout(1200)])])
def test_memory_stays_flat_under_mixed_load(shop: Shop, tmp_path: Path, seconds: int) -> None:
    with started(copy_of(shop, tmp_path / "own")) as service, writing(lambda: service.url, writers=1) as said:
        pids, ended, wrong = service.workers(), threading.Event(), list[str]()
        asked = [
            ("/score", {"user_ids": list(shop.users[:40])}), ("/score", {"user_ids": ["u1"], "lang": "zh"}),
            ("/score", {"user_ids": ["nobody"]}), ("/score", {"nonsense": 1}), ("/events", {"events": [{}]}),
            ("/score", {"user_ids": ["u2"], "as_of": "2025-06-01"}),
        ]  # fmt: skip

        def ask() -> None:
            with httpx.Client(base_url=service.url, timeout=60) as http:
                while not ended.is_set():
                    for path, body in asked:
                        if (status := http.post(path, json=body).status_code) >= 500:
                            wrong.append(f"{path} {status}")

        callers = [threading.Thread(target=ask) for _ in range(2)]
        for caller in callers:
            caller.start()
        time.sleep(seconds * 0.4)
        early = sum(map(_resident, pids))
        time.sleep(seconds * 0.6)
        late = sum(map(_resident, pids))
        ended.set()
        for caller in callers:
            caller.join()
        assert service.workers() == pids  # nobody died
        assert not wrong, wrong[:3]
        assert len(said.stored) > 100
        assert late <= 1.1 * early, f"resident memory grew from {early >> 20} to {late >> 20} MiB"


# Seen to fail on: BentoML's time limit, whose timers keep 4.8 KiB of each answered request.
def test_an_answered_request_leaves_nothing_behind(shop: Shop, tmp_path: Path) -> None:
    with started(copy_of(shop, tmp_path / "own")) as service, httpx.Client(base_url=service.url, timeout=60) as http:
        (pid,) = service.workers()

        def ask(times: int) -> int:
            for _ in range(times):
                http.get("/livez").raise_for_status()
            return _resident(pid)

        before, requests = ask(3_000), 6_000
        assert (ask(requests) - before) / requests < 1024


def _resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
