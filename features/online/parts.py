"""A user's rows in the store: one packed history, or several parts where it is long.

    recent   the history, of a giant without its old events: what a score reads and, until it is long, a post rewrites
    tail     what was posted of late to a long history, so that an event does not rewrite megabytes
    carry    what a score needs of the old events of a giant
    archive  these old events themselves, for what a carry cannot answer, and for folding them again
    edge     what a post has to know of the two: the moment before which events are old, and how many are
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from features.build import History
from features.clock import ZoneTable
from features.histories import I64
from features.online.fold import Folding, carry_of
from features.online.kinds import ranks
from features.online.packing import cut, joined, merge, pack, pack_carry, unpack

RECENT, TAIL, CARRY, ARCHIVE, EDGE = "recent", "tail", "carry", "archive", "edge"
NEVER = np.iinfo(np.int64).min
_EDGE = struct.Struct("<qq")
Change = dict[str, bytes | None]  # parts to write, None for one to remove


class Stored(NamedTuple):
    """What there is of a user.  packed: None where it is too long to be read for a few events; tail, edge: None where
    there is none."""

    packed: bytes | None
    tail: bytes | None
    edge: bytes | None

    @property
    def old(self) -> tuple[int, int]:
        """The moment before which events are folded, and how many are."""
        return _EDGE.unpack(self.edge) if self.edge else (NEVER, 0)


def packed_parts(history: History, edge: int, folding: Folding, zone: ZoneTable) -> Change:
    """The parts of a whole history, folded at `edge` where that pays."""
    old, recent = cut(history, edge)
    if not folding.pays(len(old.time), 0):
        return {RECENT: pack(history)}
    return {
        RECENT: pack(recent), CARRY: pack_carry(carry_of(old, recent, edge), zone), ARCHIVE: pack(old),
        EDGE: _EDGE.pack(edge, len(old.time)),
    }  # fmt: skip


def grown(
    stored: Stored, posted: History, rank: I64, folding: Folding, zone: ZoneTable, edge: Callable[[], int],
    part: Callable[[str], bytes],
) -> Change:  # fmt: skip
    """What to write when events are posted to a user.

    posted: in no order.  rank: the places of kinds, as `merge` takes them.  edge: asked where folding may be due.
    part: fetches a part that is there.
    An event older than the edge of the carry folds the user anew, from the archive.
    """
    tail = merge(unpack(stored.tail, zone) if stored.tail else none(posted), posted, rank)
    late = int(tail.time[0]) < stored.old[0]
    if stored.packed is None and not late and len(tail.time) <= folding.tail:
        return {TAIL: pack(tail)}
    recent = unpack(stored.packed or part(RECENT), zone)
    if not late:
        recent, tail = merge(recent, tail, rank), none(posted)
        if not _pays(recent, stored, folding, edge):
            return {RECENT: pack(recent)} | ({TAIL: None} if stored.tail else {})
    whole = joined(unpack(part(ARCHIVE), zone), recent) if stored.edge else recent
    whole = merge(whole, tail, rank) if late else whole
    gone: Change = dict.fromkeys((TAIL, CARRY, ARCHIVE, EDGE)) if stored.tail or stored.edge else {}
    return gone | packed_parts(whole, edge(), folding, zone)


def nothing(like: History) -> Stored:
    """What there is of a user who is not known."""
    return Stored(pack(none(like)), None, None)


def whole_history(
    packed: bytes, tail: bytes | None, archive: bytes | None, kinds: Sequence[str], zone: ZoneTable
) -> History:
    """A history of its parts, every event as it was posted; kinds: the names of all kinds."""
    recent = unpack(packed, zone)
    recent = merge(recent, unpack(tail, zone), ranks(kinds)) if tail else recent
    return joined(unpack(archive, zone), recent) if archive else recent


def none(like: History) -> History:
    """A history without events."""
    return History(like.time[:0], like.kind[:0], like.value[:0], like.item[:0], like.hour[:0], like.arrived[:0])


def _pays(recent: History, stored: Stored, folding: Folding, edge: Callable[[], int]) -> bool:
    if len(recent.time) < folding.least:
        return False
    more = int(np.searchsorted(recent.time, edge()))
    return folding.pays(more, stored.old[1])
