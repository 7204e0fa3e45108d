"""The limit to be near to: DuckDB reads the same five columns, groups them by user once, and writes Parquet.

python peer_duckdb_scan.py EVENTS.parquet SUBSET.json OUT.parquet (the subset is not looked at)
"""

import sys

import duckdb

events, _, out = sys.argv[1:4]
connection = duckdb.connect(config={"threads": 2, "autoinstall_known_extensions": "false"})
connection.sql(f"""
    COPY (
        SELECT user_id, count(*) AS events, sum(value) AS value, max(time) AS last, min(kind) AS kind, min(item) AS item
        FROM '{events}'
        GROUP BY user_id
    ) TO '{out}' (FORMAT parquet)
""")
