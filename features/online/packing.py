"""One user's history as bytes: its sorted columns end to end behind a small header, and nothing executable."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator
from typing import Any

import numpy as np

from features.arrays import Carried
from features.build import History
from features.carry import Carry
from features.clock import ZoneTable
from features.histories import I64, Histories
from features.kernel import SUMS
from features.ordering import pieces_of, put_in_order

_HEADER = struct.Struct("<4s4xq")  # what it is, how many events
_PLAIN, _WITH_ARRIVALS = b"wbh1", b"wba1"
_EVENT_BYTES = {_PLAIN: 8 + 8 + 8 + 2, _WITH_ARRIVALS: 8 + 8 + 8 + 8 + 2}
MOST_EVENT_BYTES = max(_EVENT_BYTES.values())
_CARRY = struct.Struct("<4s4x8s8q")  # what it is, digest of the zone; before, known by, newest kind, five lengths
_CARRIED = b"wbc1"
_NOTHING = np.empty(0, dtype=np.int64)


def pack(history: History) -> bytes:
    """The columns as little-endian bytes: time, value, item, [arrived], kind; the hour follows from the time."""
    columns = [history.time.astype("<i8"), history.value.astype("<f8"), history.item.astype("<i8")]
    if len(history.arrived):
        columns.append(history.arrived.astype("<i8"))
    header = _HEADER.pack(_WITH_ARRIVALS if len(history.arrived) else _PLAIN, len(history.time))
    return b"".join([header, *(column.tobytes() for column in columns), history.kind.astype("<i2").tobytes()])


def unpack(blob: bytes, zone: ZoneTable) -> History:
    """The history that `pack` made bytes of, hours of the week in `zone`.

    The arrays are writable and aligned, because compiled code knows other arrays as another type and compiles again.
    Raises ValueError when the bytes are not a packed history.
    """
    name, count = _HEADER.unpack_from(blob) if len(blob) >= _HEADER.size else (b"", 0)
    if name not in _EVENT_BYTES or len(blob) != _HEADER.size + count * _EVENT_BYTES[name]:
        raise ValueError("these bytes are not a packed history")
    memory, at = bytearray(blob), _HEADER.size
    eights = 4 if name == _WITH_ARRIVALS else 3
    parts = [np.frombuffer(memory, "<i8", count, at + part * 8 * count) for part in range(eights)]
    kind = np.frombuffer(memory, "<i2", count, at + eights * 8 * count)
    arrived = parts[3] if eights == 4 else _NOTHING
    return History(parts[0], kind, parts[1].view("<f8"), parts[2], zone.hour_of_week(parts[0]), arrived)


def pack_carry(carry: Carry, zone: ZoneTable) -> bytes:
    """The columns as little-endian bytes, eight a number."""
    c = carry.folded
    lengths = (len(c.first), len(c.kinds), len(c.item), len(c.steps), len(c.sample))
    header = _CARRY.pack(_CARRIED, _digest(zone), carry.before, carry.known_by, c.newest_kind, *lengths)
    columns = [part for name, part in c._asdict().items() if name != "newest_kind"]
    return b"".join([header, *(part.astype(part.dtype.newbyteorder("<")).tobytes() for part in columns)])


def unpack_carry(blob: bytes, zone: ZoneTable) -> Carry | None:
    """The carry that `pack_carry` made bytes of; None when it was made for another zone, whose hours are others.

    Raises ValueError when the bytes are not a packed carry.
    """
    name, digest, before, known_by, newest_kind, *lengths = (
        _CARRY.unpack_from(blob) if len(blob) >= _CARRY.size else (b"", b"", 0, 0, 0, 0, 0, 0, 0, 0)
    )
    dates, kinds, items, steps, sample = lengths
    sizes = [*[dates] * 4, kinds, 2 * (kinds + 1), SUMS * (kinds + 1), *[items] * 3, 3 * steps, *[sample] * 3]
    if name != _CARRIED or len(blob) != _CARRY.size + 8 * sum(sizes):
        raise ValueError("these bytes are not a packed carry")
    if digest != _digest(zone):
        return None
    memory, ends = np.frombuffer(bytearray(blob), "<i8", offset=_CARRY.size), np.cumsum(sizes)
    parts = [memory[end - size : end] for size, end in zip(sizes, ends, strict=True)]
    first, last, kind, events, met, spans, sums, item, item_kind, item_events, pairs, values, of, stand_for = parts
    folded = Carried(
        first, last, kind, events, met, spans.reshape(-1, 2), sums.view("<f8").reshape(-1, SUMS), item, item_kind,
        item_events, pairs.reshape(-1, 3), newest_kind, values.view("<f8"), of, stand_for,
    )  # fmt: skip
    return Carry(folded, before, known_by)


def _digest(zone: ZoneTable) -> bytes:
    return hashlib.blake2b(zone.name.encode(), digest_size=8).digest()


def split(histories: Histories, kind_ids: I64) -> Iterator[tuple[str, History]]:
    """Every user with the history; kind_ids: the number that stands for each of `histories.kinds`."""
    h, kind = histories, kind_ids[histories.kind].astype(np.int16)
    for user, a, b in zip(h.users.tolist(), h.offsets[:-1].tolist(), h.offsets[1:].tolist(), strict=True):
        arrived = h.arrived[a:b] if len(h.arrived) else h.arrived
        yield user, History(h.time[a:b], kind[a:b], h.value[a:b], h.item[a:b], h.hour[a:b], arrived)


def merge(known: History, added: History, rank: I64) -> History:
    """Both histories as one, in the order of `features.histories`, so that online and batch features agree to the bit.

    known: in this order already.  rank: (kinds,) the place of each kind among the sorted names of all kinds.
    """
    place = int(np.searchsorted(known.time, added.time.min())) if len(added.time) else len(known.time)
    head, tail = _part(known, slice(None, place)), _part(known, slice(place, None))
    return joined(head, _sorted(joined(tail, added), rank))


def joined(old: History, recent: History) -> History:
    """Both histories end to end; nothing of `recent` is older than anything of `old`."""
    both: list[Any] = [np.concatenate(pair) for pair in zip(_columns(old), _columns(recent), strict=True)]
    return History(*both)


def cut(history: History, moment: int) -> tuple[History, History]:
    """The events before a moment, and the others."""
    place = int(np.searchsorted(history.time, moment))
    return _part(history, slice(None, place)), _part(history, slice(place, None))


def _part(history: History, rows: slice) -> History:
    return History(*(column[rows] for column in _columns(history)))


def _columns(history: History) -> list[Any]:
    h = history
    return [h.time, h.kind, h.value, h.item, h.hour, h.arrived]


def _sorted(history: History, rank: I64) -> History:
    h, nobody = history, np.zeros(len(history.time), dtype=np.int32)
    events = pieces_of(h.time, rank[h.kind].astype(np.int16), h.value, h.item, h.arrived)
    columns = put_in_order([(nobody, events)], np.array([0, len(h.time)]), len(h.arrived) > 0)
    order = columns.row
    return History(columns.time, h.kind[order], columns.value, columns.item, h.hour[order], columns.arrived)
