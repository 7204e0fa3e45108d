"""python -m tests.bench.serving.bulk CONFIG WORK USERS

Scores a made past of so many users with the shop's champions, as `winback score` does, and prints as JSON how many rows
a CPU-second it scores: for the churn task alone and for all three, features and the writing of the file included.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from features.business import read_business
from features.definitions import TaskName
from features.past import open_past
from features.progress import Silent
from serving.batch import Asked, origin_of, score_columns, write_scores
from tests.bench.serving.bare import NOW
from tests.bench.training.__main__ import made_events
from training.keeping.registry import champions


def rates(config: Path, work: Path, users: int) -> dict[str, float]:
    """Rows a CPU-second by what is scored; reading the events is not counted, the features are."""
    events = work.resolve() / f"bulk-{users}.parquet"
    if not events.exists():
        made_events(users).to_parquet(events, index=False)
    business = read_business(config)
    held = champions(business)
    source = business.events.model_copy(update={"source": str(events), "event_id": None})
    mine = business.model_copy(update={"events": source})
    past, _ = open_past(mine, NOW, Silent())
    found: dict[str, float] = {"users": past.user_count}
    asked: Sequence[tuple[str, tuple[TaskName, ...]]] = (("churn", ("churn",)), ("three", ("churn", "conversion", "ltv")))
    for name, tasks in asked:
        chosen = Asked(past, {task: held[task] for task in tasks}, past.span.last, "en")
        started = time.process_time()
        tables = (pa.table(score_columns(chosen.scored(table, people))) for table, people in chosen.tables())
        write_scores(tables, origin_of(chosen), work / f"{name}.parquet")
        found[name] = past.user_count / (time.process_time() - started)
    return found


if __name__ == "__main__":
    print(json.dumps(rates(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))))
