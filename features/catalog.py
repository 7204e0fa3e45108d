"""The catalogue: every feature that one business's kinds of event give rise to."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

from features.arrays import Plan
from features.business import Business, eligibility
from features.custom import CustomCode, load_custom
from features.kind_words import is_cancel, is_refund, kind_words
from features.plan import MOST_TRANSITIONS, plan
from features.problems import InputProblem
from features.spec import Feature, Reduction, feature
from features.tiers import Role, Selector, features_of

ACTIVITY = "activity"
ANYTHING = "any event"
MOST_KINDS = 12
_REDUCED = {"discount", "discounts", "coupon", "coupons", "voucher", "vouchers", "rebate", "rebates", "折扣", "优惠券"}


@dataclass(frozen=True)
class Catalog:
    """All features of one business, in column order, with the selectors they speak of.

    custom: the module of the features that the business wrote itself; they come last.
    """

    selectors: tuple[Selector, ...]
    features: tuple[Feature, ...]
    windows_days: tuple[int, ...]
    custom: CustomCode | None = None

    @cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(feature.name for feature in self.features)

    @cached_property
    def position(self) -> Mapping[str, int]:
        """Column number by feature name."""
        return {name: number for number, name in enumerate(self.names)}

    def activity(self, suffix: str) -> int:
        """Column number of an activity feature, such as "recency" or "count_30d"."""
        return self.position[f"{self.selectors[0].label}_{suffix}"]

    def feature_of(self, kind: str, suffix: str) -> str:
        """Name of a feature of one kind alone, such as ("order", "count_ever"); KeyError when the kind has none."""
        for selector in self.selectors:
            if selector.kinds == (kind,):
                return f"{selector.label}_{suffix}"
        raise KeyError(f"the catalogue has no features of kind '{kind}' alone")

    def fingerprint(self) -> str:
        """A digest of what every column means; two catalogues with the same digits give the same matrix."""
        return hashlib.blake2b(json.dumps(self.to_json(), sort_keys=True).encode(), digest_size=8).hexdigest()

    def to_json(self) -> dict[str, Any]:
        """Names and meanings; of a custom feature's code the digest alone."""
        return asdict(replace(self, custom=None)) | {"custom": self.custom.to_json() if self.custom else None}

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> Catalog:
        return cls(
            tuple(Selector(**{**s, "kinds": tuple(s["kinds"])}) for s in saved["selectors"]),
            tuple(Feature(**{**f, "reduction": Reduction(f["reduction"])}) for f in saved["features"]),
            tuple(saved["windows_days"]),
            CustomCode.from_json(saved["custom"]) if saved["custom"] else None,
        )

    def plan(self, kinds: Sequence[str]) -> Plan:
        """The catalogue made ready for histories whose kind codes index `kinds`."""
        return plan(self.selectors, self.features, self.windows_days, kinds, self.custom)


@dataclass(frozen=True)
class KindUse:
    """How one kind occurs in a log: how often, and whether with items and values."""

    kind: str
    events: int
    items: bool
    values: bool


def catalog(business: Business, uses: Sequence[KindUse], clock: bool = True) -> Catalog:
    """Derive the catalogue from the configuration and from the kinds that the log holds.

    Kinds that the configuration names always get features of their own; of the others those do that end or take back
    something by their name, then the most frequent, up to MOST_KINDS in all; the rest count under "any event".
    clock: whether times carry an hour, and not dates alone.
    """
    selectors = tuple(_selectors(business, uses))
    windows = business.features.windows_days
    features: list[Feature] = []
    for selector in selectors:
        alone = len(selectors) == 1
        roles: tuple[Role, ...] = ("activity", "any") if alone else (selector.role,)
        features += features_of(selector, roles, windows, clock)
    features += _transitions(business, selectors, uses)
    features += _value_shares(selectors)
    if (custom := load_custom(business)) is not None:
        features += custom.features()
    return _distinct(Catalog(selectors, tuple(features), windows, custom))


def bind(catalog: Catalog, business: Business) -> Catalog:
    """A saved catalogue with the functions of its custom features; the same one when it has none.

    Raises InputProblem (custom_changed) when the module beside winback.toml is missing or is not the one that the
    catalogue was made with: a score under changed code would silently mean something else.
    """
    if catalog.custom is None:
        return catalog
    held = load_custom(business)
    if held is None or held.digest != catalog.custom.digest:
        said = "winback.toml names none" if held is None else f"{held.file} has changed since"
        raise InputProblem(
            f"The model was trained with the custom features of {catalog.custom.file}, but {said}. Put the same file "
            "back, or run `winback train`.",
            "custom_changed",
        )
    return replace(catalog, custom=held)


def _distinct(made: Catalog) -> Catalog:
    """The same catalogue; raises InputProblem when a custom feature takes the name of another."""
    taken = {f.name for f in made.features if f.reduction is not Reduction.CUSTOM}
    if clash := [f.name for f in made.features if f.reduction is Reduction.CUSTOM and f.name in taken]:
        raise InputProblem(
            f"features.custom: {', '.join(clash)} is the name of a feature of winback's own. Rename the function.",
            "custom_feature",
        )
    return made


