"""Labelled rows: what was known of each customer at each cut-off, and what then happened."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from features.build import FeatureTable, build
from features.catalog import Catalog
from features.definitions import Definition, eligible
from features.digests import text_digests
from features.histories import Histories
from features.past import Past
from training.inputs import fit_inputs, rhythm_catalog
from training.labels import labels
from training.splits import Timeline, customer_groups

_SAMPLE = 3  # the seed of the sample: other digests than those that choose buckets


@dataclass(frozen=True)
class Rows:
    """n rows, one a customer and cut-off.

    names: the inputs' columns.  x: (n, inputs) float32.  y: (n,) outcomes.  user: (n,) index into `people`.
    as_of: (n,) microseconds UTC.  group: (n,) the customer group that keeps customers apart in validation.
    people: (u,) the ids of all users, of whom `user` names some.
    """

    names: tuple[str, ...]
    x: NDArray[np.float32]
    y: NDArray[np.float64]
    user: NDArray[np.int64]
    as_of: NDArray[np.int64]
    group: NDArray[np.int64]
    people: NDArray[np.object_]

    def __len__(self) -> int:
        return len(self.y)

    def take(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> Rows:
        """These rows alone."""
        return replace(
            self, x=self.x[rows], y=self.y[rows], user=self.user[rows], as_of=self.as_of[rows], group=self.group[rows]
        )


def gather(
    definition: Definition, past: Past, catalog: Catalog, timeline: Timeline, users_share: float = 1.0
) -> Rows:
    """All labelled rows of a question, oldest cut-off first; no more than one bucket of events is in memory.

    The rhythm models are fitted at each cut-off on the histories of that moment, as they would have been then.
    users_share: of all users, by hash of the id, so that the same ones are learned from at every cut-off and next time.
    """
    slim = rhythm_catalog(catalog)
    at_cutoff: dict[int, list[_Part]] = {as_of: [] for as_of in timeline.cutoffs}
    users: list[NDArray[np.object_]] = []
    before = 0
    for histories in past.buckets():
        chosen = sampled(histories.users, users_share)
        for as_of, parts in at_cutoff.items():
            parts.append(_part(definition, histories, catalog, as_of, chosen, before))
        users.append(histories.users)
        before += len(histories)
    people = np.concatenate(users)
    group = customer_groups(people)
    rows = [_at(definition, catalog, slim, as_of, parts, people, group) for as_of, parts in at_cutoff.items()]

    def stack(name: str) -> NDArray[Any]:
        return np.concatenate([getattr(part, name) for part in rows])

    return Rows(rows[0].names, stack("x"), stack("y"), stack("user"), stack("as_of"), stack("group"), people)


def sampled(users: NDArray[np.object_], share: float) -> NDArray[np.bool_]:
    """(n,) who belongs to a share of all users, by the digest of the id alone."""
    if share >= 1:
        return np.ones(len(users), dtype=np.bool_)
    return text_digests(pa.array(users, pa.string()), seed=_SAMPLE) < np.uint64(share * 2.0**64)


@dataclass(frozen=True)
class _Part:
    """One bucket at one cut-off.  rhythm: (u, k) what the rhythm models see of everybody; table, y: of those asked."""

    rhythm: NDArray[np.float32]
    table: FeatureTable
    y: NDArray[np.float64]


def _part(
    definition: Definition, histories: Histories, catalog: Catalog, as_of: int, chosen: NDArray[np.bool_], before: int
) -> _Part:
    known = histories.seen(as_of)
    known = known[chosen[known]]
    table = build(histories, catalog, known, np.full(len(known), as_of, dtype=np.int64))
    asked = np.flatnonzero(eligible(definition, table))
    of_them = FeatureTable(catalog, table.user[asked] + before, table.as_of[asked], table.values[asked])
    rhythm = table.values[:, [catalog.position[name] for name in rhythm_catalog(catalog).names]]
    return _Part(rhythm, of_them, labels(definition, histories, table.user[asked], as_of))


def _at(
    definition: Definition, catalog: Catalog, slim: Catalog, as_of: int, parts: list[_Part],
    people: NDArray[np.object_], group: NDArray[np.int64],
) -> Rows:  # fmt: skip
    rhythm = np.concatenate([part.rhythm for part in parts])
    nobody = np.zeros(len(rhythm), dtype=np.int64)
    inputs = replace(fit_inputs(FeatureTable(slim, nobody, nobody, rhythm), definition.horizon_days), catalog=catalog)
    user = np.concatenate([part.table.user for part in parts])
    when = np.full(len(user), as_of, dtype=np.int64)
    x = np.concatenate([inputs.matrix(part.table) for part in parts])
    return Rows(inputs.names, x, np.concatenate([part.y for part in parts]), user, when, group[user], people)
