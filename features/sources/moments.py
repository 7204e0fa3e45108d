"""A column of times as instants: what was written, read in the zone of the business."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from features import clock
from features.clock import DAY, Micros, ZoneTable
from features.sources.columns import RawEvents
from features.sources.instants import ABSOLUTE, DATE, UNREADABLE, States
from features.sources.text import Mask, cleaned
from features.sources.times import read_times

OLDEST = clock.parse_instant("1900-01-01")
LATEST = 1 << 62
_FIRST = 1_000
_MARGIN = 3 * DAY  # clipped times stay beyond the limits in every zone


@dataclass(frozen=True, eq=False)
class Moments:
    """The times of one column, row by row.

    utc: (n,) microseconds, without meaning where unreadable.  wall: (n,) as written.  states: (n,) see `instants`.
    missing: (n,) whether nothing is written.  notes: sentences about the format.
    """

    utc: Micros
    wall: Micros
    states: States
    missing: Mask
    zone: ZoneTable
    notes: tuple[str, ...]

    @property
    def unreadable(self) -> Mask:
        """(n,) whether something is written that is not a time, or nothing."""
        return np.asarray(self.states == UNREADABLE)

    @property
    def too_old(self) -> Mask:
        """(n,) whether a time is before the year 1900, as placeholders such as 0001-01-01 are."""
        return ~self.unreadable & (self.utc < OLDEST - DAY)

    def changes(self, good: Mask) -> tuple[int, int]:
        """How many good local times a change of the clock skips, and how many it shows twice."""
        if self.zone.is_utc:
            return 0, 0
        naive = good & (self.states != ABSOLUTE)
        resolved = self.zone.to_utc(self.wall[naive])
        return resolved.nonexistent, resolved.ambiguous

    def dates_only(self, good: Mask) -> bool:
        """Whether every good time is a date, or midnight in the zone; the first few settle it for most logs."""
        rows = np.flatnonzero(good)
        return self._are_dates(rows[:_FIRST]) and self._are_dates(rows)

    def _are_dates(self, rows: NDArray[np.int64]) -> bool:
        dates = self.states[rows] == DATE
        return bool(dates.all() or (dates | (self.zone.to_local(self.utc[rows]) % DAY == 0)).all())

    def mixed_zones(self, name: str) -> list[str]:
        """A note when some times carry their offset and others do not."""
        absolute = int((self.states == ABSOLUTE).sum())
        readable = int((~self.unreadable).sum())
        if absolute in (0, readable):
            return []
        return [
            f"'{name}': {absolute:,} of {readable:,} times carry their offset from UTC; "
            f"the others were read in {self.zone.name}."
        ]


def _within(micros: Micros, low: int, high: int) -> Micros:
    if len(micros) and low <= micros.min() and micros.max() <= high:
        return micros
    return np.clip(micros, low, high)


def read_moments(
    raw: RawEvents, role: str, name: str, zone: ZoneTable, latest: int = LATEST, time_format: str = ""
) -> Moments:
    """Read the column of a role; times beyond `latest` only stay beyond it."""
    pieces = [
        cleaned([piece]).combine_chunks() if pa.types.is_string(piece.type) else piece for piece in raw.pieces(role)
    ]
    found = read_times(pieces, time_format, name)
    wall = _within(found.micros, OLDEST - _MARGIN, min(latest, LATEST) + _MARGIN)
    utc = wall if zone.is_utc else np.where(found.states == ABSOLUTE, wall, zone.to_utc(wall).utc)
    missing = np.concatenate([np.zeros(0, bool), *(np.asarray(piece.is_null()) for piece in pieces)])
    return Moments(utc, wall, found.states, missing, zone, found.notes)
