"""The columns of a source are found by name and content, and content wins."""

from __future__ import annotations

import random
from pathlib import Path

import pyarrow as pa
import pytest

from features.column_names import name_score, tokens
from features.column_search import find_in
from features.columns import find_columns
from features.kind_words import is_cancel, is_purchase, is_refund, is_system
from tests.flow.logs import clicks, write, write_log

NOW = 1_790_000_000_000_000  # September 2026


def table(**columns: list[object]) -> pa.Table:
    return pa.table(
        {name: pa.array([None if v is None else str(v) for v in values]) for name, values in columns.items()}
    )


def chosen(found: object) -> dict[str, str]:
    return {role: choice.column for role, choice in found.choices.items() if choice.column}  # type: ignore[attr-defined]


def days(count: int) -> list[object]:
    return [f"2025-{1 + n // 28 % 12:02}-{1 + n % 28:02} 10:{n % 60:02}:00" for n in range(count)]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "retail",
            {"user": "CustomerID", "time": "InvoiceDate", "kind": "=order", "value": "Sales", "item": "StockCode"},
        ),
        (
            "clicks",
            {
                "user": "user_id", "time": "event_time", "kind": "event_type", "value": "event_properties.revenue",
                "item": "event_properties.page", "event_id": "$insert_id", "ingested_at": "server_upload_time",
            },
        ),
        ("saas", {"user": "account", "time": "ts", "kind": "action"}),
        ("game", {"user": "playerId", "time": "timestamp", "kind": "eventName", "value": "price_usd"}),
        ("chinese", {"user": "用户ID", "item": "商品ID", "kind": "行为类型", "time": "时间"}),
        ("donations", {"user": "Spender-Nr", "time": "Datum", "kind": "=order", "value": "Betrag"}),
    ],
)  # fmt: skip
def test_six_kinds_of_business(name: str, expected: dict[str, str], tmp_path: Path) -> None:
    # Planted: uniqueness of an event id asked for neither in the sample nor in the whole; InvoiceNo was taken.
    assert chosen(find_in(write_log(name, tmp_path), NOW)) == expected


