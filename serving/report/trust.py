"""How far to trust a model, from its report, in sentences that need no statistics."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from features.clock import parse_instant
from serving.phrases import Language
from serving.report.writing import UNKNOWN, Count, amount, day, decimals, has, joined, of_100, percent, points, say
from serving.scores import UNCERTAIN, WIDER
from training.bundle import Bundle

Json = Mapping[str, Any]
WEAK = 0.6


@dataclass(frozen=True)
class Compared:
    """One candidate beside the model used.  rank: pairs ordered right out of 100, where there are pairs."""

    name: str
    rank: str
    loss: str
    against: str
    used: bool = False


@dataclass(frozen=True)
class Trust:
    """What a model's test showed: sentences, and the candidates, the model used first."""

    sentences: tuple[Markup, ...]
    compared: tuple[Compared, ...]
    test: Json


def trust(bundle: Bundle, zone: str, language: Language, uncertainty: NDArray[np.float64]) -> Trust:
    """The test of one model in words; one sentence says so when there was none.

    uncertainty: (n,) of the probabilities on the page, NaN where it is not known; empty for amounts.
    """
    test = bundle.report.get("test") or {}
    if not test.get("metrics"):
        return Trust((say(language, "no_test"),), (), {})
    said = [_period(bundle.report, zone, language)]
    if bundle.definition.task == "ltv":
        said += _amounts(bundle, test, language)
    else:
        said += [*_chances(bundle, test, language), *_certainty(uncertainty, language)]
    return Trust(tuple(said), _compared(bundle, test, language), test)


def point(test: Json, name: str, part: str = "point") -> float:
    """One figure of the report, NaN where it is undefined."""
    found = test["metrics"].get(name, {}).get(part)
    return math.nan if found is None else float(found)


def rung_name(rung: str, report: Json, language: Language) -> str:
    """What a candidate is, in words."""
    if has(language, f"rung_{rung}"):
        return str(say(language, f"rung_{rung}"))
    return str(report.get("choice", {}).get("says", {}).get(rung, rung))


def _period(report: Json, zone: str, language: Language) -> Markup:
    test = report["test"]
    key = "period_unseen" if test.get("out_of_time") else "period_same"
    dates = {name: _date(test.get(field), zone, language) for name, field in (("start", "as_of"), ("end", "until"))}
    said = say(language, key, rows=Count(test["rows"]), **dates)
    return (
        joined(language, said, say(language, "same_rows"))
        if report.get("choice", {}).get("same_rows_as_test")
        else said
    )


def _date(text: str | None, zone: str, language: Language) -> str:
    return day(parse_instant(text), zone, language) if text else UNKNOWN


def _chances(bundle: Bundle, test: Json, language: Language) -> list[Markup]:
    task, rate = bundle.definition.task, float(test["rate"])
    said = [_order(task, test, language)]
    if 0.0 < rate < 1.0 and math.isfinite(point(test, "log_loss")):
        said.append(_skill(test, rate, language))
    if (line := test.get("reliability")) and math.isfinite(sum(line["predicted"]) + sum(line["observed"])):
        said.append(_promise(line, rate, language))
    if math.isfinite(lift := point(test, "lift_10")):
        said.append(
            say(language, f"lift_{task}", top=percent(min(lift * rate, 1.0), language), rate=percent(rate, language))
        )
    return said


def _order(task: str, test: Json, language: Language) -> Markup:
    auc, low, high = (point(test, "auc", part) for part in ("point", "low", "high"))
    if not math.isfinite(auc):
        return say(language, "auc_none")
    said = say(language, f"auc_{task}", n=of_100(auc), low=of_100(low), high=of_100(high))
    if not low > 0.5:
        return joined(language, said, say(language, "auc_guess"))
    return joined(language, said, say(language, "auc_weak")) if auc < WEAK else said


