"""What the name of a column says about its role: the words that logs use in English, German, Chinese and their kin."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Literal

Role = Literal["user", "time", "kind", "value", "item", "event_id", "ingested_at", "currency"]
ROLES: tuple[Role, ...] = ("user", "time", "kind", "value", "item", "event_id", "ingested_at", "currency")

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_OPAQUE = re.compile(r"(column|col|field|feature|f|c|x|v|var|unnamed|_c)?[ _:.]*\d*", re.IGNORECASE)
_GLUED = re.compile(r"(.{3,}?)(id|date|time|timestamp|name|type|code|nummer|nr|datum|zeit|key|number)$")
_OUTER = {"user": 0.5, "users": 0.5, "context": 0.5, "device": 0.5, "groups": 0.4, "global": 0.4, "group": 0.4}


def _ranked(*pairs: tuple[float, str]) -> dict[str, float]:
    return {word: score for score, words in pairs for word in words.split()}


def _words(words: str) -> frozenset[str]:
    return frozenset(words.split())


_USER = _ranked(
    (1.0, "customer customers cust msno"),
    (0.98, "user users usr uid player member visitor subscriber household distinct donor patient"),
    (0.95, "client clients guest passenger buyer shopper reader viewer listener student learner rider gamer fan"),
    (0.9, "person profile account contact loyalty pseudo who msisdn policyholder customerno participant consumer"),
    (0.97, "kunde kunden kundin nutzer benutzer mitglied spieler abonnent besteller kaeufer kaufer"),
    (0.97, "cliente clientes usuario utilisateur klant gebruiker uzytkownik klient acheteur"),
    (0.7, "email mail e-mail amplitude login username phone mobile telefon"),
    (0.55, "company organization organisation org tenant workspace employee card anonymous anon cookie"),
    (0.45, "device machine imei fullvisitor visit"),
)
_ID = _words(
    "id ids key no nr num number code hash ref identifier nummer uuid guid sk pk external internal unique the mapped"
)
_TIME = _ranked(
    (0.8, "time timestamp date datetime at ts day dt on when stamp utc epoch micros millis ms"),
    (0.85, "zeit datum zeitpunkt zeitstempel uhrzeit tag fecha hora horodatage datetimeutc moment"),
)
_TIME_OF = _words(
    "event order orders purchase transaction trans txn invoice action activity occurred happened click view play "
    "rental trip booking payment sale sales log original started start bestell kauf rechnungs ereignis buchungs client "
    "utc local visit"
)
_TIME_WHOLE = _ranked(
    (1.0, "event_time event_timestamp timestamp occurred_at happened_at"),
    (0.97, "time datetime date_time client_event_time ts"),
    (0.93, "date when zeit datum zeitstempel zeitpunkt"),
    (0.87, "created created_at created_timestamp create_time day"),
)
_NOT_EVENT_TIME = _words(
    "birth birthday dob signup registration register registered reg join joined expire expires expiry expiration end "
    "ended due delivery delivered ship shipped shipping update updated modified closed cancelled canceled cancellation "
    "upload creation first last previous prev offset zone timezone install since until spent elapsed duration session "
    "deleted approved limit estimated onboarding load took trial churn age"
)
_ARRIVAL = _ranked(
    (1.0, "received ingested arrived"), (0.9, "upload uploaded loaded load synced inserted ingestion arrival"),
    (0.8, "processed processing export etl landing"),
)  # fmt: skip
_KIND_WHOLE = _ranked(
    (1.0, "event event_name event_kind kind eventname"),
    (0.98, "event_type action action_name action_type activity activity_type behavior behaviour behavior_type "
        "behaviour_type"),
    (0.95, "verb interaction interaction_type operation transaction_type trans_type txn_type event_action "
        "event_text what activity_name"),
    (0.9, "ereignis ereignistyp ereignis_typ ereignis_name aktion aktivitat aktivitaet evento accion evenement"),
    (0.8, "type typ tipo event_category msg_type message_type record_type step"),
    (0.5, "name"),
    (0.4, "label category event_label status state event_type_id event_id"),
)  # fmt: skip
_VALUE = _ranked(
    (1.0, "amount amt revenue gmv dollar dollars usd eur money monetary betrag umsatz importe montant monto"),
    (0.95, "sales spend spent paid turnover donation gesamtpreis kaufbetrag bestellwert ltv"),
    (0.9, "total value wert summe valor gesamt grand"),
    (0.8, "price payment sale charge charged fare preis prix precio prezzo gbp cny rmb yen mrr"),
    (0.6, "cost fee income subtotal stake bet net gross deposit"),
)  # fmt: skip
_NOT_VALUE = _words(
    "discount disc tax vat shipping ship tip refund coupon weight quantity qty count number num id lat lon latitude "
    "longitude age score rate percent pct rank point balance set code type name currency zip phone method status time "
    "date level tier plan at duration day days month year week hour second ms minutes size index idx key flag per "
    "capita menge anzahl steuer rabatt postal version actual_price rating views event kind class category"
) - {"event"}
_PARTIAL_VALUE = _words("unit list original item items line each single stueck einzel base retail")
_ITEM = _ranked(
    (1.0, "product products sku stockcode item items asin article artikel produkt goods producto produit articulo"),
    (0.9, "content video track song movie film book episode course lesson listing offer game title stock material"),
    (0.8, "page url screen path href route artist show channel feature recipe station"),
    (0.45, "description category dept department brand genre"),
)
_NOT_ITEM = _words(
    "count price amount number quantity qty value time date type referrer referring ref rank rating views weight "
    "status size user customer session order total sales base root host domain duration length position index "
    "purchased"
)
_EVENT_ID = _ranked(
    (1.0, "insert_id message_id event_uuid messageid insertid event_guid dedup_id idempotency_key"),
    (0.97, "uuid event_id eventid"),
    (0.9, "guid fivetran_id row_id record_id log_id hit_id"),
    (
        0.6,
        "id transaction_id txn_id trans_id order_id payment_id purchase_id booking_id ereignis_id bestellnummer "
        "transaction_no",
    ),
    (0.5, "invoice invoice_no invoice_id receipt_id order_no order_number rechnungsnummer basket_id"),
)
_CURRENCY = _ranked(
    (1.0, "currency currency_code currency_iso iso_currency curr_code"), (0.9, "curr ccy wahrung waehrung moneda "
        "devise valuta"),
    (0.6, "presentment_currency order_currency price_currency value_currency"),
)  # fmt: skip
_CHINESE: Mapping[Role, Mapping[str, float]] = {
    "user": {
        "用户": 0.98,
        "客户": 1.0,
        "会员": 0.95,
        "顾客": 0.95,
        "玩家": 0.95,
        "买家": 0.9,
        "账号": 0.9,
        "账户": 0.85,
        "手机号": 0.7,
    },
    "time": {"时间戳": 1.0, "时间": 0.97, "日期": 0.93},
    "kind": {"事件": 1.0, "行为": 0.98, "动作": 0.95, "操作": 0.9, "类型": 0.8},
    "value": {"金额": 1.0, "销售额": 0.95, "实付": 0.95, "总价": 0.9, "收入": 0.9, "价格": 0.8, "单价": 0.5},
    "item": {"商品": 1.0, "产品": 1.0, "物品": 0.9, "页面": 0.8, "品类": 0.4},
    "event_id": {"事件id": 1.0, "事件编号": 1.0, "流水号": 0.8, "订单号": 0.5, "订单编号": 0.5},
    "ingested_at": {"入库时间": 1.0, "接收时间": 1.0, "上报时间": 0.9},
    "currency": {"币种": 1.0, "货币": 1.0},
}
_CHINESE_ATTRIBUTES = ("类型", "等级", "名称", "姓名", "年龄", "性别", "注册", "数量", "城市", "地区", "更新", "生日")
_SALES = _words(
    "order orders invoice transaction transactions purchase purchases dollar basket sales sale checkout receipt "
    "stockcode price bestell bestellung rechnung kauf umsatz donation"
)


def tokens(name: str) -> tuple[str, ...]:
    """The lower-case words of a column name: "properties.CustomerID" -> customer, id (the last part of a dotted "
    "path)."""
    last = name.rsplit(".", 1)[-1] or name
    plain = "".join(mark for mark in unicodedata.normalize("NFKD", last) if not unicodedata.combining(mark))
    words = re.findall(r"[a-z]+|\d+|[^\x00-\x7f]+", _CAMEL.sub(" ", plain).lower().replace("ß", "ss"))
    return tuple(part for word in words for part in _unglued(word))


def _unglued(word: str) -> tuple[str, ...]:
    match = _GLUED.fullmatch(word)
    known = (
        _USER,
        _TIME_OF,
        _ITEM,
        _SALES,
        {"event", "action", "message", "insert", "update", "create", "last", "first"},
    )
    if match and word not in _VALUE and any(match[1] in words for words in known):
        return match[1], match[2]
    return (word,)


def is_opaque(name: str) -> bool:
    """Whether a name says nothing, such as column3, c2 or a number."""
    return bool(_OPAQUE.fullmatch(name.strip()))


def has_id_word(name: str) -> bool:
    return bool(_ID & set(tokens(name)))


def has_time_word(name: str) -> bool:
    return any(word in _TIME for word in tokens(name)) or any(word in name for word in _CHINESE["time"])


def is_state(name: str) -> bool:
    """Whether it tells how something stands rather than what happened: a status, a reason, a plan."""
    words = tokens(name)
    return bool(words) and words[-1] in (
        "status",
        "state",
        "reason",
        "plan",
        "tier",
        "flag",
        "tag",
        "tags",
        "segment",
        "group",
        "method",
    )


def not_users(name: str) -> float:
    """How much a name speaks for something that is not a user: another role, a shop, a session, a week."""
    words = set(tokens(name))
    if words & _NOT_USER or words & _THINGS:
        return 1.0
    return max(name_score(role, name) for role in ("time", "kind", "value", "item", "ingested_at", "currency"))


def speaks_of_sales(name: str) -> bool:
    return bool(_SALES & set(tokens(name))) or "订单" in name


def name_score(role: Role, name: str) -> float:
    """How much a name speaks for a role, 0..1; a part of a nested object that is about something else counts "
    "for less."""
    own = max(_NAMED[role](tokens(name)), _chinese(role, name))
    outer = name.rsplit(".", 1)[0] if "." in name else ""
    factor = 1.0
    for word in tokens(outer) if outer else ():
        factor = min(factor, _OUTER.get(word, 0.97))
    return own * factor


def _chinese(role: Role, name: str) -> float:
    score = max((score for word, score in _CHINESE[role].items() if word in name), default=0.0)
    about_user_only = role in ("user", "time") and any(word in name for word in _CHINESE_ATTRIBUTES)
    elsewhere = role == "user" and any(word in name for word in _CHINESE["kind"])
    return 0.0 if about_user_only or elsewhere else score


def _user(words: tuple[str, ...]) -> float:
    score = max((_USER.get(word, 0.0) for word in words), default=0.0)
    others = [word for word in words if word not in _USER and word not in _ID]
    if not others:
        return score if len(words) == 1 or _ID & set(words) else score * 0.9
    if others == ["name"] and words[0] in ("user", "customer", "player"):
        return 0.8
    return score * 0.45 if len(others) == 1 and words[-1] in ("id", "key") and not set(others) & _NOT_USER else 0.0


_NOT_USER = _words(
    "session order event zip postal country type segment group transaction product item invoice time properties agent"
)


_THINGS = _words(
    "store shop branch campaign coupon manufacturer brand week month year quarter basket cart city region state age "
    "gender location device os platform browser ip version app tag language url status title description department "
    "category channel"
)


def _time(words: tuple[str, ...]) -> float:
    joined = "_".join(words)
    bad = set(words) & (_NOT_EVENT_TIME | set(_ARRIVAL))
    if not bad and joined in _TIME_WHOLE:
        return _TIME_WHOLE[joined]
    score = max((_TIME.get(word, 0.0) for word in words), default=0.0)
    if not score:
        return 0.0
    if bad:
        return 0.3 if bad <= set(_ARRIVAL) else 0.2
    if {"sent", "server"} & set(words):
        return 0.5
    return score + 0.12 if _TIME_OF & set(words) else score - 0.1 * (len(words) > 2)


def _kind(words: tuple[str, ...]) -> float:
    joined = "_".join(words)
    if joined in _KIND_WHOLE:
        return _KIND_WHOLE[joined]
    return 0.15 if words and words[-1] in ("type", "typ", "action", "event", "name", "status") else 0.0


def _value(words: tuple[str, ...]) -> float:
    singular = {word.removesuffix("s") for word in words} | set(words)
    if singular & _NOT_VALUE and not {"eur", "usd"} & set(words):
        return 0.0
    scores = sorted((_VALUE.get(word, 0.0) for word in words), reverse=True)
    if not scores or not scores[0]:
        return 0.0
    both = 0.08 if len(scores) > 1 and scores[1] else 0.0
    return min(scores[0] + both, 1.0) * (0.6 if _PARTIAL_VALUE & set(words) else 1.0) - 0.01 * (len(words) > 2)


def _item(words: tuple[str, ...]) -> float:
    if set(words) & _NOT_ITEM:
        return 0.0
    score = max((_ITEM.get(word, 0.0) for word in words), default=0.0)
    others = [word for word in words if word not in _ITEM and word not in _ID]
    return score * (1.0 if not others else 0.8 if others in (["name"], ["current"]) else 0.5)


def _event_id(words: tuple[str, ...]) -> float:
    return _EVENT_ID.get("_".join(words), 0.0)


def _ingested(words: tuple[str, ...]) -> float:
    timelike = any(word in _TIME for word in words) or "synced" in words
    return (
        max((_ARRIVAL.get(word, 0.0) for word in words), default=0.0) * timelike * (0.9 if "client" in words else 1.0)
    )


def _currency(words: tuple[str, ...]) -> float:
    return _CURRENCY.get("_".join(words), 0.0)


_NAMED: Mapping[Role, Callable[[tuple[str, ...]], float]] = {
    "user": _user, "time": _time, "kind": _kind, "value": _value,
    "item": _item, "event_id": _event_id, "ingested_at": _ingested, "currency": _currency,
}  # fmt: skip
