"""Folding changes no answer of the service: neither today's, nor one of the past, nor one after a late event."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from features.business import read_business
from features.events import read_events
from features.histories import histories
from features.online.fold import Folding
from features.online.store import Store
from serving.interface.requests import EventsRequest, ScoreRequest
from serving.live import Live, open_live
from tests.serving.conftest import NOW, Shop

SOME = Folding(days=365, margin_days=14, least=10, whole=16, tail=4)
NEVER = Folding(least=10**9, whole=10**9)


@pytest.fixture
def two(shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Live, Live]]:
    """The shop with a store that folds, and with one that does not."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    past = histories(read_events(read_business(shop.config), NOW), "Europe/Berlin")
    live, made = open_live(shop.config), []
    for name, folding in (("folds", SOME), ("plain", NEVER)):
        store = Store(f"sqlite:///{tmp_path / name}.sqlite", "Europe/Berlin", folding=folding)
        store.warm(past)
        made.append(replace(live, store=store))
    yield made[0], made[1]
    for one in made:
        one.store.close()


def ask(live: Live, users: tuple[str, ...], **said: Any) -> list[dict[str, Any]]:
    answer = live.score(ScoreRequest.model_validate({"user_ids": list(users)} | said), NOW)
    assert isinstance(answer["scores"], list)
    return answer["scores"]


def told(scores: list[dict[str, Any]]) -> list[Any]:
    """What stands in the answers beside numbers that a sum in another order may change in the last digit."""
    return [(one["user_id"], one["as_of"], one["events_seen"], one["last_event_at"], one["lifecycle"]) for one in scores]


def chances(scores: list[dict[str, Any]]) -> list[float]:
    return [one[task]["probability"] for one in scores for task in ("churn", "conversion") if one[task]]


def test_folding_changes_no_answer(two: tuple[Live, Live], shop: Shop) -> None:
    folds, plain = two
    carried = folds.store.read(shop.users, folded=True).histories
    assert sum(history.carry is not None for history in carried.values()) > 20
    busy = next(user for user, history in carried.items() if history.carry is not None)
    for said in ({}, {"as_of": "2025-06-01T00:00:00Z"}, {"as_of": "2025-12-30T13:14:15Z"}):
        ours, theirs = ask(folds, shop.users, **said), ask(plain, shop.users, **said)
        assert told(ours) == told(theirs)
        assert chances(ours) == pytest.approx(chances(theirs), rel=1e-4)
    old = {"event_id": "late", "user_id": busy, "time": "2024-02-03T04:05:06Z", "kind": "order", "value": 900.0}
    for live in two:
        assert live.accept(EventsRequest.model_validate({"events": [old, old]}), NOW)["accepted"] == 1
    ours, theirs = ask(folds, (busy,)), ask(plain, (busy,))
    assert told(ours) == told(theirs)
    assert chances(ours) == pytest.approx(chances(theirs), rel=1e-4)