def _skill(test: Json, rate: float, language: Language) -> Markup:
    """Against the observed rate itself, which nobody knew beforehand: the hardest constant there is."""
    base = -(rate * math.log(rate) + (1 - rate) * math.log(1 - rate))
    loss, low, high = (point(test, "log_loss", part) for part in ("point", "low", "high"))
    skill = 1 - loss / base
    figures = {name: decimals(value) for name, value in (("loss", loss), ("low", low), ("high", high), ("base", base))}
    key = "skill" if skill > 0 else "skill_none"
    return say(language, key, skill=percent(skill, language), rate=percent(rate, language), **figures)


def _promise(line: Json, rate: float, language: Language) -> Markup:
    size = sum(line["count"]) or 1.0
    promised = sum(p * n for p, n in zip(line["predicted"], line["count"], strict=True)) / size
    apart = (
        sum(abs(p - seen) * n for p, seen, n in zip(line["predicted"], line["observed"], line["count"], strict=True))
        / size
    )
    gap = points(apart, language)
    return say(language, "promise", promised=percent(promised, language), came=percent(rate, language), gap=gap)


def _certainty(uncertainty: NDArray[np.float64], language: Language) -> list[Markup]:
    known = uncertainty[np.isfinite(uncertainty)]
    if not len(known):
        return []
    half, limit = (points(width, language) for width in (float(np.median(known)), UNCERTAIN))
    share = percent(float(np.mean(known > UNCERTAIN)), language)
    return [say(language, "uncertainty", half=half, share=share, limit=limit)]


def _amounts(bundle: Bundle, test: Json, language: Language) -> list[Markup]:
    said = []
    bias, low, high = (point(test, "bias", part) for part in ("point", "low", "high"))
    if math.isfinite(bias):
        shown = sorted((abs(low), abs(high))) if low * high > 0 else [low, high] if bias > 0 else [-high, -low]
        edges = dict(zip(("low", "high"), (percent(edge, language) for edge in shown), strict=True))
        totals = {"promised": amount(test.get("promised")), "total": amount(test.get("total"))}
        level = say(
            language, "level_over" if bias > 0 else "level_under", bias=percent(abs(bias), language), **edges, **totals
        )
        said.append(level)
    if math.isfinite(top := point(test, "capture_10")):
        said.append(say(language, "value_top", share=percent(top, language)))
    if bundle.interval is not None and math.isfinite(held := point(test, "coverage_80")):
        ranges = say(language, "coverage", share=of_100(held), made=of_100(bundle.interval.share))
        if math.isfinite(held := point(test, "coverage_90")):
            wider = say(language, "coverage_90", share=of_100(held), made=of_100(WIDER))
            ranges = joined(language, ranges, wider)
        said.append(ranges)
    return said


def _compared(bundle: Bundle, test: Json, language: Language) -> tuple[Compared, ...]:
    """The model as it is used, then the other candidates as they come, the lowest loss first."""
    money = bundle.definition.task == "ltv"
    used = rung_name(bundle.rung, bundle.report, language)
    own = Compared(
        used,
        of_100(point(test, "auc")),
        decimals(point(test, "deviance" if money else "log_loss")),
        str(say(language, "used")),
        True,
    )
    others = [
        Compared(
            rung_name(name, bundle.report, language), of_100(one.get("auc")), decimals(_float(one.get("loss"))),
            _against(one.get("minus_winner") or {}, language),
        )
        for name, one in sorted(test.get("candidates", {}).items(), key=lambda item: _last_nan(item[1].get("loss")))
        if name != bundle.rung
    ]  # fmt: skip
    return (own, *others)


def _against(gap: Json, language: Language) -> str:
    low, high = _float(gap.get("low")), _float(gap.get("high"))
    if low > 0:
        return str(say(language, "worse"))
    return str(say(language, "better" if high < 0 else "no_worse"))


def perfect(share: Sequence[float], rate: float) -> list[float]:
    """(n,) the share found by who knows the future."""
    return [min(part / rate, 1.0) if rate > 0 else 1.0 for part in share]


def _float(value: Any) -> float:
    return math.nan if value is None else float(value)


def _last_nan(value: Any) -> float:
    return math.inf if math.isnan(_float(value)) else float(value)
