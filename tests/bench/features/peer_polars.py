"""The subset in idiomatic Polars: a lazy scan, one group-by with a filtered expression a feature, written as Parquet.

python peer_polars.py EVENTS.parquet SUBSET.json OUT.parquet
"""

import json
import sys
from pathlib import Path

import polars as pl

DAY = 86_400_000_000


def expression(feature: dict) -> pl.Expr:
    """One feature: an aggregate over the rows of its kinds and window."""
    of = pl.lit(True)
    if feature["kinds"]:
        of = pl.col("kind").is_in(feature["kinds"])
    if feature["days"]:
        within = pl.col("day") < feature["days"]
        of = of & within if feature["kinds"] else within
    everything = not feature["kinds"] and not feature["days"]
    value, day, item, age = (
        pl.col(name) if everything else pl.col(name).filter(of) for name in ("value", "day", "item", "age")
    )
    found = {
        "COUNT": lambda: pl.len() if everything else of.sum(),
        "ACTIVE_DAYS": lambda: day.n_unique(),
        "SUM": lambda: value.sum(),
        "MEAN": lambda: value.mean(),
        "MAX": lambda: value.max(),
        "DISTINCT_ITEMS": lambda: item.drop_nulls().n_unique(),
        "RECENCY": lambda: age.min() / DAY,
        "TENURE": lambda: age.max() / DAY,
    }[feature["reduction"]]()
    return found.cast(pl.Float32).alias(feature["name"])


def main() -> None:
    events, subset, out = sys.argv[1:4]
    asked = json.loads(Path(subset).read_text())
    age = asked["as_of"] - pl.col("time").dt.timestamp("us")
    (
        pl.scan_parquet(events)
        .filter(pl.col("time").dt.timestamp("us") <= asked["as_of"])
        .with_columns(pl.col("kind", "item").cast(pl.Categorical), age=age, day=(age // DAY).cast(pl.Int16))
        .group_by("user_id")
        .agg(expression(feature) for feature in asked["features"])
        .collect()
        .write_parquet(out)
    )


main()
