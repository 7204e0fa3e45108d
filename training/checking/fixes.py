"""What to mend before training, the weightiest first, each with the way to do it."""

from __future__ import annotations

from dataclasses import replace

from features.business import Business
from features.catalog import named_kinds
from features.definitions import Definition, definitions
from features.past import Past
from features.problems import did_you_mean
from training.checking.checked import LogCheck, TaskCheck
from training.evidence import ENOUGH_WINDOWS
from training.splits import first_activities, timeline


def fixes(
    business: Business, seen: LogCheck, tasks: tuple[TaskCheck, ...], log: Past, lack: str
) -> list[str]:
    """Sentences for a person; lack: what the log lacks to learn anything at all, or ""."""
    found = [str(task.problem) for task in tasks if task.problem]
    found += [
        f"{kind!r} under {key} does not occur in the log. {did_you_mean(kind, log.kinds)}"
        for kind, key in _stray(business, log, tasks)
    ]
    total = max(seen.counted.rows_read, 1)
    if len(seen.rejected) > 0.01 * total:
        found.append(
            f"{len(seen.rejected) / total:.1%} of the rows were rejected; look at .winback/rejected.csv for the "
            f"reasons."
        )
    if lack:
        found.append(f"Bring more history: {lack}.")
        return found
    for task in tasks:
        found += [f"{task.task}: {reason}." for reason in task.evidence.reasons if task.evidence.grade == "none"]
        if task.refused:
            found.append(f"{task.task}: {task.refused}.")
        elif task.cutoffs and not task.problem and task.windows < ENOUGH_WINDOWS:
            found.append(_shorter(definitions(business)[task.task], task, log))
    if seen.lateness:
        found += seen.lateness.warnings(business.features.windows_days)
    return found


def _stray(business: Business, log: Past, tasks: tuple[TaskCheck, ...]) -> list[tuple[str, str]]:
    """Configured kinds that do not occur, apart from those that a problem names already."""
    said = " ".join(str(task.problem) for task in tasks if task.problem)
    return [
        (kind, key) for kind, key in named_kinds(business).items() if kind not in log.kinds and f"'{kind}'" not in said
    ]


def _shorter(asked: Definition, task: TaskCheck, log: Past) -> str:
    """How to get enough windows: the longest horizon with which the timeline holds them."""
    starts = first_activities(asked, log)
    count = "one label window" if task.windows == 1 else f"{task.windows} label windows"
    enough = (
        days for days in range(asked.horizon_days - 1, 0, -1)
        if timeline(replace(asked, horizon_days=days), log, starts).windows >= ENOUGH_WINDOWS
    )  # fmt: skip
    days = next(enough, 0)
    way = f"horizon_days <= {days} or a longer history gives" if days else "only a longer history gives"
    return (
        f"{task.task}: the history holds {count} that do{'es' if task.windows == 1 else ''} not overlap; "
        f"{way} {ENOUGH_WINDOWS}, and a better grade."
    )
