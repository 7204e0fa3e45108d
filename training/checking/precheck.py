"""What a log holds, what each question can and cannot learn from it, and what to mend first."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from features.build import build_at, try_custom
from features.business import Business
from features.catalog import Catalog
from features.clock import DAY
from features.definitions import Definition, TaskName, definitions, eligible
from features.past import Account, Past, catalog_of
from features.problems import InputProblem, did_you_mean
from features.spec import Reduction
from training.checking.checked import Check, Cutoff, LogCheck, TaskCheck
from training.checking.fixes import fixes
from training.checking.lateness import lateness
from training.evidence import ENOUGH_WINDOWS, Evidence, grade
from training.labels import labels
from training.splits import Timeline, first_activities, timeline


def check(business: Business, account: Account, log: Past) -> Check:
    """Look at a log with the questions of a business in mind; nothing is written and nothing is learned."""
    seen = _log_check(business, account, log)
    full = catalog_of(business, log)
    slim = _slim(full)
    tasks = tuple(_task_check(business, asked, log, slim) for asked in definitions(business).values())
    tried = try_custom(full, next(log.buckets()), log.span.last)
    return Check(seen, tasks, tried, tuple(dict.fromkeys(fixes(business, seen, tasks, log, _lack(log)))))


def absent_kinds(business: Business, log: Past, task: TaskName) -> InputProblem | None:
    """The problem that a question asks for kinds none of which is in the log; None when it can be asked.

    One missing kind of several is no problem (`check` mentions it), nor is a cancellation that nobody has made yet.
    """
    keys = {
        "churn": ("churn.activity", "churn.contract"),
        "conversion": ("conversion.target", "conversion.eligible"),
        "ltv": ("ltv.of",),
    }[task]
    for key in keys:
        kinds = _configured(business, key)
        if kinds and not set(kinds) & set(log.kinds):
            named = " or ".join(f"'{kind}'" for kind in kinds[:5])
            return InputProblem(
                f"{key} asks for {named}, but no event in the log is of that kind. {did_you_mean(kinds[0], log.kinds)} "
                f"Correct {key} in winback.toml.",
                "unknown_kind",
            )
    return None


def unanswerable(business: Business, asked: Definition, log: Past) -> InputProblem | None:
    """Why a question cannot be learned from this log at all; None when there is at least one labelled window."""
    if absent := absent_kinds(business, log, asked.task):
        return absent
    if _valueless(asked, log):
        return InputProblem(f"ltv: {no_values(business, asked)}.", "no_values")
    if lack := _lack(log):
        return InputProblem(f"{asked.task}: {lack}. Bring more history.", "not_enough_data")
    return horizon_problem(asked, log)


def horizon_problem(asked: Definition, log: Past) -> InputProblem | None:
    """The problem that a horizon is longer than the history; None when at least one label window fits."""
    starts = first_activities(asked, log)
    if timeline(asked, log, starts).cutoffs:
        return None
    span = (log.span.complete_until - log.span.first) / DAY
    largest = largest_horizon(asked, log)
    gap = f" after a gap of {asked.gap_days} days" if asked.gap_days else ""
    advice = (
        f"Use horizon_days <= {largest} under [{asked.task}] ({max(int(span // 4), 1)} for {ENOUGH_WINDOWS} windows), "
        "or bring a longer history."
        if largest >= 1
        else "No horizon fits: bring a longer history."
    )
    return InputProblem(
        f"{asked.task}: a horizon of {asked.horizon_days} days{gap} does not fit into a history of {span:,.1f} days "
        f"({day(log.span.first)} to {day(log.span.complete_until)}), which also has to show some past. {advice}",
        "horizon_too_long",
    )


def largest_horizon(asked: Definition, log: Past) -> int:
    """The longest horizon, in whole days, of which `timeline` finds one label window in a history; 0 when none fits."""
    most = int((log.span.complete_until - log.span.first) / DAY) - asked.gap_days
    starts = first_activities(asked, log)
    fitting = (days for days in range(most, 0, -1) if timeline(replace(asked, horizon_days=days), log, starts).cutoffs)
    return next(fitting, 0)


def day(micros: int) -> str:
    """The UTC day of a moment."""
    return str(np.datetime64(micros, "us").astype("datetime64[D]"))


def _log_check(business: Business, account: Account, log: Past) -> LogCheck:
    uses = sorted(log.uses(), key=lambda use: (-use.events, use.kind))
    kinds = tuple((use.kind, use.events) for use in uses if use.events)
    return LogCheck(
        source=business.events.source,
        users=log.user_count,
        events=log.event_count,
        first=log.span.first,
        last=log.span.last,
        complete_until=log.span.complete_until,
        dates_only=log.span.dates_only,
        zone=log.span.zone,
        kinds=kinds,
        rejected=account.rejected,
        counted=account.counted,
        notes=account.notes,
        lateness=lateness(log),
    )


def _slim(full: Catalog) -> Catalog:
    """The few features that decide who is eligible."""
    needed = (Reduction.COUNT, Reduction.RECENCY)
    return replace(full, features=tuple(f for f in full.features if f.days is None and f.reduction in needed))


def _task_check(business: Business, asked: Definition, log: Past, slim: Catalog) -> TaskCheck:
    plain = TaskCheck(asked.task, asked.sentence())
    if problem := absent_kinds(business, log, asked.task):
        return replace(plain, problem=problem)
    if lack := _lack(log):
        return replace(plain, refused=lack)
    if problem := horizon_problem(asked, log):
        return replace(plain, problem=problem)
    if _valueless(asked, log):
        return replace(plain, refused=no_values(business, asked))
    times = timeline(asked, log)
    cutoffs = _cutoffs(asked, log, slim, times)
    return replace(
        plain,
        cutoffs=cutoffs,
        windows=times.windows,
        out_of_time=times.out_of_time,
        evidence=_evidence(asked, times, cutoffs[-1]),
    )


def _lack(log: Past) -> str:
    """What a log lacks to learn anything from it at all, or ""."""
    if log.event_count == 1:
        return "the log has one event; a model needs the histories of at least 50 users"
    if log.span.first == log.span.last:
        return "all events are at one instant; there is no before and after to learn from"
    return "the log has one user; a model compares at least 50" if log.user_count == 1 else ""


def _valueless(asked: Definition, log: Past) -> bool:
    return asked.task == "ltv" and not any(use.values for use in log.uses() if use.kind in asked.kinds)


def no_values(business: Business, asked: Definition) -> str:
    if not business.events.value:
        return "no column holds a value; set value under [events] to the column with the amounts"
    return f"no {' or '.join(asked.kinds)} event has a value in the column '{business.events.value}'"


def _cutoffs(asked: Definition, log: Past, slim: Catalog, times: Timeline) -> tuple[Cutoff, ...]:
    found = {as_of: Cutoff(as_of, 0, 0) for as_of in times.cutoffs}
    for histories in log.buckets():
        for as_of, so_far in found.items():
            table = build_at(histories, slim, as_of)
            users = table.user[eligible(asked, table)]
            outcome = int((labels(asked, histories, users, as_of) != 0).sum())
            found[as_of] = Cutoff(as_of, so_far.eligible + len(users), so_far.outcome + outcome)
    return tuple(found.values())


def _evidence(asked: Definition, times: Timeline, last: Cutoff) -> Evidence:
    rarer = last.outcome if asked.task == "ltv" else min(last.outcome, last.eligible - last.outcome)
    return grade(times.windows, times.out_of_time, rarer, last.eligible)


def _configured(business: Business, key: str) -> tuple[str, ...]:
    if key == "conversion.eligible" and business.conversion:
        rule = definitions(business)["conversion"].rule
        return (rule.kind,) if rule.kind else ()
    table, _, field = key.partition(".")
    section = getattr(business, table)
    return tuple(getattr(section, field)) if section else ()
