"""Times that do not say how they are meant, put so that they do."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.sources import instants
from features.sources.preset import Clock
from features.sources.text import as_text

_NAIVE = r"^\s*(\d{4}-\d{1,2}-\d{1,2}[T ]+\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?)\s*$"


def on_clock(piece: pa.Array, clock: Clock) -> pa.Array:
    """A column of times as it would be if its vendor had written how they are meant; see Preset.clock."""
    if clock == "utc":
        return _in_utc(piece)
    return _as_wall_clock(piece) if clock == "project" else piece


def _in_utc(piece: pa.Array) -> pa.Array:
    """Times without a zone as times in UTC; others as they are."""
    if pa.types.is_timestamp(piece.type):
        return piece if piece.type.tz else piece.cast(pa.timestamp(piece.type.unit, "UTC"))
    return pc.replace_substring_regex(piece, _NAIVE, r"\1Z") if pa.types.is_string(piece.type) else piece


def _as_wall_clock(piece: pa.Array) -> pa.Array:
    """Seconds or milliseconds since 1970 as the date and time that they spell, without a zone; others as they are."""
    if pa.types.is_timestamp(piece.type):
        return piece.cast(pa.timestamp(piece.type.unit))
    if not (pa.types.is_string(piece.type) or pa.types.is_integer(piece.type) or pa.types.is_floating(piece.type)):
        return piece
    text = as_text(piece)
    for layout in (instants.SECONDS, instants.MILLIS):
        micros, states = instants.read(text, layout)
        spelled = pa.array(np.where(states > 0, micros, 0)).cast(pa.timestamp("us")).cast(pa.string())
        text = pc.if_else(pa.array(states > 0), spelled, text)
    return text
