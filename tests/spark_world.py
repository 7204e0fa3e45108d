"""A log as dirty as logs are, as Parquet, and what two drivers made of it side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from features.business import Business, read_business
from tests.histories_made import DAY, HOUR, at

START = at("2024-01-01T00:00")
NOW = START + 400 * DAY  # the last rows are later than that
AS_OF = START + 330 * DAY + 12_345
NAMES = ("用户 {}", "u{}", "ü,{}", "😀{}", "a'b\"{}")
CONFIG = """
[events]
source = "events of 2024"
user = "who"
time = "at"
kind = "what"
value = "worth"
item = "page"
event_id = "id"
ingested_at = "known"
time_zone = "Europe/Berlin"

[churn]
activity = ["order"]
horizon_days = 45

[conversion]
target = ["order"]
eligible = "fewer than 3 order"
horizon_days = 45

[ltv]
of = ["order"]
horizon_days = 45
"""


@dataclass(frozen=True)
class World:
    """A folder with winback.toml and `source`, several Parquet files."""

    folder: Path
    business: Business

    @property
    def source(self) -> Path:
        return self.folder / "events of 2024"


def dirty(count: int, users: int, seed: int = 1) -> pa.Table:
    """Rows with equal instants, late arrivals, repeated ids, other users' ids, and values, kinds and times that are
    none."""
    dice = np.random.default_rng(seed)
    person = dice.integers(0, users, count)
    time = START + dice.integers(0, 402 * 24, count) * HOUR
    time[: count // 3] += dice.integers(0, HOUR, count // 3)
    worth = np.round(dice.gamma(2, 20, count), 2)
    worth[dice.random(count) < 0.1] = -0.0
    worth[dice.random(count) < 0.05] = 0.0
    worth[dice.random(count) < 0.01] = np.inf
    number = np.arange(count)
    number = np.where(dice.random(count) < 0.05, dice.integers(0, count, count), number)
    what = dice.choice(["order", "visit", "search", ""], count, p=[0.3, 0.5, 0.19, 0.01]).astype(object)
    what[count // 2] = "a kind that one user has"
    return pa.table({
        "id": pa.array([f"é{n}" for n in number], mask=dice.random(count) < 0.02),
        "who": [NAMES[n % 5].format(n) + " " * (n % 3 == 0 and k % 2) for k, n in enumerate(person.tolist())],
        "at": pa.array(time, pa.timestamp("us", "UTC"), mask=dice.random(count) < 0.01),
        "what": what.tolist(),
        "worth": pa.array(worth, mask=dice.random(count) < 0.3),
        "page": pa.array([f"p{n}" for n in dice.integers(0, 30, count)], mask=dice.random(count) < 0.2),
        "known": pa.array(time + dice.integers(0, 3, count) * 7 * DAY, pa.timestamp("us", "UTC"),
                          mask=dice.random(count) < 0.5),
    })  # fmt: skip


def write_world(folder: Path, table: pa.Table, files: int = 3, config: str = CONFIG) -> World:
    """The rows in files whose names are out of order, and odd."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "winback.toml").write_text(config, "utf-8")
    world = World(folder, read_business(folder / "winback.toml"))
    (world.source / "später [1]").mkdir(parents=True)
    edges = np.linspace(0, len(table), files + 1).astype(int)
    for number, (low, high) in enumerate(pairwise(edges)):
        name = f"part {files - number} é%20.parquet"
        path = world.source / ("später [1]" if number == files - 1 else "") / name
        pq.write_table(table.slice(low, high - low), path, row_group_size=max(1, (high - low) // 2))
    return world


def differences(one: Path, other: Path) -> list[str]:
    """The columns in which two outputs are not the same to the bit, users in any order; their schemas must be equal."""
    some, others = (pq.read_table(path).sort_by("user_id") for path in (one, other))
    assert some.schema.remove_metadata() == others.schema.remove_metadata()
    assert some["user_id"].equals(others["user_id"])
    return [name for name in some.column_names if not _same(some[name], others[name])]


def _same(some: pa.ChunkedArray, others: pa.ChunkedArray) -> bool:
    if pa.types.is_floating(some.type):
        width = np.int32 if some.type == pa.float32() else np.int64
        nothing = bool(some.is_null().equals(others.is_null()))
        plain = [column.fill_null(0).to_numpy().view(width) for column in (some, others)]
        return nothing and bool((plain[0] == plain[1]).all())
    return bool(some.equals(others))


def names(paths: Sequence[Path]) -> list[str]:
    return sorted(path.name for path in paths)
