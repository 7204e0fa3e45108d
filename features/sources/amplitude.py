"""Amplitude: the Export API's ZIP of gzipped JSON lines, and the event table that Fivetran writes to a warehouse.

Source: Amplitude's documentation of the Export API (response schema; "events timestamped in UTC"; the date range of an
export is by server_upload_time) and Fivetran's schema of its Amplitude connector.
"""

from __future__ import annotations

from features.sources.preset import Preset

AMPLITUDE = Preset(
    name="amplitude",
    vendor="Amplitude's Export API (or Fivetran's table of it)",
    columns={
        "user": "user_id | device_id | amplitude_id",
        "time": "event_time",
        "kind": "event_type",
        "value": "event_properties.revenue | event_properties.$revenue | revenue",
        "item": "event_properties.product_id | event_properties.$productId | event_properties.[Amplitude] Page Path",
        "event_id": "$insert_id | _insert_id | insert_id | uuid",
        "ingested_at": "server_upload_time",
        "currency": "event_properties.currency | event_properties.$currency",
    },
    signatures=(("event_type", "event_time", "amplitude_id|$insert_id|_insert_id|server_upload_time"),),
    clock="utc",
    comments={
        "time": "Amplitude writes it in UTC without saying so; it is read so whatever time_zone is",
        "ingested_at": "when Amplitude's servers got the event; a back-test sees only what had arrived",
        "event_id": "Amplitude's own key for repeated uploads",
    },
)
