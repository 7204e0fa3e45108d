"""What a model is, what it was made from, and which periods it learned from and was judged on."""

from __future__ import annotations

from markupsafe import Markup

from features.clock import DAY, format_instant, parse_instant
from training.bundle import FORMAT
from training.card.block import Block, Picture, Subject, Table, figure, moment
from training.card.figures import Period, timeline
from training.card.writing import TEXTS, Count, amount, decimals, definition_words, listed, percent

SHOWN = 24  # of the periods, the latest


def what(of: Subject) -> Block:
    """The question in words, the model, its grade, its data and its fingerprints."""
    bundle, origin, say = of.bundle, of.bundle.origin, of.say
    data = say(
        "data_line", events=Count(origin.events), users=Count(origin.users), until=moment(format_instant(origin.until))
    )
    catalog = say(
        "catalog_line", features=len(bundle.catalog.names), inputs=len(bundle.inputs.names),
        windows=listed(of.language, [str(days) for days in bundle.catalog.windows_days]),
    )  # fmt: skip
    facts = [
        (say("question"), definition_words(bundle.definition, of.value, of.language)),
        (say("model"), of.called),
        (say("candidate"), candidate(of, bundle.rung)),
        (say("grade"), bundle.grade),
        (say("grade_reasons"), "; ".join(bundle.grade_reasons) or say("no_reasons")),
        (say("data"), data), (say("catalog"), catalog),
        (say("calibration"), str(of.report.get("calibration") or bundle.calibration.note) or say("as_given")),
        (say("base"), amount(bundle.base) if of.money else percent(bundle.base, of.language)),
        (say("rhythm"), _rhythm(of)),
    ]  # fmt: skip
    if left_out := (of.report.get("choice") or {}).get("left_out"):
        facts.append((say("left_out"), left_out))
    prints = say("prints_line", data=origin.data, catalog=bundle.catalog.fingerprint(), format=FORMAT)
    return Block("what", say("what"), facts=(*facts, (say("prints"), prints)))


def candidate(of: Subject, name: str) -> str:
    """A candidate by its name in the code, and what it is."""
    known = TEXTS[of.language].get(f"rung_{name}", "")
    own = (of.report.get("choice") or {}).get("says", {}).get(name, known)
    says = own if of.language == "en" else known or own
    return f"{name}: {says}" if says else name


def _rhythm(of: Subject) -> str:
    """The doubts about the buy-till-you-die fits, model by model."""
    inputs = of.bundle.inputs
    flags = [
        f"{name}: {'; '.join(fit.flags)}"
        for name, fit in (("BG/NBD", inputs.bg), ("Pareto/NBD", inputs.pareto))
        if fit.flags
    ]
    return " | ".join(flags) or str(of.say("healthy"))


def time(of: Subject) -> Block | None:
    """Every label window with what was done with it, as a picture and a table."""
    windows = of.report.get("windows") or ()
    if not windows:
        return None
    roles = {window["as_of"]: _role(of, window["as_of"]) for window in windows}
    rows = tuple(
        (moment(one["as_of"]), f"{one['rows']:,}", decimals(figure(one["mean"])), of.say(f"role_{roles[one['as_of']]}"))
        for one in windows
    )
    legend = tuple((f"role-{role}", str(of.say(f"role_{role}"))) for role in dict.fromkeys(roles.values()))
    table = Table(of.heads("as_of", "rows", "mean", "role"), rows, words=(3,), folded=True, title=of.say("windows"))
    says = (of.say("time_lead", n=Count(len(windows)), days=of.bundle.definition.reach_days), of.say("refit"))
    picture = Picture("", _timeline(of, [window["as_of"] for window in windows][-SHOWN:], roles))
    return Block("time", of.say("time"), says, tables=(table,), pictures=(picture,), legend=legend)


def _role(of: Subject, as_of: str) -> str:
    test, backtest = of.report.get("test") or {}, of.report.get("backtest") or {}
    if as_of == test.get("as_of"):
        return "test"
    return "judged" if as_of in {one["as_of"] for one in backtest.get("windows", ())} else "learned"


def _timeline(of: Subject, moments: list[str], roles: dict[str, str]) -> Markup:
    first = parse_instant(moments[0])
    reach = float(of.bundle.definition.reach_days)
    starts = [(parse_instant(at) - first) / DAY for at in moments]
    periods = [
        Period(start, start + reach, f"role-{roles[at]}", moment(at)[:10])
        for at, start in zip(moments, starts, strict=True)
    ]
    until = of.bundle.origin.until
    says = str(of.say("data_end", until=moment(format_instant(until))[:10]))
    return timeline(str(of.say("time")), periods, (until - first) / DAY, says)
