"""What a feature's value means, in a sentence that an operations person reads; English and Chinese."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from features.catalog import ACTIVITY, ANYTHING
from features.spec import Feature, Reduction
from training.inputs import EXPECTED_VALUE, Inputs

F32 = NDArray[np.float32]
Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = ("en", "zh")
R = Reduction

_ENGLISH: Mapping[Reduction, str] = {
    R.COUNT: "{n} {events} {window}{usually}",
    R.ACTIVE_DAYS: "{n} {day} with {many} {window}{usually}",
    R.SUM: "{n} spent on {events} {window}{usually}",
    R.MEAN: "{n} per {event} on average {window}{usually}",
    R.MAX: "largest {event} {window}: {n}",
    R.DISTINCT_ITEMS: "{n} different {items} {window}",
    R.RECENCY: "last {event} {n} {day} ago{usual_gap}",
    R.TENURE: "first {event} {n} {day} ago",
    R.GAP_MEAN: "one {event} every {n} {day} on average",
    R.GAP_DEVIATION: "time between {events} varies by {n} {day}",
    R.GAP_LAST: "{n} {day} between the last two {events}",
    R.OVERDUE: "silent {n} times as long as usual between {events}",
    R.TREND: "{events} {window} at {n} times the usual rate",
    R.SPEND_TREND: "spending {window} at {n} times the usual rate",
    R.NIGHT_SHARE: "{n} % of {events} at night",
    R.WEEKEND_SHARE: "{n} % of {events} at weekends",
    R.HOUR_REGULARITY: "keeps to a fixed hour of the day: {n} %",
    R.REPEAT_DAYS: "{n} {day} with {many} after the first",
    R.REPEAT_SPAN: "{n} {day} from the first to the last {event}",
    R.LAST_VALUE: "last {event} worth {n}{usually}",
    R.SILENCE_SHARE: "silent for {n} % of the time since the first {event}",
}  # fmt: skip

# {event} reads as a verb: 下单, 登录, or the name that the data give it, in quotation marks.
_CHINESE: Mapping[Reduction, str] = {
    R.COUNT: "{window}{event} {n} 次{usually}",
    R.ACTIVE_DAYS: "{window}有 {n} 天{event}{usually}",
    R.SUM: "{window}{event}金额合计 {n}{usually}",
    R.MEAN: "{window}平均每次{event}金额 {n}{usually}",
    R.MAX: "{window}单次{event}最高金额 {n}",
    R.DISTINCT_ITEMS: "{window}涉及 {n} 种不同商品",
    R.RECENCY: "距上次{event}已有 {n} 天{usual_gap}",
    R.TENURE: "首次{event}距今 {n} 天",
    R.GAP_MEAN: "平均每 {n} 天{event}一次",
    R.GAP_DEVIATION: "{event}间隔的波动约 {n} 天",
    R.GAP_LAST: "最近两次{event}相隔 {n} 天",
    R.OVERDUE: "已沉默的时间是平常{event}间隔的 {n} 倍",
    R.TREND: "{window}{event}频率是平时的 {n} 倍",
    R.SPEND_TREND: "{window}消费是平时的 {n} 倍",
    R.NIGHT_SHARE: "{n}% 的{event}发生在夜间",
    R.WEEKEND_SHARE: "{n}% 的{event}发生在周末",
    R.HOUR_REGULARITY: "{event}时段的固定程度为 {n}%",
    R.REPEAT_DAYS: "首次之后，又有 {n} 天{event}",
    R.REPEAT_SPAN: "首次与最近一次{event}相隔 {n} 天",
    R.LAST_VALUE: "最近一次{event}金额 {n}{usually}",
    R.SILENCE_SHARE: "首次{event}至今的时间里，最近的 {n}% 没有再{event}",
}  # fmt: skip

_WORDS: Mapping[Language, Mapping[str, str]] = {
    "en": {
        "window": "in the last {days} days", "ever": "so far", "usually": ", usually {usual}",
        "gap": ", usual gap {usual} {day}",
        "never": "no {event} yet", "none": "no {events} {window}", "unknown": "too few {events} to tell",
        "rhythm": "{days} {day} with {events}, the last one {ago} {ago_day} ago",
        "day_value": "{n} spent per day with {events}",
        ACTIVITY: "activity", ANYTHING: "event",
    },
    "zh": {
        "window": "近 {days} 天", "ever": "至今", "usually": "（平时 {usual}）", "gap": "（平时间隔 {usual} 天）",
        "never": "尚未{event}", "none": "{window}没有{event}", "unknown": "{event}次数太少，尚无法判断",
        "rhythm": "共有 {days} 天{event}，最近一次在 {ago} 天前",
        "day_value": "平均每个有{event}的日子消费 {n}",
        ACTIVITY: "活跃", ANYTHING: "任意操作",
    },
}  # fmt: skip

_CHINESE_KINDS: Mapping[str, str] = {
    "order": "下单", "purchase": "购买", "buy": "购买", "payment": "付款", "pay": "付款", "transaction": "交易",
    "checkout": "结账",
    "login": "登录", "visit": "访问", "session": "访问", "open": "打开", "view": "浏览", "page_view": "浏览",
    "pageview": "浏览",
    "click": "点击", "search": "搜索", "cart": "加购", "add_to_cart": "加购", "signup": "注册", "sign_up": "注册",
    "register": "注册",
    "subscribe": "订阅", "subscription": "订阅", "renewal": "续费", "cancel": "取消", "cancellation": "取消",
    "unsubscribe": "退订",
    "refund": "退款", "return": "退货", "play": "播放", "share": "分享", "favorite": "收藏", "recharge": "充值",
    "booking": "预订",
}  # fmt: skip

_SHARES = (R.NIGHT_SHARE, R.WEEKEND_SHARE, R.HOUR_REGULARITY, R.SILENCE_SHARE)
_NONE_WHEN_ZERO = (R.COUNT, R.ACTIVE_DAYS, R.DISTINCT_ITEMS, R.TREND, R.SPEND_TREND)

CONCEPTS: Mapping[Language, Mapping[str, str]] = {
    "en": {
        "rhythm": "rhythm of activity", "recency": "time since the last activity", "spend": "spending",
        "variety": "variety of items",
        "trend": "change against own past", "habit": "time of day and week", "tenure": "length of the relationship",
    },
    "zh": {
        "rhythm": "活动节奏", "recency": "距上次活动的时间", "spend": "消费金额", "variety": "商品种类",
        "trend": "与自身过去相比的变化", "habit": "活动时段", "tenure": "成为客户的时长",
    },
}  # fmt: skip


def concept_name(concept: str, language: Language) -> str:
    """The concept as a heading; a kind of event stands for itself."""
    return CONCEPTS[language].get(concept, concept)


def event_name(of: str, language: Language) -> str:
    """A selector or a kind of event as it stands in a sentence."""
    if of in (ACTIVITY, ANYTHING):
        return _WORDS[language][of]
    if language == "zh":
        return _CHINESE_KINDS.get(of.lower(), f"“{of}”")
    return of.replace("_", " ")


def concept_phrase(inputs: Inputs, row: F32, column: int, language: Language) -> str:
    """One input's value in words, beside the user's own usual where the history tells it; row: (inputs,)."""
    words = _WORDS[language]
    if column >= len(inputs.catalog.features):
        return (_day_value if inputs.names[column] == EXPECTED_VALUE else _rhythm)(inputs, row, language)
    feature, value = inputs.catalog.features[column], float(row[column])
    event = event_name(feature.of, language)
    window = words["window"].format(days=feature.days) if feature.days else words["ever"]
    if math.isnan(value):
        template = words["unknown"] if _happened(inputs, row, feature) else words["never"]
        return template.format(event=event, events=_many(event))
    inside = _sibling(inputs, row, feature, f"count_{feature.days}d" if feature.days else "count_ever")
    if value == 0 and feature.reduction in _NONE_WHEN_ZERO and not inside > 0:
        return words["none"].format(event=event, events=_many(event), window=window) + _usually(
            inputs, row, feature, words
        )
    shown = value * 100 if feature.reduction in _SHARES else value
    said = _ENGLISH if language == "en" else _CHINESE
    return said[feature.reduction].format(
        n=number(shown),
        event=event,
        many=_many(event),
        events=event if number(shown) == "1" and feature.reduction is R.COUNT else _many(event),
        items="item" if number(shown) == "1" else "items",
        window=window,
        day=_day(shown),
        usually=_usually(inputs, row, feature, words),
        usual_gap=_usual_gap(inputs, row, feature, words),
    )


def number(value: float) -> str:
    """A figure as people write it: no decimals from 10 on, one below, none when whole."""
    rounded = (round(value) if abs(value) >= 10 else round(value, 1)) + 0.0  # a rounded -0.04 is 0, not -0
    return f"{rounded:,.0f}" if rounded == int(rounded) else f"{rounded:,.1f}"


def _day(count: float) -> str:
    return "day" if number(count) == "1" else "days"


def _rhythm(inputs: Inputs, row: F32, language: Language) -> str:
    words, event = _WORDS[language], event_name(inputs.catalog.selectors[0].name, language)
    days, ago = float(row[inputs.catalog.activity("days_ever")]), float(row[inputs.catalog.activity("recency")])
    if math.isnan(ago):
        return words["never"].format(event=event)
    return words["rhythm"].format(
        days=number(days), ago=number(ago), event=event, events=_many(event), day=_day(days), ago_day=_day(ago)
    )


def _day_value(inputs: Inputs, row: F32, language: Language) -> str:
    words, event = _WORDS[language], event_name(inputs.catalog.selectors[0].name, language)
    days, total = float(row[inputs.catalog.activity("days_ever")]), float(row[inputs.catalog.activity("sum_ever")])
    if not days > 0:
        return words["never"].format(event=event)
    return words["day_value"].format(n=number(total / days), events=_many(event), event=event)


def _usually(inputs: Inputs, row: F32, feature: Feature, words: Mapping[str, str]) -> str:
    """What this user's own earlier rate would give in the window; empty while there is too little past to say."""
    usual = math.nan
    if feature.days and feature.reduction in (R.COUNT, R.ACTIVE_DAYS, R.SUM, R.TREND, R.SPEND_TREND):
        of = {R.TREND: "count", R.SPEND_TREND: "count", R.COUNT: "count", R.ACTIVE_DAYS: "days", R.SUM: "sum"}[
            feature.reduction
        ]
        ever, tenure = _sibling(inputs, row, feature, f"{of}_ever"), _sibling(inputs, row, feature, "tenure")
        inside = _sibling(inputs, row, feature, f"{of}_{feature.days}d")
        if tenure >= 1.5 * feature.days:
            usual = (ever - inside) / (tenure - feature.days) * feature.days
    elif feature.reduction in (R.LAST_VALUE, R.MEAN) and (feature.days or feature.reduction is R.LAST_VALUE):
        usual = _sibling(inputs, row, feature, "mean_ever")
    return "" if math.isnan(usual) else words["usually"].format(usual=number(usual))


def _usual_gap(inputs: Inputs, row: F32, feature: Feature, words: Mapping[str, str]) -> str:
    gap = _sibling(inputs, row, feature, "gap_mean") if feature.reduction is R.RECENCY else math.nan
    return "" if math.isnan(gap) else words["gap"].format(usual=number(gap), day=_day(gap))


def _happened(inputs: Inputs, row: F32, feature: Feature) -> bool:
    return _sibling(inputs, row, feature, "count_ever") > 0


def _sibling(inputs: Inputs, row: F32, feature: Feature, suffix: str) -> float:
    """Another feature of the same selector; NaN when the catalogue has none."""
    label = next(s.label for s in inputs.catalog.selectors if s.name == feature.of)
    column = inputs.position.get(f"{label}_{suffix}")
    return math.nan if column is None else float(row[column])


def _many(event: str) -> str:
    if not event.isascii() or not event[-1:].isalpha() or event.endswith("s") or " " in event:
        return event
    if event.endswith("y") and event[-2:-1] not in "aeiou":
        return event[:-1] + "ies"
    return event + ("es" if event.endswith(("x", "ch", "sh")) else "s")
