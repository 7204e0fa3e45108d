"""The subset in idiomatic pandas: categories, filtered frames that narrow window by window, built-in aggregations.

python peer_pandas.py EVENTS.parquet SUBSET.json OUT.parquet
"""

import json
import sys
from collections import defaultdict
from pathlib import Path

import pandas as pd

DAY = 86_400_000_000


def main() -> None:
    events, subset, out = sys.argv[1:4]
    asked = json.loads(Path(subset).read_text())
    columns = computed(read(events, asked["as_of"]), asked["features"])
    features = pd.DataFrame(columns)[[feature["name"] for feature in asked["features"]]].astype("float32")
    features.reset_index().to_parquet(out)


def read(events: str, as_of: int) -> pd.DataFrame:
    """The events by as_of, users, kinds and items as categories, with their age in microseconds and in whole days."""
    frame = pd.read_parquet(events)
    frame["age"] = as_of - frame.pop("time").astype("int64")
    frame = frame[frame["age"] >= 0]
    frame["day"] = (frame["age"] // DAY).astype("int16")
    for name in ("user_id", "kind", "item"):
        frame[name] = frame[name].astype("category")
    frame["item"] = frame["item"].cat.codes.astype("int32").where(frame["item"].notna())
    return frame


def computed(frame: pd.DataFrame, features: list[dict]) -> dict[str, pd.Series]:
    """Each feature as a column by user: the users are categories, so every group-by has a row for everybody."""
    by_kinds: defaultdict[tuple, list[dict]] = defaultdict(list)
    for feature in features:
        by_kinds[tuple(feature["kinds"])].append(feature)
    columns: dict[str, pd.Series] = {}
    for kinds, those in by_kinds.items():
        rows = frame[frame["kind"].isin(kinds)] if kinds else frame
        for days in sorted({f["days"] for f in those}, key=lambda days: -(days or 1 << 30)):
            rows = rows[rows["day"] < days] if days else rows
            grouped = rows.groupby("user_id", observed=False)
            columns |= {f["name"]: reduced(rows, grouped, f["reduction"]) for f in those if f["days"] == days}
    return columns


def reduced(rows: pd.DataFrame, grouped, reduction: str) -> pd.Series:
    if reduction == "COUNT":
        return grouped.size()
    if reduction == "ACTIVE_DAYS":
        return rows.drop_duplicates(["user_id", "day"]).groupby("user_id", observed=False).size()
    if reduction == "DISTINCT_ITEMS":
        known = rows[rows["item"].notna()].drop_duplicates(["user_id", "item"])
        return known.groupby("user_id", observed=False).size()
    if reduction in ("SUM", "MEAN", "MAX"):
        return getattr(grouped["value"], reduction.lower())()
    return (grouped["age"].min() if reduction == "RECENCY" else grouped["age"].max()) / DAY


main()
