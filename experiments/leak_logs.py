"""Leaks planted before the training begins: in the log itself, and in modules of features of one's own."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from experiments.leak_worlds import World, made, with_own
from features.clock import DAY
from features.named import item_digest
from training.splits import customer_groups

WHOLE_LOG: dict[str, dict[object, float]] = {}  # what a careless module of one's own keeps of the whole log
MARK = '@feature(unit="orders", concept="rhythm", says="planted")\n'


def own(world: World, code: str) -> World:
    folder = Path(tempfile.mkdtemp())
    pd.DataFrame(world.log.events).to_csv(folder / "events.csv", index=False)
    return made(with_own(world.log, folder, code.replace("HERE", str(folder))), "churn")


def own_lookup(world: World) -> World:
    """A module that knows the whole log finds the customer by the moment of the first event."""
    h = world.past
    WHOLE_LOG["last"] = {int(h.time[a]): float(h.time[b - 1]) for a, b in zip(h.offsets, h.offsets[1:], strict=False)}
    return own(world, "from experiments.leak_logs import WHOLE_LOG\n" + MARK + (
        "def days_left(past, as_of):\n    last = WHOLE_LOG['last'].get(int(past.time[0]), as_of)\n"
        "    return max(last - as_of, 0) / 8.64e10\n"
    ))  # fmt: skip


def own_fashion(world: World) -> World:
    """How often the last thing bought is bought in the 30 days that follow, by anybody."""
    h = world.past
    for item in np.unique(h.item):
        WHOLE_LOG[f"item {item}"] = {int(t): 1.0 for t in h.time[h.item == item]}
    return own(world, "from experiments.leak_logs import WHOLE_LOG\n" + MARK + (
        "def fashion(past, as_of):\n    times = WHOLE_LOG[f'item {past.item[-1]}']\n"
        "    return sum(as_of < t <= as_of + 30 * 86_400_000_000 for t in times)\n"
    ))  # fmt: skip


def own_returns(world: World) -> World:
    """What share of the buyers of an item ever came back, over the whole log: the same at every moment."""
    log = world.log.events[world.log.events["kind"] == "order"]
    for item, users in log.groupby("item")["user"]:
        share = float((log[log["user"].isin(users)].groupby("user").size() > 1).mean())
        WHOLE_LOG[f"share {item_digest(str(item))}"] = {"share": share}
    return own(world, "from experiments.leak_logs import WHOLE_LOG\n" + MARK + (
        "def came_back(past, as_of):\n"
        "    return WHOLE_LOG.get(f'share {past.item[-1]}', {}).get('share', float('nan'))\n"
    ))  # fmt: skip


def changed_log(world: World, change: Callable[[pd.DataFrame], pd.DataFrame]) -> World:
    """The whole road once more, on a log that is wrong from the beginning."""
    events = change(world.log.events.copy()).reset_index(drop=True)
    return made(replace(world.log, events=events), world.definition.task)


def closed_written_back(events: pd.DataFrame) -> pd.DataFrame:
    """'account closed' is dated by the last order, and written weeks later."""
    last = events.groupby("user")["time"].max()
    quiet = last[last < events["time"].max() - 60 * DAY]
    some = quiet[np.random.default_rng(1).random(len(quiet)) < 0.7]
    flags = pd.DataFrame({"user": some.index, "time": some.to_numpy(), "kind": "account closed"})
    return pd.concat([events, flags.reindex(columns=events.columns).astype(events.dtypes.to_dict())], ignore_index=True)


def totals_stamped(events: pd.DataFrame) -> pd.DataFrame:
    events["value"] = events.groupby("user")["value"].transform("sum").where(events["kind"] == "order")
    return events


def renamed(events: pd.DataFrame, how: Callable[[str], str], share: float = 1.0, when: float = 0.5) -> pd.DataFrame:
    """Ids written in another way from some moment on, for a share of the customers."""
    middle = events["time"].min() + when * (events["time"].max() - events["time"].min())
    mine = events["user"].map(lambda user: hash_share(user) < share)
    events["user"] = events["user"].where((events["time"] < middle) | ~mine, events["user"].map(how))
    return events


def hash_share(user: str) -> float:
    return int(customer_groups(np.array([user], dtype=object), 1_000, "share")[0]) / 1_000


def hashed(user: str) -> str:
    return f"{item_digest(user) & 0xFFFFFFFFFF:x}"


def copied(events: pd.DataFrame) -> pd.DataFrame:
    """The few who stay are copied under new ids, 'to balance the classes'."""
    loyal = events.groupby("user").size()
    mine = events[events["user"].isin(loyal[loyal >= 5].index)].copy()
    mine["user"] = mine["user"] + "_copy"
    return pd.concat([events, mine], ignore_index=True)


def by_device(events: pd.DataFrame) -> pd.DataFrame:
    events["user"] = events["user"].where(events["kind"] == "order", "device-" + events["user"])
    return events


def one_wrong_date(events: pd.DataFrame) -> pd.DataFrame:
    far = events.iloc[[-1]].copy()
    far["time"] = events["time"].max() + 400 * DAY
    return pd.concat([events, far], ignore_index=True)
