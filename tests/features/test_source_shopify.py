"""Shopify's orders from the API, from Fivetran and from the admin pages."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from features.problems import InputProblem
from tests.sources_made import read, rows

ORDERS = {
    "orders": [
        {
            "id": 450789469, "name": "#1001", "email": "bob@x.com", "created_at": "2026-01-10T10:00:00-05:00",
            "processed_at": "2026-01-10T11:00:00-05:00", "total_price": "598.94", "currency": "USD",
            "financial_status": "paid", "customer": {"id": 207119551}, "refunds": [],
            "line_items": [{"sku": "IPOD/8", "product_id": 1}, {"sku": "CASE", "product_id": 2}],
        },
        {
            "id": 450789470, "name": "#1002", "email": "eve@x.com", "created_at": "2026-01-11T10:00:00-05:00",
            "processed_at": None, "total_price": "10.00", "currency": "USD", "financial_status": "refunded",
            "customer": None, "line_items": [{"sku": "", "product_id": 7}],
        },
    ]
}  # fmt: skip


@pytest.mark.parametrize("indent", [None, 2])
def test_the_answer_of_the_api(tmp_path: Path, indent: int | None) -> None:
    (tmp_path / "orders.json").write_text(json.dumps(ORDERS, indent=indent))
    assert rows(read("shopify:orders.json", tmp_path)) == [
        ("207119551", "2026-01-10T16:00:00Z", "order", 598.94, "IPOD/8", "450789469", None),
        ("eve@x.com", "2026-01-11T15:00:00Z", "order", 10.0, "7", "450789470", None),
    ]


ADMIN = """Name,Email,Financial Status,Paid at,Currency,Subtotal,Total,Created at,Lineitem quantity,Lineitem name,Lineitem sku,Id
#1001,bob@x.com,paid,2026-01-10 11:00:00 -0500,USD,598.94,598.94,2026-01-10 10:00:00 -0500,1,IPod - 8GB,,450789469
#1001,bob@x.com,,,,,,2026-01-10 10:00:00 -0500,2,Case,CASE,
#1002,eve@x.com,refunded,,USD,10.00,10.00,2026-01-11 10:00:00 -0500,1,Cable,,450789470
"""


def test_the_csv_of_the_admin_pages_counts_an_order_once(tmp_path: Path) -> None:
    # Seen to fail with the Id, which only the first row of an order has, as the event id.
    (tmp_path / "orders_export.csv").write_text(ADMIN)
    found = read("shopify:orders_export.csv", tmp_path)
    assert rows(found) == [
        ("bob@x.com", "2026-01-10T15:00:00Z", "order", 598.94, "IPod - 8GB", "#1001", None),
        ("eve@x.com", "2026-01-11T15:00:00Z", "order", 10.0, "Cable", "#1002", None),
    ]
    assert found.counted.duplicates == 1


FIVETRAN = """order_id,user_id,total_price,created_timestamp,processed_timestamp,currency,customer_id,email,financial_status,refund_subtotal
7013,102,97.03,2025-07-12 09:00:00,2025-07-12 10:00:00,EUR,2001,alice@example.com,refunded,0.0
7014,100,28.13,2025-07-13 09:00:00,,EUR,,alice@example.com,paid,0.0
"""


def test_fivetrans_table(tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text(FIVETRAN)
    assert rows(read("shopify:orders.csv", tmp_path, time_zone="Europe/Berlin")) == [
        ("2001", "2025-07-12T10:00:00Z", "order", 97.03, None, "7013", None),
        ("alice@example.com", "2025-07-13T09:00:00Z", "order", 28.13, None, "7014", None),
    ]
    (tmp_path / "orders.csv").write_text(
        FIVETRAN.replace("7014,100,28.13,2025-07-13 09:00:00,,EUR", "7014,100,28.13,2025-07-13 09:00:00,,USD")
    )
    with pytest.raises(InputProblem, match="EUR in 1 rows, USD in 1 rows"):
        read("shopify:orders.csv", tmp_path)
