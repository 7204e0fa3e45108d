"""The running service's state and its two answers, without HTTP: scores of now, and events taken in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from features.arrays import Plan
from features.build import FeatureTable, History, build_one
from features.business import Business, read_business
from features.catalog import Catalog
from features.clock import SECOND, format_instant
from features.definitions import TaskName
from features.online.place import open_history
from features.online.place import warm as fill
from features.online.store import PostedEvent, Store
from features.problems import InputProblem
from features.progress import Progress
from features.pseudonyms import CLEAR, Pseudonyms, pseudonyms_of
from serving.interface.laps import Laps
from serving.interface.requests import EventsRequest, Refusal, ScoreRequest
from serving.posting import CLOCKS_APART, posted_event
from serving.scores import score_table, stages
from serving.seen import Seen, past_moment
from training.bundle import Bundle
from training.keeping.registry import Champion, champions, ready, same_catalogue

_TOO_MANY_KINDS = "a new kind beyond the limit of {limit} kinds; raise max_kinds under [events] in winback.toml"
_FORGOTTEN = "from before this user asked to be forgotten; only what happened after that is taken"


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

    def score(self, request: ScoreRequest, now: int, laps: Laps | None = None) -> dict[str, Any]:
        """Score users as of the newest event that anybody is known to have had (`ScoreResponse`).

        That moment, and not the clock's, is `as_of`: when the feed of events stalls, customers do not look more and
        more lost; `lag_seconds` grows instead. A log with dates only has its newest stamp as that moment.
        request.as_of: a past moment, scored with what had happened, and as far as the log says arrived, by then.
        Raises Refusal: no_model for a question without one, and what `seen` raises.
        """
        laps = laps or Laps()
        chosen = self._chosen(request.tasks)
        callers = self.names.each(request.user_ids)
        seen = self.seen(list(callers), request.as_of, now, laps)
        scores = self._scores(seen, chosen, request, laps) if seen.histories else ()
        models = {task: self.models[task] for task in chosen}
        return {
            "scores": [
                seen.about(user, callers[user]) | said | {"models": models}
                for user, said in zip(seen.histories, scores, strict=True)
            ],
            "missing": [named for user, named in callers.items() if user not in seen.histories],
        }

    def seen(self, users: Sequence[str], as_of: str | None, now: int, laps: Laps | None = None) -> Seen:
        """What is known of users; as_of: a past moment as a caller writes it, None for the newest.

        users: ids under which they are kept (`names`).  Raises Refusal: bad_as_of, as_of_in_the_future.
        """
        past = None if as_of is None else past_moment(as_of, self.business.events.time_zone, now)
        known = self.store.read(users, folded=True)
        newest = min(known.frontier or now, now + CLOCKS_APART)  # the next score sees even what a fast clock stamped
        moment = newest if past is None else past
        known = self.store.unfolded(known, self._plan(known.kinds), moment, past is not None)
        if laps:
            laps.lap("read")
        there = [user for user in users if user in known.histories]
        found = {user: known.histories[user].until(moment, past is not None) for user in there}
        found = {user: history for user, history in found.items() if history.events}
        return Seen(found, known.kinds, moment, max(0.0, round((now - newest) / SECOND, 3)))

    def table(self, seen: Seen) -> FeatureTable:
        """The features of those who are known, a row each in their order; raises Refusal (as_of_too_old)."""
        try:
            return self._features(list(seen.histories.values()), seen.kinds, seen.as_of)
        except InputProblem as problem:
            if problem.code != "as_of_too_old":
                raise
            then = format_instant(seen.as_of)
            said = f"as_of: {then} is too long ago; of some of these users older events are folded."
            raise Refusal(422, problem.code, said, "Send a later moment, or leave as_of out.") from None

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
                posted = posted_event(event, self.business.events.time_zone, now)
                good[index] = replace(posted, user_id=self.names.of(posted.user_id))
            except ValueError as fault:
                rejected[index] = str(fault)
        laps.lap("parse")
        verdicts = self.store.append(list(good.values()), now) if good else []
        laps.lap("write")
        kinds = _TOO_MANY_KINDS.format(limit=self.business.events.max_kinds)
        refusals = {"too many kinds": kinds, "forgotten": _FORGOTTEN}
        for index, verdict in zip(good, verdicts, strict=True):
            if verdict in refusals:
                rejected[index] = refusals[verdict]
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
        self, seen: Seen, chosen: dict[TaskName, Bundle], request: ScoreRequest, laps: Laps
    ) -> list[dict[str, Any]]:
        table = self.table(seen)
        laps.lap("features")
        scores = score_table(chosen, table, request.reasons, request.lang)
        if len(chosen) < len(self.champions):  # a user's stage is the same whichever questions are asked
            scores = replace(scores, stage=stages(self._bundles(), table))
        laps.lap("predict")
        said = [scores.answer(row) for row in range(len(seen.histories))]
        laps.lap("reasons")
        return said

    def _features(self, past: list[History], kinds: tuple[str, ...], as_of: int) -> FeatureTable:
        plan = self._plan(kinds)
        values = np.stack([build_one(history, plan, as_of) for history in past])
        rows = np.arange(len(past), dtype=np.int64)
        return FeatureTable(self.catalog, rows, np.full(len(past), as_of, dtype=np.int64), values)

    def _plan(self, kinds: tuple[str, ...]) -> Plan:
        if kinds not in self.plans:
            self.plans[kinds] = self.catalog.plan(kinds)
        return self.plans[kinds]


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
    """Bring the online store up to the event log, and keep what was posted; returns a user who was there lately.

    The newest of the first bucket: a log of many buckets is not read once more for an example.
    """
    store = open_history(business)
    past, _ = fill(business, store, now, progress)
    store.close()
    some = next(some for some in past.buckets() if some.event_count)
    return str(some.users[some.owner[int(np.argmax(some.time))]])
