"""A made shop with champions that the real pipeline trained; kept, since training takes longer than the bench."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from tests.bench.features.environments import ROOT
from tests.bench.training.__main__ import DAYS, TOML, made_events

VERSION = 1  # goes up with every change of what is made, so that no old shop is taken for a new one
USERS, BUSY, EVENTS_OF_THE_BUSY = 5_000, 64, 500
WITH_IDS = TOML.replace('item = "item"\n', 'item = "item"\nevent_id = "event_id"\n')


@dataclass(frozen=True)
class Shop:
    """A folder with winback.toml and champions.  busy: users with 500 events each; others: users with about 30."""

    config: Path
    busy: tuple[str, ...]
    others: tuple[str, ...]


def made_shop(work: Path) -> Shop:
    """The shop of this version of the bench, trained when it is not there yet."""
    folder = work / f"shop-v{VERSION}"
    shop = Shop(
        folder / "winback.toml", tuple(f"busy{n:02d}" for n in range(BUSY)), tuple(f"u{n:07d}" for n in range(USERS))
    )
    done = folder / "trained.json"
    if not done.exists():
        folder.mkdir(parents=True, exist_ok=True)
        events = pd.concat([made_events(USERS), busy_events(shop.busy)], ignore_index=True)
        events.insert(0, "event_id", [f"e{number}" for number in range(len(events))])
        events.to_parquet(folder / "events.parquet", index=False)
        shop.config.write_text(WITH_IDS, "utf-8")
        command = [sys.executable, "-m", "winback", "--config", str(shop.config), "train"]
        said = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout
        done.write_text(json.dumps({"events": len(events), "said": said.splitlines()[-3:]}))
    return shop


def busy_events(names: tuple[str, ...], seed: int = 7) -> pd.DataFrame:
    """Customers with 500 events each, up to the last day."""
    dice = np.random.default_rng(seed)
    count = len(names) * EVENTS_OF_THE_BUSY
    kind = np.array(["view", "order", "support"])[dice.choice(3, count, p=[0.7, 0.2, 0.1])]
    value = np.where(kind == "order", np.round(dice.lognormal(3.0, 0.7, count), 2), np.nan)
    time = pd.Timestamp("2025-01-01") + pd.to_timedelta((dice.uniform(0, DAYS, count) * 86_400).round(), unit="s")
    items = np.array([f"item {number}" for number in range(500)])[dice.integers(0, 500, count)]
    return pd.DataFrame({
        "user": np.repeat(names, EVENTS_OF_THE_BUSY), "time": time, "kind": kind, "value": value, "item": items,
    })  # fmt: skip
