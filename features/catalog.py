"""The catalogue: every feature that one business's kinds of event give rise to.

To add a feature, add one line to `_by_window`, `_whole` or `_trends`; every driver and every law picks it up.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np

from features import spec
from features.business import Business, eligibility
from features.kernel import MICROSECONDS_A_DAY, Plan
from features.spec import Feature, Reduction

ACTIVITY = "activity"
ANYTHING = "any event"
MOST_KINDS = 12


@dataclass(frozen=True)
class Selector:
    """A named set of kinds; an empty set means every kind, also one never met before."""

    name: str
    kinds: tuple[str, ...]
    label: str
    items: bool
    values: bool


@dataclass(frozen=True)
class Catalog:
    """All features of one business, in column order, with the selectors they speak of."""

    selectors: tuple[Selector, ...]
    features: tuple[Feature, ...]
    windows_days: tuple[int, ...]

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
        return asdict(self)

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> Catalog:
        return cls(
            tuple(Selector(**{**s, "kinds": tuple(s["kinds"])}) for s in saved["selectors"]),
            tuple(Feature(**{**f, "reduction": Reduction(f["reduction"])}) for f in saved["features"]),
            tuple(saved["windows_days"]),
        )

    def plan(self, kinds: Sequence[str]) -> Plan:
        """The catalogue as arrays for histories whose kind codes index `kinds`."""
        counted = [[s for s, sel in enumerate(self.selectors) if not sel.kinds or kind in sel.kinds] for kind in kinds]
        number = {selector.name: s for s, selector in enumerate(self.selectors)}
        asked = {f.of for f in self.features if f.reduction is Reduction.DISTINCT_ITEMS}
        window = {days: w for w, days in enumerate(self.windows_days)}
        ever = len(window)
        return Plan(
            edges=np.asarray(self.windows_days, dtype=np.int64) * MICROSECONDS_A_DAY,
            first_selector=np.r_[0, np.cumsum([len(some) for some in counted])].astype(np.int32),
            selectors=np.asarray([s for some in counted for s in some], dtype=np.int32),
            items=np.asarray([selector.name in asked for selector in self.selectors], dtype=np.uint8),
            reduction=np.asarray([f.reduction for f in self.features], dtype=np.int32),
            selector=np.asarray([number[f.of] for f in self.features], dtype=np.int32),
            window=np.asarray([ever if f.days is None else window[f.days] for f in self.features], dtype=np.int32),
        )


@dataclass(frozen=True)
class KindUse:
    """How one kind occurs in a log: how often, and whether with items and values."""

    kind: str
    events: int
    items: bool
    values: bool


def catalog(business: Business, uses: Sequence[KindUse], clock: bool = True) -> Catalog:
    """Derive the catalogue from the configuration and from the kinds that the log holds.

    Kinds that the configuration names always get features of their own; of the others the most frequent do, up to
    MOST_KINDS in all; the rest count under "any event".  clock: whether times carry an hour, and not dates alone.
    """
    selectors = tuple(_selectors(business, uses))
    windows = business.features.windows_days
    features = tuple(feature for selector in selectors for feature in _of_selector(selector, windows, clock))
    return Catalog(selectors, features, windows)


def _selectors(business: Business, uses: Sequence[KindUse]) -> Iterator[Selector]:
    by_kind = {use.kind: use for use in uses}
    activity = tuple(sorted(activity_kinds(business)))
    kinds = _chosen(business, uses)
    taken = {"any", "activity"} if len(activity) > 1 else {"any"}
    if len(activity) > 1:
        yield _selector(ACTIVITY, activity, "activity", by_kind)
    else:
        yield _selector(_named(activity[0]), activity, _unique(_label(activity[0]), taken), by_kind)
    for kind in kinds:
        if activity != (kind,):
            yield _selector(_named(kind), (kind,), _unique(_label(kind), taken), by_kind)
    if set(by_kind) - set(activity) or len(activity) > 1:
        yield Selector(ANYTHING, (), "any", any(u.items for u in uses), any(u.values for u in uses))


def _selector(name: str, kinds: tuple[str, ...], label: str, by_kind: Mapping[str, KindUse]) -> Selector:
    known = [by_kind[kind] for kind in kinds if kind in by_kind]
    return Selector(name, kinds, label, any(use.items for use in known), any(use.values for use in known))


def activity_kinds(business: Business) -> tuple[str, ...]:
    """The kinds whose rhythm the buy-till-you-die models follow: churn's activity, else the target, else ltv's."""
    if business.churn:
        return business.churn.activity
    if business.conversion:
        return business.conversion.target
    return business.ltv.of if business.ltv else ()


def named_kinds(business: Business) -> dict[str, str]:
    """Every kind that the configuration names, with the key that names it."""
    named: dict[str, str] = {}
    if business.churn:
        named |= dict.fromkeys(business.churn.cancel, "churn.cancel")
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
    frequent = [use.kind for use in sorted(uses, key=lambda use: (-use.events, use.kind)) if use.kind not in named]
    return sorted(named) + frequent[: max(0, MOST_KINDS - len(named))]


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


def _of_selector(selector: Selector, windows: Sequence[int], clock: bool) -> Iterator[Feature]:
    of, label = selector.name, selector.label
    for days in (*windows, None):
        yield from _by_window(of, label, days, selector)
    for days in windows:
        yield from _trends(of, label, days, selector)
    yield from _whole(of, label, selector)
    if clock:
        yield from _habits(of, label)


def _by_window(of: str, label: str, days: int | None, selector: Selector) -> Iterator[Feature]:
    yield spec.count(of, label, days)
    yield spec.active_days(of, label, days)
    if selector.values:
        yield spec.total(of, label, days)
        yield spec.mean(of, label, days)
        yield spec.largest(of, label, days)
    if selector.items:
        yield spec.distinct_items(of, label, days)


def _trends(of: str, label: str, days: int, selector: Selector) -> Iterator[Feature]:
    yield spec.trend(of, label, days)
    if selector.values:
        yield spec.spend_trend(of, label, days)


def _whole(of: str, label: str, selector: Selector) -> Iterator[Feature]:
    for reduction in (
        Reduction.RECENCY, Reduction.TENURE,
        Reduction.GAP_MEAN, Reduction.GAP_DEVIATION, Reduction.GAP_LAST, Reduction.OVERDUE,
        Reduction.REPEAT_DAYS, Reduction.REPEAT_SPAN, Reduction.SILENCE_SHARE, Reduction.WEEKEND_SHARE,
    ):  # fmt: skip
        yield spec.whole(reduction, of, label)
    if selector.values:
        yield spec.whole(Reduction.LAST_VALUE, of, label)


def _habits(of: str, label: str) -> Iterator[Feature]:
    yield spec.whole(Reduction.NIGHT_SHARE, of, label)
    yield spec.whole(Reduction.HOUR_REGULARITY, of, label)
