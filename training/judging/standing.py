"""Bring candidate and champion before the judge on rows that are fair to both."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from features.build import build
from features.clock import DAY, format_instant
from features.definitions import Definition
from features.past import Past
from training.bundle import Bundle
from training.judging.comparison import comparison_of, loss_of, side_by_side, windows_of
from training.judging.promotion import Standing, Verdict, judge
from training.measures.bootstrap import Interval, paired


@dataclass(frozen=True)
class Contender:
    """A finished model and what it had promised before it knew.

    holdout: user_id, as_of (microseconds UTC, one or several windows), y, p (the calibrated promise of a model that had
    learned from neither the window nor the customer), before (what one would have promised everybody), and perhaps the
    segments tier, tenure and stage; None when they are gone.
    """

    bundle: Bundle
    holdout: pd.DataFrame | None


@dataclass(frozen=True)
class Circumstances:
    """What the judge must know beside the two models.

    asked: today's question, None when the configuration no longer has it.  now: microseconds UTC.
    challengers: how many met a champion on a window before.  alarms, drift: as of `Standing`.
    suspicions: sentences by kind of leak.
    """

    asked: Definition | None
    now: int
    challengers: Callable[[str], int] = lambda window: 0
    alarms: tuple[str, ...] = ()
    suspicions: Mapping[str, str] = field(default_factory=dict)
    drift: str = ""


@dataclass(frozen=True)
class Judgement:
    """A verdict.  judged_on: the window on which a champion was met, "" when none was."""

    verdict: Verdict
    judged_on: str = ""


def verdict_on(candidate: Contender, champion: Contender | None, past: Past, around: Circumstances) -> Judgement:
    """Judge a candidate by its untouched windows."""
    own, holdout = candidate.bundle, candidate.holdout
    assert holdout is not None, "a candidate comes with its holdout"
    y, p, before, who = (holdout[name].to_numpy() for name in ("y", "p", "before", "user_id"))
    standing = replace(
        standing_of(own, paired(loss_of(own.definition.task), y, p, before, who)),
        able=own.definition == around.asked, alarms=around.alarms,
        suspicions=_new(around.suspicions, champion), drift=around.drift, stale=_stale(own, around.now),
    )  # fmt: skip
    if champion is None:
        return Judgement(judge(standing, None, None))
    able = champion.bundle.catalog.custom == own.catalog.custom
    rival = replace(standing_of(champion.bundle, Interval(0.0, 0.0, 0.0)), able=able)
    view = _champions_view(champion, own, holdout, past) if able else None
    if view is None:
        return Judgement(judge(standing, rival, None))
    window = judged_on(holdout, own)
    both, held = side_by_side(holdout, view), holdout["as_of"].nunique()
    compared = comparison_of(own.definition.task, both, held, around.challengers(window) + 1)
    return Judgement(judge(standing, rival, compared), window if compared else "")


def _new(suspicions: Mapping[str, str], champion: Contender | None) -> tuple[str, ...]:
    """Those of a kind that the champion does not have: what it was promoted with, somebody has looked at."""
    leaks = champion.bundle.report.get("leaks") if champion else None
    known = {alarm["kind"] for alarm in leaks["alarms"]} if leaks else set()
    return tuple(said for kind, said in suspicions.items() if kind not in known)


def standing_of(bundle: Bundle, skill: Interval) -> Standing:
    """What a bundle itself tells the judge."""
    asked = bundle.definition
    return Standing(
        f"{asked.sentence()}; activity: {', '.join(asked.activity)}", bundle.origin.until, bundle.grade, skill
    )


def judged_on(holdout: pd.DataFrame, bundle: Bundle) -> str:
    """The newest window and the data, under which challengers are counted."""
    return f"{format_instant(int(holdout['as_of'].max()))} of data {bundle.origin.data}"


def _stale(bundle: Bundle, now: int) -> str:
    """A sentence when the data had ended a whole horizon before the model learned; it is told, and decides nothing.

    A back-test on an old log is no fault, and an older champion would be staler still.
    """
    days = (now - bundle.origin.until) // DAY
    if days <= bundle.definition.horizon_days:
        return ""
    ended = format_instant(bundle.origin.until)[:10]
    return f"the data end {ended}, {days:,} days ago and further back than the horizon; scores are of that day"


def _champions_view(champion: Contender, own: Bundle, holdout: pd.DataFrame, past: Past) -> pd.DataFrame | None:
    """The champion's promises for the candidate's rows, where its question is the same."""
    if champion.bundle.definition != own.definition:
        return None
    catalog = replace(champion.bundle.catalog, custom=own.catalog.custom)
    able = replace(champion.bundle, inputs=replace(champion.bundle.inputs, catalog=catalog))
    return promises(replace(champion, bundle=able), holdout, lambda: past)


def promises(tested: Contender, asked: pd.DataFrame, past: Callable[[], Past]) -> pd.DataFrame:
    """What a model says of rows from which it had not learned: user_id, as_of, p.

    Fresh predictions for the windows that began when all it learned from was over, else what it had promised before.
    asked: user_id, as_of.  past: asked for only when fresh predictions are needed.
    """
    bundle, saved = tested.bundle, tested.holdout
    over = max(bundle.origin.cutoffs) + bundle.definition.reach_days * DAY
    parts = []
    for at, rows in windows_of(asked):
        if over <= at:
            parts.append(_predicted_by(bundle, set(rows["user_id"]), past(), at))
        elif saved is not None:
            parts.append(saved.loc[saved["as_of"] == at, ["user_id", "as_of", "p"]])
    return pd.concat(parts, ignore_index=True) if parts else asked.assign(p=0.0).iloc[:0][["user_id", "as_of", "p"]]


def _predicted_by(bundle: Bundle, asked: set[str], past: Past, at: int) -> pd.DataFrame:
    """What a bundle says of these users at one moment; nobody is in two buckets."""
    parts = []
    for histories in past.buckets():
        users = np.array([i for i, user in enumerate(histories.users) if user in asked], dtype=np.int64)
        table = build(histories, bundle.catalog, users, np.full(len(users), at, dtype=np.int64))
        p = bundle.predict(bundle.matrix(table)) if len(users) else np.zeros(0)
        parts.append(pd.DataFrame({"user_id": histories.users[users], "as_of": at, "p": p}))
    return pd.concat(parts, ignore_index=True)
