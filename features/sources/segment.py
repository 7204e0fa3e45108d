"""Segment: calls as in its Spec (JSON: `timestamp`, `messageId`), and the tables of its warehouses.

The kind is the event's name for a track call and the type (page, screen, identify, ...) for the others. A
warehouse table has neither for a page: there the table's name says what its rows are. Warehouses write times in UTC
without saying so.

Source: Segment's "Spec: Common Fields", "Spec: Track", "Spec: V2 Ecommerce Events" and "Warehouse Schemas".
"""

from __future__ import annotations

from features.sources.preset import Preset

SEGMENT = Preset(
    name="segment",
    vendor="Segment (its calls as JSON, or its warehouse tables)",
    columns={
        "user": "userId | user_id | anonymousId | anonymous_id",
        "time": "timestamp",
        "kind": "event | type",
        "value": "properties.revenue | properties.total | revenue | total",
        "item": "properties.product_id | properties.products.product_id | product_id | properties.path | path",
        "event_id": "messageId | message_id | id",
        "ingested_at": "receivedAt | received_at",
        "currency": "properties.currency | currency",
    },
    signatures=(
        ("timestamp", "anonymousId|userId", "messageId"),
        ("timestamp", "anonymous_id", "received_at", "id|message_id"),
    ),
    clock="utc",
    table_kinds={"pages": "page", "screens": "screen", "identifies": "identify", "groups": "group", "aliases": "alias"},
    comments={
        "time": "when it happened by Segment's corrected clock, in UTC",
        "ingested_at": "when Segment got the call; a back-test sees only what had arrived",
        "event_id": "Segment's own key for repeated calls",
    },
)
