"""Whether a peer's numbers are ours: column by column, user by user."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tests.bench.features.subset import Subset

TOLERANCE = 1e-6  # relative, and absolute below 1


@dataclass(frozen=True)
class Agreement:
    """compared: values looked at.  worst: the largest relative gap of the columns that need only be close.

    faults: what is wrong, a sentence each; none when the numbers agree.
    """

    peer: str
    users: int
    columns: int
    compared: int
    worst: float
    faults: tuple[str, ...]


def agreement(peer: str, theirs: Path, ours: Path, subset: Subset, everybody: bool = True) -> Agreement:
    """Compare the columns of the subset: counts exactly, other numbers to 1e-6, and missing where missing.

    everybody: whether the peer must have every user of ours; otherwise each of its users must be one of ours.
    """
    faults = _catalogue_faults(ours, subset)
    mine, rows, found = _rows(ours), _rows(theirs), []
    users = sorted(rows)
    strange = [user for user in users if user not in mine]
    if strange or not users or (everybody and len(users) != len(mine)):
        faults.append(f"{len(users):,} users instead of {len(mine):,}, {len(strange):,} of them unknown to us")
        return Agreement(peer, len(users), 0, 0, 0.0, tuple(faults))
    mine_at, rows_at = np.array([mine[user] for user in users]), np.array([rows[user] for user in users])
    for name in subset.names:
        a, b = _column(ours, name)[mine_at], _column(theirs, name)[rows_at]
        gaps = _gaps(a, b)
        wrong = gaps > (0.0 if name in subset.exact else TOLERANCE)
        found.append(gaps)
        if wrong.any():
            at = int(np.argmax(wrong))
            faults.append(f"{name}: {wrong.sum():,} users differ, first {users[at]}: ours {a[at]!r}, theirs {b[at]!r}")
    worst = max(float(gaps.max()) for gaps in found)
    return Agreement(peer, len(users), len(found), len(found) * len(users), worst, tuple(faults))


def _gaps(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Relative gaps, absolute below 1; infinite where only one is missing."""
    with np.errstate(invalid="ignore"):
        gaps: np.ndarray = np.abs(a - b) / np.maximum(1.0, np.abs(b))
    none = np.where(np.isnan(a) & np.isnan(b), 0.0, np.inf)
    return np.where(np.isnan(a) | np.isnan(b), none, gaps)


def _catalogue_faults(ours: Path, subset: Subset) -> list[str]:
    """The subset must be of the catalogue that our file was written with."""
    written = (pq.read_schema(ours).metadata or {}).get(b"winback.catalog", b"").decode()
    same = written == subset.fingerprint
    return [] if same else [f"our file has the catalogue {written}, the subset was taken from {subset.fingerprint}"]


def _rows(path: Path) -> dict[str, int]:
    users = pc.cast(pq.read_table(path, columns=["user_id"])["user_id"], "string").to_pylist()
    return {user: row for row, user in enumerate(users)}


def _column(path: Path, name: str) -> np.ndarray:
    column = pq.read_table(path, columns=[name])[name]
    return np.asarray(pc.cast(column, "float64").to_numpy(), dtype=np.float64)
