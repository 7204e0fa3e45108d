"""Does one column know the outcome better than a past can? Each is tried alone, beside what the rhythm alone tells."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata
from sklearn.linear_model import LogisticRegression, Ridge  # type: ignore[import-untyped]

from features.catalog import Catalog
from features.spec import Feature, Reduction
from training.leaks.alarm import Alarm
from training.models.linear import transformed
from training.rows import Rows

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
MOST_ROWS = 6_000
PARTS = 3
CELLS = 64
PERFECT, ABOVE_PERFECT = 0.985, 0.01
ABOVE_KNOWN = 0.10  # above the rhythm, for a column of the log's other kinds
ABOVE_OWN = 0.06  # for one that winback did not make
FEWEST, FEWEST_USERS = 50, 30
PURE_SHARE, PURE_ROWS = 0.06, 15.0
_RHYTHM = (Reduction.RECENCY, Reduction.COUNT, Reduction.ACTIVE_DAYS, Reduction.TENURE, Reduction.SILENCE_SHARE,
           Reduction.REPEAT_DAYS, Reduction.SUM)  # fmt: skip


@dataclass(frozen=True)
class Tried:
    """A sample of rows, and what is trusted there.

    rows: of whole customers.  catalog: which of its columns winback made.  part: (n,) of each customer, for fits that
    have not seen them, whatever the rows' own groups say.
    """

    rows: Rows
    catalog: Catalog
    part: I64

    @classmethod
    def of(cls, rows: Rows, catalog: Catalog, seed: int = 0) -> Tried:
        dice = np.random.default_rng(seed)
        order = dice.permutation(np.unique(rows.user))
        each = np.bincount(rows.user, minlength=len(rows.people))[order]
        few = order[np.cumsum(each) <= max(MOST_ROWS, each[:1].sum())]
        part = dice.integers(0, PARTS, len(rows.people))
        some = rows.take(np.isin(rows.user, few))
        return cls(some, catalog, part[some.user])

    @property
    def binary(self) -> bool:
        return set(np.unique(self.rows.y)) <= {0.0, 1.0}

    @cached_property
    def rarer(self) -> int:
        y = self.rows.y
        return int(min((y > 0).sum(), (y <= 0).sum())) if self.binary else int((y != 0).sum())

    @cached_property
    def feature(self) -> dict[str, Feature]:
        return {f.name: f for f in self.catalog.features if f.reduction is not Reduction.CUSTOM}

    @cached_property
    def rhythm(self) -> list[int]:
        """Columns of what customers do again and again, which leak through the log's own times alone, if at all."""
        again = set(self._repeated())
        return [
            column for column, name in enumerate(self.rows.names)
            if name.startswith("btyd_") or (name in self.feature and self.feature[name].of in again
                                            and self.feature[name].reduction in _RHYTHM)
        ]  # fmt: skip

    def _repeated(self) -> Iterator[str]:
        """The activity and the kinds that those who do them do again; "any event" where all kinds are such."""
        first, *others = self.catalog.selectors
        yield first.name
        again = [selector for selector in others if selector.kinds and self._is_habit(selector.label)]
        yield from (selector.name for selector in again)
        if len(again) == sum(bool(selector.kinds) for selector in others):
            yield from (selector.name for selector in others if not selector.kinds)

    def _is_habit(self, label: str) -> bool:
        if (name := f"{label}_count_ever") not in self.rows.names:
            return False
        counts = self.rows.x[:, self.rows.names.index(name)]
        return bool((counts > 0).any() and counts[counts > 0].mean() >= 2)

    @cached_property
    def known(self) -> F64:
        """(n,) what a regression on the rhythm says of customers it has not seen: probabilities, or log amounts."""
        names, y = self.rows.names, self.rows.y
        columns = [c for c in self.rhythm if names[c] not in self.feature or self.feature[names[c]].days is None]
        z = np.nan_to_num(transformed(self.rows.x, columns, ["log1p"] * len(columns)))
        z = (z - z.mean(axis=0)) / np.maximum(z.std(axis=0), 1e-9)
        said = np.full(len(y), float(y.mean()))
        for part in range(PARTS):
            own = self.part == part
            if not own.any() or np.ptp(y[~own]) == 0:
                continue
            if self.binary:
                said[own] = LogisticRegression(max_iter=200, tol=1e-3).fit(z[~own], y[~own]).predict_proba(z[own])[:, 1]
            else:
                said[own] = Ridge().fit(z[~own], np.log1p(np.maximum(y[~own], 0))).predict(z[own])
        return said

    @cached_property
    def reference(self) -> float:
        """The strength of the rhythm, by regression or by the best of its columns."""
        return max([self.strength(self.known), *(self.alone(column) for column in self.rhythm)])

    @cached_property
    def views(self) -> tuple[F64, ...]:
        """What the rhythm expects, (n,) in two ways: by regression, and by customers alike in its strongest column."""
        if not self.rhythm:
            return (self.known,)
        best = max(self.rhythm, key=self.alone)
        return self.known, self._by_cell(_cells(self.rows.x[:, best].astype(np.float64)))

    def strength(self, score: F64) -> float:
        """How well a score orders outcomes within cut-offs, 0.5 to 1, in whichever direction; ties count half."""
        found, weights = [], []
        for at in np.unique(self.rows.as_of):
            here = self.rows.as_of == at
            y, rank = self.rows.y[here], rankdata(score[here])
            if self.binary:
                yes = y.sum()
                pairs = yes * (len(y) - yes)
                found.append((rank[y == 1].sum() - yes * (yes + 1) / 2) / pairs if pairs else 0.5)
            else:
                own = rankdata(y)
                spread = own.std() * rank.std()
                together = float(((own - own.mean()) * (rank - rank.mean())).mean())
                found.append(0.5 + 0.5 * together / spread if spread else 0.5)
            weights.append(len(y))
        figure = float(np.average(found, weights=weights))
        return max(figure, 1 - figure)

    def alone(self, column: int) -> float:
        """The strength of one column as it is, or by the mean outcome of customers with about the same value."""
        values = self.rows.x[:, column].astype(np.float64)
        plain = self.strength(np.nan_to_num(values, nan=-1e308 if np.isnan(values).any() else 0.0))
        return max(plain, self.strength(self._by_cell(_cells(values))))

    def _by_cell(self, cell: I64) -> F64:
        y, said = self.rows.y, np.empty(len(cell))
        size = int(cell.max()) + 1
        for part in range(PARTS):
            own = self.part == part
            count = np.bincount(cell[~own], minlength=size)
            total = np.bincount(cell[~own], y[~own], minlength=size)
            said[own] = ((total + y.mean()) / (count + 1))[cell[own]]
        return said


