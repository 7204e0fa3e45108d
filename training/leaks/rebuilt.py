"""Are the rows what they say? Features, outcomes and who is asked, worked out again from the log for a sample."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from features.build import FeatureTable, build, build_at
from features.catalog import Catalog
from features.clock import DAY, format_instant
from features.definitions import Definition, eligible
from features.histories import Histories
from features.past import Past
from training.inputs import fit_inputs, rhythm_catalog
from training.leaks.alarm import Alarm, named
from training.leaks.sample import unlike, without_own
from training.rows import Rows, sampled
from training.splits import Timeline

I64 = NDArray[np.int64]
F64 = NDArray[np.float64]
SHIFTS = (1, 2, 3, 7, 14, 30, 60, 90, 180, 365)
CLOSE = 1e-3  # of a log-odds: other orders of adding up change less, other parameters more
FEWEST = 20
FOREVER = 2**62  # microseconds


@dataclass(frozen=True)
class Matched:
    """Rows of a sample of users beside what the log says of them.

    row: (k,) row numbers.  user: (k,) index into the sample's histories.  as_of: (k,) microseconds UTC.
    strangers: users of the sample whose id the rows do not know at all.
    """

    row: I64
    user: I64
    as_of: I64
    strangers: int


def match(rows: Rows, histories: Histories) -> Matched:
    """Find the rows of these users, by id; histories: of a sample of users."""
    here = _places(rows.people, histories.users)
    user = here[rows.user]
    row = np.flatnonzero(user >= 0)
    return Matched(row, user[row], rows.as_of[row], len(histories) - len(np.unique(here[here >= 0])))


def _places(names: NDArray[np.object_], among: NDArray[np.object_]) -> I64:
    """(n,) where each name is among others, -1 where it is not."""
    found = pc.index_in(pa.array(names, pa.string()), pa.array(among, pa.string())).fill_null(-1)
    return np.asarray(found, dtype=np.int64)


def rebuilt(rows: Rows, matched: Matched, histories: Histories, catalog: Catalog) -> tuple[Alarm, ...]:
    """Whether the rows' features are those that the log gives as of the rows' own moments, to the bit.

    Tells, where it can, what they are instead: features of a later moment, of another user, or with late arrivals in.
    """
    columns = np.array([rows.names.index(name) for name in catalog.names if name in rows.names], dtype=np.int64)
    places = [catalog.position[rows.names[column]] for column in columns]
    held = rows.x[np.ix_(matched.row, columns)]
    wrong = unlike(held, build(histories, catalog, matched.user, matched.as_of).values[:, places])
    if not wrong.any():
        return ()
    names = tuple(rows.names[column] for column in columns[np.flatnonzero(wrong.any(axis=0))])
    bad = np.asarray(wrong.any(axis=1))
    first = int(np.flatnonzero(bad)[0])
    return (Alarm(
        "rebuilt",
        f"features of {bad.sum():,} of {len(bad):,} rows looked at are not those of their as_of: {named(names)} "
        "(first: "
        f"'{histories.users[matched.user[first]]}' as of {format_instant(int(matched.as_of[first]))[:10]}). "
        f"{_explained(held, matched, histories, catalog, places, wrong)}",
        float(bad.mean()), 0.0, names,
    ),)  # fmt: skip


def _explained(
    held: NDArray[np.float32], matched: Matched, histories: Histories, catalog: Catalog, places: list[int],
    wrong: NDArray[np.bool_],
) -> str:  # fmt: skip
    """What the wrong columns agree with, and what to do."""
    some = np.flatnonzero(wrong.any(axis=1))[:FEWEST]
    plain = without_own(catalog)
    bad = np.flatnonzero(wrong.any(axis=0) & (np.asarray(places) < len(plain.names)))
    mine = held[np.ix_(some, bad)]
    if not len(bad):
        return "They are features of your own that do not give the same twice: see what they read beside the history."

    def agrees(other: Histories, when: I64) -> bool:
        made = build(other, plain, matched.user[some], when).values[:, np.asarray(places)[bad]]
        return float(unlike(mine, made).mean()) < 0.02

    if histories.arrivals and agrees(histories.as_known_today(), matched.as_of[some]):
        return "They hold events that had not arrived by then; leave out what has ingested_at after as_of."
    for days in (*SHIFTS, *(-days for days in SHIFTS)):
        if agrees(histories, matched.as_of[some] + days * DAY):
            way = "later" if days > 0 else "earlier"
            return f"They are the features of {abs(days)} days {way}; build them at as_of itself."
    if agrees(histories, np.full(len(some), histories.span.last)):
        return "They are the features of the newest event, today's snapshot; build them at as_of itself."
    return "They belong to another moment or to another user; join features and outcomes by user id and as_of."


def relabelled(rows: Rows, matched: Matched, histories: Histories, definition: Definition) -> tuple[Alarm, ...]:
    """Whether the rows' outcomes are those of (as_of + gap, as_of + gap + horizon], counted anew from the log."""
    y = rows.y[matched.row]
    wrong = ~np.isclose(y, outcomes(definition, histories, matched.user, matched.as_of), rtol=1e-6, atol=1e-6)
    if not wrong.any():
        return ()
    first = int(np.flatnonzero(wrong)[0])
    return (Alarm(
        "labels",
        f"outcomes of {wrong.sum():,} of {len(wrong):,} rows looked at are not what the log holds for them (first: "
        f"'{histories.users[matched.user[first]]}' as of {format_instant(int(matched.as_of[first]))[:10]}: "
        f"{y[first]:.6g}). {_window(y, matched, histories, definition)}",
        float(wrong.mean()), 0.0,
    ),)  # fmt: skip


