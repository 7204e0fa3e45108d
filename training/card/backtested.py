"""How the model would have done before: window after window, each decided with what was known by then."""

from __future__ import annotations

from training.card import figures
from training.card.block import Block, Json, Picture, Subject, Table, between, figure, moment
from training.card.writing import amount, decimals, percent

OF_CHANCES = (("auc", 3), ("log_loss", 3), ("ece", 3), ("slope", 2), ("intercept", 2))
OF_AMOUNTS = (("normalized_gini", 3), ("mae", 2), ("bias", 3), ("coverage_80", 3))


def backtest(of: Subject) -> Block | None:
    """Every window and all together, with intervals; a small picture of each one's promises."""
    found: Json = of.report.get("backtest") or {}
    windows = found.get("windows") or ()
    if not windows:
        return None
    rows = [(moment(one["as_of"]), *_figures(of, one), _candidate(of, one)) for one in windows]
    pooled = found.get("pooled")
    if pooled:
        rows.append((of.say("pooled"), *_figures(of, pooled), ""))
    names = OF_AMOUNTS if of.money else OF_CHANCES
    head = (*of.heads("as_of", "rows", "mean_amount" if of.money else "rate"), *(of.metric(name) for name, _ in names),
            of.say("candidate_short"))  # fmt: skip
    table = Table(head, tuple(rows), len(rows) - 1 if pooled else None, words=(len(head) - 1,))
    lines = [one["reliability"] for one in windows if one.get("reliability")]
    end = figures.furthest(lines)
    pictures = tuple(_picture(of, one, end) for one in windows if one.get("reliability"))
    says = (of.say("backtest_lead"), of.say("read_small")) if pictures else (of.say("backtest_lead"),)
    return Block("backtest", of.say("backtest"), says, tables=(table,), pictures=pictures, small=True)


def _figures(of: Subject, one: Json) -> tuple[str, ...]:
    names = OF_AMOUNTS if of.money else OF_CHANCES
    cells = [
        between(one.get(name), places) if isinstance(one.get(name), dict) else _plain(one, name, places)
        for name, places in names
    ]
    rate = figure(one.get("rate"))  # of amounts, their mean
    return f"{one['rows']:,}", amount(rate) if of.money else percent(rate, of.language), *cells


def _plain(one: Json, name: str, places: int) -> str:
    return decimals(figure(one[name]), places) if name in one else ""


def _candidate(of: Subject, one: Json) -> str:
    return str(one.get("rung", "")) + ("" if one.get("out_of_time", True) else f" ({of.say('same_period')})")


def _picture(of: Subject, one: Json, end: float) -> Picture:
    title = moment(one["as_of"])
    words = (str(of.say("predicted")), str(of.say("observed")))
    return Picture(title, figures.reliability(title, one["reliability"], words, end, small=True))
