"""The stated subset: those of our features that a table engine expresses reasonably, taken from our own catalogue.

Counts, active days, sum, mean and maximum of the values and different items, by kind and window, with recency and
tenure: what a group-by with conditions can say. Rhythm, trends, habits and the like are ours alone and cost us time in
the same run. The peers get the subset as JSON, so it follows the catalogue whatever that becomes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from features.business import read_business
from features.catalog import KindUse, catalog
from features.clock import parse_instant
from features.spec import Reduction
from tests.bench.features.made_events import KINDS, VALUED

EXPRESSIBLE = (
    Reduction.COUNT, Reduction.ACTIVE_DAYS, Reduction.SUM, Reduction.MEAN, Reduction.MAX, Reduction.DISTINCT_ITEMS,
    Reduction.RECENCY, Reduction.TENURE,
)  # fmt: skip
EXACT = (Reduction.COUNT, Reduction.ACTIVE_DAYS, Reduction.DISTINCT_ITEMS)


@dataclass(frozen=True)
class Subset:
    """names: the columns that peers compute too.  exact: those of them that must be equal, not only close.

    of: how many features the catalogue has in all.  fingerprint: the catalogue's, which our file must carry too.
    path: the JSON for the peers.
    """

    names: tuple[str, ...]
    exact: frozenset[str]
    of: int
    fingerprint: str
    path: Path


def stated_subset(config: Path, as_of: str, path: Path) -> Subset:
    """The subset of the catalogue that the generated events give rise to, written to `path` for the peers."""
    business = read_business(config)
    ours = catalog(business, _uses(business.source))
    features = [feature for feature in ours.features if feature.reduction in EXPRESSIBLE]
    kinds = {selector.name: selector.kinds for selector in ours.selectors}
    told = [
        {"name": f.name, "reduction": Reduction(f.reduction).name, "kinds": list(kinds[f.of]), "days": f.days}
        for f in features
    ]
    path.write_text(json.dumps({"as_of": parse_instant(as_of, business.events.time_zone), "features": told}, indent=1))
    names = tuple(f.name for f in features)
    exact = frozenset(f.name for f in features if f.reduction in EXACT)
    return Subset(names, exact, len(ours.features), ours.fingerprint(), path)


def _uses(events: Path) -> list[KindUse]:
    """How often each kind occurs in generated events; we know ourselves which kinds have items and values."""
    kinds = pq.read_table(events, columns=["kind"], read_dictionary=["kind"])["kind"]
    counts = {entry["values"]: entry["counts"] for entry in kinds.value_counts().to_pylist()}
    return [KindUse(kind, counts[kind], item, kind in VALUED) for kind, (_, item) in KINDS.items()]
