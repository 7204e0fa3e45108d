"""A small shop with a simple model a question, and a reader of its report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from features.build import build_at
from features.business import Business, parse_business
from features.catalog import catalog
from features.clock import DAY, format_instant, parse_instant
from features.definitions import TaskName, definitions
from features.events import read_events
from features.histories import histories
from serving.batch import Scored, origin_of, score_columns, write_scores
from serving.phrases import Language
from serving.report import page
from serving.report.findings import find
from serving.report.listing import customers
from serving.scores import score_table
from training.amounts import AmountInterval
from training.bundle import Bundle, Origin
from training.calibration import IDENTITY
from training.evaluate import amount_report, probability_report
from training.inputs import fit_inputs
from training.keeping.registry import Champion
from training.level import AS_IT_IS
from training.measures.venn_abers import VennAbers, fit_venn_abers
from training.models.linear import Linear

START, NOW = parse_instant("2024-06-01"), parse_instant("2026-01-01")
SPAN_DAYS = 560
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "=HYPERLINK(1)",
    "+49 170 1234567",
    "{{ 7*7 }}",
    "用户😀",
)
TABLES: dict[str, Any] = {
    "churn": {"activity": ["order"], "horizon_days": 60},
    "conversion": {"target": ["order"], "eligible": "fewer than 30 order", "horizon_days": 30},
    "ltv": {"of": ["order"], "horizon_days": 60},
}


@dataclass(frozen=True)
class World:
    """A business, its scores, and the log as pandas reads it."""

    business: Business
    scored: Scored
    log: pd.DataFrame

    def render(self, language: Language = "en") -> str:
        found = find(self.business, self.scored)
        listed = customers(self.scored, found, language)
        return page.render_page(self.business, self.scored, found, listed, language, NOW)

    def carrying(self, report: Mapping[str, Any]) -> World:
        """The same scores by models that carry another account of their test."""
        tasks = {
            task: replace(one, bundle=replace(one.bundle, report=report))
            for task, one in self.scored.scores.tasks.items()
        }
        held = {task: replace(one, bundle=tasks[task].bundle) for task, one in self.scored.champions.items()}
        scored = replace(self.scored, scores=replace(self.scored.scores, tasks=tasks), champions=held)
        return replace(self, scored=scored)

    def table(self, folder: Path) -> pd.DataFrame:
        """The score file, with each user's worth added up from the log by pandas."""
        write_scores([pa.table(score_columns(self.scored))], origin_of(self.scored), folder / "s.parquet")
        scores = pd.read_parquet(folder / "s.parquet")
        recent = self.log[(self.log["at"] <= self.scored.as_of) & (self.log["at"] > self.scored.as_of - 365 * DAY)]
        scores["worth"] = scores["user_id"].map(recent.groupby("user")["value"].sum()).fillna(0.0)
        return scores


def a_log(users: int = 70, silence: int = 0) -> pd.DataFrame:
    """Customers who order at their own pace until they stop; silence: days without any event before the last one."""
    chance, rows = np.random.default_rng(3), []
    for name in (*HOSTILE, *(f"u{number}" for number in range(users))):
        at, pace = chance.uniform(0, 400), chance.gamma(2.0, 10.0) + 1
        until = min(at + chance.exponential(250) + 1, SPAN_DAYS - silence)
        while at < until:
            rows.append((name, START + int(at) * DAY, round(float(chance.gamma(2, 30)), 2)))
            at += chance.exponential(pace) + 1
    if silence:
        rows.append(("lone", START + SPAN_DAYS * DAY, 5.0))
    return pd.DataFrame(rows, columns=["user", "at", "value"])


