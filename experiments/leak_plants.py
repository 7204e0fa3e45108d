"""Leaks as they happen to people, each planted in an honest training's material."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from sklearn.isotonic import IsotonicRegression  # type: ignore[import-untyped]

from experiments.leak_worlds import World, made, trained
from features.build import FeatureTable, build
from features.clock import DAY
from features.histories import Histories
from training.calibration import fit_beta
from training.inputs import fit_inputs, rhythm_catalog
from training.rows import Rows
from training.splits import Fold, Timeline, customer_groups

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
I64 = NDArray[np.int64]


@dataclass(frozen=True)
class Plant:
    """One leak.  what: as its author would tell it.  caught_by: a detector of these; none when it cannot be caught, and
    then `why_not` says why."""

    name: str
    what: str
    caught_by: tuple[str, ...]
    on: Callable[[World], World]
    why_not: str = ""


def features_at(world: World, days: float, columns: Sequence[str] = ()) -> World:
    """Features of another moment than the rows say, in all of the catalogue's columns or in some."""
    moved = build(world.past, world.catalog, world.rows.user, world.rows.as_of + int(days * DAY)).values
    return with_columns(world, columns or world.catalog.names, moved)


def with_columns(world: World, columns: Sequence[str], values: F32) -> World:
    x = world.rows.x.copy()
    for name in columns:
        x[:, world.rows.names.index(name)] = values[:, world.catalog.position[name]]
    return world.again(replace(world.rows, x=x))


def added(world: World, name: str, column: F64) -> World:
    """One more column that somebody joined to the rows."""
    x = np.column_stack([world.rows.x, column]).astype(np.float32)
    return world.again(replace(world.rows, names=(*world.rows.names, name), x=x))


def relabelled(world: World, days: float = 0, **changed: int) -> World:
    """Outcomes of another window."""
    from training.leaks.rebuilt import outcomes

    asked = replace(world.definition, **changed)  # type: ignore[arg-type]
    y = outcomes(asked, world.past, world.rows.user, world.rows.as_of + int(days * DAY))
    return world.again(replace(world.rows, y=y))


def snapshot(world: World) -> World:
    now = np.full(len(world.rows), world.past.span.last)
    return with_columns(world, world.catalog.names, build(world.past, world.catalog, world.rows.user, now).values)


def seven_days_too_much(world: World) -> World:
    """The measured trap: AUC .760 was reported, .729 was real."""

    def late(histories: Histories, catalog: object, users: I64, as_of: I64) -> FeatureTable:
        return build(histories, world.catalog, users, as_of + 7 * DAY)

    return replace(world, maker=late)


def neighbour(world: World) -> World:
    """Within each cut-off, features of the row above: sorted in another way than the outcomes."""
    x = world.rows.x.copy()
    for at in np.unique(world.rows.as_of):
        here = np.flatnonzero(world.rows.as_of == at)
        x[here] = x[np.roll(here, 1)]
    return world.again(replace(world.rows, x=x))


def late_ignored(world: World) -> World:
    dice = np.random.default_rng(4)
    events = world.log.events.copy()
    delay = dice.exponential(5.0, len(events)) * DAY
    events["ingested_at"] = (events["time"] + delay.astype(np.int64)).astype("Int64")
    real = made(replace(world.log, events=events), "churn")
    naive = replace(real.past, arrived=np.zeros(0, dtype=np.int64))
    values = build(naive, real.catalog, real.rows.user, real.rows.as_of).values
    return with_columns(real, real.catalog.names, values)


def imputed(world: World) -> World:
    """Missing values filled with the mean of all rows, the judged ones among them."""
    mean = np.nan_to_num(np.nanmean(world.rows.x.astype(np.float64), axis=0))
    return world.again(replace(world.rows, x=np.where(np.isnan(world.rows.x), mean, world.rows.x).astype(np.float32)))


def rhythm_of_the_end(world: World) -> World:
    slim = rhythm_catalog(world.catalog)
    everybody = np.arange(len(world.past), dtype=np.int64)
    end = np.full(len(everybody), world.past.span.last)
    fitted = fit_inputs(build(world.past, slim, everybody, end), world.definition.horizon_days)
    inputs = replace(fitted, catalog=world.catalog)
    width = len(world.catalog.names)
    table = FeatureTable(world.catalog, world.rows.user, world.rows.as_of, world.rows.x[:, :width])
    return world.again(replace(world.rows, x=inputs.matrix(table)))


