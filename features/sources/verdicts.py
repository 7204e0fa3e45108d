"""Which rows are events: the first reason against each row, and the rejected ones as a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from features import rejects
from features.rejects import Rejected
from features.sources.columns import RawEvents
from features.sources.text import Mask

_NUL_SIGN = "\u2400"
_CULPRITS = {
    rejects.BAD_TIME: "time", rejects.OLD_TIME: "time", rejects.FUTURE: "time",
    rejects.BAD_VALUE: "value", rejects.BAD_INGESTED: "ingested_at",
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Verdicts:
    """reason: (n,) 0 for a good row, else 1 + the index into `reasons`; the first reason given stays."""

    reason: npt.NDArray[np.int8]
    reasons: tuple[str, ...]

    @property
    def good(self) -> Mask:
        return np.asarray(self.reason == 0)

    @classmethod
    def judge(cls, count: int, faults: Mapping[str, Mask]) -> Verdicts:
        """faults: (count,) masks by reason, the weightiest first."""
        reason = np.zeros(count, np.int8)
        for index, mask in enumerate(faults.values()):
            reason[mask & (reason == 0)] = index + 1
        return cls(reason, tuple(faults))

    def rejected(self, raw: RawEvents, root: Path, source: str) -> Rejected:
        """The rows with a reason and those that could not be parsed, in order of file and line."""
        rows = np.flatnonzero(self.reason)
        found = [raw.faults, *(self._table(raw, rows, index) for index in range(len(self.reasons)))]
        table = pa.concat_tables(found).sort_by([("file", "ascending"), ("line", "ascending")])
        labels = pa.array([_label(path, root) for path in raw.files], pa.string())
        named = table.set_column(0, "file", labels.take(table["file"].combine_chunks()))
        one = len(raw.files) == 1
        label = raw.files[0].name if one else source
        return Rejected(named.cast(rejects.SCHEMA), len(raw) + raw.faults.num_rows, label, len(raw.files))

    def _table(self, raw: RawEvents, rows: npt.NDArray[np.int64], index: int) -> pa.Table:
        mine = rows[self.reason[rows] == index + 1]
        reason = self.reasons[index]
        culprit = _CULPRITS.get(reason)
        texts = raw.text(culprit, mine) if culprit else _row_texts(raw, mine)
        shown = pc.replace_substring(
            pc.utf8_slice_codeunits(pc.fill_null(texts, ""), 0, rejects.TEXT_LENGTH), "\0", _NUL_SIGN
        )
        return pa.table({
            "file": pa.array(raw.file[mine]), "line": pa.array(raw.line[mine]),
            "reason": pa.array(np.full(len(mine), reason, object), pa.string()), "text": shown,
        })  # fmt: skip


def _row_texts(raw: RawEvents, rows: npt.NDArray[np.int64]) -> pa.Array:
    """The used cells of rows, joined by commas."""
    cells = [pc.fill_null(raw.text(role, rows), "") for role in raw.by_role]
    return pc.binary_join_element_wise(*cells, ",")


def _label(path: Path, root: Path) -> str:
    try:
        return str(path.resolve().relative_to(root.resolve()))
    except ValueError:
        return str(path)
