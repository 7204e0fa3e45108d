"""The promises of two models side by side on the same customers and windows: who was less surprised by what came."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from features.definitions import TaskName
from training.judging.promotion import Comparison, Segment, Window
from training.measures.bootstrap import Interval, Metric, paired
from training.measures.metrics import auc, log_loss, normalized_gini, tweedie_deviance
from training.measures.segments import ORDER, difference_by_segment

FEWEST = 50
DRAWS = 500  # the judge looks at the tails, once for each segment


def loss_of(task: TaskName) -> Metric:
    """What models of a question are judged by, lower is better."""
    return tweedie_deviance if task == "ltv" else log_loss


def rank_of(task: TaskName) -> tuple[str, Metric]:
    """How well customers are put in order, with its name; higher is better."""
    return ("norm. Gini", normalized_gini) if task == "ltv" else ("AUC", auc)


def side_by_side(own: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    """The rows that both promised something for, with `p_other`; windows of fewer than FEWEST such rows are left out.

    own: user_id, as_of, y, p and perhaps segments.  other: user_id, as_of, p.
    """
    met = own.merge(other[["user_id", "as_of", "p"]], on=["user_id", "as_of"], suffixes=("", "_other"))
    return met[met.groupby("as_of")["p"].transform("size") >= FEWEST].reset_index(drop=True)


def comparison_of(task: TaskName, both: pd.DataFrame, held: int, challenger: int = 1) -> Comparison | None:
    """What the judge is told of rows side by side, or None when there are none.

    both: of `side_by_side`.  held: the windows that the candidate was tested on.  challenger: as of `Comparison`.
    """
    if both.empty:
        return None
    windows = tuple(Window(at, gap.point, len(rows)) for at, rows, gap in by_window(task, both))
    return Comparison(difference(task, both), len(both), windows, held, segments(task, both), challenger)


def difference(task: TaskName, both: pd.DataFrame) -> Interval:
    """The first model's loss minus the other's, with the 95 % interval of a paired bootstrap over customers."""
    y, p, other, who = (both[name].to_numpy() for name in ("y", "p", "p_other", "user_id"))
    return paired(loss_of(task), y, p, other, who)


def by_window(task: TaskName, both: pd.DataFrame) -> Iterator[tuple[int, pd.DataFrame, Interval]]:
    """Each window's as_of (microseconds UTC), rows and difference, oldest first."""
    for at, rows in windows_of(both):
        yield at, rows, difference(task, rows)


def windows_of(rows: pd.DataFrame) -> Iterator[tuple[int, pd.DataFrame]]:
    """Each as_of (microseconds UTC) with its rows, oldest first."""
    for at in sorted(rows["as_of"].unique().tolist()):
        yield int(at), rows[rows["as_of"] == at]


def segments(task: TaskName, both: pd.DataFrame) -> tuple[Segment, ...]:
    """The difference in every segment that has enough rows and enough of the rarer outcome to tell."""
    ways = {by: both[by].to_numpy(dtype=object) for by in ORDER if by in both}
    y, p, other, who = (both[name].to_numpy() for name in ("y", "p", "p_other", "user_id"))
    found = difference_by_segment(ways, y, p, other, who, loss_of(task), DRAWS)
    return tuple(Segment(f"{one.by}: {one.name}", one.figures["difference"], one.rows) for one in found if one.figures)


def figures_of(task: TaskName, rows: pd.DataFrame) -> dict[str, float]:
    """Loss, rank, promised and observed mean of one window's promises, those that are defined; rows: y and p."""
    y, p = rows["y"].to_numpy(), rows["p"].to_numpy()
    name = "gini" if task == "ltv" else "auc"
    found = {
        "loss": loss_of(task)(y, p), name: rank_of(task)[1](y, p), "promised": float(p.mean()),
        "observed": float(y.mean()), "rows": float(len(y)),
    }  # fmt: skip
    return {key: value for key, value in found.items() if np.isfinite(value)}