def a_world(
    folder: Path,
    tasks: tuple[str, ...] = ("churn", "conversion", "ltv"),
    value: bool = True,
    log: pd.DataFrame | None = None,
) -> World:
    """Read the log through the library, and score it with hand-made models."""
    log = a_log() if log is None else log
    shown = log.assign(at=[format_instant(at) for at in log["at"]])
    shown.to_csv(folder / "events.csv", index=False)
    events = {"source": "events.csv", "user": "user", "time": "at", "kind": "=order"} | (
        {"value": "value"} if value else {}
    )
    tables = {"events": events} | {task: TABLES[task] for task in tasks}
    business = parse_business(tables, folder / "winback.toml")
    past = histories(read_events(business, NOW), "UTC")
    table = build_at(past, catalog(business, past.uses(), clock=not past.span.dates_only), past.span.last)
    fitted = fit_inputs(table, 60)
    held: dict[TaskName, Champion] = {}
    for task, definition in definitions(business).items():
        inputs = replace(fitted, horizon_days=definition.horizon_days)
        origin = Origin("d" * 16, len(past), len(past.time), past.span.complete_until, (START,), 1)
        money = task == "ltv"
        made = Bundle(
            definition, inputs, "rfm", a_model(task, inputs.position), AS_IT_IS if money else IDENTITY,
            "C", ("few users",), tuple(np.linspace(0, 1, 101)), origin,
            AmountInterval((0.8, 0.9), (0.0,), ((0.4,),) * 2, ((1.9,),) * 2, 0.0) if money else None,
            None if money else a_doubt(), a_report(task),
        )  # fmt: skip
        held[task] = Champion(task, f"winback-{task}", "7", folder, made)
    scores = score_table({task: one.bundle for task, one in held.items()}, table)
    return World(business, Scored(scores, past, held, past.span.last, past.users[table.user]), log)


def a_model(task: str, position: Mapping[str, int]) -> Linear:
    columns = tuple(position[f"order_{suffix}"] for suffix in ("recency", "days_ever", "tenure"))
    weights = {"churn": (1.3, -0.7, 0.2), "conversion": (-0.8, 0.4, 0.1), "ltv": (-0.4, 0.8, 0.1)}[task]
    return Linear(columns, ("log1p",) * 3, (3.4, 1.6, 5.0), (1.0, 0.8, 0.7), weights, 3.0 if task == "ltv" else 0.9)


def a_doubt() -> VennAbers:
    """What a crowd of few teaches: the nearer to the middle, the more of them there were."""
    chance = np.random.default_rng(5)
    margin = chance.normal(0.0, 0.7, 600)
    return fit_venn_abers((chance.uniform(size=600) < 1 / (1 + np.exp(-margin))).astype(float), margin)


def a_report(task: str) -> dict[str, Any]:
    chance = np.random.default_rng(1)
    p, who = chance.uniform(0.05, 0.95, 300), np.arange(300)
    y = (chance.uniform(size=300) < p).astype(float)
    others = {"recency": np.clip(p + chance.normal(0, 0.2, 300), 0.01, 0.99), "rfm": p}
    if task == "ltv":
        others = {name: 50 * other for name, other in others.items()}
        narrow, wide = (50 * p - 20, 50 * p + 6), (50 * p - 25, 50 * p + 9)
        test = amount_report(y * 60 * p, 50 * p, *narrow, others, who, *wide)
    else:
        test = probability_report(y, p, others, who)
    says = {"recency": "a rule on days since the last activity", "rfm": "regression"}
    return {
        "test": test | {"as_of": "2025-09-01T00:00:00Z", "until": "2025-10-31T00:00:00Z", "out_of_time": task != "ltv"},
        "choice": {
            "reason": "rfm wins", "losses": {"recency": 0.6, "rfm": 0.5}, "says": says,
            "judged_at": ["2025-07-01T00:00:00Z"], "same_rows_as_test": task == "ltv",
        },
        "windows": [{"as_of": "2025-09-01T00:00:00Z", "rows": 300, "mean": 0.5}],
        "drivers": {"rhythm": 0.11, "recency": 0.2, "tenure": 0.001}, "calibration": "",
    }  # fmt: skip


class Cells(HTMLParser):
    """The stage table's figures by stage, and all text that a reader sees."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.rows: dict[str, list[str]] = {}
        self.text, self.tags = "", Counter[str]()
        self._row, self._cell, self._hidden = "", False, False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self._hidden = tag in ("style", "script")
        if tag == "tr":
            self._row = dict(attrs).get("data-stage") or ""
        self._cell = tag == "td"
        if tag == "td" and self._row:
            self.rows.setdefault(self._row, []).append("")

    def handle_endtag(self, tag: str) -> None:
        self._hidden, self._cell = False, False
        self._row = "" if tag == "tr" else self._row

    def handle_data(self, data: str) -> None:
        self.text += "" if self._hidden else data
        if self._cell and self._row:
            self.rows[self._row][-1] += data

    def figures(self, stage: str) -> list[int]:
        """Users and the bands beside them: high, medium, low, and not asked where anybody is."""
        return [int(cell.replace(",", "") or 0) for cell in self.rows[stage][1:-2]]


def whole(value: float) -> str:
    """An amount of ten or more as the page writes it."""
    assert value >= 10
    return f"{value:,.0f}"
