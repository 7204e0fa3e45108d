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
from features.online.store import PostedEvent, Store, open_store
from features.past import open_past
from features.problems import InputProblem
from features.progress import Progress
from features.sources.amounts import LARGEST_VALUE
from features.sources.text import MISSING, NOT_A_NUMBER
from serving.laps import Laps
from serving.requests import EventRequest, EventsRequest, Refusal, ScoreRequest
from serving.scores import score_table, stages
from training.bundle import Bundle
from training.keeping.registry import Champion, champions, ready, same_catalogue

STORE = "history.sqlite"
EARLIEST = parse_instant("1900-01-01")
CLOCKS_APART = 300 * SECOND  # a sender's clock may run ahead of ours by this much
_NOTHING = {*MISSING, *NOT_A_NUMBER}
_TOO_MANY_KINDS = "a new kind beyond the limit of {limit} kinds; raise max_kinds under [events] in winback.toml"


@dataclass(frozen=True)
class Live:
    """What the service answers from.  champions: by task, at least one, all over one catalogue."""

    business: Business
    champions: Mapping[TaskName, Champion]
    store: Store
    plans: dict[tuple[str, ...], Plan] = field(default_factory=dict, repr=False)

    @property
    def models(self) -> dict[str, str]:
        """The version behind each question, such as {"churn": "winback-churn/3"}."""
        return {task: f"{champion.name}/{champion.version}" for task, champion in self.champions.items()}

    @property
    def catalog(self) -> Catalog:
        return next(iter(self.champions.values())).bundle.catalog

    def score(self, request: ScoreRequest, now: int, laps: Laps | None = None) -> dict[str, Any]:
        """Score users as of the newest event that anybody is known to have had (`ScoreResponse`).

        That moment, and not the clock's, is `as_of`: when the feed of events stalls, customers do not look more and
        more lost; `lag_seconds` grows instead. A log with dates only has its newest stamp as that moment.
        request.as_of: a past moment, scored with what had happened, and as far as the log says arrived, by then.
        Raises Refusal: no_model for a question without one, bad_as_of, as_of_in_the_future, and as_of_too_old from the
        store where it no longer holds what was known then.
        """
        laps = laps or Laps()
        chosen = self._chosen(request.tasks)
        asked = list(dict.fromkeys(request.user_ids))
        past = None if request.as_of is None else _past(request.as_of, self.business.events.time_zone, now)
        known = self.store.read(asked)
        laps.lap("read")
        newest = min(known.frontier or now, now + CLOCKS_APART)  # the next score sees even what a fast clock stamped
        as_of = newest if past is None else past
        seen = {
            user: _until(known.histories[user], as_of, past is not None) for user in asked if user in known.histories
        }
        seen = {user: history for user, history in seen.items() if len(history.time)}
        scores = self._scores(seen, known.kinds, as_of, chosen, request, laps) if seen else ()
        then = {"as_of": format_instant(as_of), "lag_seconds": max(0.0, round((now - newest) / SECOND, 3))}
        models = {task: self.models[task] for task in chosen}
        return {
            "scores": [
                _about(user, history) | then | said | {"models": models}
                for (user, history), said in zip(seen.items(), scores, strict=True)
            ],
            "missing": [user for user in asked if user not in seen],
        }

    def accept(self, request: EventsRequest, now: int, laps: Laps | None = None) -> dict[str, Any]:
        """Take events in (`EventsResponse`); they are on disk when this returns, and the next score reflects them.

        An event that cannot be one (unreadable or future time, a value that is not finite, a NUL) is rejected alone;
        up to 5 minutes ahead of `now` is not the future, for the clocks of two machines are never quite the same.
        Raises StoreUnavailable when nothing could be written.
        """
        laps = laps or Laps()
        good: dict[int, PostedEvent] = {}
        rejected: dict[int, str] = {}
        for index, event in enumerate(request.events):
            try:
                good[index] = _event(event, self.business.events.time_zone, now)
            except ValueError as fault:
                rejected[index] = str(fault)
        laps.lap("parse")
        verdicts = self.store.append(list(good.values()), now) if good else []
        laps.lap("write")
        limit = self.business.events.max_kinds
        for index, verdict in zip(good, verdicts, strict=True):
            if verdict == "too many kinds":
                rejected[index] = _TOO_MANY_KINDS.format(limit=limit)
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

    def _chosen(self, tasks: Sequence[TaskName] | None) -> dict[TaskName, Bundle]:
        """The models of the questions that are asked, in the order of all; raises Refusal where there is none."""
        held = self._bundles()
        if tasks is None:
            return held
        if missing := [task for task in dict.fromkeys(tasks) if task not in held]:
            said = f"tasks: there is no model for {', '.join(missing)}; there is one for {', '.join(held)}."
            hint = f"Ask for {', '.join(held)}, or leave tasks out for all that have a model."
            raise Refusal(422, "no_model", said, hint)
        return {task: bundle for task, bundle in held.items() if task in tasks}

    def _scores(
        self,
        seen: Mapping[str, History],
        kinds: tuple[str, ...],
        as_of: int,
        chosen: dict[TaskName, Bundle],
        request: ScoreRequest,
        laps: Laps,
    ) -> list[dict[str, Any]]:
        table = self._asked_features(list(seen.values()), kinds, as_of)
        laps.lap("features")
        scores = score_table(chosen, table, request.reasons, request.lang)
        if len(chosen) < len(self.champions):  # a user's stage is the same whichever questions are asked
            scores = replace(scores, stage=stages(self._bundles(), table))
        laps.lap("predict")
        said = [scores.answer(row) for row in range(len(seen))]
        laps.lap("reasons")
        return said

    def _asked_features(self, past: list[History], kinds: tuple[str, ...], as_of: int) -> FeatureTable:
        try:
            return self._features(past, kinds, as_of)
        except InputProblem as problem:
            if problem.code != "as_of_too_old":
                raise
            said = f"as_of: {format_instant(as_of)} is too long ago; of some of these users older events are folded."
            raise Refusal(422, problem.code, said, "Send a later moment, or leave as_of out.") from None

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
    return Live(business, known, open_history(business))