def outcomes(definition: Definition, histories: Histories, user: I64, as_of: I64) -> F64:
    """(k,) what happened to each user in the window after each moment, event by event.

    Written apart from `training.labels` on purpose: a mistake there would otherwise agree with itself.
    """
    found = np.zeros(len(user))
    kinds, cancel = set(histories.codes(definition.kinds)), set(histories.codes(definition.cancel))
    for number, (who, at) in enumerate(zip(user, as_of, strict=True)):
        start = at + definition.gap_days * DAY
        own = slice(histories.offsets[who], histories.offsets[who + 1])
        low, high = np.searchsorted(histories.time[own], [start, start + definition.horizon_days * DAY], side="right")
        ahead = range(int(histories.offsets[who] + low), int(histories.offsets[who] + high))
        if definition.contract:
            upto = int(histories.offsets[who] + high)
            found[number] = float(not _held(definition, histories, int(histories.offsets[who]), upto, start))
            continue
        done = [event for event in ahead if int(histories.kind[event]) in kinds]
        if definition.task == "ltv":
            found[number] = np.nansum(histories.value[done]) if done else 0.0
        elif definition.task == "conversion":
            found[number] = float(bool(done))
        else:
            found[number] = float(not done or any(int(histories.kind[event]) in cancel for event in ahead))
    return found


def _held(definition: Definition, histories: Histories, first: int, upto: int, start: int) -> bool:
    """Whether a contract held without a break in (start, start + horizon], walking a user's events one by one."""
    holds, quits = set(histories.codes(definition.contract)), set(histories.codes(definition.cancel))
    end, cover, until = start + definition.horizon_days * DAY, definition.cover_days * DAY, -FOREVER
    events = sorted(range(first, upto), key=lambda event: (histories.time[event], int(histories.kind[event]) in quits))
    for event in events:
        time, kind = int(histories.time[event]), int(histories.kind[event])
        if kind not in holds | quits:
            continue
        if time > start and (time > until or kind in quits):
            return False
        until = time if kind in quits else time + (cover or FOREVER)
    return until > end


def _window(y: F64, matched: Matched, histories: Histories, definition: Definition) -> str:
    """Which window the outcomes are of, if one can be found, and what to do."""
    whole = "Label (as_of + gap, as_of + gap + horizon] of the row's own user."
    def agrees(asked: Definition, when: I64) -> bool:
        return float(np.isclose(y, outcomes(asked, histories, matched.user, when), rtol=1e-6, atol=1e-6).mean()) > 0.98

    if definition.gap_days and agrees(replace(definition, gap_days=0), matched.as_of):
        return f"They ignore the gap of {definition.gap_days} days. {whole}"
    for days in (*(-days for days in SHIFTS), *SHIFTS):
        if agrees(definition, matched.as_of + days * DAY):
            return f"They are those of a window {abs(days)} days {'earlier' if days < 0 else 'later'}. {whole}"
    for days in SHIFTS:
        for horizon in (definition.horizon_days - days, definition.horizon_days + days):
            if horizon > 0 and agrees(replace(definition, horizon_days=horizon), matched.as_of):
                return f"They look {horizon} days ahead and not {definition.horizon_days}. {whole}"
    return f"They fit no window nearby, as if they were of other users. {whole}"


