"""`winback check` tells what a log can teach, against counts made by hand and by another route."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from features.business import Business, parse_business
from features.events import read_events
from features.histories import histories
from tests.flow.logs import START, Row, saas, write
from training.checking import precheck
from training.checking.checked import Check
from training.checking.precheck_text import lines
from training.evidence import grade

NOW = 1_790_000_000_000_000
EVENTS = {"source": "log.csv", "user": "user", "time": "time", "kind": "kind"}


def looked_at(log: list[Row], folder: Path, **tables: Any) -> tuple[Check, Business]:
    write(log, folder / "log.csv")
    tables.setdefault("events", EVENTS)
    business = parse_business(tables, folder / "winback.toml")
    events = read_events(business, NOW)
    return precheck.check(business, events, histories(events, "UTC")), business


def visits(users: int = 80, days: int = 120, step: int = 5) -> list[Row]:
    """Everybody visits every `step` days; every fourth user stops after a third of the time."""
    return [
        {"user": f"u{user}", "time": (START + dt.timedelta(days=day, minutes=user)).isoformat(), "kind": "visit"}
        for user in range(users)
        for day in range(0, days if user % 4 else days // 3, step)
    ]


def test_positives_by_pandas(tmp_path: Path) -> None:
    # Planted: eligibility ignored.
    log = [{"user": row["account"], "time": row["ts"], "kind": row["action"]} for row in saas()]
    churn = {"activity": ["login"], "horizon_days": 20, "cancel": ["subscription_cancelled"]}
    found, _ = looked_at(log, tmp_path, churn=churn)
    frame = pd.DataFrame(log)
    task = found.tasks[0]
    assert len(task.cutoffs) == 8
    for cutoff in task.cutoffs:
        at = cutoff.as_of / 1e6
        past, ahead = frame[frame.time <= at], frame[(frame.time > at) & (frame.time <= at + 20 * 86_400)]
        login = past[past.kind == "login"].groupby("user").time.max()
        cancel = past[past.kind == "subscription_cancelled"].groupby("user").time.max().reindex(login.index)
        users = login.index[~(cancel >= login)]
        stays = set(ahead[ahead.kind == "login"].user) - set(ahead[ahead.kind == "subscription_cancelled"].user)
        assert (cutoff.eligible, cutoff.outcome) == (len(users), len(set(users) - stays))


@pytest.mark.parametrize(
    ("windows", "out_of_time", "rarer", "users", "expected"),
    [
        (3, True, 1000, 9000, "A"), (2, True, 1000, 9000, "B"), (3, True, 999, 9000, "B"), (2, True, 999, 9000, "C"),
        (3, True, 199, 9000, "C"), (3, True, 99, 9000, "D"), (1, False, 5000, 9000, "C"), (1, False, 199, 9000, "D"),
        (3, True, 19, 9000, "none"), (3, True, 20, 49, "none"), (3, True, 20, 50, "D"),
    ],
)  # fmt: skip
def test_grades(windows: int, out_of_time: bool, rarer: int, users: int, expected: str) -> None:
    found = grade(windows, out_of_time, rarer, users)
    assert found.grade == expected
    assert bool(found.reasons) == (expected != "A")


def test_fewer_than_three_windows_never_get_an_a() -> None:
    # Planted: ENOUGH_WINDOWS = 2.
    grades = {grade(w, w > 1, rarer, 10**6).grade for w in (1, 2) for rarer in (20, 500, 10**5)}
    assert "A" not in grades


def test_a_kind_that_does_not_occur_is_named_with_its_key(tmp_path: Path) -> None:
    found, _ = looked_at(visits(), tmp_path, churn={"activity": ["visits"], "horizon_days": 20})
    assert found.problem is not None
    assert found.problem.code == "unknown_kind"
    assert "churn.activity" in str(found.problem)
    assert "Did you mean 'visit'?" in str(found.problem)
    found, _ = looked_at(
        visits(), tmp_path, churn={"activity": ["visit", "vist"], "horizon_days": 20, "cancel": ["quit"]}
    )
    assert found.problem is None
    assert [fix.split(" does")[0] for fix in found.fixes[:2]] == [
        "'quit' under churn.cancel",
        "'vist' under churn.activity",
    ]


@pytest.mark.parametrize("dates", [False, True])
def test_a_horizon_longer_than_the_history(dates: bool, tmp_path: Path) -> None:
    # Planted: largest_horizon one day too long, and span / 1.5 for dates only; the advice led to the same error again.
    log = [{**row, "time": row["time"][:10]} if dates else row for row in visits()]
    found, _ = looked_at(log, tmp_path, churn={"activity": ["visit"], "horizon_days": 100})
    assert found.problem is not None
    assert found.problem.code == "horizon_too_long"
    assert "a horizon of 100 days" in str(found.problem)
    assert "does not fit into a history of 11" in str(found.problem)
    most = int(str(found.problem).split("horizon_days <= ")[1].split()[0])
    for days, fits in ((most, True), (most + 1, False)):
        again, _ = looked_at(log, tmp_path, churn={"activity": ["visit"], "horizon_days": days})
        assert (again.problem is None) == fits


def test_advice_for_more_windows_is_true(tmp_path: Path) -> None:
    found, _ = looked_at(visits(), tmp_path, churn={"activity": ["visit"], "horizon_days": 50})
    advice = next(fix for fix in found.fixes if "horizon_days <=" in fix)
    days = int(advice.split("horizon_days <= ")[1].split()[0])
    windows = [
        looked_at(visits(), tmp_path, churn={"activity": ["visit"], "horizon_days": d})[0].tasks[0].windows
        for d in (days, days + 1)
    ]
    assert windows[0] >= 3 > windows[1]


@pytest.mark.parametrize(
    ("log", "said"),
    [
        (visits()[:1], "one event"),
        ([row for row in visits() if row["user"] == "u1"], "one user"),
        ([{**row, "time": "2025-01-01 10:00"} for row in visits()], "one instant"),
    ],
)
def test_what_is_missing_is_said(log: list[Row], said: str, tmp_path: Path) -> None:
    found, _ = looked_at(log, tmp_path, churn={"activity": ["visit"], "horizon_days": 1})
    assert found.problem is None
    assert said in "\n".join(lines(found))
    assert found.tasks[0].evidence.grade == "none"


def test_ltv_without_values_is_refused_alone(tmp_path: Path) -> None:
    tables = {"churn": {"activity": ["visit"], "horizon_days": 20}, "ltv": {"of": ["visit"], "horizon_days": 20}}
    found, _ = looked_at(visits(), tmp_path, **tables)
    assert [bool(task.refused) for task in found.tasks] == [False, True]
    assert "set value under [events]" in found.tasks[1].refused
    assert found.problem is None


def test_the_text_shows_the_top_kinds_and_counts_the_rest(tmp_path: Path) -> None:
    log = [{**row, "kind": f"k{at % 20}"} for at, row in enumerate(visits())]
    log += [{"user": "", "time": "2025-01-01", "kind": "k1"}, {"user": "u1", "time": "yesterday", "kind": "k1"}]
    found, _ = looked_at(log, tmp_path, churn={"activity": ["k1"], "horizon_days": 20})
    text = "\n".join(lines(found))
    assert "and 5 more with" in text
    assert "20 kinds of event" in text
    assert "1 without a user id" in text
    assert "1 with an unreadable time" in text
    assert "80 users" in text
