"""What kinds of event and concepts are called, in English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from features.catalog import ACTIVITY, ANYTHING

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = ("en", "zh")

_WHATEVER: Mapping[Language, Mapping[str, str]] = {
    "en": {ACTIVITY: "activity", ANYTHING: "event"},
    "zh": {ACTIVITY: "活跃", ANYTHING: "任意操作"},
}

CHINESE_KINDS: Mapping[str, str] = {
    "order": "下单", "purchase": "购买", "buy": "购买", "payment": "付款", "pay": "付款", "transaction": "交易",
    "checkout": "结账",
    "login": "登录", "visit": "访问", "session": "访问", "open": "打开", "view": "浏览", "page_view": "浏览",
    "pageview": "浏览",
    "click": "点击", "search": "搜索", "cart": "加购", "add_to_cart": "加购", "signup": "注册", "sign_up": "注册",
    "register": "注册",
    "subscribe": "订阅", "subscription": "订阅", "renewal": "续费", "cancel": "取消", "cancellation": "取消",
    "unsubscribe": "退订",
    "refund": "退款", "return": "退货", "play": "播放", "share": "分享", "favorite": "收藏", "recharge": "充值",
    "booking": "预订", "wishlist": "加入心愿单", "rating": "评分", "support": "联系客服",
}  # fmt: skip

CONCEPTS: Mapping[Language, Mapping[str, str]] = {
    "en": {
        "rhythm": "rhythm of activity", "recency": "time since the last activity", "spend": "spending",
        "variety": "variety of items",
        "trend": "change against own past", "habit": "time of day and week", "tenure": "length of the relationship",
        "sequence": "what follows what",
    },
    "zh": {
        "rhythm": "活动节奏", "recency": "距上次活动的时间", "spend": "消费金额", "variety": "商品种类",
        "trend": "与自身过去相比的变化", "habit": "活动时段", "tenure": "成为客户的时长", "sequence": "操作的先后顺序",
    },
}  # fmt: skip


def concept_name(concept: str, language: Language) -> str:
    """The concept as a heading; a kind of event stands for itself."""
    return CONCEPTS[language].get(concept, concept)


def event_name(of: str, language: Language) -> str:
    """A selector or a kind of event as it stands in a sentence."""
    if of in (ACTIVITY, ANYTHING):
        return _WHATEVER[language][of]
    if language == "zh":
        return CHINESE_KINDS.get(of.lower(), f"“{of}”")
    return of.replace("_", " ")
