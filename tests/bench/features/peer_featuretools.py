"""The subset of some users in featuretools: explicit feature definitions, one calculation a training window.

python peer_featuretools.py EVENTS.parquet SUBSET.json OUT.parquet USERS.json

USERS.json lists the users to do. `dfs` would find these features among many others; they are defined one by one here,
which asks less of it. A selector of several kinds is a Boolean column, because a `where` has one condition.
"""

import json
import sys
import warnings
from pathlib import Path

import featuretools as ft
import pandas as pd
import pyarrow.parquet as pq
from featuretools.primitives import Count, Max, Mean, Min, NumUnique, Sum
from woodwork.logical_types import Categorical, Double, Integer

warnings.filterwarnings("ignore")
DAY = 86_400_000_000
PRIMITIVE = {
    "COUNT": ("id", Count), "ACTIVE_DAYS": ("day", NumUnique), "SUM": ("value", Sum), "MEAN": ("value", Mean),
    "MAX": ("value", Max), "DISTINCT_ITEMS": ("item", NumUnique), "RECENCY": ("time_us", Max), "TENURE": ("time_us", Min),
}  # fmt: skip
ZERO_WHEN_NONE = ("COUNT", "ACTIVE_DAYS", "SUM", "DISTINCT_ITEMS")


def main() -> None:
    events, subset, out, users = sys.argv[1:5]
    asked = json.loads(Path(subset).read_text())
    entities = entity_set(events, asked, json.loads(Path(users).read_text()))
    as_of = pd.Timestamp(asked["as_of"], unit="us")
    parts = []
    for days in {f["days"]: None for f in asked["features"]}:
        those = [f for f in asked["features"] if f["days"] == days]
        matrix = ft.calculate_feature_matrix(
            [defined(entities, f) for f in those],
            entities,
            cutoff_time=as_of,
            training_window=ft.Timedelta(days, "d") if days else None,
            include_cutoff_time=True,
        )
        parts.append(as_asked(matrix, those, asked["as_of"]))
    features = pd.concat(parts, axis=1)[[f["name"] for f in asked["features"]]]
    features.astype("float32").rename_axis("user_id").reset_index().to_parquet(out)


def entity_set(path: str, asked: dict, users: list[str]) -> ft.EntitySet:
    """The events of these users and the users themselves, related."""
    frame = pq.read_table(path, filters=[("user_id", "in", users)]).to_pandas()
    frame["id"] = range(len(frame))
    frame["time_us"] = frame["time"].astype("datetime64[us]").astype("int64")
    frame = frame[frame["time_us"] <= asked["as_of"]].copy()
    frame["day"] = (asked["as_of"] - frame["time_us"]) // DAY
    for kinds in {tuple(f["kinds"]) for f in asked["features"]} - {()}:
        frame[condition(kinds)] = frame["kind"].isin(kinds)
    entities = ft.EntitySet("log")
    entities.add_dataframe(
        dataframe_name="events", dataframe=frame, index="id", time_index="time",
        logical_types={"user_id": Categorical, "kind": Categorical, "item": Categorical, "day": Categorical,
                       "value": Double, "time_us": Integer},
    )  # fmt: skip
    entities.normalize_dataframe("events", "users", "user_id", make_time_index=False)
    return entities


def condition(kinds: tuple) -> str:
    """The name of the Boolean column of these kinds."""
    return "is " + " or ".join(kinds)


def defined(entities: ft.EntitySet, feature: dict) -> ft.Feature:
    """One of our features as one of featuretools'."""
    column, primitive = PRIMITIVE[feature["reduction"]]
    kinds = tuple(feature["kinds"])
    where = ft.Feature(entities["events"].ww[condition(kinds)]) == True if kinds else None  # noqa: E712 a definition
    base = ft.Feature(entities["events"].ww[column])
    return ft.Feature(base, parent_dataframe_name="users", primitive=primitive, where=where).rename(feature["name"])


def as_asked(matrix: pd.DataFrame, features: list[dict], as_of: int) -> pd.DataFrame:
    """Ages instead of times, and zero where featuretools says that there is nothing to count."""
    columns = {}
    for feature in features:
        column = matrix[feature["name"]].astype("float64")
        if feature["reduction"] in ("RECENCY", "TENURE"):
            column = (as_of - column) / DAY
        columns[feature["name"]] = column.fillna(0) if feature["reduction"] in ZERO_WHEN_NONE else column
    return pd.DataFrame(columns, index=matrix.index)


main()
