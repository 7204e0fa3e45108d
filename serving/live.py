"""The running service's state and its two answers, without HTTP: scores of now, and events taken in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.build import FeatureTable, History, build_one
from features.business import Business, read_business
from features.catalog import Catalog
from features.clock import SECOND, format_instant, parse_instant
from features.definitions import TaskName
from features.histories import Histories
from features.kernel import Plan
from features.online.place import open_history
from features.online.place import warm as fill
from features.online.store import PostedEvent, Store
from features.problems import InputProblem
from features.progress import Progress
from features.pseudonyms import CLEAR, Pseudonyms, pseudonyms_of
from features.sources.amounts import LARGEST_VALUE
from features.sources.text import MISSING, NOT_A_NUMBER
from serving.requests import EventRequest, EventsRequest, Refusal, ScoreRequest
from serving.scores import score_table
from training.bundle import Bundle
from training.keeping.registry import Champion, champions, ready, same_catalogue

EARLIEST = parse_instant("1900-01-01")
_NOTHING = {*MISSING, *NOT_A_NUMBER}
_TOO_MANY_KINDS = "a new kind beyond the limit of {limit} kinds; raise max_kinds under [events] in winback.toml"
_FORGOTTEN = "from before this user asked to be forgotten; only what happened after that is taken"


@dataclass(frozen=True)
class Seen:
    """What was known of some users at one moment.

    histories: up to as_of (microseconds UTC), of those who had an event by then.  lag_seconds: how long ago the newest
    event of anybody happened.
    """

    histories: Mapping[str, History]
    kinds: tuple[str, ...]
    as_of: int
    lag_seconds: float

    def about(self, user: str, named: str) -> dict[str, Any]:
        """What an answer says of a user beside the scores; named: the id that the caller uses."""
        times = self.histories[user].time
        return {
            "user_id": named, "events_seen": len(times), "last_event_at": format_instant(int(times[-1])),
            "as_of": format_instant(self.as_of), "lag_seconds": self.lag_seconds,
        }  # fmt: skip


@dataclass(frozen=True)
class Live:
    """What the service answers from.

    champions: by task, at least one, all over one catalogue.  names: how the user ids of callers are kept.
    """

    business: Business
    champions: Mapping[TaskName, Champion]
    store: Store
    names: Pseudonyms = CLEAR
    plans: dict[tuple[str, ...], Plan] = field(default_factory=dict, repr=False)

    @property
    def models(self) -> dict[str, str]:
        """The version behind each question, such as {"churn": "winback-churn/3"}."""
        return {task: f"{champion.name}/{champion.version}" for task, champion in self.champions.items()}

    @property
    def catalog(self) -> Catalog:
        return next(iter(self.champions.values())).bundle.catalog

    def score(self, request: ScoreRequest, now: int) -> dict[str, Any]:
        """Score users as of the newest event that anybody is known to have had (`ScoreResponse`).

        That moment, and not the clock's, is `as_of`: when the feed of events stalls, customers do not look more and
        more lost; `lag_seconds` grows instead. A log with dates only has its newest stamp as that moment.
        request.as_of: a past moment, scored with what had happened, and as far as the log says arrived, by then.
        Raises Refusal when it is unreadable or later than `now`.
        """
        callers = self.names.each(request.user_ids)
        seen = self.seen(list(callers), request.as_of, now)
        scores = self._scores(seen, request) if seen.histories else ()
        return {
            "scores": [
                seen.about(user, callers[user]) | said | {"models": self.models}
                for user, said in zip(seen.histories, scores, strict=True)
            ],
            "missing": [named for user, named in callers.items() if user not in seen.histories],
        }

    def seen(self, users: Sequence[str], as_of: str | None, now: int) -> Seen:
        """What is known of users; as_of: a past moment as a caller writes it, None for the newest.

        users: ids under which they are kept (`names`).  Raises Refusal when as_of is unreadable or later than `now`.
        """
        past = None if as_of is None else _past(as_of, self.business.events.time_zone, now)
        known = self.store.read(users)
        newest = min(known.frontier or now, now)
        moment = newest if past is None else past
        found = {
            user: _until(known.histories[user], moment, past is not None) for user in users if user in known.histories
        }
        found = {user: history for user, history in found.items() if len(history.time)}
        return Seen(found, known.kinds, moment, round((now - newest) / SECOND, 3))

    def table(self, seen: Seen) -> FeatureTable:
        """The features of those who are known, a row each in their order."""
        return self._features(list(seen.histories.values()), seen.kinds, seen.as_of)

    def accept(self, request: EventsRequest, now: int) -> dict[str, Any]:
        """Take events in (`EventsResponse`); they are on disk when this returns, and the next score reflects them.

        An event that cannot be one (unreadable or future time, a value that is not finite, a NUL) is rejected alone.
        Raises StoreUnavailable when nothing could be written.
        """
        good: dict[int, PostedEvent] = {}
        rejected: dict[int, str] = {}
        for index, event in enumerate(request.events):
            try:
                posted = _event(event, self.business.events.time_zone, now)
                good[index] = replace(posted, user_id=self.names.of(posted.user_id))
            except ValueError as fault:
                rejected[index] = str(fault)
        verdicts = self.store.append(list(good.values()), now) if good else []
        limit = self.business.events.max_kinds
        for index, verdict in zip(good, verdicts, strict=True):
            if verdict == "too many kinds":
                rejected[index] = _TOO_MANY_KINDS.format(limit=limit)
            if verdict == "forgotten":
                rejected[index] = _FORGOTTEN
        return {
            "accepted": verdicts.count("accepted"), "duplicates": verdicts.count("duplicate"),
            "rejected": [{"index": index, "reason": rejected[index]} for index in sorted(rejected)],
        }  # fmt: skip

    def warm_up(self) -> None:
        """Compile the kernel and run every model once, so that the first caller does not wait for it."""
        nothing, one = np.empty(0, dtype=np.int64), np.zeros(1, dtype=np.int64)
        history = History(one, np.zeros(1, np.int16), np.ones(1), one, np.zeros(1, np.uint8), nothing)
        table = self._features([history], self.catalog.selectors[0].kinds, SECOND)
        score_table(self._bundles(), table, 3, "en").answer(0)

    def _bundles(self) -> dict[TaskName, Bundle]:
        return {task: champion.bundle for task, champion in self.champions.items()}

    def _scores(self, seen: Seen, request: ScoreRequest) -> list[dict[str, Any]]:
        scores = score_table(self._bundles(), self.table(seen), request.reasons, request.lang)
        return [scores.answer(row) for row in range(len(seen.histories))]

    def _features(self, past: list[History], kinds: tuple[str, ...], as_of: int) -> FeatureTable:
        if kinds not in self.plans:
            self.plans[kinds] = self.catalog.plan(kinds)
        values = np.stack([build_one(history, self.plans[kinds], as_of) for history in past])
        rows = np.arange(len(past), dtype=np.int64)
        return FeatureTable(self.catalog, rows, np.full(len(past), as_of, dtype=np.int64), values)


def open_live(config: Path, held: Mapping[TaskName, Champion] | None = None) -> Live:
    """Open the store of a configuration behind its champions.

    held: the champions, where they are known already; else the registry is asked.
    Raises InputProblem: missing_config, missing_champion, definition_changed, mixed_catalogues.
    """
    business = read_business(config)
    known = champions(business) if held is None else {task: ready(one, business) for task, one in held.items()}
    same_catalogue(known)
    return Live(business, known, open_history(business), pseudonyms_of(business))


def warm(business: Business, now: int, progress: Progress) -> str:
    """Bring the online store up to the event log, and keep what was posted; returns the user of the newest event."""
    store = open_history(business)
    past, _ = fill(business, store, now, progress)
    store.close()
    return next(str(some.users[some.owner[at]]) for some in past.buckets() for at in _newest(some))


def _newest(histories: Histories) -> NDArray[np.int64]:
    """The places of the log's newest events."""
    return np.flatnonzero(histories.time == histories.span.last)


