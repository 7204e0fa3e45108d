"""python -m tests.bench.training [--users 140000] [--results bench-results]

Trains all three questions on a generated log that gives about a million labelled rows of about 150 features, as a whole
process beside the limits: 15 minutes on two cores, 8 GiB. Prints what was used and writes training-size.json.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd

from tests.bench.features.environments import ROOT
from tests.bench.features.timing import timed

MINUTES, GIB = 15, 8
DAYS, EVENTS_A_USER = 640, 30
TOML = """\
[events]
source = "events.parquet"
user = "user"
time = "time"
kind = "kind"
value = "value"
item = "item"

[churn]
activity = ["order"]
horizon_days = 60

[conversion]
target = ["order"]
eligible = "fewer than 3 order"
horizon_days = 60

[ltv]
of = ["order"]
horizon_days = 60

[features]
windows_days = [7, 30, 90, 180, 365]
"""


def main() -> int:
    """Exit 1 when a limit is missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.training", description=__doc__)
    parser.add_argument("--users", type=int, default=140_000)
    parser.add_argument("--results", type=Path, default=ROOT / "bench-results")
    asked = parser.parse_args()
    folder = asked.results / "work" / "training"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    events = made_events(asked.users)
    events.to_parquet(folder / "events.parquet", index=False)
    (folder / "winback.toml").write_text(TOML)
    print(f"{len(events):,} events of {asked.users:,} users", flush=True)
    run = timed([sys.executable, "-m", "winback", "--config", str(folder / "winback.toml"), "train"])
    print(run.stdout)
    kept = {"15 minutes": run.wall_s <= 60 * MINUTES, "8 GiB": run.peak_mib <= 1024 * GIB}
    print(f"{run.wall_s / 60:.1f} minutes, {run.cpu_s:.0f} CPU-s, {run.peak_mib / 1024:.2f} GiB: "
          + ", ".join(f"{what} {'kept' if held else 'MISSED'}" for what, held in kept.items()))  # fmt: skip
    told = {**asdict(run), "users": asked.users, "events": len(events), "kept": kept}
    (asked.results / "training-size.json").write_text(json.dumps(told, indent=1))
    return 0 if all(kept.values()) else 1


def made_events(users: int, seed: int = 20_261_122) -> pd.DataFrame:
    """Customers with a pace and a lifetime of their own, who look more often than they order."""
    dice = np.random.default_rng(seed)
    born, life = dice.uniform(0, 0.6 * DAYS, users), dice.exponential(300, users)
    alive = np.minimum(life, DAYS - born)
    count = 1 + dice.poisson(dice.gamma(0.7, 1 / 0.7, users) * EVENTS_A_USER * alive / alive.mean())
    owner = np.repeat(np.arange(users), count)
    first = np.r_[True, owner[1:] != owner[:-1]]
    day = born[owner] + np.where(first, 0.0, dice.random(len(owner)) * alive[owner])
    kind = np.where(first, 1, dice.choice(3, len(owner), p=[0.7, 0.2, 0.1]))
    worth = dice.lognormal(3.0, 0.7, users)
    value = np.where(kind == 1, np.round(worth[owner] * dice.lognormal(0.0, 0.5, len(owner)), 2), np.nan)
    time = pd.Timestamp("2025-01-01") + pd.to_timedelta((day * 86_400).round(), unit="s")
    names, items = np.array(["view", "order", "support"]), np.array([f"item {n}" for n in range(500)])
    return pd.DataFrame({
        "user": pd.Categorical.from_codes(owner, [f"u{number:07d}" for number in range(users)]).astype(str),
        "time": time, "kind": names[kind], "value": value, "item": items[(500 * dice.random(len(owner)) ** 2).astype(int)],
    })  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
