"""Mixpanel: the Raw Event Export API's JSON lines, and the event table that Fivetran writes to a warehouse.

The trap: `time` is in seconds since 1970, but counted on the wall clock of the PROJECT's time zone, not in UTC ("You
must add back the offset between project time and UTC"). An event at 16:28 in Los Angeles has the number that any other
system gives to 16:28 UTC. So the number is read as the wall clock of `time_zone`: name the project's zone there, or
leave UTC for a project that has always been in UTC. `mp_processing_time_ms` is true UTC. Fivetran turns the
number into a timestamp as if it were UTC, so that its table needs the same.

Source: Mixpanel's documentation of the Raw Event Export ("Exporting Raw Data: API details"; for projects created after
2023-01-01 the dates asked for are in UTC) and Fivetran's note "Why Do My Records Show the Correct Time With the Wrong
Time Zone?".
"""

from __future__ import annotations

from features.sources.preset import Preset

MIXPANEL = Preset(
    name="mixpanel",
    vendor="Mixpanel's Raw Event Export (or Fivetran's table of it)",
    columns={
        "user": "properties.distinct_id | distinct_id",
        "time": "properties.time | time",
        "kind": "event | name",
        "value": "properties.revenue | properties.amount | properties.$amount",
        "item": "properties.product_id | properties.item_id",
        "event_id": "properties.$insert_id | _fivetran_id | insert_id",
        "ingested_at": "properties.mp_processing_time_ms",
        "currency": "properties.currency",
    },
    signatures=(
        ("event", "properties.time", "properties.distinct_id"),
        ("distinct_id", "name", "time", "insert_id|mp_processing_time_ms"),
    ),
    clock="project",
    notes=(
        "Mixpanel counts `time` on the wall clock of the project's time zone; it was read in {zone}. If the project is "
        "in another zone, set time_zone under [events] to that.",
    ),
    comments={
        "time": "seconds on the wall clock of the Mixpanel project's time zone, not UTC: set time_zone below to the "
        "project's",
        "ingested_at": "when Mixpanel processed the event, in true UTC; a back-test sees only what had arrived",
        "event_id": "Mixpanel's key for repeated uploads",
    },
)
