"""One user's history as bytes: its sorted columns end to end behind a small header, and nothing executable."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np

from features.build import History
from features.clock import ZoneTable
from features.histories import I64, Histories
from features.ordering import pieces_of, put_in_order

_HEADER = struct.Struct("<4s4xq")  # what it is, how many events
_PLAIN, _WITH_ARRIVALS = b"wbh1", b"wba1"
_EVENT_BYTES = {_PLAIN: 8 + 8 + 8 + 2, _WITH_ARRIVALS: 8 + 8 + 8 + 8 + 2}
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


def split(histories: Histories, kind_ids: I64) -> Iterator[tuple[str, bytes]]:
    """Every user with the packed history; kind_ids: the number that stands for each of `histories.kinds`."""
    h, kind = histories, kind_ids[histories.kind].astype(np.int16)
    for user, a, b in zip(h.users.tolist(), h.offsets[:-1].tolist(), h.offsets[1:].tolist(), strict=True):
        arrived = h.arrived[a:b] if len(h.arrived) else h.arrived
        yield user, pack(History(h.time[a:b], kind[a:b], h.value[a:b], h.item[a:b], h.hour[a:b], arrived))


def merge(known: History, added: History, rank: I64) -> History:
    """Both histories as one, in the order of `features.histories`, so that online and batch features agree to the bit.

    rank: (kinds,) the place of each kind among the sorted names of all kinds.
    """
    time, kind, value, item, hour, arrived = (
        np.concatenate([getattr(known, name), getattr(added, name)])
        for name in ("time", "kind", "value", "item", "hour", "arrived")
    )
    nobody = np.zeros(len(time), dtype=np.int32)
    events = pieces_of(time, rank[kind].astype(np.int16), value, item, arrived)
    columns = put_in_order([(nobody, events)], np.array([0, len(time)]), len(arrived) > 0)
    order = columns.row
    return History(columns.time, kind[order], columns.value, columns.item, hour[order], columns.arrived)