def _past(text: str, zone: str, now: int) -> int:
    try:
        moment = parse_instant(text, zone)
    except InputProblem as problem:
        raise Refusal(
            422, "bad_as_of", f"as_of: {problem}", "Send ISO 8601, such as 2026-07-15T08:30:00Z, or leave as_of out."
        ) from None
    if moment > now:
        said = f"as_of: {format_instant(moment)} has not come yet; it is {format_instant(now)}."
        hint = "Send a past moment, or leave as_of out for the newest state."
        raise Refusal(422, "as_of_in_the_future", said, hint)
    return moment


def _until(history: History, as_of: int, as_known_then: bool) -> History:
    """The part of a history that `as_of` sees; arrivals matter only to somebody who asks about the past."""
    seen = history.time <= as_of
    if as_known_then and len(history.arrived):
        seen &= history.arrived <= as_of
    past = replace(history, arrived=history.arrived[:0])
    if seen.all():
        return past
    return replace(past, **{name: column[seen] for name, column in vars(past).items() if name != "arrived"})


def _event(event: EventRequest, zone: str, now: int) -> PostedEvent:
    """A posted event in the log's own meaning; ValueError says why it cannot be one."""
    words = {name: getattr(event, name) for name in ("event_id", "user_id", "kind", "item")}
    for name, text in words.items():
        if text is not None and "\0" in text:
            raise ValueError(f"{name} contains a NUL character")
        if text in _NOTHING and name != "item":
            raise ValueError(f"{name} is '{text}', which means that there is none")
    try:
        moment = parse_instant(event.time, zone)
    except InputProblem:
        raise ValueError("time is not readable; send ISO 8601, such as 2026-07-15T08:30:00Z") from None
    if moment > now:
        raise ValueError(f"time is in the future; it is {format_instant(now)}")
    if moment < EARLIEST:
        raise ValueError("time is before 1900")
    if event.value is not None and not abs(event.value) <= LARGEST_VALUE:
        raise ValueError("value is not a finite number; send null when there is none")
    item = None if event.item in _NOTHING else event.item
    return PostedEvent(event.event_id, event.user_id, moment, event.kind, event.value, item)
