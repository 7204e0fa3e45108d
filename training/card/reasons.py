"""What moves the scores, how steady the reasons are, and how sure each score is."""

from __future__ import annotations

import numpy as np

from training.card import figures
from training.card.block import Block, Json, Picture, Subject, Table, figure
from training.card.names import concept_name
from training.card.writing import Count, amount, decimals, percent


def drivers(of: Subject) -> Block | None:
    """Each concept's mean effect, over all and within each segment."""
    sizes = {name: figure(size) for name, size in (of.report.get("drivers") or {}).items()}
    told = sorted(((size, name) for name, size in sizes.items() if size > 0.0), reverse=True)
    if not told:
        return None
    rows = [(concept_name(name, of.language), size, of.effect(size)) for size, name in told]
    title = of.say("drivers_plot", unit=of.unit)
    pictures = (Picture(title, figures.bars(title, rows)),)
    tables = (_by_segment(of, [name for _, name in told]),) if of.report.get("drivers_by_segment") else ()
    return Block("drivers", of.say("drivers"), (of.say("drivers_lead"),), tables=tables, pictures=pictures)


def _by_segment(of: Subject, names: list[str]) -> Table:
    rows = tuple(
        (of.segment(one["by"], one["name"]), f"{one['rows']:,}",
         *(of.effect(figure(one["drivers"].get(name))) for name in names))
        for one in of.report["drivers_by_segment"]
    )  # fmt: skip
    head = (*of.heads("segment", "customers"), *(concept_name(name, of.language) for name in names))
    return Table(head, rows, title=of.say("drivers_by_segment", unit=of.unit))


def swarm(of: Subject) -> Block | None:
    """The strongest inputs, customer by customer."""
    found: Json = of.report.get("beeswarm") or {}
    inputs = found.get("inputs") or ()
    if not inputs:
        return None
    title = of.say("swarm")
    axis = str(of.say("effect_axis", unit=of.unit))
    table = Table(of.heads("input", "concept", "effect"), tuple(
        (one["name"], concept_name(one["concept"], of.language), of.effect(one["size"])) for one in inputs
    ), words=(1,), folded=True, title=of.say("inputs"))  # fmt: skip
    picture = Picture("", figures.swarm(title, inputs, axis, of.tick))
    lead = of.say("swarm_lead", n=Count(found["rows"]))
    return Block("swarm", title, (lead,), tables=(table,), pictures=(picture,), legend=_shades(of))


def _shades(of: Subject) -> tuple[tuple[str, str], ...]:
    return tuple((f"s-{shade}", str(of.say(f"value_{name}"))) for shade, name in
                 (("0", "low"), ("4", "middle"), ("8", "high"), ("none", "missing")))  # fmt: skip


def dependence(of: Subject) -> Block | None:
    """The very strongest inputs: which values have which effects."""
    found: Json = of.report.get("dependence") or {}
    inputs = found.get("inputs") or ()
    if not inputs:
        return None
    pictures = tuple(
        Picture(one["name"], figures.dependence(one["name"], one, (str(of.say("value")), str(of.unit)), of.tick))
        for one in inputs
    )
    lead = of.say("dependence_lead", n=Count(found["rows"]))
    return Block("dependence", of.say("dependence"), (lead,), pictures=pictures, small=True)


def stability(of: Subject) -> Block | None:
    """Whether the same customers get the same reasons from the candidate fitted on other customers."""
    found: Json = of.report.get("stability") or {}
    if not found:
        return None
    rows = [(of.say(name), percent(figure(found[name]), of.language))
            for name in ("top_agrees", "two_of_three_agree") if found.get(name) is not None]  # fmt: skip
    if alike := found.get("rank_correlation"):
        rows += [(of.say(f"rank_{name}"), decimals(alike[name], 2)) for name in ("mean", "lowest_tenth")]
    rows.append((of.say("score_change", unit=of.unit), of.effect(found["score_change"])))
    counts = {"customers": Count(found["customers"]), "concepts": found["concepts"]}
    refits = " / ".join(f"{rows:,}" for rows in found["refitted_rows"])
    said = [of.say("stability_lead", refits=refits, **counts)]
    if not found["learns"]:
        said.append(of.say("stability_still"))
    elif found.get("top_agrees") is not None:
        said.append(of.say("stability_says", share=percent(figure(found["top_agrees"]), of.language)))
    table = Table(of.heads("figure", "point"), tuple(rows))
    return Block("stability", of.say("stability"), tuple(said), tables=(table,))


def width(of: Subject) -> Block | None:
    """How far probabilities could move for want of evidence, or between which amounts the truth mostly lies."""
    if of.bundle.interval is not None:
        return _amounts(of)
    found: Json = of.report.get("uncertainty") or {}
    if not found:
        return None
    rows = tuple((of.say(f"width_{name}"), decimals(found[name] * 100, 1)) for name in ("median", "p90", "widest"))
    lead = of.say("width_lead", n=Count(found["rows"]))
    return Block("width", of.say("width"), (lead,), tables=(Table(of.heads("customers", "points"), rows),))


def _amounts(of: Subject) -> Block | None:
    interval = of.bundle.interval
    assert interval is not None
    head = [of.say("promised")]
    rows = [[amount(at)] for at in interval.at]
    for share in interval.shares:
        head.append(of.say("holds", share=percent(share, of.language)))
        low, high = interval.around(np.asarray(interval.at), share)
        for row, bounds in zip(rows, zip(low, high, strict=True), strict=True):
            row.append(of.say("range", low=amount(float(bounds[0])), high=amount(float(bounds[1]))))
    table = Table(tuple(head), tuple(map(tuple, rows)))
    return Block("width", of.say("width"), (of.say("width_lead_amount", tiers=len(rows)),), tables=(table,))
