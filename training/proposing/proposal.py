"""Propose winback.toml from a log: what active, converted and value mean here, each with the evidence for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from features.business import Business, ChurnSection, EventsSection
from features.column_names import ROLES, Role
from features.column_search import find_among
from features.columns import EVENT, Columns, Export
from features.events import Events, read_events
from features.histories import Histories, histories
from features.problems import InputProblem
from features.sources.preset import SEPARATOR
from training.proposing.asked import Asked, asked_for
from training.proposing.config_file import ConfigText, Line, Table, render
from training.proposing.meaning import Meaning, first_guess, meaning_of

_VALUE_FAULTS = {"several_currencies", "mixed_numbers"}
_TIME_FAULTS = {"undecidable_time_format", "mixed_time_formats"}
_LOCAL = (
    "callers on this machine need no API key while the service listens on 127.0.0.1 alone; before others can reach it, "
    "make keys with `winback keys add` and set this to false"
)
SERVICE = Table("service", (Line("local_without_key", True, _LOCAL),))
_OPTIONAL: tuple[Role, ...] = ("value", "item", "event_id", "ingested_at", "currency")


@dataclass(frozen=True)
class Proposal:
    """A proposed winback.toml.  columns: what was found.  meaning: what the log led to.

    events: the log as read with it, None where a person has to fill in a line first.
    """

    config: ConfigText
    columns: Columns
    meaning: Meaning
    events: Events | None
    problem: str = ""

    def lines(self, path: Path) -> list[str]:
        """For a person to read, once the file is written at `path`."""
        found = [f"  {role:<12} {choice.column}" for role, choice in self.columns.choices.items() if choice.column]
        if self.config.to_fill:
            lines = [f"  line {number}: {key} = ..." for key, number in self.config.to_fill.items()]
            return [f"{path} is written, but not complete. {self.problem}", *found, "Fill in:", *lines]
        said = [f"  {sentence}" for sentence in self.meaning.says]
        return [f"{path} is written; the comments in it say why.", *found, *said, "Next: winback check"]


def propose(source: str, path: Path, now: int, given: Mapping[Role, str] | None = None, query: str = "") -> Proposal:
    """Look at a source and propose the configuration that will stand at `path`.

    source: as the caller wrote it, relative to the working directory; an export's name may stand in front of it, and
    `query` says which rows when it is a database.  now: microseconds UTC.  given: columns that the caller knows.
    Raises InputProblem when the source cannot be read at all.
    """
    asked = asked_for(source, query)
    found = find_among(asked.files(), now, given, asked.called, asked.preset)
    asked = asked.beside(path, found.export)
    chosen = _chosen(found)
    if found.missing:
        said = f"No column is certainly the {' or the '.join(found.missing)}."
        return _unread(asked, found, chosen, said)
    try:
        events, chosen = _read(asked, chosen, path, now)
    except InputProblem as problem:
        if problem.code not in _TIME_FAULTS:
            raise
        return _unread(asked, found, chosen, str(problem), needs_format=True)
    chosen = _without_empty_value(chosen, events)
    log = histories(events, "UTC")
    meaning = meaning_of(log, bool(chosen["value"][0]))
    tables = (_events_table(asked, found, chosen, events), *meaning.tables, SERVICE)
    return Proposal(render(tables, _head(events, log)), found, meaning, events)


def _chosen(found: Columns) -> dict[Role, tuple[str, str]]:
    """Column (or constant) and evidence of each role."""
    return {role: (found[role].column, _evidence(found, role)) for role in ROLES}


def _evidence(found: Columns, role: Role) -> str:
    choice = found[role]
    named = ", ".join(f"'{other}'" for other in choice.others)
    if role in found.missing:
        return (
            f"{choice.evidence}{'; perhaps one of ' + named if named else ''}; all columns: "
            f"{', '.join(found.names[:40])}"
        )
    return f"{choice.evidence}{'; else perhaps ' + named if named and choice.column and role != 'kind' else ''}"


def _read(
    asked: Asked, chosen: dict[Role, tuple[str, str]], path: Path, now: int
) -> tuple[Events, dict[Role, tuple[str, str]]]:
    """Read the log; a value column that cannot be added up is given up, and says so."""
    try:
        return read_events(business_of(asked, chosen, path), now), chosen
    except InputProblem as problem:
        if problem.code not in _VALUE_FAULTS or not chosen["value"][0]:
            raise
        why = f"not '{chosen['value'][0]}': {problem}"
    without: dict[Role, tuple[str, str]] = {**chosen, "value": ("", why), "currency": ("", "no value, no currency")}
    return read_events(business_of(asked, without, path), now), without


def _without_empty_value(chosen: dict[Role, tuple[str, str]], events: Events) -> dict[Role, tuple[str, str]]:
    """A column of values that has none in the whole log is given up, and says so."""
    column = chosen["value"][0]
    if not column or events.table["value"].null_count < events.table.num_rows:
        return chosen
    why = f"no row has a value in {' or '.join(repr(name) for name in column.split(SEPARATOR))}"
    return {**chosen, "value": ("", why), "currency": ("", "no value, no currency")}


def business_of(asked: Asked, chosen: Mapping[Role, tuple[str, str]], path: Path) -> Business:
    """A business that says where its events are and as yet nothing about them."""
    section = EventsSection.model_validate(
        {"source": asked.secret, "query": asked.query, **{role: column for role, (column, _) in chosen.items()}}
    )
    return Business(events=section, churn=ChurnSection(activity=("any",), horizon_days=1), root=path.resolve().parent)


def _unread(
    asked: Asked, found: Columns, chosen: dict[Role, tuple[str, str]], problem: str, needs_format: bool = False
) -> Proposal:
    """The file with lines to fill in, and guesses for what only the whole log could tell."""
    meaning = first_guess(found["kind"].column if found["kind"].column.startswith("=") else EVENT)
    head = (
        "Proposed by `winback init`, which could not finish: " + problem,
        "Fill in the marked lines, or let it try again with --user or --time.",
    )
    table = _events_table(asked, found, chosen, None, needs_format)
    return Proposal(render((table, *meaning.tables, SERVICE), head), found, meaning, None, problem)


def _events_table(
    asked: Asked,
    found: Columns,
    chosen: Mapping[Role, tuple[str, str]],
    events: Events | None,
    needs_format: bool = False,
) -> Table:
    lines = [Line("source", asked.written, " ".join(filter(None, [_read_so_far(events), asked.why])))]
    lines += [Line("query", asked.query, "one row an event")] if asked.query else []
    for role in ("user", "time"):
        column, why = chosen[role]
        lines.append(Line(role, column, why, fill=not column))
    if needs_format:
        lines.append(
            Line(
                "time_format",
                "",
                'day first: "%d/%m/%Y"; month first: "%m/%d/%Y"; add %H:%M:%S where there is a clock',
                fill=True,
            )
        )
    lines.append(Line("kind", *chosen["kind"]))
    lines += [Line(role, *chosen[role]) for role in _OPTIONAL if chosen[role][0] or role in ("value", "item")]
    lines += [
        Line(role, "", chosen[role][1])
        for role in _OPTIONAL
        if not chosen[role][0]
        and role not in ("value", "item")
        and (chosen[role][1].startswith("not '") or _told(found, role))
    ]
    lines.append(Line("time_zone", "UTC", _zone(events, found.export)))
    return Table("events", tuple(lines))


def _read_so_far(events: Events | None) -> str:
    return events.rejected.summary() if events is not None else "not read yet"


def _told(found: Columns, role: Role) -> bool:
    """Whether something is to be said about a role that a vendor's export never has."""
    preset = found.export.preset if found.export else None
    return preset is not None and role in preset.comments and role not in preset.columns


def _zone(events: Events | None, export: Export | None) -> str:
    if export is not None and export.preset.clock == "project":
        return f"write the time zone of the project; {export.zone or 'the data do not show which it is'}"
    if export is not None:
        return "of hour-of-day features alone: the times of this export are in UTC whatever stands here"
    if events is not None and events.dates_only:
        return "the times are whole days, the same everywhere; UTC keeps every day 24 hours long"
    return (
        'assumed for times that carry no zone of their own; write your own, such as "Europe/Berlin", if they are local'
    )


def _head(events: Events, log: Histories) -> tuple[str, ...]:
    return (
        "Proposed by `winback init` from the data; the comment above a value says what led to it.",
        f"{events.table.num_rows:,} events of {len(log):,} users. Change what you know better, then run `winback "
        f"check`.",
    )
