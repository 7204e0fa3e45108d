"""Event logs of six kinds of business, written down as their systems would."""

from __future__ import annotations

import csv
import datetime as dt
import json
import random
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

Row = dict[str, Any]
START = dt.datetime(2025, 1, 1, 8, tzinfo=dt.UTC)


def _walk(rng: random.Random, users: int, days: int, gap: float, leave: float) -> Iterator[tuple[int, dt.datetime]]:
    """Visits: each user starts some day, comes again after about `gap` days, and leaves with a chance after each "
    "visit."""
    for user in range(users):
        at = rng.uniform(0, days * 0.7)
        while at < days:
            yield user, START + dt.timedelta(days=at)
            if rng.random() < leave:
                break
            at += rng.expovariate(1 / gap)


def retail(users: int = 300) -> list[Row]:
    """One row an invoice line, in the words of the UCI shop; a customer is missing now and then."""
    rng = random.Random(1)
    return [
        {
            "InvoiceNo": 500_000 + n // 2,
            "StockCode": f"P{rng.randrange(60)}",
            "Description": f"Thing {rng.randrange(60)}",
            "Quantity": rng.randrange(1, 9),
            "InvoiceDate": at.strftime("%Y-%m-%d %H:%M"),
            "Sales": round(rng.lognormvariate(3, 1), 2),
            "CustomerID": 12_000 + user,
            "Country": ("Germany", "France")[user % 2],
        }
        for n, (user, at) in enumerate(_walk(rng, users, 400, 30, 0.1))
    ]


def clicks(users: int = 200) -> list[Row]:
    """Amplitude-like JSON with nested properties; purchases are rare."""
    rng = random.Random(2)
    rows: list[Row] = []
    for user, at in _walk(rng, users, 90, 2, 0.05):
        kind = rng.choices(["page_view", "search", "add_to_cart", "purchase", "push_sent"], [60, 20, 10, 1, 9])[0]
        rows.append(
            {
                "event_type": kind,
                "event_time": at.strftime("%Y-%m-%d %H:%M:%S.%f"),
                "user_id": f"user-{user}",
                "$insert_id": f"i{len(rows)}",
                "server_upload_time": (at + dt.timedelta(seconds=3)).strftime("%Y-%m-%d %H:%M:%S.%f"),
                "platform": rng.choice(["iOS", "Web"]),
                "event_properties": {
                    "revenue": round(rng.uniform(5, 50), 2) if kind == "purchase" else None,
                    "page": f"/p/{rng.randrange(40)}",
                },
            }
        )
    return rows


def saas(users: int = 250) -> list[Row]:
    """Sign-ups, use, subscriptions and cancellations; no money; e-mails that the system sends."""
    rng = random.Random(3)
    rows: list[Row] = []
    for user in range(users):
        at = START + dt.timedelta(days=rng.uniform(0, 120))

        def add(kind: str, when: dt.datetime, who: int = user) -> None:
            rows.append({"account": f"acc_{who:04}", "ts": int(when.timestamp()), "action": kind})

        add("signed_up", at)
        for week in range(rng.randrange(1, 25)):
            add("email_sent", at + dt.timedelta(days=7 * week))
            for _ in range(rng.randrange(0, 5)):
                add(
                    rng.choice(["login", "project_created", "report_exported"]),
                    at + dt.timedelta(days=7 * week + rng.uniform(0, 6)),
                )
        if user % 3 == 0:
            add("subscribed", at + dt.timedelta(days=10))
        if user % 9 == 0:
            add("subscription_cancelled", at + dt.timedelta(days=60))
    return sorted(rows, key=lambda row: row["ts"])


def game(users: int = 300) -> list[Row]:
    """A game with purchases that few make, times in epoch milliseconds, and a score that is not money."""
    rng = random.Random(4)
    kinds = ["session_start", "level_complete", "level_fail", "iap_purchase"]
    return [
        {
            "playerId": f"🎮{user}",
            "timestamp": int(at.timestamp() * 1000),
            "eventName": kind,
            "score": rng.randrange(10_000),
            "price_usd": 4.99 if kind == "iap_purchase" else "",
        }
        for user, at in _walk(rng, users, 60, 1.5, 0.08)
        for kind in rng.choices(kinds, [50, 30, 19, 1])
    ]


def chinese(users: int = 150) -> list[Row]:
    """A shop behaviour log with Chinese column names."""
    rng = random.Random(5)
    return [
        {
            "用户ID": f"u{user}",
            "商品ID": f"g{rng.randrange(50)}",
            "行为类型": rng.choice(["浏览", "加购", "购买"]),
            "时间": at.strftime("%Y/%m/%d %H:%M:%S"),
        }
        for user, at in _walk(rng, users, 120, 5, 0.08)
    ]


def donations(users: int = 250) -> list[Row]:
    """A charity: no kinds, dates only, German words, decimal commas."""
    rng = random.Random(6)
    return [
        {
            "Spender-Nr": 1000 + user,
            "Datum": at.strftime("%d.%m.%Y"),
            "Betrag": f"{rng.uniform(5, 900):.2f}".replace(".", ","),
        }
        for user, at in _walk(rng, users, 700, 60, 0.15)
    ]


LOGS: Mapping[str, tuple[Callable[[], list[Row]], str]] = {
    "retail": (retail, "csv"),
    "clicks": (clicks, "jsonl"),
    "saas": (saas, "csv"),
    "game": (game, "parquet"),
    "chinese": (chinese, "csv"),
    "donations": (donations, "csv"),
}


def write(rows: list[Row], path: Path, delimiter: str = ",") -> Path:
    """Write rows in the format that the name of the file says."""
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    elif path.suffix == ".parquet":
        frame = pd.DataFrame(rows)
        for name in frame.columns:
            if (frame[name] == "").any():
                frame[name] = pd.to_numeric(frame[name].replace("", None))
        frame.to_parquet(path)
    else:
        with path.open("w", newline="", encoding="utf-8") as out:
            table = csv.DictWriter(out, list(rows[0]), delimiter=delimiter)
            table.writeheader()
            table.writerows(rows)
    return path


def write_log(name: str, folder: Path) -> Path:
    rows, suffix = LOGS[name]
    return write(rows(), folder / f"{name}.{suffix}", ";" if name == "donations" else ",")
