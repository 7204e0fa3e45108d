"""Columns of times: one format for a column, no guess that the column does not support."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.problems import InputProblem
from features.sources.instants import ABSOLUTE, DATE, NAIVE, UNREADABLE
from features.sources.times import read_times

EPOCH = dt.datetime(1970, 1, 1)


def read(*texts: str | None, time_format: str = "") -> list[tuple[str, int] | None]:
    """Each value as (ISO text of its microseconds, state); None where unreadable."""
    found = read_times([pa.array(texts, pa.string())], time_format)
    return [
        None if state == UNREADABLE else ((EPOCH + dt.timedelta(microseconds=int(m))).isoformat(" "), int(state))
        for m, state in zip(found.micros, found.states, strict=True)
    ]


@pytest.mark.parametrize(
    ("text", "says", "state"),
    [
        ("2020-01-15", "2020-01-15 00:00:00", DATE),
        ("2020/1/5", "2020-01-05 00:00:00", DATE),
        ("19970101", "1997-01-01 00:00:00", DATE),
        ("2020-01-15T10:30", "2020-01-15 10:30:00", NAIVE),
        ("2020-01-15 10:30:05", "2020-01-15 10:30:05", NAIVE),
        ("2020-01-15 9:05 PM", "2020-01-15 21:05:00", NAIVE),
        ("2020-01-15 12:05 AM", "2020-01-15 00:05:00", NAIVE),
        ("2020-01-15 24:00:00", "2020-01-16 00:00:00", NAIVE),
        ("2020-01-15T10:30:05.123456789", "2020-01-15 10:30:05.123456", NAIVE),
        ("2020-01-15T10:30:05,5", "2020-01-15 10:30:05.500000", NAIVE),
        ("2020-01-15T10:30:05Z", "2020-01-15 10:30:05", ABSOLUTE),
        ("2020-01-15T10:30:05.5+02:00", "2020-01-15 08:30:05.500000", ABSOLUTE),
        ("2020-01-15 10:30:05+0200", "2020-01-15 08:30:05", ABSOLUTE),
        ("2020-01-15 10:30:05-05", "2020-01-15 15:30:05", ABSOLUTE),
        ("2020-01-15 10:30:05 +05:30", "2020-01-15 05:00:05", ABSOLUTE),
        ("2020-01-15 10:30:05 UTC", "2020-01-15 10:30:05", ABSOLUTE),
        ("20200115T103005Z", "2020-01-15 10:30:05", ABSOLUTE),
        ("20200115103005", "2020-01-15 10:30:05", NAIVE),
        ("202001151030", "2020-01-15 10:30:00", NAIVE),
        ("20200115 10:30:05", "2020-01-15 10:30:05", NAIVE),
        ("01-Jan-2020", "2020-01-01 00:00:00", DATE),
        ("1 January 2020 10:30", "2020-01-01 10:30:00", NAIVE),
        ("Sept. 5, 2020", "2020-09-05 00:00:00", DATE),
        ("Jan 1, 2020, 2:30:00 PM", "2020-01-01 14:30:00", NAIVE),
        ("Wed, 01 Jan 2020 10:00:00 GMT", "2020-01-01 10:00:00", ABSOLUTE),
        ("31/12/2020 8:26", "2020-12-31 08:26:00", NAIVE),
        ("12/31/2020", "2020-12-31 00:00:00", DATE),
        ("31.12.2020", "2020-12-31 00:00:00", DATE),
        ("1577836800", "2020-01-01 00:00:00", ABSOLUTE),
        ("1577836800.25", "2020-01-01 00:00:00.250000", ABSOLUTE),
        ("1577836800123", "2020-01-01 00:00:00.123000", ABSOLUTE),
        ("1577836800123456", "2020-01-01 00:00:00.123456", ABSOLUTE),
        ("1577836800123456789", "2020-01-01 00:00:00.123456", ABSOLUTE),
        ("2020-02-29", "2020-02-29 00:00:00", DATE),
    ],
)
def test_written_times(text: str, says: str, state: int) -> None:
    assert read(f" {text} ") == [(says, state)]


@pytest.mark.parametrize(
    "text",
    ["yesterday", "2020-02-30", "2021-02-29", "1900-02-29", "2020-13-01", "0000-00-00", "2020-01-15 25:00",
     "2020-01-15 10:60",
     "2020-01-15T", "2020-01-15 10:30:05 EST", "2020-01-15 10:30:05 Europe/Berlin", "2020-01-15x", "2020-01",
     "10:30", "20201301",
     "12", "1e9", "-1577836800", "2020-01-15 13:00 PM", "32/13/2020", "2020-01-15 10:30:05+2500", "1 Foo 2020",
     "٢٠٢٠-01-15"],
)  # fmt: skip
def test_what_is_not_a_time_is_not_read(text: str) -> None:
    # Seen to fail with days not checked against their month: 2020-02-30 became 1 March.
    assert read(text, "2020-01-15T10:00:00Z")[0] is None


@settings(max_examples=150, deadline=None)
@given(
    moment=st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2100, 1, 1)),
    minutes=st.one_of(st.none(), st.integers(-720, 840)),
    blank=st.sampled_from("T "),
    spec=st.sampled_from(["seconds", "milliseconds", "microseconds"]),
)
def test_iso_is_read_as_the_standard_library_reads_it(
    moment: dt.datetime, minutes: int | None, blank: str, spec: str
) -> None:
    zone = None if minutes is None else dt.timezone(dt.timedelta(minutes=minutes))
    text = moment.replace(tzinfo=zone).isoformat(blank, spec)
    expected = dt.datetime.fromisoformat(text)
    utc = expected.replace(tzinfo=None) - dt.timedelta(minutes=minutes or 0)
    assert read(text) == [(utc.isoformat(" "), NAIVE if zone is None else ABSOLUTE)]


def test_iso_variants_mix_and_strangers_are_unreadable() -> None:
    found = read("2020-01-15", "2020-01-15T10:00:00Z", "20200115", "1/2/2020", None, "", "1577836800")
    assert [one and one[1] for one in found] == [DATE, ABSOLUTE, DATE, None, None, None, None]


def test_day_or_month_first_is_decided_by_the_column() -> None:
    # Seen to fail with the first family that reads anything: 1/2/2020 was 1 February in an American file.
    assert read("1/2/2020", "25/12/2020", "x")[0] == ("2020-02-01 00:00:00", DATE)
    assert read("1/2/2020", "12/25/2020", "x")[0] == ("2020-01-02 00:00:00", DATE)
    assert read("1/1/2020", "2/2/2020")[1] == ("2020-02-02 00:00:00", DATE)  # the same either way
    notes = read_times([pa.array(["1/2/2020", "25/12/2020"])], name="when").notes
    assert notes == ("'when' was read as day first (1 rows leave no doubt, the first is '25/12/2020').",)


def test_few_strangers_in_a_day_first_column_are_unreadable() -> None:
    found = read(*["25/12/2020"] * 300, "12/25/2020")
    assert found[-1] is None
    assert found[0] == ("2020-12-25 00:00:00", DATE)


@pytest.mark.parametrize(
    ("texts", "code", "says"),
    [
        (["1/2/2020", "3/4/2020"], "undecidable_time_format", 'time_format = "%d/%m/%Y" or time_format = "%m/%d/%Y"'),
        (["1.2.2020 10:30"], "undecidable_time_format", '"%d.%m.%Y %H:%M"'),
        (["1/2/20", "25/12/20"], "undecidable_time_format", '"%d/%m/%y"'),
        (["13/2/2020", "2/13/2020"], "mixed_time_formats", "'13/2/2020', 1 rows"),
    ],
)
def test_undecidable_columns_ask_for_a_format(texts: list[str], code: str, says: str) -> None:
    with pytest.raises(InputProblem) as caught:
        read(*texts)
    assert caught.value.code == code
    assert says in str(caught.value)


def test_epochs_have_one_unit_a_column() -> None:
    # Seen to fail with a unit for each value: seconds in a column of milliseconds passed silently.
    assert read("1577836800000", "1577836800001", "1577836800", "0")[2:] == [None, None]


def test_a_time_format_wins() -> None:
    assert read("1/2/20", "25/12/20", time_format="%d/%m/%y") == [
        ("2020-02-01 00:00:00", DATE),
        ("2020-12-25 00:00:00", DATE),
    ]
    assert read("2020-01-15 10:00", "2020", time_format="%Y-%m-%d %H:%M") == [("2020-01-15 10:00:00", NAIVE), None]
    assert read("2020-01-15T10:00:00Z", time_format="%Y-%m-%dT%H:%M:%SZ") == [("2020-01-15 10:00:00", ABSOLUTE)]
    zoned = [("2020-01-15 08:00:00", ABSOLUTE), ("2020-01-15 10:00:00", ABSOLUTE)]
    assert read("2020-01-15T10:00:00+02:00", "2020-01-15T10:00:00Z", time_format="%Y-%m-%dT%H:%M:%S%z") == zoned


@pytest.mark.parametrize("time_format", ["%Q %Y", "%d/%m", "nonsense"])
def test_a_bad_time_format_is_a_problem(time_format: str) -> None:
    with pytest.raises(InputProblem, match="time_format") as caught:
        read("2020-01-15", time_format=time_format)
    assert caught.value.code == "bad_time_format"


MOMENT = dt.datetime(2020, 1, 15, 10, 30, 5)


@pytest.mark.parametrize(
    ("column", "micros", "state"),
    [
        (pa.array([MOMENT], pa.timestamp("s")), 1579084205_000000, NAIVE),
        (pa.array([MOMENT], pa.timestamp("ms")), 1579084205_000000, NAIVE),
        (pa.array([MOMENT], pa.timestamp("us")), 1579084205_000000, NAIVE),
        (pa.array([MOMENT], pa.timestamp("ns")), 1579084205_000000, NAIVE),
        (pa.array([1579084205_123456789], pa.timestamp("ns")), 1579084205_123456, NAIVE),
        (pa.array([1579084205000], pa.timestamp("ms", "America/New_York")), 1579084205_000000, ABSOLUTE),
        (pa.array([dt.date(2020, 1, 15)], pa.date32()), 1579046400_000000, DATE),
        (pa.array([dt.date(2020, 1, 15)], pa.date64()), 1579046400_000000, DATE),
        (pa.array([20200115], pa.int32()), 1579046400_000000, DATE),
        (pa.array([1579084205], pa.int64()), 1579084205_000000, ABSOLUTE),
        (pa.array([1579084205000], pa.int64()), 1579084205_000000, ABSOLUTE),
        (pa.array([1579084205.5], pa.float64()), 1579084205_500000, ABSOLUTE),
        (pa.array([1579084205000.0], pa.float64()), 1579084205_000000, ABSOLUTE),
    ],
)
def test_typed_times(column: pa.Array, micros: int, state: int) -> None:
    # Seen to fail with nanoseconds multiplied instead of divided.
    found = read_times([pa.concat_arrays([column, pa.nulls(1, column.type)])])
    assert found.micros[0] == micros
    assert found.states.tolist() == [state, UNREADABLE]


def test_pieces_of_many_types_keep_their_order() -> None:
    pieces = [
        pa.array(["2020-01-15"]),
        pa.array([dt.date(2020, 1, 16)]),
        pa.array([20200117]),
        pa.array(["2020-01-18", "x"]),
    ]
    found = read_times(pieces)
    assert found.states.tolist() == [DATE] * 4 + [UNREADABLE]
    assert np.diff(found.micros[:4]).tolist() == [86_400_000_000] * 3


def test_a_column_that_cannot_be_a_time() -> None:
    with pytest.raises(InputProblem, match="bool"):
        read_times([pa.array([True])])
