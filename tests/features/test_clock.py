"""Zone arithmetic against the standard library's, one instant at a time."""

from __future__ import annotations

import datetime as dt
import zoneinfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.clock import DAY, HOUR, format_instant, parse_instant, zone_table
from features.problems import InputProblem

ZONES = [
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Africa/Casablanca",
    "Asia/Kolkata",
    "UTC",
]
EPOCH = dt.datetime(1970, 1, 1)
MICRO = dt.timedelta(microseconds=1)
walls = st.datetimes(dt.datetime(1901, 1, 1), dt.datetime(2099, 1, 1))


def micros(wall: dt.datetime) -> int:
    return (wall - EPOCH) // MICRO


def offset(wall: dt.datetime, zone: str, fold: int) -> dt.timedelta:
    found = wall.replace(tzinfo=zoneinfo.ZoneInfo(zone), fold=fold).utcoffset()
    assert found is not None
    return found


@pytest.mark.parametrize("zone", ZONES)
@settings(max_examples=150, deadline=None)
@given(wall=walls)
def test_local_to_utc_is_the_standard_librarys(zone: str, wall: dt.datetime) -> None:
    # Seen to fail with the pre-transition offset as the boundary of a fold: the first showing was taken.
    first, second = offset(wall, zone, 0), offset(wall, zone, 1)
    gap, twice = first < second, first > second
    expected = wall - (first if gap else second)
    found = zone_table(zone).to_utc([micros(wall)])
    assert (found.utc[0], found.nonexistent, found.ambiguous) == (micros(expected), int(gap), int(twice))


@pytest.mark.parametrize("zone", ZONES)
def test_every_transition_is_found_to_the_second(zone: str) -> None:
    # Seen to fail with a step of 60 days, which loses the month of Ramadan in Casablanca.
    table, info = zone_table(zone), zoneinfo.ZoneInfo(zone)
    near = (
        np.concatenate([table.transitions + shift for shift in (-1, 0, 1, HOUR, -HOUR)])
        if len(table.transitions)
        else [0]
    )
    days = np.arange(-69 * 365, 129 * 365, 9) * DAY
    for utc in [*near, *days]:
        moment = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=int(utc))
        local = moment.astimezone(info)
        assert table.to_local([utc])[0] == micros(local.replace(tzinfo=None))


@pytest.mark.parametrize(
    ("zone", "wall", "utc"),
    [
        ("Europe/Berlin", "2024-03-31T02:30", "2024-03-31T01:30:00Z"),  # does not exist: becomes 03:30 summer time
        ("Europe/Berlin", "2024-10-27T02:30", "2024-10-27T01:30:00Z"),  # twice: the second, in winter time
        ("America/New_York", "2024-03-10T02:30", "2024-03-10T07:30:00Z"),
        ("America/New_York", "2024-11-03T01:30", "2024-11-03T06:30:00Z"),
        ("Australia/Lord_Howe", "2024-10-06T02:15", "2024-10-05T15:45:00Z"),  # a gap of half an hour
        ("Australia/Lord_Howe", "2024-04-07T01:45", "2024-04-06T15:15:00Z"),
        ("Pacific/Apia", "2011-12-30T12:00", "2011-12-30T22:00:00Z"),  # a day that never was
    ],
)
def test_skipped_and_repeated_times(zone: str, wall: str, utc: str) -> None:
    assert format_instant(parse_instant(wall, zone)) == utc


@settings(max_examples=200, deadline=None)
@given(wall=walls, zone=st.sampled_from(ZONES))
def test_hour_of_week_is_counted_from_monday_midnight(wall: dt.datetime, zone: str) -> None:
    # Seen to fail with 1970-01-01 taken for a Monday.
    local = wall.replace(tzinfo=dt.UTC).astimezone(zoneinfo.ZoneInfo(zone))
    found = zone_table(zone).hour_of_week([micros(wall)])
    assert found.dtype == np.uint8
    assert found[0] == local.weekday() * 24 + local.hour


def test_the_day_of_a_change_ends_where_the_next_begins() -> None:
    berlin = zone_table("Europe/Berlin")
    for day, hours in (("2024-03-31", 23), ("2024-10-27", 25), ("2024-06-01", 24)):
        start = parse_instant(day, "Europe/Berlin")
        assert berlin.end_of_day(start) == start + hours * HOUR - 1
        assert berlin.end_of_day(start + 5 * HOUR) == start + hours * HOUR - 1


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("2026-07-15", "2026-07-14T22:00:00Z"),
        ("2026-07-15T08:30:00+02:00", "2026-07-15T06:30:00Z"),
        ("2026-07-15 08:30", "2026-07-15T06:30:00Z"),
        ("2026-07-15T08:30:00Z", "2026-07-15T08:30:00Z"),
        ("2026-07-15 08:30:00 UTC", "2026-07-15T08:30:00Z"),
        ("2026-07-15T08:30:00.25", "2026-07-15T06:30:00.250000Z"),
    ],
)
def test_instants_that_a_person_writes(text: str, iso: str) -> None:
    assert format_instant(parse_instant(text, "Europe/Berlin")) == iso


@pytest.mark.parametrize("text", ["yesterday", "", "2026-02-30", "15/07/2026", "2026-07-15T25:00"])
def test_what_is_not_an_instant_is_named(text: str) -> None:
    with pytest.raises(InputProblem, match="not a moment") as caught:
        parse_instant(text)
    assert caught.value.code == "bad_instant"


def test_unknown_zone_names_the_nearest() -> None:
    with pytest.raises(InputProblem, match="Did you mean 'Europe/Berlin'"):
        zone_table("Europe/Berlim")


@settings(max_examples=100, deadline=None)
@given(wall=walls, zone=st.sampled_from(ZONES))
def test_format_and_parse_are_inverse(wall: dt.datetime, zone: str) -> None:
    assert parse_instant(format_instant(micros(wall), zone), "Asia/Tokyo") == micros(wall)


def test_the_table_is_built_once_and_cannot_be_changed() -> None:
    assert zone_table("Europe/Berlin") is zone_table("Europe/Berlin")
    with pytest.raises(ValueError, match="read-only"):
        zone_table("Europe/Berlin").offsets[0] = 0