def _selectors(business: Business, uses: Sequence[KindUse]) -> Iterator[Selector]:
    by_kind, named = {use.kind: use for use in uses}, named_kinds(business)
    activity = tuple(sorted(activity_kinds(business)))
    taken = {"any", "activity"} if len(activity) > 1 else {"any"}
    if len(activity) > 1:
        yield _selector(ACTIVITY, activity, "activity", by_kind, "activity")
    else:
        yield _selector(_named(activity[0]), activity, _unique(_label(activity[0]), taken), by_kind, "activity")
    for kind in _chosen(business, uses):
        if activity != (kind,):
            role: Role = "named" if kind in named else "other"
            yield _selector(_named(kind), (kind,), _unique(_label(kind), taken), by_kind, role)
    if set(by_kind) - set(activity) or len(activity) > 1:
        yield Selector(ANYTHING, (), "any", any(u.items for u in uses), any(u.values for u in uses), "any")


def _selector(name: str, kinds: tuple[str, ...], label: str, by_kind: Mapping[str, KindUse], role: Role) -> Selector:
    known = [by_kind[kind] for kind in kinds if kind in by_kind]
    return Selector(name, kinds, label, any(use.items for use in known), any(use.values for use in known), role)


def _transitions(business: Business, selectors: Sequence[Selector], uses: Sequence[KindUse]) -> Iterator[Feature]:
    """How often the activity is followed at once by something else, the kinds that precede leaving first.

    First those that end or undo something (a cancellation that the configuration names, a cancellation or a refund by
    its name), then the other kinds that the configuration names, then the most frequent.
    """
    first, named = selectors[0], named_kinds(business)
    cancel = business.churn.cancel if business.churn else ()
    often = {use.kind: use.events for use in uses}
    others = [s for s in selectors if len(s.kinds) == 1 and s.kinds[0] not in first.kinds]

    def weight(selector: Selector) -> tuple[bool, bool, bool, int, str]:
        kind = selector.kinds[0]
        return kind not in cancel, not _undoes(kind), kind not in named, -often.get(kind, 0), kind

    for then in sorted(others, key=weight)[:MOST_TRANSITIONS]:
        yield feature(Reduction.FOLLOWED, first.name, first.label, None, then.name, then.label)


def _value_shares(selectors: Sequence[Selector]) -> Iterator[Feature]:
    """What was given back or taken off, where the log has it as a kind of its own with values."""
    whole = next((s for s in (selectors[0], selectors[-1]) if s.values), None)
    for selector in selectors if whole else ():
        kind = selector.kinds[0] if len(selector.kinds) == 1 else ""
        if selector.values and selector != whole and (is_refund(kind) or _REDUCED & set(kind_words(kind))):
            assert whole is not None
            yield feature(Reduction.VALUE_SHARE, selector.name, selector.label, None, whole.name)


def activity_kinds(business: Business) -> tuple[str, ...]:
    """The kinds whose rhythm the buy-till-you-die models follow: churn's activity (or contract), else the target, else
    ltv's."""
    if business.churn:
        return business.churn.activity or business.churn.contract
    if business.conversion:
        return business.conversion.target
    return business.ltv.of if business.ltv else ()


def named_kinds(business: Business) -> dict[str, str]:
    """Every kind that the configuration names, with the key that names it."""
    named: dict[str, str] = {}
    if business.churn:
        named |= dict.fromkeys(business.churn.cancel, "churn.cancel")
        named |= dict.fromkeys(business.churn.contract, "churn.contract")
        named |= dict.fromkeys(business.churn.activity, "churn.activity")
    if business.conversion:
        named |= dict.fromkeys(business.conversion.target, "conversion.target")
        if rule := eligibility(business.conversion.eligible).kind:
            named.setdefault(rule, "conversion.eligible")
    if business.ltv:
        named |= {kind: "ltv.of" for kind in business.ltv.of if kind not in named}
    return named


def _chosen(business: Business, uses: Sequence[KindUse]) -> list[str]:
    named = named_kinds(business)
    others = sorted((use for use in uses if use.kind not in named), key=_importance)
    return sorted(named) + [use.kind for use in others][: max(0, MOST_KINDS - len(named))]


def _importance(use: KindUse) -> tuple[bool, int, str]:
    return not _undoes(use.kind), -use.events, use.kind


def _undoes(kind: str) -> bool:
    """Whether its name says that it ends or takes back something; rare, and telling."""
    return is_cancel(kind) or is_refund(kind)


def _named(kind: str) -> str:
    """The selector's name: the kind's own, unless the selector of several kinds has it."""
    return f"{kind} (kind)" if re.sub(r"( \(kind\))+$", "", kind) in (ACTIVITY, ANYTHING) else kind


def _label(kind: str) -> str:
    return re.sub(r"[^0-9a-z]+", "_", kind.lower()).strip("_") or "kind"


def _unique(label: str, taken: set[str]) -> str:
    number, free = 2, label
    while free in taken:
        free, number = f"{label}_{number}", number + 1
    taken.add(free)
    return free

