"""Labelled rows: what was known of each customer at each cut-off, and what then happened."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.build import build_at
from features.catalog import Catalog
from features.definitions import Definition, eligible
from features.histories import Histories
from training.inputs import Inputs, fit_inputs
from training.labels import labels
from training.splits import Timeline, customer_groups


@dataclass(frozen=True)
class Rows:
    """n rows, one a customer and cut-off.

    names: the inputs' columns.  x: (n, inputs) float32.  y: (n,) outcomes.  user: (n,) index into the histories.
    as_of: (n,) microseconds UTC.  group: (n,) the customer group that keeps customers apart in validation.
    """

    names: tuple[str, ...]
    x: NDArray[np.float32]
    y: NDArray[np.float64]
    user: NDArray[np.int64]
    as_of: NDArray[np.int64]
    group: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.y)

    def take(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> Rows:
        """These rows alone."""
        return replace(
            self, x=self.x[rows], y=self.y[rows], user=self.user[rows], as_of=self.as_of[rows], group=self.group[rows]
        )


def gather(definition: Definition, histories: Histories, catalog: Catalog, timeline: Timeline) -> Rows:
    """All labelled rows of a question, oldest cut-off first.

    The rhythm models are fitted at each cut-off on the histories of that moment, as they would have been then.
    """
    group = customer_groups(histories.users)
    parts = [_at(definition, histories, catalog, as_of, group) for as_of in timeline.cutoffs]

    def stack(name: str) -> NDArray[Any]:
        return np.concatenate([getattr(part, name) for part in parts])

    return Rows(parts[0].names, stack("x"), stack("y"), stack("user"), stack("as_of"), stack("group"))


def _at(definition: Definition, histories: Histories, catalog: Catalog, as_of: int, group: NDArray[np.int64]) -> Rows:
    table = build_at(histories, catalog, as_of)
    inputs: Inputs = fit_inputs(table, definition.horizon_days)
    asked = np.flatnonzero(eligible(definition, table))
    user = table.user[asked]
    return Rows(
        inputs.names,
        inputs.matrix(table)[asked],
        labels(definition, histories, user, as_of),
        user,
        np.full(len(asked), as_of, dtype=np.int64),
        group[user],
    )
