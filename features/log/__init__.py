"""The event log: what was ingested, as Parquet in buckets of users, only ever added to."""
