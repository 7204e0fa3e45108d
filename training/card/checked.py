"""What was looked for and found out beside the metrics: leaks, and how the model stands to the one before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from training.card.block import Block, Json, Subject, Table
from training.card.writing import Count


def leaks(of: Subject) -> Block | None:
    """Every detector that ran, what it looked at, and its alarms; those that could not run are said."""
    found: Json = of.report.get("leaks") or {}
    if not found:
        return None
    alarms = list(found.get("alarms") or ())
    turns = [one for one in found.get("ran") or found.get("searched") or () if isinstance(one, Mapping)]
    ran, idle = ([one for one in turns if bool(one.get("why_not")) is left] for left in (False, True))
    said: list[Any] = [of.say("leaks_found" if alarms else "leaks_none", n=Count(len(alarms)), ran=Count(len(ran)))]
    said += [of.say("alarm", said=_sentence(one)) for one in alarms]
    said += [of.say("not_looked", kind=one["kind"], why=one["why_not"]) for one in idle]
    rows = tuple((str(one["kind"]), f"{one.get('rows', 0):,}") for one in ran)
    tables = (Table(of.heads("detector", "looked_at"), rows, folded=True, title=of.say("detectors")),) if rows else ()
    return Block("leaks", of.say("leaks"), tuple(said), tables=tables)


def compared(of: Subject) -> Block | None:
    """The judge's sentences, where the report has any."""
    said = tuple(of.say("quoted", said=one) for one in _sentences(of.report.get("compared")))
    return Block("compared", of.say("compared"), said) if said else None


def _sentences(found: Any) -> list[str]:
    if isinstance(found, Mapping):
        found = found.get("reasons") or found.get("says")
    if isinstance(found, str):
        return [found]
    return [_sentence(one) for one in found] if isinstance(found, Iterable) else []


def _sentence(one: Any) -> str:
    return str(one.get("says", "")) if isinstance(one, Mapping) else str(one)
