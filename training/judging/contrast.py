"""Two models side by side for a person: window by window, for whom they differ, and what they were made from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import pandas as pd

from features.business import Business
from features.clock import format_instant
from features.past import Past, open_past
from features.problems import InputProblem, did_you_mean
from features.progress import Progress
from training.bundle import Bundle, load_bundle, with_custom
from training.judging.comparison import by_window, difference, figures_of, rank_of, segments, side_by_side, windows_of
from training.judging.promotion import Segment, percent, stretched
from training.judging.standing import Contender, promises
from training.keeping import registry, runs
from training.keeping.identity import bundle_sha256
from training.keeping.registry import CHAMPION
from training.keeping.versions import must_exist, named
from training.measures.bootstrap import Interval

_RUN_ID = 32


@dataclass(frozen=True)
class Subject:
    """A model that a person named.  name: such as churn/3, or the beginning of a run's id."""

    name: str
    tested: Contender

    @property
    def bundle(self) -> Bundle:
        return self.tested.bundle


def compare(business: Business, first: str, second: str, now: int, progress: Progress) -> list[str]:
    """Lines that tell two models apart, by the promises that they made before they knew.

    first, second: such as churn/3, churn/champion, champion (of the other's question) or a run's id.
    Raises InputProblem when one does not exist, or they answer different questions of the three.
    """
    must_exist(business)
    with registry.connected(business) as client:
        one, other = (_subject(client, business, word) for word in _whole_words(client, first, second))
    if one.bundle.definition.task != other.bundle.definition.task:
        raise InputProblem(
            f"{one.name} is about {one.bundle.definition.task}, {other.name} about {other.bundle.definition.task}. "
            "Compare two models of one question.",
            "different_questions",
        )
    both = _met(one, other, lru_cache(lambda: open_past(business, now, progress)[0]))
    table = [*_table(one, other, both), *_segments(one, both)] if len(both) else _unmet(one, other)
    told = [f"A = {_told(one)}", f"B = {_told(other)}"]
    return [*told, *table, "What differs, A | B:", *_differences(one.bundle, other.bundle)]


def _whole_words(client: Any, first: str, second: str) -> tuple[str, str]:
    """A lone "champion" is that of the other's question."""
    if first == second == CHAMPION:
        raise InputProblem("Of which question? Write churn/champion, say, and another version.", "unknown_version")
    words = (first, second)
    if CHAMPION in words:
        task = _task_of(client, next(word for word in words if word != CHAMPION))
        first, second = (f"{task}/{CHAMPION}" if word == CHAMPION else word for word in words)
    return first, second


def _task_of(client: Any, word: str) -> str:
    run = None if "/" in word else runs.run_of(client, word)
    return str(run.data.tags.get("task", "")) if run else word.removeprefix("winback-").partition("/")[0]


def _subject(client: Any, business: Business, word: str) -> Subject:
    if "/" in word or len(word) < _RUN_ID:
        version = named(client, business, word)
        bundle, run_id, name = registry.model_of(version.task, version.number).bundle, version.run_id, version.name
    else:
        bundle, run_id, name = bundle_of(client, word), word, f"run {word[:8]}"
    return Subject(name, Contender(with_custom(bundle, business), runs.holdout_of(run_id)))


def bundle_of(client: Any, run_id: str) -> Bundle:
    """The model that a run has logged; raises InputProblem: unknown_run, or what `load_bundle` raises."""
    run = runs.run_of(client, run_id)
    if run is None:
        raise InputProblem(f"There is no run '{run_id}'. {did_you_mean(run_id, runs.recent(client))}", "unknown_run")
    folder = registry.files_behind(f"runs:/{run_id}/model")
    if folder is None:
        raise InputProblem(
            f"Run {run_id} ({run.info.run_name}, {run.info.status}) holds no model. Name a run of one question.",
            "run_without_model",
        )
    return load_bundle(folder)


def _met(one: Subject, other: Subject, past: Callable[[], Past]) -> pd.DataFrame:
    """Rows that neither had learned from, of the windows of either: the outcome and both promises."""
    if one.bundle.definition != other.bundle.definition:
        return pd.DataFrame()
    if (held := one.tested.holdout) is not None and len(rows := side_by_side(held, promises(other.tested, held, past))):
        return rows
    if (held := other.tested.holdout) is not None:
        rows = side_by_side(held, promises(one.tested, held, past))
        return rows.rename(columns={"p": "p_other", "p_other": "p"})
    return pd.DataFrame()


def _unmet(one: Subject, other: Subject) -> list[str]:
    """Why there is no table, and what each did on windows of its own."""
    same = one.bundle.definition == other.bundle.definition
    why = "No labelled rows are new to both" if same else "They answer different questions"
    return [
        f"{why}, so their losses cannot be compared. Each on its own:",
        *(line for letter, subject in (("A", one), ("B", other)) for line in _alone(letter, subject)),
    ]


