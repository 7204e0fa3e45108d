"""The model card: what the models in use were made from, how they were judged, what they must not be used for."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from markupsafe import Markup

from features.business import Business
from features.clock import format_instant
from serving.batch import Scored
from serving.phrases import Language, concept_name
from serving.report.writing import Count, amount, day, decimals, definition_words, listed, percent, say
from training.bundle import Bundle
from training.registry import Champion

View = dict[str, Any]
Json = Mapping[str, Any]
REFUSALS = 5


def card_view(business: Business, scored: Scored, language: Language, now: int) -> View:
    """Everything that the template of the card asks for."""
    moment = partial(day, zone=scored.past.span.zone, language=language, clock=True)
    made = say(language, "card_made", now=moment(now), as_of=moment(scored.as_of))
    return {
        "say": partial(say, language), "decimals": decimals, "made": made,
        "models": [_model(held, business.events.value, language) for held in scored.champions.values()],
        "refusals": [say(language, f"card_not_{number}") for number in range(1, REFUSALS + 1)],
    }  # fmt: skip


def _model(held: Champion, value: str, language: Language) -> View:
    bundle, report = held.bundle, held.bundle.report
    test: Json = report.get("test") or {}
    return {
        "name": say(language, f"trust_of_{held.task}"), "facts": list(_facts(held, value, language)),
        "windows": [(one["as_of"], f"{one['rows']:,}", decimals(one["mean"])) for one in report.get("windows", ())],
        "test": _test(report, test, language), "metrics": test.get("metrics") or {},
        "candidates": _candidates(bundle, test),
        "reliability": _columns(test.get("reliability"), ("predicted", "observed", "low", "high", "count")),
        "deciles": _columns(test.get("deciles"), ("promised", "came")),
        "drivers": [(concept_name(name, language), name, size) for name, size in _by_size(report.get("drivers") or {})],
    }  # fmt: skip


def _facts(held: Champion, value: str, language: Language) -> list[tuple[Markup, str]]:
    bundle, origin = held.bundle, held.bundle.origin
    text = partial(say, language)
    made = text(
        "card_data_line", events=Count(origin.events), users=Count(origin.users), until=format_instant(origin.until)
    )
    catalog = text(
        "card_catalog_line", features=len(bundle.catalog.names), inputs=len(bundle.inputs.names),
        windows=listed(language, [str(days) for days in bundle.catalog.windows_days]),
    )  # fmt: skip
    facts = [
        (text("card_question"), definition_words(bundle.definition, value, language)),
        (text("card_model"), f"{held.name}, {text('card_version')} {held.version}"),
        (text("card_candidate"), bundle.rung),
        (text("card_grade"), bundle.grade),
        (text("card_grade_reasons"), "; ".join(bundle.grade_reasons) or text("card_no_reasons")),
        (text("card_data"), f"{made}; {text('card_fingerprint')} {origin.data}"),
        (text("card_catalog"), f"{catalog}; {text('card_fingerprint')} {bundle.catalog.fingerprint()}"),
        (text("card_calibration"), bundle.calibration.note),
        (text("card_choice"), _choice(bundle, language)),
        (text("card_base"), amount(bundle.base) if bundle.definition.task == "ltv" else percent(bundle.base, language)),
        (text("card_rhythm"), _rhythm(bundle, language)),
    ]
    if bundle.interval is not None:
        tiers = text(
            "card_interval_line", share=percent(bundle.interval.share, language), tiers=len(bundle.interval.at)
        )
        facts.append((text("card_interval"), tiers))
    return facts


def _choice(bundle: Bundle, language: Language) -> str:
    choice = bundle.report.get("choice") or {}
    moments = listed(language, [str(moment) for moment in choice.get("judged_at", ())])
    return "; ".join(
        part
        for part in (choice.get("reason", ""), say(language, "card_choice_at", moments=moments) if moments else "")
        if part
    )


def _rhythm(bundle: Bundle, language: Language) -> str:
    """The doubts about the buy-till-you-die fits, model by model."""
    inputs = bundle.inputs
    flags = [
        f"{name}: {'; '.join(fit.flags)}"
        for name, fit in (("BG/NBD", inputs.bg), ("Pareto/NBD", inputs.pareto))
        if fit.flags
    ]
    return " | ".join(flags) or str(say(language, "card_healthy"))


def _test(report: Json, test: Json, language: Language) -> list[Markup]:
    if not test.get("metrics"):
        return [say(language, "no_test")]
    line = say(
        language,
        "card_test_line",
        start=test.get("as_of"),
        end=test.get("until"),
        rows=Count(test["rows"]),
        positives=f"{test.get('positives', 0):,}",
    )
    said = [line, say(language, "card_unseen" if test.get("out_of_time") else "card_same")]
    if (report.get("choice") or {}).get("same_rows_as_test"):
        said.append(say(language, "card_same_rows"))
    return [*said, say(language, "card_refit")]


def _candidates(bundle: Bundle, test: Json) -> list[View]:
    """Every candidate in the order of the ladder, with whatever was measured of it."""
    choice = bundle.report.get("choice") or {}
    rows = []
    for name, one in (test.get("candidates") or {}).items():
        gap = one.get("minus_winner") or {}
        minus = " ".join(decimals(gap.get(part), 4) for part in ("point", "low", "high"))
        rows.append({
            "name": name, "says": choice.get("says", {}).get(name, ""), "won": name == bundle.rung,
            "chosen": decimals(choice.get("losses", {}).get(name), 4), "loss": decimals(one.get("loss"), 4),
            "rank": decimals(one.get("auc", one.get("normalized_gini"))), "minus": minus,
        })  # fmt: skip
    order = {name: number for number, name in enumerate(choice.get("says", {}))}
    return sorted(rows, key=lambda row: order.get(row["name"], len(order)))


def _columns(found: Json | None, names: tuple[str, ...]) -> list[tuple[float, ...]]:
    return list(zip(*(found[name] for name in names), strict=True)) if found else []


def _by_size(drivers: Json) -> list[tuple[str, float]]:
    return sorted(drivers.items(), key=lambda item: -(item[1] or 0.0))
