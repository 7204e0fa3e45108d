"""The texts of events as numbers: users and kinds by their place among the sorted names, items by a digest."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from features.catalog import KindUse
from features.ordering import Columns, pieces_of

I64 = NDArray[np.int64]
NO_ITEM = 0


@dataclass(frozen=True)
class Named:
    """A table of events whose users, kinds and items have numbers.

    users, kinds: names, ascending.  user_rank, kind_rank: for each code in the table its place among them.
    digests: for each code of an item, and NO_ITEM behind them.
    """

    table: pa.Table
    users: NDArray[np.object_]
    user_rank: NDArray[np.int32]
    kinds: tuple[str, ...]
    kind_rank: NDArray[np.int16]
    digests: I64
    arrivals: bool

    @classmethod
    def of(cls, table: pa.Table, kinds: Sequence[str] | None = None) -> Named:
        """kinds: of the whole log, where the table is a part of it."""
        table = table.unify_dictionaries()
        user_rank, users = _ranked(table["user"])
        own_rank, own = _ranked(table["kind"])
        among = np.arange(len(own)) if kinds is None else np.searchsorted(np.asarray(kinds, dtype=object), own)
        digests = _digest_table(table["item"].chunk(0).dictionary) if table.num_rows else np.zeros(1, dtype=np.int64)
        arrivals = table["ingested_at"].null_count < table.num_rows
        return cls(
            table, users, user_rank, tuple(own if kinds is None else kinds), among.astype(np.int16)[own_rank], digests,
            arrivals,
        )  # fmt: skip

    def offsets(self) -> I64:
        """(users + 1,) where the events of each user are to lie."""
        codes = np.zeros(len(self.user_rank), dtype=np.int64)
        for chunk in self.table["user"].chunks:
            codes += np.bincount(np.asarray(chunk.indices), minlength=len(codes))
        counts = np.zeros(len(self.users), dtype=np.int64)
        used = codes > 0
        counts[self.user_rank[used]] = codes[used]
        return offsets_of(counts)

    def uses(self) -> tuple[KindUse, ...]:
        """How often each kind occurs, and whether with items and values."""
        counts = np.zeros((3, len(self.kinds)), dtype=np.int64)
        for batch in self.table.to_batches():
            kind = self.kind_rank[np.asarray(batch["kind"].indices)]
            for row, given in enumerate((batch["kind"], batch["item"], batch["value"])):
                rows = kind[np.asarray(given.is_valid())] if given.null_count else kind
                counts[row] += np.bincount(rows, minlength=len(self.kinds))
        return tuple(KindUse(name, int(n), bool(i), bool(v)) for name, n, i, v in zip(self.kinds, *counts, strict=True))

    def pieces(self) -> Iterator[tuple[NDArray[np.int32], Columns]]:
        """The users' numbers and the columns of one piece of the table after the other."""
        for batch in self.table.to_batches():
            yield _piece(batch, self.user_rank, self.kind_rank, self.digests, self.arrivals)


def _piece(
    batch: pa.RecordBatch, user_rank: NDArray[np.int32], kind_rank: NDArray[np.int16], digests: I64, arrivals: bool
) -> tuple[NDArray[np.int32], Columns]:
    time = np.asarray(batch["time"], dtype=np.int64)
    arrived = np.empty(0, dtype=np.int64)
    if arrivals:
        known = np.asarray(pc.coalesce(batch["ingested_at"], batch["time"]), dtype=np.int64)
        arrived = np.maximum(known, time)
    value = np.asarray(batch["value"].to_numpy(zero_copy_only=False), dtype=np.float64)
    kind = kind_rank[np.asarray(batch["kind"].indices)]
    item = _digests_of(batch["item"].indices, digests)
    return user_rank[np.asarray(batch["user"].indices)], pieces_of(time, kind, value, item, arrived)


def item_digest(item: str) -> int:
    """A stable non-zero 64-bit number for an item's name, the same in a batch and in the service."""
    number = int.from_bytes(hashlib.blake2b(item.encode(), digest_size=8).digest(), "little", signed=True)
    return number or 1


def item_digests(items: pa.ChunkedArray) -> I64:
    """(m,) digests of a column of strings; NO_ITEM where it is null."""
    array = items.combine_chunks()
    encoded = array if pa.types.is_dictionary(array.type) else pc.dictionary_encode(array)
    return _digests_of(encoded.indices, _digest_table(encoded.dictionary))


def _digest_table(names: pa.Array) -> I64:
    """The digest for each number of a dictionary, and NO_ITEM behind them."""
    return np.array([*map(item_digest, names.to_pylist()), NO_ITEM], dtype=np.int64)


def _digests_of(numbers: pa.Array, digests: I64) -> I64:
    found: I64 = digests[np.asarray(numbers.fill_null(len(digests) - 1))]
    return found


def _ranked(column: pa.ChunkedArray) -> tuple[NDArray[np.int32], NDArray[np.object_]]:
    """For each code of a unified dictionary its place among the sorted strings that occur, and those strings."""
    if not column.num_chunks:
        return np.zeros(0, dtype=np.int32), np.zeros(0, dtype=object)
    names = column.chunk(0).dictionary
    used = np.zeros(len(names), dtype=np.bool_)
    for chunk in column.chunks:
        used[np.asarray(chunk.indices)] = True
    order = np.arange(len(names)) if _ascending(names) else np.asarray(pc.sort_indices(names))
    order = order[used[order]]  # by UTF-8 bytes, which is the order of Python's strings
    rank = np.zeros(len(names), dtype=np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    return rank, np.asarray(names.take(pa.array(order)).to_pylist(), dtype=object)


def _ascending(names: pa.Array) -> bool:
    return len(names) < 2 or bool(pc.all(pc.less(names[:-1], names[1:])).as_py())


def offsets_of(lengths: NDArray[np.integer]) -> I64:
    """(n + 1,) where each of n runs of these lengths begins, and the end."""
    return np.asarray(np.r_[0, np.cumsum(lengths)], dtype=np.int64)
