"""What the compiled code is given: a catalogue, and a user's folded past, as arrays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Table(NamedTuple):
    """A catalogue as arrays, which is all that the compiled code knows of it.

    edges: (w,) ascending window lengths in microseconds; weeks: (w,) the whole weeks in them.
    first_selector, selectors: which of the s selectors count an event of kind k:
    selectors[first_selector[k]:first_selector[k + 1]].  asks: (s,) bits.  start: (s,) where a selector's memory begins.
    rank: (s,) the selector's row of values kept for quantiles; ranked: (s,) bits, the windows whose quantiles are asked
    for.  tally: (s,) its row of item counts.
    leads, follows: (k,) bits, the transitions whose first (second) event may be of kind k.  led: (p,) the selector of
    the first.  given, taken: (v,) the selectors whose values are put in relation.  relations: where these begin.
    halves: (d, 3) what an event of day d still counts after each half-life.  blank: the memory before the first event.
    cell: (f,) where in the memory each feature is in the end, -1 for none.
    """

    edges: NDArray[np.int64]
    weeks: NDArray[np.int64]
    first_selector: NDArray[np.int64]
    selectors: NDArray[np.int64]
    asks: NDArray[np.int64]
    start: NDArray[np.int64]
    rank: NDArray[np.int64]
    ranked: NDArray[np.int64]
    tally: NDArray[np.int64]
    leads: NDArray[np.int64]
    follows: NDArray[np.int64]
    led: NDArray[np.int64]
    given: NDArray[np.int64]
    taken: NDArray[np.int64]
    relations: int
    halves: NDArray[np.float64]
    blank: NDArray[np.float64]
    cell: NDArray[np.int64]


class Carried(NamedTuple):
    """Old events of one user, folded: as large as the time that they span, and not as their number.

    first, last, kind, events: (d,) the first and the last moment and the number of the events of each date (UTC) and
    kind, ascending by last.
    kinds: (k,) the kinds met, the one with the newest value first.  spans: (k + 1, 2) time of the first and the last
    event of each kind and, in the last row, of all; sums: (k + 1, SUMS) what they amount to.
    item, item_kind, item_events: (t,) how often an item was met in a kind; of the rest sums[:, DROPPED] has the number.
    steps: (p, 3) a kind, the kind of the next event, and how often that was.  newest_kind: of the newest event.
    sample, sample_kind, sample_events: (v,) values, each standing for so many neighbouring values of its kind.
    """

    first: NDArray[np.int64]
    last: NDArray[np.int64]
    kind: NDArray[np.int64]
    events: NDArray[np.int64]
    kinds: NDArray[np.int64]
    spans: NDArray[np.int64]
    sums: NDArray[np.float64]
    item: NDArray[np.int64]
    item_kind: NDArray[np.int64]
    item_events: NDArray[np.int64]
    steps: NDArray[np.int64]
    newest_kind: int
    sample: NDArray[np.float64]
    sample_kind: NDArray[np.int64]
    sample_events: NDArray[np.int64]


@dataclass(frozen=True)
class Plan:
    """A catalogue made ready for histories whose kind codes index `kinds`.

    custom: column and function of the features that the business wrote itself.
    """

    kinds: tuple[str, ...]
    table: Table
    custom: tuple[tuple[int, Callable[..., Any]], ...] = ()

    @property
    def width(self) -> int:
        """How many features."""
        return len(self.table.cell)
