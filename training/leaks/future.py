"""Does the future change what is known of the past? Features are computed again without it, and with another one."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from features.build import build
from features.catalog import Catalog
from features.clock import SECOND, format_instant
from features.custom import LARGEST, CustomCode
from features.histories import Histories
from features.spec import Reduction
from training.leaks.alarm import Alarm, named
from training.leaks.sample import Build, another_future, keep, known_by, unlike

I64 = NDArray[np.int64]
F32 = NDArray[np.float32]
FEWEST_TODAY = 100
MOVED = 0.3
READS = {
    "open", "read_csv", "read_parquet", "read_sql", "read_json", "read_excel", "read_table", "read_feather",
    "read_text", "read_bytes", "read_pickle", "load", "loadtxt", "genfromtxt", "connect", "urlopen", "fetch",
}  # fmt: skip
CLOCKS = {"now", "today", "utcnow", "time_ns", "monotonic"}
DICE = {"random", "randint", "choice", "shuffle", "default_rng", "uniform"}


def future(
    histories: Histories, catalog: Catalog, cutoffs: Sequence[int], maker: Build = build, seed: int = 0
) -> tuple[Alarm, ...]:
    """Whether any feature changes when everything later than as_of is deleted, or replaced by other events.

    histories: of a sample of users.  cutoffs: microseconds UTC.  Late arrivals count as the future until they arrive.
    """
    looked, changed, first = 0, np.zeros(len(catalog.names), dtype=np.int64), ""
    for at in cutoffs:
        users = histories.seen(at)
        when = np.full(len(users), at, dtype=np.int64)
        real = maker(histories, catalog, users, when).values
        without = maker(keep(histories, known_by(histories, at)), catalog, users, when).values
        other = maker(another_future(histories, at, seed), catalog, users, when).values
        differs = unlike(real, without) | unlike(real, other)
        if differs.any() and not first:
            row = int(np.flatnonzero(differs.any(axis=1))[0])
            first = f"first for '{histories.users[users[row]]}' as of {format_instant(at)[:10]}"
        changed += differs.sum(axis=0)
        looked += len(users)
    if not changed.any():
        return ()
    columns = tuple(np.asarray(catalog.names, dtype=object)[changed > 0])
    share = float(changed.max() / looked)
    return (Alarm(
        "future",
        f"{len(columns)} of {len(changed)} features look past as_of: in {changed.max():,} of {looked:,} rows "
        f"{named(columns)} changed when later events were deleted or replaced ({first}). Cut the history at as_of, "
        "arrivals included, before anything is computed from it.",
        share, 0.0, columns,
    ),)  # fmt: skip


def own_code(code: CustomCode | None, histories: Histories, catalog: Catalog, at: int) -> tuple[Alarm, ...]:
    """Whether a business's own features depend on more than the history that they are given.

    They may not look at a clock, at dice, or at files (which nobody cuts at as_of), keep a memory from call to call, or
    know a customer by the exact moments of the events: the same history a second earlier must mean the same.
    """
    if code is None:
        return ()
    return (*_source(code), *_memory(histories, catalog, at), *_recognised(histories, catalog, at))


def _source(code: CustomCode) -> list[Alarm]:
    """What the text of the module calls."""
    found: dict[str, list[str]] = {}
    for node in ast.walk(ast.parse(code.source)):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            for what, names in (("files or databases", READS), ("the clock", CLOCKS), ("dice", DICE)):
                if name in names:
                    found.setdefault(what, []).append(f"{name} in line {node.lineno}")
    advice = {
        "files or databases": "nothing cuts what it reads at as_of. Bring it as events with their own times",
        "the clock": "a feature of the past then changes with the day of training. Use the argument as_of",
        "dice": "the same customer then gets another value each time. Remove it",
    }
    return [
        Alarm("own code", f"{code.file} looks at {what} ({'; '.join(where[:3])}): {advice[what]}.", len(where), 0.0)
        for what, where in found.items()
    ]


def _own(catalog: Catalog) -> Catalog:
    return replace(catalog, features=tuple(f for f in catalog.features if f.reduction is Reduction.CUSTOM))


def _memory(histories: Histories, catalog: Catalog, at: int) -> list[Alarm]:
    """Own features give the same when asked again, in another order."""
    own, users = _own(catalog), histories.seen(at)
    when = np.full(len(users), at, dtype=np.int64)
    once = build(histories, own, users, when).values
    again = build(histories, own, users[::-1], when).values[::-1]
    share = unlike(once, again).mean(axis=0) if len(users) else np.zeros(len(own.names))
    columns = tuple(np.asarray(own.names, dtype=object)[share > 0])
    return [Alarm(
        "own code",
        f"{named(columns)} gave another value for {share.max():.0%} of {len(users):,} users when asked a second time, "
        "in another order. A feature must be a function of one history: keep nothing from call to call.",
        float(share.max()), 0.0, columns,
    )] if columns else []  # fmt: skip


def _recognised(histories: Histories, catalog: Catalog, at: int) -> list[Alarm]:
    own, users = _own(catalog), histories.seen(at)
    when = np.full(len(users), at, dtype=np.int64)
    moved = replace(
        histories, time=histories.time - SECOND, arrived=histories.arrived - SECOND if histories.arrivals else
        histories.arrived )
    now, then = build(histories, own, users, when).values, build(moved, own, users, when - SECOND).values
    close = np.isclose(now, then, rtol=1e-3, atol=1e-3, equal_nan=True)
    share = (~close).mean(axis=0) if len(users) else np.zeros(len(own.names))
    columns = tuple(np.asarray(own.names, dtype=object)[share > 0.1])
    return [Alarm(
        "own code",
        f"{named(columns)} changed for {share.max():.0%} of {len(users):,} users when their whole history and "
        "as_of moved "
        "by one second: it looks customers up by exact moments, so it can know more than their past. Compute it "
        "from the "
        "events alone.",
        float(share.max()), 0.1, columns,
    )] if columns else []  # fmt: skip


def today(histories: Histories, catalog: Catalog, cutoffs: Sequence[int]) -> tuple[Alarm, ...]:
    """Whether a business's own feature tells something at the labelled cut-offs that it cannot tell today.

    What a feature knows from the future is missing at the newest event, where there is none: its distribution breaks
    off there. A season's feature moves as much from cut-off to cut-off, and raises no alarm.
    """
    own = _own(catalog)
    moments = [at for at in (*cutoffs, histories.span.last) if len(histories.seen(at)) >= FEWEST_TODAY]
    tables = []
    for at in moments:
        users = histories.seen(at)
        tables.append(build(histories, own, users, np.full(len(users), at, dtype=np.int64)).values)
    if not own.names or len(moments) < 3:
        return ()
    alarms = []
    for column, name in enumerate(own.names):
        values = [table[:, column] for table in tables]
        steps = [_apart(a, b) for a, b in itertools.pairwise(values)]
        limit = MOVED + 2 * max(steps[:-1])
        if steps[-1] > limit:
            alarms.append(Alarm(
                "today",
                f"{name} at the newest event ({format_instant(moments[-1])[:10]}) is nothing like it was at the "
                "labelled "
                f"cut-offs: distributions {steps[-1]:.2f} apart, between cut-offs at most {max(steps[:-1]):.2f}. It "
                "tells in training what it cannot tell when it counts; look for what it reads beside the history.",
                steps[-1], limit, (name,),
            ))  # fmt: skip
    return tuple(alarms)


def _apart(some: F32, others: F32) -> float:
    """The Kolmogorov-Smirnov distance of two samples in which missing is a value of its own."""
    a, b = (np.sort(np.nan_to_num(side, nan=-LARGEST)) for side in (some, others))
    edges = np.concatenate([a, b])
    share = [np.searchsorted(side, edges, side="right") / len(side) for side in (a, b)]
    return float(np.abs(share[0] - share[1]).max())