def population(
    rows: Rows, matched: Matched, histories: Histories, definition: Definition, catalog: Catalog, line: Timeline,
    users_share: float = 1.0,
) -> tuple[Alarm, ...]:  # fmt: skip
    """Whether the rows at each cut-off are everybody who was asked about then, and nobody else.

    Who is left out for what came later (the deleted, the merged, those without an order since) makes survivors of the
    rest. users_share: of all users that training learns from, by hash of the id.
    """
    mine = sampled(histories.users, users_share)
    width = len(line.cutoffs)
    has = np.zeros((len(histories), width), dtype=np.int64)
    at = np.searchsorted(line.cutoffs, matched.as_of)
    inside = at < width
    inside[inside] &= np.asarray(line.cutoffs)[at[inside]] == matched.as_of[inside]
    np.add.at(has, (matched.user[inside], at[inside]), 1)
    due = np.zeros_like(has)
    for number, moment in enumerate(line.cutoffs):
        table = build_at(histories, without_own(catalog), moment)
        asked = table.user[eligible(definition, table)]
        due[asked[mine[asked]], number] = 1
    missing, extra = int((due > has).sum()), int((has > due).sum())
    if not missing and not extra:
        return ()
    first = int(np.flatnonzero((due != has).any(axis=1))[0])
    told = "who is missing because of what came later" if missing else "somebody who could not be asked then, or twice,"
    return (Alarm(
        "population",
        f"of {due.sum():,} users and cut-offs looked at, {missing:,} have no row and {extra:,} rows are too many "
        "(first: "
        f"'{histories.users[first]}'). Ask of everybody who was known and eligible at as_of, once; {told} makes "
        "the judged "
        "crowd another one than today's.",
        (missing + extra) / max(int(due.sum()), 1), 0.0,
    ),)  # fmt: skip


def verdicts(
    rows: Rows, past: Past, catalog: Catalog, definition: Definition, at: int, users_share: float = 1.0
) -> tuple[Alarm, ...]:
    """Whether the rhythm models (BG/NBD, Pareto/NBD, Gamma-Gamma) behind the rows at `at` were fitted on that moment.

    Fitted on a later log, they know how long customers of that time stayed.  Needs everybody at one cut-off.
    """
    slim = rhythm_catalog(catalog)
    parts, names = [], []
    for histories in past.buckets():
        known = histories.seen(at)
        known = known[sampled(histories.users, users_share)[known]]
        parts.append(build(histories, slim, known, np.full(len(known), at, dtype=np.int64)).values)
        names.append(histories.users[known])
    values = np.concatenate(parts)
    nobody = np.zeros(len(values), dtype=np.int64)
    table = FeatureTable(slim, nobody, nobody, values)
    inputs = fit_inputs(table, definition.horizon_days)
    fresh = inputs.matrix(table)[:, len(slim.names) :]
    here = np.flatnonzero(rows.as_of == at)
    where = _places(rows.people, np.concatenate(names))[rows.user[here]]
    columns = [name for name in inputs.names[len(slim.names) :] if name in rows.names]
    held = rows.x[here[where >= 0]][:, [rows.names.index(name) for name in columns]]
    own = fresh[where[where >= 0]][:, [inputs.names.index(name) - len(slim.names) for name in columns]]
    far = ~np.isclose(held, own, rtol=CLOSE, atol=CLOSE, equal_nan=True)
    wrong = tuple(name for name, bad in zip(columns, far.mean(axis=0) > 0.01, strict=True) if bad)
    share = float(far.mean(axis=0).max()) if far.size else 0.0
    return (Alarm(
        "verdicts",
        f"{named(wrong)} as of {format_instant(at)[:10]} differ in {share:.0%} of {len(held):,} rows from what "
        "the rhythm "
        "models say when fitted on the histories of that moment. Fit them at each cut-off on what was known at it.",
        share, 0.01, wrong,
    ),) if wrong else ()  # fmt: skip
