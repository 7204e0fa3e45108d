"""Which column of a source is the user, the time, the kind, ...: found by name and checked against the content."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa

from features.column_content import Column, look
from features.column_names import ROLES, Role, is_opaque, name_score, speaks_of_sales, tokens
from features.column_roles import (
    Judged,
    as_arrival,
    as_currency,
    as_event_id,
    as_item,
    as_kind,
    as_time,
    as_user,
    as_value,
)
from features.sources.preset import Preset

_NOTHING: Mapping[Role, str] = {
    "user": "no column looks like a user's id, whose values repeat", "time": "no column looks like a date or a time",
    "kind": "no column names what happened", "value": "no column looks like an amount of money",
    "item": "no column looks like a product or a page", "event_id": "no column is unique in each row",
    "ingested_at": "no column tells when an event arrived", "currency": "no column names a currency",
}  # fmt: skip
ORDER, EVENT = "=order", "=event"


@dataclass(frozen=True)
class Choice:
    """The column found for one role, "" when none is; evidence: why, for a person; others: the runners-up, best "
    "first."""

    role: Role
    column: str
    evidence: str
    others: tuple[str, ...] = ()


@dataclass(frozen=True)
class Export:
    """The export of a vendor.  shown: the columns that gave it away; none when the caller named it.

    zone: what the data say about the time zone in which it counts, or ""."""

    preset: Preset
    shown: tuple[str, ...] = ()
    zone: str = ""


@dataclass(frozen=True)
class Columns:
    """What each column of a source is.  kind may be a constant such as "=order".  export: whose it is, if known."""

    choices: Mapping[Role, Choice]
    names: tuple[str, ...]
    export: Export | None = None

    def __getitem__(self, role: Role) -> Choice:
        return self.choices[role]

    @property
    def missing(self) -> tuple[Role, ...]:
        """The roles that an event cannot do without and for which no column is credible."""
        return tuple(role for role in ("user", "time") if not self.choices[role].column)


def find_columns(table: pa.Table, now: int, given: Mapping[Role, str] | None = None, called: str = "") -> Columns:
    """Find the columns in a sample.

    now: microseconds UTC.  given: columns that the caller knows.  called: the name of the source, which may speak of
    sales.
    """
    columns = {column.name: column for column in look(table, now) if not column.name.startswith("=")}
    fixed = dict(given or {})
    choices: dict[Role, Choice] = {}
    left = dict(columns)

    def settle(role: Role, choice: Choice) -> None:
        if name := fixed.get(role):
            choice = Choice(role, name, "given on the command line")
        choices[role] = choice
        left.pop(choice.column, None)

    for name in fixed.values():
        left.pop(name, None)
    settle("user", _best("user", left.values(), as_user))
    user = columns.get(choices["user"].column)
    settle("time", _best("time", left.values(), lambda column, name: as_time(column, name, user)))
    time = columns.get(choices["time"].column)
    settle("kind", _best("kind", left.values(), lambda column, name: as_kind(column, name, user)))
    settle("event_id", _best("event_id", left.values(), as_event_id))
    settle("ingested_at", _best("ingested_at", left.values(), lambda column, name: as_arrival(column, name, time)))
    settle("value", _best("value", left.values(), as_value))
    choices["value"] = _of_one_piece(choices["value"], columns)
    settle("item", _best("item", left.values(), lambda column, name: as_item(column, name, user)))
    settle("currency", _best("currency", left.values(), as_currency))
    if not choices["kind"].column:
        choices["kind"] = _constant_kind(choices, (*columns, called))
    return Columns({role: choices[role] for role in ROLES}, tuple(table.column_names))


def _best(role: Role, columns: Iterable[Column], judge: Callable[[Column, float], Judged]) -> Choice:
    judged = [judge(column, name_score(role, column.name)) for column in columns]
    credible = sorted((one for one in judged if one.score > 0), key=lambda one: -one.score)
    refused = [
        one for one in judged if one.against and one.name >= 0.5 and (not credible or one.name > credible[0].name)
    ]
    doubts = "".join(f"; not '{one.column.name}': {one.against}" for one in refused[:2])
    others = tuple(one.column.name for one in credible[1:4])
    if not credible:
        unsure = [
            one for one in sorted(judged, key=lambda one: -one.name) if not one.against and _worth_asking(role, one)
        ]
        return Choice(role, "", doubts.removeprefix("; ") or _NOTHING[role], tuple(o.column.name for o in unsure[:4]))
    if role in ("user", "time") and _torn(credible):
        return Choice(
            role, "", "several columns could be it, and no name says which", tuple(o.column.name for o in credible[:4])
        )
    best = credible[0]
    return Choice(role, best.column.name, f"{_said_by(best)}: {_content(role, best.column)}{doubts}", others)


def _worth_asking(role: Role, one: Judged) -> bool:
    """Whether a column that is not credible should be named to a person who has to fill in the line."""
    return one.column.filled > 0 and (
        one.column.time_share > 0.1 if role == "time" else role == "user" and one.column.distinct > 2
    )


def _torn(credible: Sequence[Judged]) -> bool:
    """Whether content alone speaks, for more than one column, while the names do mean something."""
    first = credible[0]
    return (
        len(credible) > 1
        and first.name == 0
        and not is_opaque(first.column.name)
        and first.score - credible[1].score < 0.05
    )


def _said_by(one: Judged) -> str:
    return "by name and content" if one.name >= 0.3 else "by content"


def _content(role: Role, column: Column) -> str:
    if role == "time":
        days = "with a time of day" if column.has_clock else "days only"
        return f"{column.time_share:.0%} of a sample are readable times, {days}, such as {column.examples(1)}"
    if role == "value":
        return f"numbers in {column.fill:.0%} of the rows, such as {column.examples(2)}"
    each = (
        f"{column.filled / max(column.distinct, 1):.1f} rows each in a sample"
        if not column.unique
        else "each once in a sample"
    )
    return f"{column.distinct:,} different, {each}, such as {column.examples(2)}"


def _of_one_piece(value: Choice, names: Iterable[str]) -> Choice:
    """The same choice; a price beside a quantity says that it is the price of one piece alone."""
    priced = {"price", "preis", "prix", "precio"} & set(tokens(value.column)) and "total" not in tokens(value.column)
    how_many = [name for name in names if {"quantity", "qty", "menge", "anzahl", "units"} & set(tokens(name))]
    if not priced or not how_many:
        return value
    warning = f"the price of one piece, without '{how_many[0]}': add a column with price x quantity for true sums"
    return replace(value, evidence=f"{value.evidence}; {warning}")


def _constant_kind(choices: Mapping[Role, Choice], names: Sequence[str]) -> Choice:
    """The kind that all events share: an order when the rows have a value or speak of sales."""
    why = choices["kind"].evidence
    spoken = [name for name in names if speaks_of_sales(name)]
    if choices["value"].column or spoken:
        sales = f"'{choices['value'].column or spoken[0]}' speaks of sales"
        return Choice("kind", ORDER, f"{why}, and {sales}, so every row is one 'order'", choices["kind"].others)
    return Choice("kind", EVENT, f"{why}, so every row is one 'event'", choices["kind"].others)
