"""Which other ways to ask a business's questions are worth a look on its log."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from features.business import Business, ChurnSection, eligibility
from features.catalog import activity_kinds
from features.clock import DAY
from features.definitions import Definition, definitions
from features.kind_words import is_cancel, is_contract, is_purchase
from features.past import Past
from training.define.comparison import Alternative
from training.proposing.rhythm import ROUND_DAYS

AROUND = (0.25, 0.5, 1.0, 1.5, 2.0)  # of the horizon in use
CONTRACTS_AROUND = CONVERSIONS_AROUND = (0.5, 1.0, 2.0)


def widened(business: Business, past: Past) -> Business:
    """The business with a [churn] that names what its log has of contracts, so that their features exist.

    Without [churn], the activity is what the other questions are about, and the horizon theirs.
    """
    churn = business.churn
    if churn is None:
        other = business.conversion or business.ltv
        assert other is not None, "a business asks something"
        churn = ChurnSection(activity=activity_kinds(business), horizon_days=other.horizon_days)
    ends, holds = ending_kinds(churn, past), holding_kinds(churn, past)
    if not churn.contract and ends:
        holds = tuple(kind for kind in holds or churn.activity if kind not in ends)
        churn = churn.model_copy(update={"contract": holds, "cancel": ends, "activity": churn.activity or holds})
    return business.model_copy(update={"churn": churn})


def ending_kinds(churn: ChurnSection, past: Past) -> tuple[str, ...]:
    """The kinds that end a contract: configured, or by their names."""
    return churn.cancel or tuple(kind for kind in past.kinds if is_cancel(kind))


def holding_kinds(churn: ChurnSection, past: Past) -> tuple[str, ...]:
    """The kinds that begin or continue a contract: configured, or by their names."""
    return churn.contract or tuple(kind for kind in past.kinds if is_contract(kind))


def churn_alternatives(business: Business, wide: Business, past: Past) -> tuple[Alternative, ...]:
    """The definition in use, and beside it what else leaving could mean; wide: the business as `widened` gives it."""
    section = wide.churn
    assert section is not None
    used = definitions(business).get("churn")
    contract = definitions(wide)["churn"]
    by_event = [] if not contract.contract else [
        Alternative("contract" if used and used.contract else "cancel", replace(contract, horizon_days=days))
        for days in around(section.horizon_days, CONTRACTS_AROUND if used and used.contract else (1.0,))
    ]  # fmt: skip
    quits = business.churn.cancel if business.churn and not business.churn.contract else ()
    contracts_alone = bool(used and used.contract) and set(section.activity) <= set(section.contract)
    return _marked([*by_event, *(() if contracts_alone else _by_silence(section, quits, past))], used, past)


def _by_silence(section: ChurnSection, quits: tuple[str, ...], past: Past) -> Iterable[Alternative]:
    """Leaving as something that does not happen any more."""
    silence = Definition(
        "churn", section.activity, section.horizon_days, section.gap_days, quits, section.activity
    )  # fmt: skip
    for days in around(section.horizon_days, AROUND):
        yield Alternative("silence", replace(silence, horizon_days=days))
    yield Alternative("decline", silence)
    if bought := tuple(kind for kind in past.kinds if is_purchase(kind)) or _only(past):
        same = set(bought) == set(section.activity)
        yield Alternative("no_second" if same else "no_purchase", replace(silence, kinds=bought, activity=bought))


def _only(past: Past) -> tuple[str, ...]:
    return past.kinds if len(past.kinds) == 1 else ()


def conversion_alternatives(business: Business, past: Past) -> tuple[Alternative, ...]:
    """The rule in use and the usual others, each with a shorter and a longer horizon; () where nobody asks."""
    used = definitions(business).get("conversion")
    if used is None:
        return ()
    target = used.kinds[0]
    rules = [used.eligible, *(rule for rule in (f"no {target}", f"fewer than 2 {target}", "any") if _sayable(rule))]
    made = [
        Alternative("conversion", replace(used, eligible=rule, horizon_days=days))
        for rule in dict.fromkeys(rules)
        for days in around(used.horizon_days, CONVERSIONS_AROUND)
    ]
    return _marked(made, used, past)


def _sayable(rule: str) -> bool:
    try:
        return bool(eligibility(rule))
    except ValueError:
        return False


def around(days: int, shares: Sequence[float]) -> list[int]:
    """Round numbers of days near these multiples of the horizon in use, which is one of them as it is."""
    near = [min(ROUND_DAYS, key=lambda one: abs(one - share * days)) for share in shares if share != 1]
    return sorted({days, *(one for one in near if abs(one - days) > 0.1 * days)})


def _marked(made: Iterable[Alternative], used: Definition | None, past: Past) -> tuple[Alternative, ...]:
    """Those whose window the history holds, with the one in use marked; that one stays in any case."""
    span = (past.span.complete_until - past.span.first) / DAY
    known = [replace(one, in_use=one.definition == used and one.rule not in ("decline", "no_second")) for one in made]
    return tuple(one for one in known if one.in_use or one.definition.reach_days < span)
