"""Stable 64-bit numbers for texts and for events: the same on every machine and in every process."""

from __future__ import annotations

import numba
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

U64 = NDArray[np.uint64]

_BASIS, _PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)  # FNV-1a
_MIX_1, _MIX_2 = np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53)  # the finalizer of MurmurHash3
_SHIFT = np.uint64(33)
_NO_VALUE = np.uint64(0x7FF8000000000000)


@numba.njit(cache=True, nogil=True)
def _mixed(number):  # type: ignore[no-untyped-def]
    number = (number ^ (number >> _SHIFT)) * _MIX_1
    number = (number ^ (number >> _SHIFT)) * _MIX_2
    return number ^ (number >> _SHIFT)


@numba.njit(cache=True, nogil=True)
def _text_digests(offsets, data, seed, out):  # type: ignore[no-untyped-def]
    for i in range(out.shape[0]):
        number = _BASIS ^ _mixed(seed)
        for at in range(offsets[i], offsets[i + 1]):
            number = (number ^ np.uint64(data[at])) * _PRIME
        out[i] = _mixed(number ^ seed)


@numba.njit(cache=True, nogil=True)
def _event_digests(user, time, kind, value, item, out):  # type: ignore[no-untyped-def]
    for i in range(out.shape[0]):
        number = _mixed(user[i] ^ _mixed(time[i] ^ _mixed(kind[i] ^ _mixed(value[i] ^ _mixed(item[i])))))
        out[i] = number


@numba.njit(cache=True, nogil=True)
def _total(digests, arrived):  # type: ignore[no-untyped-def]
    total = np.uint64(0)
    for i in range(digests.shape[0]):
        total += _mixed(digests[i] ^ arrived[i])
    return total


def text_digests(texts: pa.Array, seed: int = 0) -> U64:
    """(n,) a number for each text, by FNV-1a with MurmurHash3's finalizer; null counts as the empty text.

    Another seed gives independent numbers.  Not for secrets: anybody can find texts that share a number.
    """
    wide = texts.cast(pa.large_string())
    _, offsets, data = wide.buffers()
    bounds = np.frombuffer(offsets, np.int64)[wide.offset : wide.offset + len(wide) + 1]
    out = np.empty(len(wide), dtype=np.uint64)
    content = np.frombuffer(data, np.uint8) if data is not None and data.size else np.zeros(0, np.uint8)
    _text_digests(bounds, content, np.uint64(seed), out)
    return out


def event_digests(
    user: U64, time: NDArray[np.int64], kind: U64, value: NDArray[np.float64], item: NDArray[np.int64]
) -> U64:
    """(m,) what each event says as one number; user, kind: (m,) digests of their names."""
    plain = (value + 0.0).view(np.uint64)  # -0.0 equals 0.0, and one missing value another
    plain = np.where(np.isnan(value), _NO_VALUE, plain)
    out = np.empty(len(time), dtype=np.uint64)
    _event_digests(user, time.view(np.uint64), kind, plain, item.view(np.uint64), out)
    return out


def total_digest(events: U64, arrived: NDArray[np.int64]) -> int:
    """One number for a set of events and their arrivals in any order; those of two sets add up modulo 2**64."""
    return int(_total(events, arrived.view(np.uint64)))