def ahead(world: World, days: int) -> F64:
    """(n,) orders in the days after each row's as_of."""
    later = build(world.past, world.catalog, world.rows.user, world.rows.as_of + days * DAY)
    return later.column(f"order_count_{days}d").astype(np.float64)


def shifted_users(world: World) -> World:
    y = world.rows.y.copy()
    for at in np.unique(world.rows.as_of):
        here = np.flatnonzero(world.rows.as_of == at)
        y[here] = y[np.roll(here, 3)]
    return world.again(replace(world.rows, y=y))


def outcome_with_noise(world: World) -> World:
    wrong = np.random.default_rng(0).random(len(world.rows)) < 0.02
    return added(world, "status", np.where(wrong, 1 - world.rows.y, world.rows.y))


def regions(world: World, people: int = 6) -> I64:
    """(n,) which of many small regions each row's customer lives in."""
    return (np.random.default_rng(9).permutation(len(world.rows.people)) // people)[world.rows.user]


def mean_of(group: I64, y: F64, less_own: bool = False, pull: float = 0.0) -> F64:
    count, total = np.bincount(group)[group], np.bincount(group, y)[group]
    own = y if less_own else np.zeros_like(y)
    rate: F64 = (total - own + pull * y.mean()) / np.maximum(count - less_own + pull, 1e-9)
    return rate


def encoded_before(world: World) -> World:
    """A step of the training that encodes regions by all outcomes, before it splits."""

    def remake(rows: Rows) -> Rows:
        region = (rows.user * 2_654_435_761 % 2**32) * max(1, len(rows) // 12) // 2**32
        return replace(rows, names=(*rows.names, "region_code"),
                       x=np.column_stack([rows.x, mean_of(region, rows.y)]).astype(np.float32))  # fmt: skip

    return replace(world, remake=remake)


def hidden_for_the_lost(world: World) -> World:
    """The e-mail address is deleted when an account is closed; the export has today's."""
    dice = np.random.default_rng(2)
    lost_later = {int(u) for u in np.unique(world.rows.user[world.rows.y == 1])} - {
        int(u) for u in np.unique(world.rows.user[world.rows.y == 0])}  # fmt: skip
    gone = np.isin(world.rows.user, [u for u in lost_later if dice.random() < 0.5])
    length = dice.integers(8, 30, len(world.rows.people))[world.rows.user]
    return added(world, "mail_length", np.where(gone, np.nan, length))


def reason_given(world: World) -> World:
    """Asked of those who leave, and joined to the rows whose outcome it is."""
    dice = np.random.default_rng(2)
    filled = (world.rows.y == 1) & (dice.random(len(world.rows)) < 0.4)
    return added(world, "reason", np.where(filled, dice.integers(1, 6, len(world.rows)), np.nan))


def smote(world: World) -> World:
    """Synthetic rows between neighbours of the rarer outcome, with the groups of the split drawn anew by row."""
    dice, rows = np.random.default_rng(3), world.rows
    rare = np.flatnonzero(rows.y == float(rows.y.mean() < 0.5))
    pick = dice.choice(rare, len(rare))
    x = np.concatenate([rows.x, 0.9 * rows.x[pick] + 0.1 * rows.x[dice.choice(rare, len(rare))]]).astype(np.float32)
    both = np.r_[np.arange(len(rows)), pick]
    group = dice.integers(0, 3, len(both))
    return world.again(Rows(rows.names, x, rows.y[both], rows.user[both], rows.as_of[both], group, rows.people))


def random_groups(world: World) -> World:
    return world.again(replace(world.rows, group=np.random.default_rng(0).integers(0, 3, len(world.rows))))


def folded(world: World, how: Callable[[Rows, Fold], tuple[NDArray[np.bool_], NDArray[np.bool_]]]) -> World:
    """Other folds: how gives the masks of what is learned from and what is judged."""
    masks = [how(world.rows, fold) for fold in world.folds]
    parts = tuple(Fold(np.flatnonzero(train), np.flatnonzero(valid), fold.judged_at)
                  for (train, valid), fold in zip(masks, world.folds, strict=True))  # fmt: skip
    return replace(world, folds=parts, promised=None)


def held(rows: Rows, fold: Fold) -> NDArray[np.bool_]:
    mask = np.zeros(len(rows), dtype=np.bool_)
    mask[fold.valid] = True
    return mask


def unpurged(rows: Rows, fold: Fold) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    valid = held(rows, fold)
    return (rows.as_of <= fold.judged_at) & ~np.isin(rows.group, rows.group[valid]), valid


def from_the_future(rows: Rows, fold: Fold) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Ordinary cross-validation, customers apart, over all moments at once."""
    valid = held(rows, fold)
    return ~np.isin(rows.group, rows.group[valid]), valid


def k_fold(rows: Rows, fold: Fold) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    part = np.random.default_rng(0).integers(0, 5, len(rows))
    return part != 0, part == 0


def survivors(world: World) -> World:
    """The customer table of today: who had been gone for long was deleted from it."""
    h = world.past
    alive = h.time[h.offsets[1:] - 1] > h.span.last - 2 * world.line.reach
    return world.again(world.rows.take(alive[world.rows.user]))


def only_repeaters(world: World) -> World:
    often = np.diff(world.past.offsets) >= 4
    return world.again(world.rows.take(often[world.rows.user]))


def before_they_came(world: World) -> World:
    """Everybody of today's customer table at each cut-off, also those who came later."""
    h, rows, at = world.past, world.rows, world.line.cutoffs[0]
    later = np.setdiff1d(np.arange(len(h)), h.seen(at))
    when = np.full(len(later), at)
    x = np.full((len(later), rows.x.shape[1]), np.nan, dtype=np.float32)
    x[:, : len(world.catalog.names)] = build(h, world.catalog, later, when).values
    from training.leaks.rebuilt import outcomes

    y = outcomes(world.definition, h, later, when)
    return world.again(Rows(
        rows.names, np.concatenate([rows.x, x]), np.r_[rows.y, y], np.r_[rows.user, later], np.r_[rows.as_of, when],
        np.r_[rows.group, customer_groups(rows.people)[later]], rows.people,
    ))  # fmt: skip


def joined_twice(world: World) -> World:
    twice = np.sort(np.r_[np.arange(len(world.rows)), np.arange(0, len(world.rows), 7)])
    return world.again(world.rows.take(twice))


def rewritten(world: World) -> World:
    people = np.array([name.lstrip("u0") or "0" for name in world.rows.people], dtype=object)
    return replace(world, rows=replace(world.rows, people=people))


def beyond(world: World) -> World:
    """Cut-offs until the end of the log: who has not come back yet counts as lost."""
    from training.leaks.rebuilt import outcomes

    shift = world.line.reach // 2
    rows = replace(world.rows, as_of=world.rows.as_of + shift)
    line = Timeline(tuple(at + shift for at in world.line.cutoffs), world.line.reach)
    values = build(world.past, world.catalog, rows.user, rows.as_of).values
    rows = replace(rows, x=np.column_stack([values, rows.x[:, values.shape[1] :]]).astype(np.float32),
                   y=outcomes(world.definition, world.past, rows.user, rows.as_of))  # fmt: skip
    return trained(replace(world, rows=rows, line=line))


def stray_moment(world: World) -> World:
    """Rows of a refresh three days later, mixed in."""
    as_of = world.rows.as_of.copy()
    as_of[::10] += 3 * DAY
    return replace(world, rows=replace(world.rows, as_of=as_of))


def gapped(world: World) -> World:
    return made(world.log, "churn", gap_days=7)


def gap_unpurged(world: World) -> World:
    real = gapped(world)
    return trained(replace(real, line=Timeline(real.line.cutoffs, real.line.reach - 7 * DAY)))


def promises(world: World) -> F64:
    assert world.promised is not None
    return world.promised


def calibrated_on_itself(world: World) -> World:
    y = world.rows.y[world.at_test]
    return replace(world, promised=fit_beta(y, promises(world)).apply(promises(world)))


def isotonic_on_itself(world: World) -> World:
    y = world.rows.y[world.at_test]
    return replace(world, promised=np.asarray(IsotonicRegression().fit_transform(promises(world), y)))


def level_on_itself(world: World) -> World:
    real = made(world.log, "ltv")
    y = real.rows.y[real.at_test]
    return replace(real, promised=promises(real) * (y.sum() / promises(real).sum()))


def spend_ahead(world: World) -> World:
    real = made(world.log, "ltv")
    most = np.random.default_rng(0).random(len(real.rows)) < 0.8
    return added(real, "order_sum_window", np.where(most, real.rows.y, 0.0))


def shuffled_score(world: World) -> World:
    return replace(world, promised=np.random.default_rng(0).permutation(promises(world)))


def constant_score(world: World) -> World:
    return replace(world, promised=np.full(len(promises(world)), 0.3))


def number_of_row(world: World) -> World:
    return added(world, "row", np.arange(len(world.rows), dtype=np.float64))


def number_of_customer(world: World) -> World:
    number = np.random.default_rng(5).permutation(len(world.rows.people)).astype(np.float64)
    return added(world, "customer_number", number[world.rows.user])
