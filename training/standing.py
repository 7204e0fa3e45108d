"""Bring candidate and champion before the judge on rows that are fair to both."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from features.build import build
from features.kernel import MICROSECONDS_A_DAY
from features.past import Past
from training import registry
from training.bootstrap import Interval, paired
from training.bundle import Bundle
from training.metrics import log_loss, tweedie_deviance
from training.promotion import Comparison, Standing, Verdict, judge

FEWEST = 50


def verdict_on(client: Any, candidate: Bundle, holdout: pd.DataFrame, past: Past) -> Verdict:
    """Judge a candidate by its untouched window; holdout: `Trial.holdout`."""
    task = candidate.definition.task
    metric = tweedie_deviance if task == "ltv" else log_loss
    y, p, who = holdout["y"].to_numpy(), holdout["p"].to_numpy(), holdout["user_id"].to_numpy()
    skill = paired(metric, y, p, holdout["before"].to_numpy(), who)
    standing = _standing(candidate, skill)
    champion = registry.champion_of(client, task)
    if champion is None:
        return judge(standing, None, None)
    able = champion.bundle.catalog.custom == candidate.catalog.custom
    other = _champions_view(client, champion, candidate, holdout, past) if able else None
    comparison = None
    if other is not None and len(other) >= FEWEST:
        both = holdout.merge(other, on=["user_id", "as_of"], suffixes=("", "_champion"))
        if len(both) >= FEWEST:
            difference = paired(
                metric,
                both["y"].to_numpy(),
                both["p"].to_numpy(),
                both["p_champion"].to_numpy(),
                both["user_id"].to_numpy(),
            )
            comparison = Comparison(difference, len(both))
    rival = replace(_standing(champion.bundle, Interval(0.0, 0.0, 0.0)), able=able)
    return judge(standing, rival, comparison)


def _standing(bundle: Bundle, skill: Interval) -> Standing:
    asked = bundle.definition
    return Standing(
        f"{asked.sentence()}; activity: {', '.join(asked.activity)}", bundle.origin.until, bundle.grade, skill
    )


def _champions_view(
    client: Any, champion: registry.Champion, candidate: Bundle, holdout: pd.DataFrame, past: Past
) -> pd.DataFrame | None:
    """The champion's predictions of the window: fresh if it had not learned from it, else those it was judged by."""
    at = int(holdout["as_of"].iloc[0])
    reach = champion.bundle.definition.reach_days * MICROSECONDS_A_DAY
    if champion.bundle.definition != candidate.definition:
        return None
    if max(champion.bundle.origin.cutoffs) + reach <= at:
        catalog = replace(champion.bundle.catalog, custom=candidate.catalog.custom)
        bundle = replace(champion.bundle, inputs=replace(champion.bundle.inputs, catalog=catalog))
        return _predicted_by(bundle, set(holdout["user_id"]), past, at)
    saved = registry.holdout_of(client, champion)
    return None if saved is None else saved[["user_id", "as_of", "p"]]


def _predicted_by(bundle: Bundle, asked: set[str], past: Past, at: int) -> pd.DataFrame:
    """What a bundle says of these users at one moment; nobody is in two buckets."""
    parts = []
    for histories in past.buckets():
        users = np.array([i for i, user in enumerate(histories.users) if user in asked], dtype=np.int64)
        table = build(histories, bundle.catalog, users, np.full(len(users), at, dtype=np.int64))
        p = bundle.predict(bundle.matrix(table)) if len(users) else np.zeros(0)
        parts.append(pd.DataFrame({"user_id": histories.users[users], "as_of": at, "p": p}))
    return pd.concat(parts, ignore_index=True)