def _cells(values: F64) -> I64:
    """(n,) which of at most CELLS groups of neighbouring values; missing is a group of its own."""
    rank = rankdata(values, method="dense", nan_policy="omit")
    missing = np.isnan(values)
    distinct = int(np.nanmax(rank)) if not missing.all() else 0
    if distinct > CELLS:
        rank = np.ceil(rankdata(values, method="min", nan_policy="omit") * CELLS / max(int((~missing).sum()), 1))
    return np.where(missing, 0, np.nan_to_num(rank)).astype(np.int64)


def telling(tried: Tried) -> tuple[Alarm, ...]:
    """Whether a column alone orders the outcome nearly perfectly, or far better than all of the rhythm together.

    Recency may be as strong as it likes: it is part of what the others are measured by.
    """
    if tried.rarer < 20:
        return ()
    reference = tried.reference
    found: list[tuple[float, float, str]] = []
    for column, name in enumerate(tried.rows.names):
        if column in tried.rhythm:
            continue
        figure = tried.alone(column)
        margin = ABOVE_KNOWN if name in tried.feature else ABOVE_OWN
        noise = 3 * float(np.sqrt(figure * (1 - figure) / tried.rarer))
        limit = min(reference + margin + noise, max(PERFECT, reference + ABOVE_PERFECT))
        if figure > limit:
            found.append((figure, limit, name))
    if not found:
        return ()
    figure, limit, worst = max(found)
    return (Alarm(
        "column",
        f"{worst} alone orders {len(tried.rows):,} rows by their outcome with an AUC of {figure:.3f}; recency, "
        "frequency and "
        f"the rhythm models together reach {reference:.3f}. That is more than a past can tell: see whether it is "
        "written "
        "after, or because of, the outcome, and drop it, or date it when it became known.",
        figure, limit, tuple(name for _, _, name in sorted(found, reverse=True)),
    ),)  # fmt: skip


def flags(tried: Tried) -> tuple[Alarm, ...]:
    """Whether having a kind of event (or a value at all) settles the outcome, where the rhythm sees it open.

    A flag written after the fact is rarely a strong column, since few have it, but those who have it all did the same.
    """
    if not tried.binary or tried.rarer < FEWEST:
        return ()
    found = []
    y, views = tried.rows.y, tried.views
    for column, name in enumerate(tried.rows.names):
        values = tried.rows.x[:, column]
        if column in tried.rhythm:
            continue
        for having in (values > 0, ~(values > 0) & ~np.isnan(values), np.isnan(values)):
            if not FEWEST <= having.sum() < len(y) or len(np.unique(tried.rows.user[having])) < FEWEST_USERS:
                continue
            for against, expected in ((y[having] == 0, [1 - p[having] for p in views]),
                                      (y[having] == 1, [p[having] for p in views])):  # fmt: skip
                due = min(float(view.sum()) for view in expected)
                if against.sum() <= 0.002 * len(against) and due >= max(PURE_ROWS, PURE_SHARE * len(against)):
                    found.append((due, name, int(having.sum())))
    if not found:
        return ()
    due, name, rows = max(found)
    return (Alarm(
        "flag",
        f"all {rows:,} rows marked by {name} had the same outcome, where the rhythm expects {due:.0f} to do "
        "otherwise. Is it "
        "the outcome itself, written back into the past? If it ends the relation, name its kind under cancel; "
        "else drop it.",
        due, max(PURE_ROWS, PURE_SHARE * rows), tuple(sorted({which for _, which, _ in found})),
    ),)  # fmt: skip
