"""Champions are exchanged while callers ask: no error, and no answer of two models."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from features.business import read_business
from tests.serving.conftest import Shop, shop
from tests.serving.started import Started, copy_of, started
from tests.serving.switching import champion, crown, register, shifted

__all__ = ["shop"]
CALLERS = 3


def switched(config: Path, service: Started, folder: Path, times: int) -> tuple[list[dict[str, Any]], int]:
    """Move two aliases to and fro under load; every answer's scores, and how many moves were seen to be served."""
    business = read_business(config)
    versions = {task: ["1", register(business, task, _other(business, task), folder / task)] for task in ("churn", "conversion")}
    answers: list[dict[str, Any]] = []
    faults: list[str] = []
    ended = threading.Event()

    def call() -> None:
        with httpx.Client(base_url=service.url, timeout=60) as http:
            while not ended.is_set():
                answer = http.post("/score", json={"user_ids": ["u3", "u7"], "as_of": "2025-12-01"})
                if answer.status_code != 200:
                    faults.append(answer.text)
                else:
                    answers.extend(answer.json()["scores"])

    callers = [threading.Thread(target=call) for _ in range(CALLERS)]
    for caller in callers:
        caller.start()
    seen = 0
    try:
        for turn in range(1, times + 1):
            for task in ("churn", "conversion"):
                crown(business, task, versions[task][turn % 2])
            end = time.monotonic() + 90  # the first one waits for the watch to have started
            while time.monotonic() < end:
                models = httpx.get(f"{service.url}/readyz", timeout=30).json()["models"]
                if all(models[task] == f"winback-{task}/{versions[task][turn % 2]}" for task in versions):
                    seen += 1
                    break
                time.sleep(0.05)
    finally:
        ended.set()
        for caller in callers:
            caller.join()
    assert not faults, faults[0]
    return answers, seen


def _other(business, task):  # type: ignore[no-untyped-def]
    return shifted(champion(business, task).bundle, 1.0)


# Seen to fail on: the champion of one question exchanged before the others of the same answer (a dictionary changed in
# place); then the same versions came with two probabilities.
@pytest.mark.parametrize("times", [5, pytest.param(100, marks=pytest.mark.soak)])
def test_champions_are_exchanged_under_load_without_an_error_or_a_mixed_answer(
    shop: Shop, tmp_path: Path, times: int
) -> None:
    config = copy_of(shop, tmp_path / "own")
    with started(config, WINBACK_WATCH_SECONDS="0.05") as service:
        answers, seen = switched(config, service, tmp_path, times)
    assert seen == times
    told: dict[tuple[str, str, str], set[float]] = {}
    for score in answers:
        for task in ("churn", "conversion"):
            if score[task]:
                told.setdefault((score["user_id"], task, score["models"][task]), set()).add(score[task]["probability"])
    assert {task for _, task, _ in told} >= {"churn"}
    assert len({model for _, task, model in told if task == "churn"}) == 2
    assert all(len(probabilities) == 1 for probabilities in told.values()), told
