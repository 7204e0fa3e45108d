"""The search for leaks that belongs to every training: all detectors, on a bounded, seeded sample."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from features.build import build
from features.catalog import Catalog
from features.definitions import Definition
from features.past import Past
from training.leaks.alarm import Alarm, Detector, Ran, Searched
from training.leaks.columns import Tried, flags, telling
from training.leaks.encoding import encoded
from training.leaks.future import future, own_code, today
from training.leaks.identity import meeting, stamped, turnover, twins, two_ways
from training.leaks.moments import held_apart, on_time, unfinished
from training.leaks.permuted import CUSTOMERS, Fit, Remake, as_they_are, permutation
from training.leaks.promised import promised as promises
from training.leaks.promised import scored
from training.leaks.rebuilt import Matched, match, population, rebuilt, relabelled, verdicts
from training.leaks.sample import Bucket, Build, look
from training.rows import Rows
from training.splits import Fold, Timeline

MOST_REFITTED = 3_000_000  # events; above it one more fit of the rhythm models costs a pass over the log
Turn = tuple[Ran, tuple[Alarm, ...]]


def search(
    definition: Definition,
    past: Past,
    catalog: Catalog,
    line: Timeline,
    rows: Rows,
    folds: Sequence[Fold],
    fit: Fit,
    promised: NDArray[np.float64] | None = None,
    users_share: float = 1.0,
    seed: int = 0,
    remake: Remake = as_they_are,
    maker: Build = build,
) -> Searched:
    """Look for everything in a training's material that no honest forecast could have known.

    rows: all labelled rows of `gather`.  folds: every fit that anything is judged by, test and choice.  fit: a cheap
    candidate.  promised: what was promised for the rows judged at the last cut-off, in the order of the folds' `valid`,
    calibrated on an earlier window; None where there is none.  users_share: as given to `gather`.
    remake, maker: the steps of this training in place of winback's own.  The same arguments give the same answer.
    """
    bucket, tried = look(past, seed=seed), Tried.of(rows, catalog, seed)
    turns = [
        *_log(definition, bucket, line),
        *_rows(definition, past, catalog, line, rows, bucket, users_share, maker, seed),
        *_outcomes(tried, catalog, rows, folds, fit, seed, remake),
        _turn("folds", sum(len(fold.valid) for fold in folds), held_apart(rows, folds, definition)),
        *_promises(tried, line, rows, folds, promised),
    ]
    return Searched(tuple(turn for turn, _ in turns), tuple(alarm for _, found in turns for alarm in found))


def _turn(kind: Detector, looked: int, found: tuple[Alarm, ...]) -> Turn:
    return Ran(kind, looked), found


def _unable(kind: Detector, why: str) -> Turn:
    return Ran(kind, 0, why), ()


def _log(definition: Definition, bucket: Bucket, line: Timeline) -> Iterator[Turn]:
    h = bucket.histories
    until = line.test + line.reach
    yield _turn("identity", len(h), turnover(h, definition, until) + two_ways(h))
    yield _turn("twins", len(h), twins(h))
    yield _turn("kinds", len(h), meeting(h, definition))
    yield _turn("stamped", h.event_count, stamped(h))
    yield _turn("unfinished", h.event_count, unfinished(h, line, definition))


def _rows(
    definition: Definition, past: Past, catalog: Catalog, line: Timeline, rows: Rows, bucket: Bucket, share: float,
    maker: Build, seed: int,
) -> Iterator[Turn]:  # fmt: skip
    some, moments = bucket.some, tuple(sorted({line.cutoffs[0], line.test}))
    matched = match(rows, some)
    looked = len(matched.row)
    yield _turn("times", len(rows), on_time(rows, line, definition, past, catalog))
    yield _turn("future", len(some), future(some, catalog, moments, maker, seed))
    yield _turn("rebuilt", looked, _strangers(matched, len(some)) + rebuilt(rows, matched, some, catalog))
    yield _turn("labels", looked, relabelled(rows, matched, some, definition))
    yield _turn("population", looked, population(rows, matched, some, definition, catalog, line, share))
    if past.event_count <= MOST_REFITTED:
        yield _turn("verdicts", len(rows), verdicts(rows, past, catalog, definition, line.cutoffs[0], share))
    else:
        yield _unable("verdicts", f"more than {MOST_REFITTED:,} events to fit the rhythm models on once more")
    if catalog.custom is None:
        yield _unable("own code", "no features of one's own")
        yield _unable("today", "no features of one's own")
    else:
        yield _turn("own code", len(some), own_code(catalog.custom, some, catalog, line.test))
        yield _turn("today", len(some), today(some, catalog, line.cutoffs))


def _strangers(matched: Matched, looked: int) -> tuple[Alarm, ...]:
    if not matched.strangers:
        return ()
    return (Alarm(
        "rebuilt",
        f"{matched.strangers:,} of {looked:,} users of the log are unknown to the rows: ids are written in "
        "another way there. "
        "Take ids over as they are in the log.",
        matched.strangers / looked, 0.0,
    ),)  # fmt: skip


def _outcomes(
    tried: Tried, catalog: Catalog, rows: Rows, folds: Sequence[Fold], fit: Fit, seed: int, remake: Remake
) -> Iterator[Turn]:
    if tried.rarer >= 20:
        yield _turn("column", len(tried.rows), telling(tried))
        yield _turn("flag", len(tried.rows), flags(tried))
    else:
        yield from (_unable(kind, "fewer than 20 rows of the rarer outcome") for kind in ("column", "flag"))  # type: ignore[arg-type]
    yield _turn("encoding", len(rows), encoded(rows, catalog))
    yield _turn("permutation", min(CUSTOMERS, len(rows)), permutation(rows, folds, fit, seed, remake))


def _promises(
    tried: Tried, line: Timeline, rows: Rows, folds: Sequence[Fold], promised: NDArray[np.float64] | None
) -> Iterator[Turn]:
    if promised is None:
        yield from (_unable(kind, "nothing was promised") for kind in ("score", "promise"))  # type: ignore[arg-type]
        return
    judged = np.concatenate([fold.valid for fold in folds if fold.judged_at == line.test])
    yield _turn("score", len(judged), scored(rows.y[judged], promised, tried.reference))
    if line.out_of_time:
        yield _turn("promise", len(judged), promises(rows.y[judged], promised))
    else:
        yield _unable("promise", "one window only: promises come from other customers of the judged one")
