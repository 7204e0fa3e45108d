"""Columns that can teach nothing on a given data set: the same for everybody, or the same as another column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]
AT_ONCE = 65_536  # rows


@dataclass(frozen=True)
class Idle:
    """Columns of a data set that training leaves out.

    constant: columns with one and the same value, or none, in every row.  repeats: (column, the one that it repeats).
    """

    names: tuple[str, ...] = ()
    constant: tuple[int, ...] = ()
    repeats: tuple[tuple[int, int], ...] = ()

    @property
    def columns(self) -> frozenset[int]:
        """The numbers of all columns left out."""
        return frozenset(self.constant) | frozenset(column for column, _ in self.repeats)

    def sentence(self) -> str:
        """Which columns are left out and why; empty when all are used."""
        same = ", ".join(self.names[column] for column in self.constant)
        twice = ", ".join(f"{self.names[column]} = {self.names[other]}" for column, other in self.repeats)
        parts = [
            f"{len(self.constant)} the same for everybody ({same})" if same else "",
            f"{len(self.repeats)} that repeat another ({twice})" if twice else "",
        ]
        said = "; ".join(part for part in parts if part)
        return f"of {len(self.names)} columns left out on this data: {said}" if said else ""


NOTHING_IDLE = Idle()


def idle_columns(x: F32, names: Sequence[str], shunned: Sequence[bool] = ()) -> Idle:
    """Find the columns of x that are constant or bit for bit the same as another one.

    x: (n, columns); every NaN counts as the same value.  shunned: (at most columns,) whether a column is the one to
    give up when it has a twin, such as one that grows with age alone; else the first of equals is kept.
    """
    if not len(x):
        return Idle(tuple(names))
    bits = _bits(x)
    constant = tuple(map(int, np.flatnonzero((bits == bits[0]).all(axis=0))))
    shun = np.zeros(x.shape[1], dtype=np.bool_)
    shun[: len(shunned)] = shunned
    keepers: dict[int, list[int]] = {}
    repeats = []
    sums = _sums(bits)
    for column in sorted(set(range(x.shape[1])) - set(constant), key=lambda c: (bool(shun[c]), c)):
        alike = keepers.setdefault(int(sums[column]), [])
        twin = next((other for other in alike if (bits[:, other] == bits[:, column]).all()), None)
        if twin is None:
            alike.append(column)
        else:
            repeats.append((column, twin))
    return Idle(tuple(names), constant, tuple(sorted(repeats)))


def _bits(x: F32) -> NDArray[np.int32]:
    """The bits of the numbers, with one pattern for every NaN."""
    bits = np.ascontiguousarray(x, dtype=np.float32).view(np.int32).copy()
    bits[np.isnan(x)] = np.float32(np.nan).view(np.int32)
    return bits


def _sums(bits: NDArray[np.int32]) -> NDArray[np.uint64]:
    """(columns,) a number that equal columns share: a sum modulo 2**64 with a random odd weight for each row."""
    dice = np.random.default_rng(0)
    sums = np.zeros(bits.shape[1], dtype=np.uint64)
    for start in range(0, len(bits), AT_ONCE):
        part = bits[start : start + AT_ONCE].astype(np.int64).view(np.uint64)
        weights = dice.integers(0, 2**63, len(part), dtype=np.uint64) * np.uint64(2) + np.uint64(1)
        sums += (part * weights[:, None]).sum(axis=0, dtype=np.uint64)
    return sums
