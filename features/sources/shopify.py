"""Shopify orders: the Admin API's JSON, Fivetran's table of it, and the CSV that the admin pages export.

One order is one event. The CSV has a row for each line item; the first of an order has its total, and the others
repeat only Name, Email and Created at, so that they count once by the order's name. `total_price` is what was charged,
before refunds (refund_subtotal, refunds) and with cancelled and test orders.

Source: Shopify's Admin API reference ("Order") and its help page "Exporting orders".
"""

from __future__ import annotations

from features.sources.preset import Preset

SHOPIFY = Preset(
    name="shopify",
    vendor="Shopify's orders",
    columns={
        "user": "customer_id | customer.id | email | Email",
        "time": "processed_timestamp | processed_at | created_timestamp | created_at | Created at",
        "kind": "=order",
        "value": "total_price | Total",
        "item": "line_items.sku | line_items.product_id | Lineitem sku | Lineitem name",
        "event_id": "order_id | id | Name",
        "currency": "currency | Currency",
    },
    signatures=(
        ("total_price", "financial_status", "processed_at|processed_timestamp|created_at", "order_id|id"),
        ("Name", "Email", "Created at", "Total", "Lineitem name"),
    ),
    clock="utc",
    comments={
        "time": "when the order was processed, else created",
        "value": "what was charged, before refunds; cancelled and test orders are in it. Take them out of the source "
        "if there are many",
        "event_id": "the order; further line items of it count once",
    },
)
