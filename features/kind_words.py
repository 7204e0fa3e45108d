"""What the name of a kind of event says: a deed of the user, a purchase, a goodbye, or something that was done "
"to them."""

from __future__ import annotations

import re
import unicodedata

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

# Words; a trailing * also takes longer forms (play* = plays, played, player_start).
_CANCEL = (
    "cancel* churn* unsubscri* uninstall* deactivat* offboard* terminat* resign* kundig* kuendig* abmeld* storn* "
    "optout "
    "取消订阅 退订 注销 卸载 解约"
)
_LEAVE_PAIRS = (
    "delete+account deleted+account close+account closed+account account+closure remove+account opt+out opted+out "
    "subscription+ended subscription+expired subscription+end membership+ended membership+expired left+service"
)
_REFUND = (
    "refund* chargeback* return returned returns reversal reversed void* storn* retoure* ruckgabe* "
    "rueckgabe* gutschrift* 退款 退货"
)
_SYSTEM = (
    "sent delivered bounce bounced notification* notif push pushed reminder* scheduled cron batch webhook system "
    "job migrat* sync synced "
    "impression* exposed exposure experiment* assigned issued generated dunning expired expiry heartbeat ping "
    "dropped deferred"
)
_SYSTEM_PAIRS = (
    "invoice+created invoice+sent invoice+finalized email+send mail+send sms+send campaign+send trial+ended trial+will "
    "payment+failed charge+failed renewal+failed payment+failure payment+declined card+declined"
)
_BUY = (
    "purchase* buy buys bought order orders ordered orderplaced pay payment payments paid pays sale sales sold "
    "transaction transactions "
    "subscribe subscribed subscription upgrade upgraded upgrades convert converted deposit deposited donate "
    "donated donation donations "
    "booking bookings booked iap charge charged checkout renew renewed renewal rent rental rented topup recharge "
    "reload kauf* gekauft "
    "bestell* zahlung* bezahl* buchung* achat* compra* pedido* commande* 购买 支付 付款 下单 订购 订单 充值 成交 交易"
)
_NOT_BUY = (
    "view views viewed viewing begin began start started initiat* click* tap* page open opened history list email "
    "abandon* remove removed "
    "add added cart basket wishlist fail failed failure declin* intent reminder create created pending quote "
    "estimate search scroll tour "
    "browse impression step status update updated shipped shipment delivered tracking track screen pay_page modal "
    "seen visit visited "
    "downgrade* cancel* refund* return* chargeback* error try trial banner prompt ticket support view_item sent due"
)
_CONTRACT = "subscri* renew* resubscri* reactivat* abonn* abo verlanger* verlaenger* 订阅 续费 续订 续约 开通"
_CONTRACT_PAIRS = (
    "membership+started membership+created membership+begin membership+joined contract+signed contract+started "
    "contract+created policy+issued policy+started plan+started plan+activated subscription+activated "
    "subscription+resumed"
)
_BROWSE = (
    "view* browse* search* click* page* scroll* cart* wishlist* favorite* favourite* impression* hover* visit* "
    "detail* pv fav "
    "screen* open* look* list* tap* 浏览 点击 收藏 加购 搜索"
)
_DEED = (
    "log login logged logout signin signup sign register* regist* install* play* watch* listen* read* share* "
    "like* comment* post* follow* "
    "upload* download* create* created edit* update* complete* finish* start* session* launch* invite* message* "
    "chat* vote* rate* review* "
    "submit* export* import* connect* activate* attend* use used usage next* thumb* skip* add* remove* save* "
    "error home help settings about "
    "level* match* win won lose lost spin* bet* level_up quest* mission* achievement* onboard* trial* enroll* "
    "quiz* lesson* submitted "
    "run* ride* trip* check* withdraw* transfer* redeem* earn* claim* call* visit* enter* exit* join* leave* "
    "anmeld* ansicht* 登录 注册 分享 "
    "播放 启动 签到 评论"
)


def kind_words(kind: str) -> tuple[str, ...]:
    """The lower-case words of a kind: "OrderCompleted" -> order, completed."""
    plain = "".join(mark for mark in unicodedata.normalize("NFKD", kind) if not unicodedata.combining(mark))
    return tuple(re.findall(r"[a-z]+|[^\x00-\x7f]+", _CAMEL.sub(" ", plain).lower()))


def _has(words: tuple[str, ...], vocabulary: str) -> bool:
    return any(_fits(word, known) for known in vocabulary.split() for word in words)


def _fits(word: str, known: str) -> bool:
    if known.endswith("*"):
        return word.startswith(known[:-1])
    return known in word if not known.isascii() else word == known


def _pair(words: tuple[str, ...], pairs: str) -> bool:
    return any(set(pair.split("+")) <= set(words) for pair in pairs.split())


def is_cancel(kind: str) -> bool:
    """Whether it ends the relation: cancel, unsubscribe, uninstall, close account; a cancelled order does not."""
    words = kind_words(kind)
    one_order = set(words) & {
        "order",
        "orders",
        "booking",
        "appointment",
        "ride",
        "trip",
        "reservation",
        "checkout",
        "payment",
    }
    asked = set(words) & {"view", "viewed", "page", "click", "clicked", "flow", "start", "started", "undo", "email"}
    return (_has(words, _CANCEL) or _pair(words, _LEAVE_PAIRS)) and not one_order and not asked


def is_refund(kind: str) -> bool:
    words = kind_words(kind)
    return _has(words, _REFUND) and "visit" not in words and "user" not in words


def is_system(kind: str) -> bool:
    """Whether it is done to the user, not by them: an e-mail sent, an invoice created, a crash."""
    words = kind_words(kind)
    return _has(words, _SYSTEM) or _pair(words, _SYSTEM_PAIRS)


def is_purchase(kind: str) -> bool:
    """Whether money or a commitment is given: an order, a payment, a subscription; not looking at one, nor "
    "failing to."""
    words = kind_words(kind)
    if is_cancel(kind) or is_refund(kind) or is_system(kind) or not _has(words, _BUY):
        return False
    done = set(words) & {
        "completed",
        "complete",
        "success",
        "succeeded",
        "successful",
        "placed",
        "confirmed",
        "paid",
        "purchased",
    }
    if set(words) == {"checkout"}:
        return False
    started = {"subscription", "order", "booking", "transaction"} & set(words) and {
        "created",
        "create",
        "started",
        "added",
    } & set(words)
    return bool(done) or (bool(started) and "checkout" not in words) or not _has(words, _NOT_BUY)


def is_contract(kind: str) -> bool:
    """Whether it begins or continues a contract: subscribe, renew, membership started; not trying, failing or ending
    one."""
    words = kind_words(kind)
    letters = set(words) & {"newsletter", "email", "mail", "sms", "push", "notification", "notifications", "channel"}
    if letters or is_cancel(kind) or is_refund(kind) or is_system(kind):
        return False
    return (_has(words, _CONTRACT) and is_purchase(kind)) or _pair(words, _CONTRACT_PAIRS)


def is_browse(kind: str) -> bool:
    """Whether it looks at things without taking one."""
    return _has(kind_words(kind), _BROWSE) and not is_purchase(kind)


def is_deed(kind: str) -> bool:
    """Whether it reads like the name of an event at all."""
    words = kind_words(kind)
    return any(_has(words, known) for known in (_DEED, _BUY, _BROWSE, _CANCEL, _REFUND)) or _pair(words, _LEAVE_PAIRS)
