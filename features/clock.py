"""Wall clocks of a time zone as arithmetic on arrays of microseconds; nothing here asks what time it is now."""

from __future__ import annotations

import datetime as dt
import zoneinfo
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from features.problems import InputProblem, did_you_mean

Micros = npt.NDArray[np.int64]

SECOND = 1_000_000
HOUR = 3_600 * SECOND
DAY = 24 * HOUR
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_EPOCH_WEEKDAY = 3  # 1970-01-01 was a Thursday; Monday is 0
_FIRST = int(dt.datetime(1900, 1, 1, tzinfo=dt.UTC).timestamp())
_LAST = int(dt.datetime(2100, 1, 1, tzinfo=dt.UTC).timestamp())
_STEP = 86_400


class Resolved(NamedTuple):
    """Instants found for local times, with the two kinds of local time that needed a rule."""

    utc: Micros
    nonexistent: int
    ambiguous: int


@dataclass(frozen=True, eq=False)
class ZoneTable:
    """The offsets of one time zone from 1900 to 2100.

    transitions: (n,) UTC microseconds, ascending.  offsets: (n + 1,) microseconds east of UTC; offsets[i] is
    in force before transitions[i], the last one after them all. Outside 1900..2100 the outermost offset holds.
    """

    name: str
    transitions: Micros
    offsets: Micros

    @property
    def is_utc(self) -> bool:
        """Whether local times are instants as they stand."""
        return not len(self.transitions) and not self.offsets[0]

    def to_utc(self, local: npt.ArrayLike) -> Resolved:
        """Instants of wall-clock times: (n,) local microseconds -> (n,) UTC microseconds and two counts.

        A local time that a clock skips moves forward by the length of the gap (02:30 becomes 03:30); one that
        a clock shows twice means its second showing. Both rules are one: an offset starts at its own wall time.
        """
        wall = np.asarray(local, np.int64)
        if self.is_utc:
            return Resolved(wall, 0, 0)
        starts = self.transitions + self.offsets[1:]
        index = np.searchsorted(starts, wall, side="right")
        utc = wall - self.offsets[index]
        if not len(self.transitions):
            return Resolved(utc, 0, 0)
        skipped_from = np.append(self.transitions + self.offsets[:-1], np.iinfo(np.int64).max)
        shown_until = np.append(np.iinfo(np.int64).min, self.transitions + self.offsets[:-1])
        return Resolved(utc, int((wall >= skipped_from[index]).sum()), int((wall < shown_until[index]).sum()))

    def to_local(self, utc: npt.ArrayLike) -> Micros:
        """Wall-clock times of instants: (n,) UTC microseconds -> (n,) local microseconds."""
        instants = np.asarray(utc, np.int64)
        if self.is_utc:
            return instants
        return instants + self.offsets[np.searchsorted(self.transitions, instants, side="right")]

    def hour_of_week(self, utc: npt.ArrayLike) -> npt.NDArray[np.uint8]:
        """The local hour of the week of instants: (n,) UTC microseconds -> (n,) 0..167; 0 is Monday 00:00-00:59."""
        instants = np.asarray(utc, np.int64)
        hours = np.empty(len(instants), np.uint8)
        _hours_of_week(instants, self.transitions, self.offsets, hours)
        return hours

    def end_of_day(self, utc: int) -> int:
        """The last microsecond (UTC) of the local day in which an instant lies."""
        local = self.to_local([utc])
        return int(self.to_utc((local // DAY + 1) * DAY).utc[0]) - 1


@numba.njit(cache=True, nogil=True)
def _hours_of_week(utc, transitions, offsets, out):  # type: ignore[no-untyped-def]
    """One user's events are close to one another in time, so the offset in force is seldom looked for anew."""
    low, high, offset = 1, 0, 0  # nothing is in force yet
    for i in range(utc.shape[0]):
        if utc[i] < low or utc[i] >= high:
            index = np.searchsorted(transitions, utc[i], side="right")
            offset = offsets[index]
            low = transitions[index - 1] if index > 0 else np.iinfo(np.int64).min
            high = transitions[index] if index < transitions.shape[0] else np.iinfo(np.int64).max
        out[i] = ((utc[i] + offset) // HOUR + 24 * _EPOCH_WEEKDAY) % 168


@lru_cache(maxsize=64)
def zone_table(name: str) -> ZoneTable:
    """The offsets of a named zone, found by looking at every day and bisecting to the second where it changes.

    Raises InputProblem for an unknown name.
    """
    try:
        zone = zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        hint = did_you_mean(name, zoneinfo.available_timezones())
        raise InputProblem(f"'{name}' is not a time zone. {hint}", "unknown_time_zone") from None
    if name == "UTC":
        return ZoneTable(name, np.empty(0, np.int64), np.zeros(1, np.int64))
    changes: list[int] = []
    offsets = [_offset(zone, _FIRST)]
    for start in range(_FIRST, _LAST, _STEP):
        reached = _offset(zone, start + _STEP)
        if reached != offsets[-1]:
            changes.append(_change(zone, start, start + _STEP))
            offsets.append(reached)
    transitions, shifts = np.array(changes, np.int64) * SECOND, np.array(offsets, np.int64) * SECOND
    transitions.setflags(write=False)
    shifts.setflags(write=False)
    return ZoneTable(name, transitions, shifts)


def _offset(zone: zoneinfo.ZoneInfo, second: int) -> int:
    shift = dt.datetime.fromtimestamp(second, zone).utcoffset()
    return 0 if shift is None else int(shift.total_seconds())


def _change(zone: zoneinfo.ZoneInfo, low: int, high: int) -> int:
    before = _offset(zone, low)
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(zone, middle) == before:
            low = middle
        else:
            high = middle
    return high


def parse_instant(text: str, zone: str = "UTC") -> int:
    """The instant that a person wrote, in microseconds UTC: a date is 00:00 of that day in the zone, or full ISO 8601.

    Raises InputProblem (code `bad_instant`) when it is neither.
    """
    try:
        moment = dt.datetime.fromisoformat(text.strip().removesuffix(" UTC"))
    except ValueError:
        raise InputProblem(
            f"'{text}' is not a moment. Write a date such as 2026-07-15 (00:00 in {zone}) "
            "or a full one such as 2026-07-15T08:30:00+02:00.",
            "bad_instant",
        ) from None
    if text.strip().endswith(" UTC") and moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.UTC)
    if moment.tzinfo is not None:
        return (moment - _EPOCH) // dt.timedelta(microseconds=1)
    local = (moment.replace(tzinfo=dt.UTC) - _EPOCH) // dt.timedelta(microseconds=1)
    return int(zone_table(zone).to_utc([local]).utc[0])


def format_instant(micros: int, zone: str = "UTC") -> str:
    """An instant as ISO 8601 in a zone, with its offset (Z in UTC), and a fraction only when there is one.

    Raises InputProblem (code `bad_instant`) when it lies outside the years 1 to 9999.
    """
    table = zone_table(zone)
    local = int(table.to_local([micros])[0])
    try:
        wall = _EPOCH + dt.timedelta(microseconds=local)
    except OverflowError:
        raise InputProblem(f"{micros} microseconds is outside the years 1 to 9999.", "bad_instant") from None
    if local == micros and zone in ("UTC", "Etc/UTC"):
        return wall.isoformat().replace("+00:00", "Z")
    return wall.replace(tzinfo=dt.timezone(dt.timedelta(microseconds=local - micros))).isoformat()