def open_history(business: Business) -> Store:
    """The online store of this business, beside its winback.toml."""
    return open_store(business.state / STORE, business.events.time_zone, business.events.max_kinds)


def warm(business: Business, now: int, progress: Progress) -> str:
    """Bring the online store up to the event log, and keep what was posted; returns the user of the newest event."""
    past, account = open_past(business, now, progress)
    with progress.step(f"keeping the histories of {past.user_count:,} users with {past.event_count:,} events at hand"):
        store = open_history(business)
        store.warm(past, account.event_ids())
        store.close()
    return next(str(some.users[some.owner[at]]) for some in past.buckets() for at in _newest(some))


def _newest(histories: Histories) -> NDArray[np.int64]:
    """The places of the log's newest events."""
    return np.flatnonzero(histories.time == histories.span.last)


def _about(user: str, history: History) -> dict[str, Any]:
    last = format_instant(int(history.time[-1]))
    return {"user_id": user, "events_seen": len(history.time), "last_event_at": last}


def _past(text: str, zone: str, now: int) -> int:
    hint = "Send ISO 8601, such as 2026-07-15T08:30:00Z, or leave as_of out."
    try:
        moment = parse_instant(text, zone)
    except InputProblem as problem:
        raise Refusal(422, "bad_as_of", f"as_of: {problem}", hint) from None
    if moment < EARLIEST:
        raise Refusal(422, "bad_as_of", "as_of is before 1900.", hint)
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
    if moment > now + CLOCKS_APART:
        raise ValueError(f"time is in the future; it is {format_instant(now)}")
    if moment < EARLIEST:
        raise ValueError("time is before 1900")
    if event.value is not None and not abs(event.value) <= LARGEST_VALUE:
        raise ValueError("value is not a finite number; send null when there is none")
    item = None if event.item in _NOTHING else event.item
    return PostedEvent(event.event_id, event.user_id, moment, event.kind, event.value, item)
