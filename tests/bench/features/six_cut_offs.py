"""Matrices for several moments into NumPy, nothing written: python -m tests.bench.features.six_cut_offs TOML D [D ...]

The events are read once; all matrices are kept until the end, as training keeps them.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from features.build import build_at
from features.business import read_business
from features.clock import parse_instant
from features.past import catalog_of, open_past
from features.progress import Silent


def main() -> None:
    config, *moments = sys.argv[1:]
    business = read_business(Path(config))
    past, _ = open_past(business, time.time_ns() // 1000, Silent())
    catalog = catalog_of(business, past)
    instants = [parse_instant(moment, business.events.time_zone) for moment in moments]
    tables = [build_at(bucket, catalog, instant) for bucket in past.buckets() for instant in instants]
    print(sum(len(table) for table in tables), len(catalog.features))


if __name__ == "__main__":
    main()
