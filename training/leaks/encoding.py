"""Is a column made of the outcomes, or of who the customer is?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.stats import rankdata

from features.catalog import Catalog
from features.spec import Reduction
from training.leaks.alarm import Alarm, named
from training.rows import Rows

MOST_ROWS = 6_000
FEWEST = 50


def encoded(rows: Rows, catalog: Catalog) -> tuple[Alarm, ...]:
    """Whether a column is made of the outcomes: equal to them, or closer to their group means than chance allows.

    Columns of winback's own are left out of the second; they are proved by being built again.
    """
    return (*_equal(rows), *_means(rows, catalog), *_ids(rows, catalog))


def _equal(rows: Rows) -> Iterator[Alarm]:
    """Unusual amounts that a column repeats."""
    values, which, counts = np.unique(rows.y.astype(np.float32), return_inverse=True, return_counts=True)
    rare = np.flatnonzero((counts[which] <= 2) & (values[which] != 0))
    rare = rare[:: max(1, len(rare) // MOST_ROWS)]
    if len(rare) < FEWEST:
        return
    for column, name in enumerate(rows.names):
        same = np.isclose(rows.x[rare, column], rows.y[rare], rtol=1e-6, atol=0)
        if same.mean() >= 0.05:
            yield Alarm(
                "encoding",
                f"{name} is the outcome itself in {same.sum():,} of {len(rare):,} rows with an unusual amount. "
                "It was summed "
                "over the label window: end it at as_of.",
                float(same.mean()), 0.05, (name,),
            )  # fmt: skip


def _means(rows: Rows, catalog: Catalog) -> Iterator[Alarm]:
    made = {f.name for f in catalog.features if f.reduction is not Reduction.CUSTOM}
    if not set(np.unique(rows.y)) <= {0.0, 1.0}:
        return
    for column, name in enumerate(rows.names):
        if name in made or name.startswith("btyd_"):
            continue
        values, which, count = np.unique(rows.x[:, column].astype(np.float64), return_inverse=True, return_counts=True)
        mean = np.bincount(which, rows.y) / count
        some = (count >= 2) & ~np.isnan(values)
        if some.sum() < 20 or np.ptp(values[some]) == 0:
            continue
        line = np.polyfit(values[some], mean[some], 1, w=np.sqrt(count[some]))
        expected = np.clip(np.polyval(line, values[some]), 1e-6, 1 - 1e-6)
        open_ = np.minimum(expected, 1 - expected) > 0.02
        if open_.sum() < 20:
            continue
        chance = expected * (1 - expected) / count[some]
        distance = float((((mean[some] - expected) ** 2) / chance)[open_].sum())
        z = (distance - open_.sum()) / float(np.sqrt(2 * open_.sum()))
        if z < -3 and distance < 0.25 * open_.sum():
            yield Alarm(
                "encoding",
                f"{name} follows the mean outcome of its {some.sum():,} groups "
                f"{open_.sum() / max(distance, 1e-9):.3g} times closer "
                "than chance allows: it was computed from the outcomes of these very rows. Encode inside each "
                "fold, from the "
                "rows learned from alone, or leave it out.",
                distance / float(open_.sum()), 0.25, (name,),
            )  # fmt: skip


def _ids(rows: Rows, catalog: Catalog) -> Iterator[Alarm]:
    made = set(catalog.names)
    found = []
    for column, name in enumerate(rows.names):
        if name in made or name.startswith("btyd_"):
            continue
        values = rows.x[:, column]
        unique = len(np.unique(values)) / max(len(np.unique(rows.user)), 1)
        _, first = np.unique(rows.user, return_index=True)
        own = np.zeros(len(rows.people), dtype=np.float32)
        own[rows.user[first]] = values[first]
        still = float((own[rows.user] == values).mean())
        varied = float(np.ptp(values)) > 0
        in_order = abs(float(np.corrcoef(np.arange(len(values)), rankdata(values))[0, 1])) if varied else 0.0
        if (unique > 0.9 and still > 0.99) or (in_order > 0.999 and len(np.unique(values)) > 0.9 * len(values)):
            found.append(name)
    if found and len(rows) >= 2 * FEWEST:
        yield Alarm(
            "encoding",
            f"{named(tuple(found))} names the customer or the row: a value of its own for each, which never "
            "changes or follows "
            "the order of rows. It can only remember, not predict: leave it out.",
            float(len(found)), 0.0, tuple(found),
        )  # fmt: skip
