"""Google Analytics 4: the BigQuery export of `events_YYYYMMDD`, saved as JSON (a list or lines) or as Parquet.

`event_timestamp` is in microseconds UTC; JSON has every int64 as a string. `user_id` is filled only after a login, and
`user_pseudo_id` is a browser or an app. Parameters stand in lists of {key, value: {string_value, int_value, ...}}, so
that `event_params.value` is the value of the entry with the key "value". There is no id of an event: one batch
of a device may repeat, and such repeats cannot be told from true ones.

Source: Google's "[GA4] BigQuery Export schema".
"""

from __future__ import annotations

from features.sources.preset import Preset

GA4 = Preset(
    name="ga4",
    vendor="the BigQuery export of Google Analytics 4",
    columns={
        "user": "user_id | user_pseudo_id",
        "time": "event_timestamp",
        "kind": "event_name",
        "value": "ecommerce.purchase_revenue | event_params.value",
        "item": "items.item_id",
        "currency": "event_params.currency",
    },
    signatures=(("event_timestamp", "event_name", "user_pseudo_id"),),
    comments={
        "time": "microseconds since 1970, UTC",
        "value": "`value` also stands on events that earn nothing (view_item, add_to_cart): [ltv].of decides which "
        "count. Refunds are in ecommerce.refund_value, which is not subtracted",
        "event_id": "GA4 exports no id of an event, so repeated rows cannot be recognised",
    },
)
