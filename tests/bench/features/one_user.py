"""One user with 500 events: python -m tests.bench.features.one_user FOLDER; prints JSON, milliseconds p50 and p99.

kernel: `build_one` on a history in memory, working memory included.  store: the packed history read from SQLite, then
the kernel, for a different user each time, which is what a score of one user pays for its features.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from features.build import build_one
from features.business import read_business
from features.clock import parse_instant
from features.online.store import Store
from features.past import catalog_of, open_past
from features.progress import Silent
from tests.bench.features import made_events

USERS, EVENTS, REPEATS = 400, 500, 4_000


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    business = read_business(made_events.business_of(five_hundred_each(folder / "even.parquet"), folder))
    zone = business.events.time_zone
    past, _ = open_past(business, time.time_ns() // 1000, Silent())
    catalog, as_of = catalog_of(business, past), parse_instant("2026-01-01", zone)
    (everybody,) = past.buckets()
    database = folder / "online.sqlite"
    for old in folder.glob(f"{database.name}*"):
        old.unlink()
    store = Store(f"sqlite:///{database}", zone)
    store.warm(everybody)
    users = [str(user) for user in everybody.users]
    snapshot = store.read(users)
    plan = catalog.plan(snapshot.kinds)
    histories = [snapshot.histories[user] for user in users]
    assert {len(history.time) for history in histories} == {EVENTS}, "every user has 500 events"

    def from_store(number: int) -> None:
        user = users[number % USERS]
        build_one(store.read([user]).histories[user], plan, as_of)

    found = {
        "features": len(catalog.features),
        "kernel": _milliseconds(lambda number: build_one(histories[number % USERS], plan, as_of)),
        "store": _milliseconds(from_store),
    }
    store.close()
    print(json.dumps(found))


def five_hundred_each(path: Path) -> Path:
    """Events of the usual kinds, dealt to the users one after the other."""
    made = pq.read_table(made_events.made_events(path.parent, USERS * EVENTS, USERS))
    dealt = pa.array([f"u{number:07d}" for number in range(USERS)]).take(pa.array(np.arange(len(made)) % USERS))
    pq.write_table(made.set_column(0, "user_id", dealt), path)
    return path


def _milliseconds(call: Callable[[int], object]) -> dict[str, float]:
    """p50 and p99 of many calls after some that are not counted."""
    for number in range(200):
        call(number)
    taken = np.empty(REPEATS)
    for number in range(REPEATS):
        start = time.perf_counter_ns()
        call(number)
        taken[number] = time.perf_counter_ns() - start
    return {"p50_ms": float(np.quantile(taken, 0.5)) / 1e6, "p99_ms": float(np.quantile(taken, 0.99)) / 1e6}


if __name__ == "__main__":
    main()