def test_an_order_number_that_repeats_only_outside_the_sample_is_no_event_id(tmp_path: Path) -> None:
    # Planted: `_verified` left out. The sample takes every second row, so each order number is seen once in it.
    rng = random.Random(0)
    rows = [
        {"order_id": n // 2, "user": rng.randrange(900), "time": day, "price": 5.5}
        for n, day in enumerate(days(40_000))
    ]
    found = find_in(write(rows, tmp_path / "lines.csv"), NOW)
    assert found["event_id"].column == ""
    assert "20,000 of 40,000 rows repeat one" in found["event_id"].evidence


def test_content_wins_over_the_name_and_says_so() -> None:
    # Planted: the content checks of `as_user` and `as_time` skipped; user_id and time were chosen.
    n = 400
    found = find_columns(
        table(
            user_id=[0.5 + i % 30 for i in range(n)],
            client=[f"c{i % 40}" for i in range(n)],
            time=["14:03" for _ in range(n)],
            date=days(n),
        ),
        NOW,
    )
    assert (found["user"].column, found["time"].column) == ("client", "date")
    assert "not 'time': only 0% of it are readable as times" in found["time"].evidence


def test_a_column_that_never_changes_for_a_user_is_no_time_kind_or_item() -> None:
    # Planted: `varies_within` returning 1.0; signup time, plan and favourite product were chosen.
    n = 600
    found = find_columns(
        table(
            uid=[i % 50 for i in range(n)],
            created_at=[f"2024-01-{1 + i % 50 % 28:02}" for i in range(n)],
            day=days(n),
            type=[("play", "watch")[i % 50 % 2] for i in range(n)],
            name=[("play", "watch")[i % 50 % 2] for i in range(n)],
            product_id=[f"p{i % 50 % 7}" for i in range(n)],
        ),
        NOW,
    )
    assert found["time"].column == "day"
    assert found["kind"].column == "=event"
    assert "says the same of all events of a user" in found["kind"].evidence
    assert found["item"].column == ""


def test_a_file_without_header_is_read_by_content() -> None:
    rng = random.Random(1)
    n = 500
    found = find_columns(
        table(
            column1=[f"{rng.randrange(80):05}" for _ in range(n)],
            column2=[day[:10].replace("-", "") for day in map(str, days(n))],
            column3=[rng.randrange(1, 5) for _ in range(n)],
            column4=[round(rng.uniform(1, 90), 2) for _ in range(n)],
        ),
        NOW,
    )
    assert chosen(found) == {"user": "column1", "time": "column2", "value": "column4", "kind": "=order"}


def test_where_nothing_is_credible_the_candidates_are_named() -> None:
    n = 300
    found = find_columns(
        table(alpha=[f"a{i % 60}" for i in range(n)], beta=[f"b{i % 61}" for i in range(n)], happened=days(n)), NOW
    )
    assert found.missing == ("user",)
    assert set(found["user"].others) == {"alpha", "beta"}
    assert found["time"].column == "happened"


def test_a_bulk_load_is_no_arrival() -> None:
    # Planted: no limit to the lag; then a back-test would see an empty past for the whole history.
    n = 200
    loaded = find_columns(
        table(user=[i % 20 for i in range(n)], time=days(n), received_at=["2026-08-01 00:00:00"] * n), NOW
    )
    assert loaded["ingested_at"].column == ""
    assert "as after a bulk load" in loaded["ingested_at"].evidence


def test_caller_knows_better() -> None:
    n = 100
    found = find_columns(
        table(user=[i % 9 for i in range(n)], who=[i % 8 for i in range(n)], time=days(n)), NOW, {"user": "who"}
    )
    assert found["user"].column == "who"


@pytest.mark.parametrize(
    "name", ["lat", "age", "zip", "discount", "tax", "quantity", "order_id", "price_tier", "score"]
)
def test_what_is_not_money(name: str) -> None:
    # Planted: "tier" taken out of the words that are not money; price_tier counted as a price.
    assert name_score("value", name) == 0


@pytest.mark.parametrize(
    ("name", "words"),
    [("properties.CustomerID", ("customer", "id")), ("user_ID", ("user", "id")), ("orderdate", ("order", "date"))],
)
def test_tokens(name: str, words: tuple[str, ...]) -> None:
    assert tokens(name) == words


@pytest.mark.parametrize(
    ("judge", "yes", "no"),
    [
        (is_purchase, "purchase order_placed OrderCompleted Checkout_Completed subscribed 购买 iap_purchase "
            "payment_succeeded "
         "subscription_created", "add_to_cart order_viewed payment_failed order_cancelled refund checkout_started view "
         "begin_checkout purchase_page_view subscription_cancelled invoice_created"),
        (is_cancel, "cancellation subscription_cancelled unsubscribe account_deleted churned app_uninstall 注销 "
            "delete_account",
         "order_cancelled cancel_page_viewed login purchase"),
        (is_refund, "refund refunded return item_returned chargeback", "returning_user return_visit purchase"),
        (is_system, "email_sent push_delivered invoice_created notification_sent payment_failed "
            "bounce", "email_open login "
         "level_failed purchase message"),
    ],
)  # fmt: skip
def test_kind_words(judge: object, yes: str, no: str) -> None:
    assert [kind for kind in yes.split() if not judge(kind)] == []  # type: ignore[operator]
    assert [kind for kind in no.split() if judge(kind)] == []  # type: ignore[operator]


def test_an_export_is_recognised_by_its_columns_and_says_which(tmp_path: Path) -> None:
    found = find_in(write_log("clicks", tmp_path), NOW)
    assert found.export is not None
    assert (found.export.preset.name, found.export.shown) == ("amplitude", ("event_type", "event_time", "$insert_id"))
    assert find_in(write_log("saas", tmp_path), NOW).export is None


def test_an_upload_long_after_the_events_is_no_arrival_in_an_export_either(tmp_path: Path) -> None:
    # Planted: `_arrival` left out of `_of_export`; a back-test would have seen an empty past.
    rows = [{**row, "server_upload_time": "2026-08-01 00:00:00"} for row in clicks()]
    found = find_in(write(rows, tmp_path / "log.jsonl"), NOW)
    assert found["ingested_at"].column == ""
    assert "as after a bulk load" in found["ingested_at"].evidence
