"""Small generated shops and finished bundles for tests; nothing is random but by seed, and nothing is made twice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from features.build import FeatureTable, build_at
from features.business import Business
from features.catalog import Catalog, catalog
from features.clock import format_instant
from features.definitions import Definition, TaskName, definitions
from features.histories import Histories
from tests.histories_made import DAY, Event, at, business, past
from training.amounts import AmountInterval
from training.bundle import Bundle
from training.evidence import Evidence
from training.finish import finish
from training.ladder import Rung, ladder
from training.models.blend import Model
from training.rows import Rows, gather
from training.splits import Timeline, timeline
from training.trial import Asked, Trial, hold_trial

START = at("2024-01-01T00:00")
TASKS: tuple[TaskName, ...] = ("churn", "conversion", "ltv")
RUNGS = ("recency", "bg_nbd", "pareto_nbd", "rfm", "boosted", "blend")
QUESTIONS = {
    "churn": {"activity": ["order"], "horizon_days": 45},
    "conversion": {"target": ["order"], "eligible": "fewer than 3 order", "horizon_days": 45},
    "ltv": {"of": ["order"], "horizon_days": 45},
    "features": {"windows_days": [7, 30, 90]},
}


def shop(users: int = 300, days: float = 160, seed: int = 1, born: float = 0.7) -> list[Event]:
    """Customers who appear in the first `born` of the time, order at their own pace and leave; some only look."""
    dice = np.random.default_rng(seed)
    events = []
    for number in range(users):
        name, moment = f"u{number:05d}", dice.uniform(0, born * days)
        pace, worth = dice.gamma(2.0, 9.0) + 1, dice.gamma(4.0, 8.0)
        until = min(moment + dice.exponential(130) + 0.5, days)
        while moment < until:
            when = START + int(moment * DAY)
            if dice.random() < 0.6:
                events.append(Event(name, when, "visit", None, f"p{dice.integers(20)}"))
            if dice.random() < 0.8:
                value = float(np.round(dice.gamma(2.0, worth / 2.0), 2))
                events.append(Event(name, when + int(0.01 * DAY), "order", value, f"p{dice.integers(20)}"))
            moment += dice.exponential(pace) + 0.02
    return events


def asking(**tables: dict[str, object]) -> Business:
    """The three questions of a shop; a table given here takes the place of its namesake."""
    return business(**{**QUESTIONS, **tables})  # type: ignore[arg-type]


@lru_cache(maxsize=8)
def known(users: int = 300, days: float = 160, seed: int = 1) -> Histories:
    """The histories of a generated shop."""
    return past(shop(users, days, seed))


@lru_cache(maxsize=8)
def features(users: int = 300, days: float = 160, seed: int = 1) -> Catalog:
    return catalog(asking(), known(users, days, seed).uses())


def question(task: TaskName) -> Definition:
    return definitions(asking())[task]


@lru_cache(maxsize=16)
def learned(task: TaskName, users: int = 300, days: float = 160, seed: int = 1) -> tuple[Timeline, Rows]:
    """The timeline of a question and its labelled rows."""
    log = known(users, days, seed)
    line = timeline(question(task), log)
    return line, gather(question(task), log, features(users, days, seed), line)


def asked(task: TaskName) -> Asked:
    return Asked(question(task), *learned(task))


@lru_cache(maxsize=16)
def tried(task: TaskName) -> Trial:
    """The whole competition."""
    return hold_trial(features(), asked(task))


def won_by(task: TaskName, rung: str) -> Trial:
    """The competition as if this rung had been chosen."""
    held = tried(task)
    choice = replace(held.decision.choice, contest=replace(held.decision.choice.contest, winner=rung))
    return replace(held, rungs=tuple(rungs(task).values()), decision=replace(held.decision, choice=choice))


def rungs(task: TaskName, rarer: int = 1_000, ageing: float = 0.0) -> dict[str, Rung]:
    return {rung.name: rung for rung in ladder(question(task), features(), rarer, ageing)}


@lru_cache(maxsize=32)
def model(task: TaskName, rung: str) -> Model:
    """One rung fitted on all labelled rows."""
    return rungs(task)[rung].fit(learned(task)[1])


@lru_cache(maxsize=8)
def winner(task: TaskName) -> Bundle:
    """The finished model of a question, by the library's own road."""
    return finish(question(task), features(), known(), asked(task), tried(task), EVIDENCE)


@lru_cache(maxsize=32)
def bundle(task: TaskName, rung: str = "blend") -> Bundle:
    """The finished model of a question, as if this rung had won."""
    return replace(winner(task), rung=rung, model=model(task, rung))


@lru_cache(maxsize=4)
def today(users: int = 300, days: float = 160, seed: int = 1) -> FeatureTable:
    """Everybody's features at the newest event."""
    log = known(users, days, seed)
    return build_at(log, features(users, days, seed), log.span.last)


def holed(x: NDArray[np.float32], share: float = 0.15, seed: int = 0) -> NDArray[np.float32]:
    """The same rows with a share of their values missing."""
    gone = np.random.default_rng(seed).random(x.shape) < share
    return np.where(gone, np.float32(np.nan), x).astype(np.float32)


def interval(low: float = 0.4, high: float = 1.9) -> AmountInterval:
    """From `low` times to `high` times the prediction, for either share."""
    return AmountInterval((0.8, 0.9), (0.0,), ((low,),) * 2, ((high,),) * 2, 0.0)


EVIDENCE = Evidence("C", ("made for a test",))
CONFIG = """
[events]
source = "events.csv"
user = "who"
time = "at"
kind = "what"
value = "worth"
item = "page"

[churn]
activity = ["order"]
horizon_days = {horizon}

[conversion]
target = ["order"]
eligible = "fewer than 3 order"
horizon_days = 45

[ltv]
of = ["order"]
horizon_days = 45

[features]
windows_days = [7, 30, 90]
"""


def write_shop(folder: Path, events: Sequence[Event], horizon: int = 45) -> Path:
    """winback.toml and events.csv for these events; returns the path of the configuration."""
    said: Callable[[object], str] = lambda part: "" if part is None else str(part)  # noqa: E731
    rows = [f"{e.user},{format_instant(e.time)},{e.kind},{said(e.value)},{said(e.item)}" for e in events]
    (folder / "events.csv").write_text("\n".join(["who,at,what,worth,page", *rows]) + "\n", "utf-8")
    (folder / "winback.toml").write_text(CONFIG.format(horizon=horizon), "utf-8")
    return folder / "winback.toml"
