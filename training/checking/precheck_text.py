"""The lines that `winback check` prints."""

from __future__ import annotations

from collections.abc import Iterator

from features.clock import format_instant
from training.checking.checked import Check, Cutoff, LogCheck, TaskCheck
from training.checking.precheck import day

_MOST_KINDS = 15
_OUTCOMES = {"churn": "left", "conversion": "converted", "ltv": "with a value"}
_GRADES = {
    "A": "well supported", "B": "good for "
        "decisions", "C": "a rough guide", "D": "a hint at best", "none": "cannot be trained",
}  # fmt: skip


def lines(check: Check) -> tuple[str, ...]:
    """The whole check for a person: the log, each question, what to mend."""
    return (*_log(check.log), "", *(line for task in check.tasks for line in _task(task)), *_own(check), *_fixes(check))


def _log(log: LogCheck) -> Iterator[str]:
    shown = log.rejected.summary()
    yield (
        f"{log.events:,} event{'' if log.events == 1 else 's'} of {log.users:,} "
        f"user{'' if log.users == 1 else 's'}, {_when(log)}"
    )
    yield f"  {shown}"
    if log.counted.files > 1:
        yield f"  {log.counted.files} files."
    for note in log.notes:
        yield f"  {note}"
    if log.lateness:
        yield from (f"  {line}" for line in log.lateness.lines())
    yield f"  {len(log.kinds):,} kind{'' if len(log.kinds) == 1 else 's'} of event:"
    width = max(len(kind) for kind, _ in log.kinds[:_MOST_KINDS])
    for kind, count in log.kinds[:_MOST_KINDS]:
        yield f"    {kind:<{min(width, 40)}} {count:>12,}  {count / log.events:6.1%}"
    if len(log.kinds) > _MOST_KINDS:
        rest = log.kinds[_MOST_KINDS:]
        yield f"    and {len(rest)} more with {sum(count for _, count in rest):,} events"


def _when(log: LogCheck) -> str:
    if log.dates_only:
        return (
            f"{format_instant(log.first, log.zone)[:10]} to {format_instant(log.last, log.zone)[:10]} (whole "
            f"days, {log.span_days:,.0f} in all, {log.zone})"
        )
    return (
        f"{format_instant(log.first, log.zone)[:19]} to {format_instant(log.last, log.zone)[:19]} "
        f"({log.span_days:,.1f} days, {log.zone})"
    )


def _task(task: TaskCheck) -> Iterator[str]:
    yield f"{task.task}: {task.definition}"
    if task.problem or task.refused:
        yield f"  cannot be asked: {task.problem or task.refused}"
        return
    yield f"  grade {task.evidence.grade} ({_GRADES[task.evidence.grade]}): {_windows(task)}"
    yield from (f"    - {reason}" for reason in task.evidence.reasons)
    yield from (_cutoff(task, cutoff) for cutoff in task.cutoffs)


def _windows(task: TaskCheck) -> str:
    count = len(task.cutoffs)
    apart = (
        f"{task.windows} window{'' if task.windows == 1 else 's'} that "
        f"{'does' if task.windows == 1 else 'do'} not overlap"
    )
    judged = (
        "judged on a later period than it learns from" if task.out_of_time else "cannot be judged on a later period"
    )
    return f"{count} cut-off{'' if count == 1 else 's'}, {apart}, {judged}"


def _cutoff(task: TaskCheck, cutoff: Cutoff) -> str:
    share = f" ({cutoff.outcome / cutoff.eligible:.1%})" if cutoff.eligible else ""
    return (
        f"    as of {day(cutoff.as_of)}: {cutoff.eligible:>9,} users, {cutoff.outcome:>9,} "
        f"{_OUTCOMES[task.task]}{share}"
    )


def _own(check: Check) -> Iterator[str]:
    if check.own_features:
        yield "features of your own:"
        yield from (f"  {line}" for line in check.own_features)


def _fixes(check: Check) -> Iterator[str]:
    yield ""
    if not check.fixes:
        yield "Nothing to mend. Next: winback train"
        return
    yield "To mend, or to know:"
    yield from (f"  - {fix}" for fix in check.fixes)
