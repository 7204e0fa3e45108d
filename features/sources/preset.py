"""What is known beforehand about the export of a vendor: which column means what, and how its times are meant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

SEPARATOR = " | "
Clock = Literal["as written", "utc", "project"]


@dataclass(frozen=True)
class Preset:
    """One vendor's export.

    name: the prefix of `source`, without the colon.  columns: the setting of each key under [events], alternatives
    separated by " | ".  clock: how times are meant that carry no zone: in time_zone ("as written"), in UTC, or, with
    epoch seconds that are no UTC either, as the wall clock of time_zone ("project").  signatures: sets of columns, one
    of which shows such an export; "a|b" is either.  table_kinds: the kind of a table without a column of kinds, by the
    end of its name; a table not named here gives its own.  notes: what a reader of the events should know.
    comments: what `winback init` says about a key.
    """

    name: str
    vendor: str
    columns: Mapping[str, str]
    signatures: tuple[tuple[str, ...], ...]
    clock: Clock = "as written"
    table_kinds: Mapping[str, str] | None = None
    notes: tuple[str, ...] = ()
    comments: Mapping[str, str] = field(default_factory=dict)

    def fits(self, columns: set[str]) -> tuple[str, ...]:
        """The columns of the first signature that is there, or nothing."""
        for signature in self.signatures:
            seen = [next((name for name in one.split("|") if name in columns), "") for one in signature]
            if all(seen):
                return tuple(seen)
        return ()