def _alone(letter: str, subject: Subject) -> Iterator[str]:
    task, rows = subject.bundle.definition.task, subject.tested.holdout
    for at, window in windows_of(rows) if rows is not None else ():
        figures = [f"{name} {value:,.4g}" for name, value in figures_of(task, window).items()]
        yield f"  {letter}, window of {format_instant(at)[:10]}: {', '.join(figures)}"


def _told(one: Subject) -> str:
    bundle = one.bundle
    return (
        f"{one.name}: {bundle.rung}, grade {bundle.grade}, data until {format_instant(bundle.origin.until)[:10]}, "
        f"bundle {bundle_sha256(bundle)[:12]}"
    )


def _table(one: Subject, other: Subject, both: pd.DataFrame) -> Iterator[str]:
    task = one.bundle.definition.task
    loss, rank = "deviance A" if task == "ltv" else "log loss A", f"{rank_of(task)[0]} A"
    yield f"  {'window':<12}{'rows':>9}{loss:>13}{'B':>10}{'A - B':>10}   {'95 % interval':<20}{rank:>13}{'B':>9}"
    for at, rows, gap in by_window(task, both):
        yield _row(one, format_instant(at)[:10], rows, gap)
    if both["as_of"].nunique() > 1:
        yield _row(one, "all", both, difference(task, both))
    yield "  A - B below 0: A was less surprised by what came."


def _row(one: Subject, name: str, rows: pd.DataFrame, gap: Interval) -> str:
    task = one.bundle.definition.task
    rank = "gini" if task == "ltv" else "auc"
    a, b = figures_of(task, rows), figures_of(task, rows.assign(p=rows["p_other"]))
    between = f"{gap.low:+.4f} to {gap.high:+.4f}"
    losses = f"{a['loss']:>13.4f}{b['loss']:>10.4f}{gap.point:>+10.4f}"
    ranks = [f"{part[rank]:.4f}" if rank in part else "-" for part in (a, b)]
    return f"  {name:<12}{len(rows):>9,}{losses}   {between:<20}{ranks[0]:>13}{ranks[1]:>9}"


def _segments(one: Subject, both: pd.DataFrame) -> list[str]:
    """The segments for which one of the two is significantly better, Bonferroni over all that are large enough."""
    found = segments(one.bundle.definition.task, both)
    if not found:
        return []
    level = 1 - 0.05 / len(found)
    told = [_segment(segment, level) for segment in found]
    differ = [line for line in told if line]
    if not differ:
        return [f"In none of {len(found)} segments is one of them shown to be better."]
    return [f"Segments that differ, of {len(found)}, each at {percent(level)}:", *differ]


def _segment(segment: Segment, level: float) -> str:
    wide = stretched(segment.difference, level)
    if wide.low <= 0 <= wide.high:
        return ""
    better = "A" if wide.high < 0 else "B"
    figures = f"A - B {wide.point:+.4f} ({wide.low:+.4f} to {wide.high:+.4f}) on {segment.rows:,} rows"
    return f"  {segment.name}: {better} is better, {figures}"


def _differences(a: Bundle, b: Bundle) -> list[str]:
    """What the two models were made from and how, where it differs; a sentence each."""
    found = list(differences(a, b))
    return [f"  {line}" for line in found] or ["  nothing: they are the same, byte for byte"]


def differences(a: Bundle, b: Bundle) -> Iterator[str]:
    """Sentences about what is not the same in two models, first a's, then b's."""
    if a.definition != b.definition:
        yield f"definition: {a.definition.sentence()} | {b.definition.sentence()}"
    if a.origin.data != b.origin.data:
        grown = a.origin.events - b.origin.events
        yield (
            f"data: {a.origin.events:,} events of {a.origin.users:,} users until {format_instant(a.origin.until)} | "
            f"{b.origin.events:,} of {b.origin.users:,} until {format_instant(b.origin.until)} ({grown:+,} events)"
        )
    if a.origin.cutoffs != b.origin.cutoffs:
        yield f"cut-offs: {_cutoffs(a)} | {_cutoffs(b)}"
    yield from _catalogues(a, b)
    for name, one, other in (("candidate", a.rung, b.rung), ("evidence grade", a.grade, b.grade)):
        if one != other:
            yield f"{name}: {one} | {other}"


def _catalogues(a: Bundle, b: Bundle) -> Iterator[str]:
    if a.catalog.fingerprint() == b.catalog.fingerprint():
        return
    only = [sorted(set(one.catalog.names) - set(other.catalog.names)) for one, other in ((a, b), (b, a))]
    parts = [
        f"only in {letter}: {', '.join(names[:5])}{', ...' if len(names) > 5 else ''} ({len(names)})"
        for letter, names in zip("AB", only, strict=True)
        if names
    ]
    yield f"features: {'; '.join(parts) or 'the same names with another meaning'}"


def _cutoffs(bundle: Bundle) -> str:
    days = [format_instant(at)[:10] for at in bundle.origin.cutoffs]
    return f"{len(days)} from {days[0]} to {days[-1]}"
