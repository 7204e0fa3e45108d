"""What more would bring: larger trees, more customers, more history."""

from __future__ import annotations

from training.card import figures
from training.card.block import Block, Json, Picture, Subject, Table, between, figure
from training.card.figures import Point
from training.card.writing import decimals, percent


def sizes(of: Subject) -> Block | None:
    """The loss of each size of trees beside what explaining it costs."""
    found: Json = of.report.get("sizes") or {}
    curve = found.get("curve") or ()
    if not curve:
        return None
    dearest, best = max(one["cost"] for one in curve), min(one["loss"] for one in curve)
    rows = tuple(
        (f"{one['rounds']} × {one['depth']}", percent(one["cost"] / dearest, of.language), decimals(one["loss"], 4),
         between(one, 4))
        for one in curve
    )  # fmt: skip
    points = [
        Point(one["cost"] / dearest * 100, one["loss"], *_around(best, one), f"{one['rounds']}×{one['depth']}",
              found.get("says", "").startswith(f"trees: {one['rounds']} of depth {one['depth']},"))
        for one in curve
    ]
    words = (str(of.say("cost_axis")), str(of.say("loss")))
    picture = Picture(of.say("sizes_plot"), figures.measured(of.say("sizes_plot"), points, words, _loss))
    used = next((number for number, one in enumerate(points) if one.marked), None)
    table = Table(of.heads("size", "cost", "loss", "against_best"), rows, used)
    said = [of.say("sizes_lead")] + ([of.say("quoted", said=found["says"])] if found.get("says") else [])
    return Block("sizes", of.say("sizes"), tuple(said), tables=(table,), pictures=(picture,))


def _around(best: float, one: Json) -> tuple[float, float]:
    """The interval of a size's loss, from that of its distance to the lowest."""
    low, high = figure(one["low"]), figure(one["high"])
    return best + low, best + high


def _interval(loss: Json) -> tuple[float, float, float]:
    return figure(loss["point"]), figure(loss["low"]), figure(loss["high"])


def learning(of: Subject) -> Block | None:
    """The loss on the last window when the candidate learns from fewer customers, or fewer moments."""
    found: Json = of.report.get("learning") or {}
    tables, pictures = [], []
    for by in ("customers", "cutoffs"):
        part = found.get(f"by_{by}") or ()
        if not part:
            continue
        title = of.say(f"by_{by}")
        rows = tuple(
            (f"{one['customers']:,}", str(one["cutoffs"]), f"{one['rows']:,}", between(one["loss"], 4)) for one in part
        )
        head = of.heads("customers", "cutoffs", "rows", "loss")
        tables.append(Table(head, rows, folded=True, title=of.say(f"{by}_table")))
        points = [Point(one[by], *_interval(one["loss"]), f"{one[by]:,}") for one in part]
        words = (str(of.say(by)), str(of.say("loss")))
        pictures.append(Picture(title, figures.measured(title, points, words, _loss)))
    if not tables:
        return None
    said = (of.say("learning_lead"),)
    return Block("learning", of.say("learning"), said, tables=tuple(tables), pictures=tuple(pictures))


def _loss(value: float) -> str:
    return f"{value:.4g}"
