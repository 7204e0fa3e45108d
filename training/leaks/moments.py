"""Are customers and windows held apart, and does every row keep to its own moment?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from features.catalog import Catalog
from features.clock import DAY, format_instant
from features.definitions import Definition
from features.histories import Histories
from features.past import Past
from features.spec import Reduction
from training.labels import last_cutoff
from training.leaks.alarm import Alarm, named
from training.rows import Rows
from training.splits import Fold, Timeline

ROUNDING = 1e-3  # days
THIN = 0.1
ENOUGH_EVENTS = 50
_AGES = (Reduction.RECENCY, Reduction.TENURE, Reduction.GAP_LAST, Reduction.GAP_MEAN, Reduction.REPEAT_SPAN)


def held_apart(rows: Rows, folds: Sequence[Fold], definition: Definition) -> tuple[Alarm, ...]:
    """Whether any fold learns from a customer whom it judges, or from a window that was not over when it judges.

    folds: of `training.splits.folds` or any other making, row numbers into `rows`.
    """
    across = _overlapping(rows, folds, definition)
    return (*_twice(rows), *_same_customers(rows, folds), *across, *_misjudged(rows, folds))


def _twice(rows: Rows) -> Iterator[Alarm]:
    _, moment = np.unique(rows.as_of, return_inverse=True)
    extra = len(rows) - len(np.unique(_person(rows) * (int(moment.max(initial=0)) + 1) + moment))
    if extra:
        yield Alarm(
            "folds",
            f"{extra:,} of {len(rows):,} rows repeat a customer at a cut-off. Copies made before the split "
            "(oversampling, a "
            "join that multiplies) are learned from and judged at once: keep one row a customer and cut-off, "
            "resample nothing.",
            extra / len(rows), 0.0,
        )  # fmt: skip


def _same_customers(rows: Rows, folds: Sequence[Fold]) -> Iterator[Alarm]:
    person = _person(rows)
    both = [np.intersect1d(person[fold.train], person[fold.valid]) for fold in folds]
    shared, judged = sum(map(len, both)), sum(len(fold.valid) for fold in folds)
    if shared:
        yield Alarm(
            "folds",
            f"{shared:,} of {judged:,} judged customers are also learned from (first: "
            f"'{rows.people[rows.user[person == next(b for b in both if len(b))[0]][0]]}'). Give every row of a "
            "customer the same group, by the id alone (training.splits.customer_groups).",
            shared / max(judged, 1), 0.0,
        )  # fmt: skip


def _person(rows: Rows) -> NDArray[np.int64]:
    """(n,) whose row it is, by the id itself: two indices may name one id."""
    return np.asarray(pa.array(rows.people, pa.string()).dictionary_encode().indices, dtype=np.int64)[rows.user]


def _overlapping(rows: Rows, folds: Sequence[Fold], definition: Definition) -> Iterator[Alarm]:
    """Without an earlier window that tells anything the judged one is shared, and `Timeline.out_of_time` says so."""
    reach = definition.reach_days * DAY
    late, learned, example = 0, 0, 0
    for fold in folds:
        could = _telling(rows, fold.judged_at - reach)
        allowed = fold.judged_at - reach if could else fold.judged_at
        wrong = rows.as_of[fold.train] > allowed
        late, learned = late + int(wrong.sum()), learned + len(fold.train)
        example = max(example, int((rows.as_of[fold.train] - allowed).max(initial=0)))
    if late:
        yield Alarm(
            "folds",
            f"{late:,} of {learned:,} rows learned from have label windows that reach up to {example / DAY:.0f} "
            "days past the "
            f"moment they are judged at; a customer's {definition.reach_days} days ahead were not over then. "
            "Learn from "
            "cut-offs with as_of + gap + horizon <= the judged one alone.",
            late / max(learned, 1), 0.0,
        )  # fmt: skip


def _telling(rows: Rows, latest: int) -> bool:
    """Whether some cut-off by `latest` tells something, whichever group of customers is held apart."""
    groups = np.unique(rows.group)
    for at in np.unique(rows.as_of[rows.as_of <= latest]):
        others = (rows.y[(rows.as_of == at) & (rows.group != group)] for group in groups)
        if all(len(y) and np.ptp(y) > 0 for y in others):
            return True
    return False


def _misjudged(rows: Rows, folds: Sequence[Fold]) -> Iterator[Alarm]:
    wrong = sum(int((rows.as_of[fold.valid] != fold.judged_at).sum()) for fold in folds)
    judged = sum(len(fold.valid) for fold in folds)
    if wrong:
        yield Alarm(
            "folds",
            f"{wrong:,} of {judged:,} judged rows are of another moment than the one judged at. Judge the rows "
            "of one cut-off, "
            "later than everything learned from.",
            wrong / judged, 0.0,
        )  # fmt: skip


def on_time(
    rows: Rows, line: Timeline, definition: Definition, past: Past, catalog: Catalog
) -> tuple[Alarm, ...]:
    """Whether rows, label windows and values keep to the moments that they claim, over all rows."""
    return (*_windows(rows, line, definition, past), *_values(rows, past, catalog))


def _windows(rows: Rows, line: Timeline, definition: Definition, past: Past) -> Iterator[Alarm]:
    strange = ~np.isin(rows.as_of, line.cutoffs)
    if strange.any():
        moment = format_instant(int(rows.as_of[np.argmax(strange)]))
        yield Alarm(
            "times",
            f"{strange.sum():,} of {len(rows):,} rows are as of moments that are no cut-off (first: "
            f"{moment[:19]}). Build "
            "features and outcomes at the same cut-offs.",
            float(strange.mean()), 0.0,
        )  # fmt: skip
    if line.reach != definition.reach_days * DAY:
        yield Alarm(
            "times",
            f"windows are held {line.reach / DAY:.0f} days apart, but outcomes reach {definition.reach_days} "
            "days ahead "
            f"({definition.gap_days} of gap, {definition.horizon_days} of horizon). Purge the whole reach.",
            line.reach / DAY, float(definition.reach_days),
        )  # fmt: skip
    beyond = sum(at > last_cutoff(definition, past) for at in line.cutoffs)
    if beyond:
        yield Alarm(
            "times",
            f"{beyond} of {len(line.cutoffs)} cut-offs have label windows that end after the log is complete "
            f"({format_instant(past.span.complete_until)[:10]}); who has not come back yet is not lost. Use "
            "cut-offs up to "
            f"{format_instant(last_cutoff(definition, past))[:10]}.",
            float(beyond), 0.0,
        )  # fmt: skip


def _values(rows: Rows, past: Past, catalog: Catalog) -> Iterator[Alarm]:
    """What no past can give: an age below 0 or above that of the log, or fewer events ever than lately."""
    oldest = (rows.as_of - past.span.first) / DAY + ROUNDING
    bad: dict[str, int] = {}
    position = {name: number for number, name in enumerate(rows.names)}
    for feature in catalog.features:
        if feature.name not in position or feature.reduction not in (*_AGES, Reduction.COUNT, Reduction.ACTIVE_DAYS):
            continue
        values = rows.x[:, position[feature.name]]
        with np.errstate(invalid="ignore"):
            wrong = values < 0
            if feature.reduction in _AGES:
                wrong = wrong | (values > oldest * (1 + 1e-6) + 1)
            elif feature.days is not None:
                whole = feature.name.removesuffix(f"_{feature.days}d") + "_ever"
                wrong = wrong | (values > rows.x[:, position[whole]]) if whole in position else wrong
        if wrong.any():
            bad[feature.name] = int(wrong.sum())
    if bad:
        yield Alarm(
            "times",
            f"{max(bad.values()):,} of {len(rows):,} rows hold what no past can give: {named(tuple(bad))} below "
            "0, older than "
            "the log, or more in a window than ever. Compute every feature at the same as_of, and nothing after it.",
            max(bad.values()) / len(rows), 0.0, tuple(bad),
        )  # fmt: skip


def unfinished(histories: Histories, line: Timeline, definition: Definition) -> tuple[Alarm, ...]:
    """Whether the log thins out within the last label window, so that its outcomes are not over yet.

    histories: of a bucket.  One event with a wrong date makes a log look complete long after it ends.
    """
    half = definition.horizon_days * DAY / 2
    end = line.test + line.reach
    time = histories.time[histories.is_of(definition.kinds)]
    edges = np.arange(line.test, histories.span.first - half, -half)[::-1]
    each = np.histogram(time, edges)[0] if len(edges) > 1 else np.zeros(1)
    before = int(np.median(each[each > 0])) if (each > 0).any() else 0
    last = int(((time > end - half) & (time <= end)).sum())
    if before < ENOUGH_EVENTS or last >= THIN * before:
        return ()
    return (Alarm(
        "unfinished",
        f"{last:,} {' or '.join(definition.kinds)} events in the last {half / DAY:.0f} days of the last label window "
        f"(to {format_instant(end)[:10]}), usually {before:,} in as many days: the log ends earlier "
        "than its last "
        "event says, and customers look lost who are not. Mend or drop the events with wrong dates, or wait for "
        "the rest.",
        last / before, THIN,
    ),)  # fmt: skip
