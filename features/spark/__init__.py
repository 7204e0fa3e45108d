"""The Spark driver: the same kernel in Spark's own workers, over buckets of users."""
