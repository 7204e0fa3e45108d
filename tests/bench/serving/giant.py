"""Users with very many events beside one of 500: python -m tests.bench.serving.giant [FOLDER]; prints a table.

Everything is timed in one process on one embedded store: reading and computing the features of a score, and posting
one event, each beside the same for a user of 500 events; and the same giant in a store that folds nothing. Reading and
computing is CPU time, which other work on the machine does not change; a post is waited for, most of it for the disk.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from features.arrays import Plan
from features.build import build_one
from features.catalog import Catalog, KindUse, catalog
from features.clock import zone_table
from features.histories import Histories, Span
from features.online.fold import USUAL, Folding
from features.online.store import PostedEvent, Store
from tests.histories_made import DAY, at, business

ZONE, END, YEARS = "Europe/Berlin", at("2026-01-01"), 4
KINDS = ("cart", "mail", "order", "refund", "visit")
# events in all, the share of them in the last year and margin, which stays as it is
GIANTS = {"u500": (500, 0.26), "u100k": (100_000, 0.26), "u1m": (1_000_000, 0.26), "u1m_old": (1_000_000, 0.02)}
NEVER = Folding(least=sys.maxsize, whole=10**9)


@dataclass(frozen=True)
class Found:
    """Milliseconds, medians; of CPU, of CPU, and waited for."""

    read: float
    features: float
    post: float


def world() -> Histories:
    """The users of GIANTS, the busiest with an event every two minutes for four years."""
    dice, columns = np.random.default_rng(1), []
    names = sorted(GIANTS)
    for name in names:
        events, recent = GIANTS[name]
        young = int(events * recent)
        edge = END - USUAL.days * DAY
        time_ = np.r_[dice.integers(END - YEARS * 365 * DAY, edge, events - young), dice.integers(edge, END, young)]
        kind = dice.choice(5, events, p=[0.2, 0.1, 0.2, 0.05, 0.45]).astype(np.int16)
        value = np.where(np.isin(kind, (2, 3)), dice.gamma(2, 20, events).round(2) * np.where(kind == 3, -1, 1), np.nan)
        item = np.where(kind == 1, 0, (dice.pareto(1.2, events) * 20).astype(np.int64) % 3_000 * 7_919 + 1)
        columns.append((np.sort(time_), kind, value, item))
    time_, kind, value, item = (np.concatenate(parts) for parts in zip(*columns, strict=True))
    offsets = np.cumsum([0, *(GIANTS[name][0] for name in names)])
    span = Span(int(time_.min()), int(time_.max()), END, False, ZONE)
    return Histories(
        np.array(names, dtype=object), offsets, time_, kind, value, item, zone_table(ZONE).hour_of_week(time_),
        np.empty(0, np.int64), KINDS, span,
    )  # fmt: skip


def measured(store: Store, user: str, features: Catalog) -> Found:
    plans: dict[tuple[str, ...], Plan] = {}

    def read() -> None:
        store.read([user], folded=True)

    def score() -> None:
        known = store.read([user], folded=True)
        if known.kinds not in plans:
            plans[known.kinds] = features.plan(known.kinds)
        build_one(known.histories[user], plans[known.kinds], END)

    def post() -> None:
        store.append([PostedEvent(f"{user} {time.time_ns()}", user, END, "visit")], END)

    few = 10 if user != "u500" else 300
    scored = _median(score, few, time.process_time_ns)  # before anything is posted
    return Found(_median(read, few, time.process_time_ns), scored, _median(post, 10, time.perf_counter_ns))


def _median(call: Callable[[], None], repeats: int, clock: Callable[[], int]) -> float:
    call()
    taken = np.empty(repeats)
    for n in range(repeats):
        start = clock()
        call()
        taken[n] = clock() - start
    return float(np.median(taken)) / 1e6


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(tempfile.mkdtemp())
    folder.mkdir(parents=True, exist_ok=True)
    everybody = world()
    uses = [KindUse(kind, 9, kind != "mail", kind in ("order", "refund")) for kind in KINDS]
    features = catalog(business(churn={"activity": ["order"], "horizon_days": 30}), uses)
    print(f"{len(features.features)} features; milliseconds, in brackets times those of 500 events in the same store")
    for name, folding in (("folded", USUAL), ("one history", NEVER)):
        place = folder / f"{name.replace(' ', '_')}.sqlite"
        for old in folder.glob(f"{place.name}*"):
            old.unlink()
        store = Store(f"sqlite:///{place}", ZONE, folding=folding)
        began = time.perf_counter()
        store.warm(everybody)
        print(f"\n{name}: filled in {time.perf_counter() - began:.1f} s")
        print(f"{'events':>10} {'read':>18} {'read and features':>18} {'post one event':>18}")
        base = measured(store, "u500", features)
        for user in GIANTS:
            found = base if user == "u500" else measured(store, user, features)
            cells = [
                f"{ours:9.3f} ({ours / few:6.1f})" for ours, few in zip(vars(found).values(), vars(base).values(), strict=True)
            ]
            print(f"{user:>10} " + " ".join(f"{cell:>18}" for cell in cells))
        store.close()


if __name__ == "__main__":
    main()
