"""The sentences in which a feature's value is told, in English and Chinese; `serving.phrases` fills them in."""

from __future__ import annotations

from collections.abc import Mapping

from features.spec import Reduction
from training.card.names import Language

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
    R.GAP_LAST: "{n} {day} between the last two {events}{usual_gap}",
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
    R.DECAYED_7: "about {n} recent {events}, older ones counted less (half after 7 days)",
    R.DECAYED_30: "about {n} recent {events}, older ones counted less (half after 30 days)",
    R.DECAYED_90: "about {n} recent {events}, older ones counted less (half after 90 days)",
    R.SLOPE: "{many} a week {moved} by {n} {window}",
    R.WEEKS_SINCE_PEAK: "busiest week for {many} was {n} {week} ago",
    R.STREAK_WEEKS: "{n} {week} in a row with {many}, up to now",
    R.LONGEST_WEEKS: "never more than {n} {week} in a row with {many}",
    R.STREAK_DAYS: "{n} {day} in a row with {many}, up to now",
    R.LONGEST_DAYS: "never more than {n} {day} in a row with {many}",
    R.GAP_REGULARITY: "evenness of the gaps between {many}: {n} (1 = at random, higher = more regular)",
    R.SESSIONS: "{n} {session} {window}{usually}",
    R.SESSION_MINUTES: "sessions of {n} {minute} on average {window}{usually}",
    R.FAVOURITE_SHARE: "{n} % of {many} are of one and the same item",
    R.RETURNED: "refunds took back {n} % of the value of {many} {window}",
    R.MEDIAN: "a typical {event} {window} is worth {n}{usually}",
    R.HIGH: "nine in ten {many} {window} are worth {n} or less",
    R.TREND_WORTH: "value per {event} {window} at {n} times the usual",
    R.FOLLOWED: "{n} % of {many} followed directly by {then_many}",
    R.VALUE_SHARE: "{many} come to {n} % of the value of {then_many}",
    R.CUSTOM: "{says}: {n}",
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
    R.GAP_LAST: "最近两次{event}相隔 {n} 天{usual_gap}",
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
    R.DECAYED_7: "近期{event}约 {n} 次（越久远计得越少，每 7 天减半）",
    R.DECAYED_30: "近期{event}约 {n} 次（越久远计得越少，每 30 天减半）",
    R.DECAYED_90: "近期{event}约 {n} 次（越久远计得越少，每 90 天减半）",
    R.SLOPE: "{window}每周{event}次数{moved}了 {n}",
    R.WEEKS_SINCE_PEAK: "{event}最多的一周在 {n} 周前",
    R.STREAK_WEEKS: "至今已连续 {n} 周有{event}",
    R.LONGEST_WEEKS: "最多连续 {n} 周有{event}",
    R.STREAK_DAYS: "至今已连续 {n} 天有{event}",
    R.LONGEST_DAYS: "最多连续 {n} 天有{event}",
    R.GAP_REGULARITY: "{event}间隔的规律程度为 {n}（1 表示完全随机，越大越规律）",
    R.SESSIONS: "{window}会话 {n} 次{usually}",
    R.SESSION_MINUTES: "{window}平均每次会话 {n} 分钟{usually}",
    R.FAVOURITE_SHARE: "{n}% 的{event}是同一种商品",
    R.RETURNED: "{window}{event}金额中有 {n}% 退款",
    R.MEDIAN: "{window}一次{event}的金额通常为 {n}{usually}",
    R.HIGH: "{window}九成{event}的金额不超过 {n}",
    R.TREND_WORTH: "{window}单次{event}金额是平时的 {n} 倍",
    R.FOLLOWED: "{n}% 的{event}之后紧接着就是{then}",
    R.VALUE_SHARE: "{event}金额相当于{then}金额的 {n}%",
    R.CUSTOM: "自定义指标“{says}”为 {n}",
}  # fmt: skip

TEMPLATES: Mapping[Language, Mapping[Reduction, str]] = {"en": _ENGLISH, "zh": _CHINESE}

# How a nought is said where the number alone would sound odd.
AT_NOUGHT: Mapping[Language, Mapping[Reduction, str]] = {
    "en": {
        R.SLOPE: "as many {many} a week {window} as before",
        R.WEEKS_SINCE_PEAK: "the last 7 days are the busiest week for {many} so far",
        R.STREAK_WEEKS: "no {events} in the last 7 days",
        R.STREAK_DAYS: "no {events} in the last 24 hours",
        R.RETURNED: "no refunds on {many} {window}",
        R.FOLLOWED: "no {event} was followed directly by {then_many}",
        R.SILENCE_SHARE: "hardly a pause since the last {event}",
    },
    "zh": {
        R.SLOPE: "{window}每周{event}次数没有变化",
        R.WEEKS_SINCE_PEAK: "最近 7 天是{event}最多的一周",
        R.STREAK_WEEKS: "最近 7 天没有{event}",
        R.STREAK_DAYS: "最近 24 小时没有{event}",
        R.RETURNED: "{window}{event}没有退款",
        R.FOLLOWED: "没有一次{event}之后紧接着{then}",
        R.SILENCE_SHARE: "最近一次{event}就在刚才，几乎没有间隔",
    },
}  # fmt: skip

WORDS: Mapping[Language, Mapping[str, str]] = {
    "en": {
        "window": "in the last {days} days", "ever": "so far", "usually": ", usually {usual}",
        "gap": ", usual gap {usual} {day}",
        "never": "no {event} yet", "none": "no {events} {window}", "unknown": "too few {events} to tell",
        "worthless": "no amount known for {events} {window}", "itemless": "no item known for {events}",
        "unfollowed": "nothing has followed {events} yet",
        "rose": "rose", "fell": "fell", "custom": "{says}: not known",
        "rhythm": "{days} {day} with {events}, the last one {ago} {ago_day} ago",
        "day_value": "{n} spent per day with {events}",
    },
    "zh": {
        "window": "近 {days} 天", "ever": "至今", "usually": "（平时 {usual}）", "gap": "（平时间隔 {usual} 天）",
        "never": "尚未{event}", "none": "{window}没有{event}", "unknown": "{event}次数太少，尚无法判断",
        "worthless": "{window}{event}没有金额记录", "itemless": "{event}没有商品记录",
        "unfollowed": "{event}之后还没有其他操作",
        "rose": "增加", "fell": "减少", "custom": "自定义指标“{says}”未知",
        "rhythm": "共有 {days} 天{event}，最近一次在 {ago} 天前",
        "day_value": "平均每个有{event}的日子消费 {n}",
    },
}  # fmt: skip
