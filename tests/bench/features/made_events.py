"""Generated events: ten kinds, skewed activity, ordered by time and shuffled by user, as a typical export would be.

Activity is lognormal (sigma 1.2: the busiest tenth of the users makes about half of the events), items are skewed,
money is on orders and refunds, items are on what has one. Row groups are made one at a time, each a slice of the two
years, so that a hundred million rows need no more memory than one million. The same sizes give the same file.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

VERSION = 1  # goes up with every change of what is generated, so that no old file is taken for a new one
SEED = 20_260_501
FIRST = int(np.datetime64("2024-01-01", "us").astype(np.int64))
SPAN = 730 * 86_400_000_000
AS_OF = "2025-12-01"
CUT_OFFS = ("2025-07-01", "2025-08-01", "2025-09-01", "2025-10-01", "2025-11-01", "2025-12-01")

ROW_GROUP = 1 << 20  # what pyarrow writes by default
ITEMS = 20_000
KINDS = {  # share of the events, whether they have an item
    "page_view": (0.40, True), "login": (0.15, False), "search": (0.15, False), "order": (0.10, True),
    "add_to_cart": (0.08, True), "refund": (0.02, True), "support": (0.02, False), "share": (0.03, True),
    "wishlist": (0.03, True), "rating": (0.02, True),
}  # fmt: skip
VALUED = {"order": 1.0, "refund": -1.0}

SCHEMA = pa.schema([
    ("user_id", pa.string()), ("time", pa.timestamp("us")), ("kind", pa.string()),
    ("value", pa.float64()), ("item", pa.string()),
])  # fmt: skip

TOML = """\
[events]
source = "{source}"
user = "user_id"
time = "time"
kind = "kind"
value = "value"
item = "item"

[churn]
activity = ["order", "login"]
horizon_days = 60

[conversion]
target = ["order"]
horizon_days = 30

[ltv]
of = ["order", "refund"]
horizon_days = 90
"""


def made_events(folder: Path, events: int, users: int) -> Path:
    """The Parquet file of so many events of so many users; made when the folder does not have it."""
    path = folder / f"events-v{VERSION}-{events}-{users}.parquet"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".tmp")
        write_events(unfinished, events, users)
        unfinished.rename(path)
    return path


def business_of(source: Path, folder: Path) -> Path:
    """A winback.toml that names the events, alone in a folder, so that each way of reading has a state of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "winback.toml"
    config.write_text(TOML.format(source=source.resolve()))
    return config


def write_events(path: Path, events: int, users: int) -> None:
    """Write the events with pyarrow's default settings, a row group at a time."""
    owners = _owners(users)
    ids = pa.array([f"u{user:07d}" for user in range(users)])
    groups = -(-events // ROW_GROUP)
    with pq.ParquetWriter(path, SCHEMA) as writer:
        for group in range(groups):
            rows = events * (group + 1) // groups - events * group // groups
            start, end = SPAN * group // groups, SPAN * (group + 1) // groups
            writer.write_table(_rows(np.random.default_rng([SEED, group]), rows, start, end, owners, ids))


def _owners(users: int) -> np.ndarray:
    """Slots that belong to users in proportion to their activity: a random slot is a random event's user."""
    weight = np.random.default_rng(SEED).lognormal(0.0, 1.2, users)
    edges = np.cumsum(weight) / weight.sum()
    slots = 1 << max(20, (16 * users).bit_length())
    return np.searchsorted(edges, (np.arange(slots) + 0.5) / slots).clip(0, users - 1).astype(np.int32)


def _rows(
    random: np.random.Generator, rows: int, start: int, end: int, owners: np.ndarray, ids: pa.StringArray
) -> pa.Table:
    names = pa.array(list(KINDS))
    shares, with_item = zip(*KINDS.values(), strict=True)
    sign = np.array([VALUED.get(kind, np.nan) for kind in KINDS])
    kind = np.searchsorted(np.cumsum(shares)[:-1], random.random(rows)).astype(np.int8)
    item = (ITEMS * random.random(rows) ** 2).astype(np.int32)
    value = np.round(random.lognormal(3.0, 1.0, rows), 2) * sign[kind]
    skus = pa.array([f"sku-{number:05d}" for number in range(ITEMS)])
    return pa.table({
        "user_id": ids.take(pa.array(owners[random.integers(0, len(owners), rows)])),
        "time": pa.array(FIRST + start + np.sort(random.integers(0, end - start, rows)), pa.timestamp("us")),
        "kind": names.take(pa.array(kind)),
        "value": pa.array(value, from_pandas=True),
        "item": skus.take(pa.array(item, mask=~np.array(with_item)[kind])),
    }, SCHEMA)  # fmt: skip
