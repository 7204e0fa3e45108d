"""The tables of the online store, and how a store of an older format becomes one of today's.

The migration rule: FORMAT counts up whenever a table changes, and the same commit adds to `_STEPS` what turns a store
of the format before into one of this; steps are plain SQL that uses no table of this file, so that they stay true when
the tables move on.  All steps run in one transaction when a store is opened.  A newer store is refused.
"""

from __future__ import annotations

import sqlalchemy as sa

from features.problems import InputProblem

FORMAT = 3

TABLES = sa.MetaData()
META = sa.Table(
    "meta", TABLES, sa.Column("key", sa.Text, primary_key=True), sa.Column("value", sa.Text, nullable=False)
)
KINDS = sa.Table(
    "kinds",
    TABLES,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("name", sa.Text, nullable=False, unique=True),
)
# A generation is one filling from the event log; meta says which one counts, the next one is filled beside it.
HISTORIES = sa.Table(
    "histories",
    TABLES,
    sa.Column("generation", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("user_id", sa.Text, primary_key=True),
    sa.Column("packed", sa.LargeBinary, nullable=False),
)
PARTS = sa.Table(  # of histories too long to be one: what was posted of late, old events folded, old events themselves
    "parts",
    TABLES,
    sa.Column("generation", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("user_id", sa.Text, primary_key=True),
    sa.Column("part", sa.Text, primary_key=True),
    sa.Column("packed", sa.LargeBinary, nullable=False),
)
EVENT_IDS = sa.Table(  # of all events, those of the log and the posted ones
    "event_ids",
    TABLES,
    sa.Column("generation", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("event_id", sa.Text, primary_key=True),
    sqlite_with_rowid=False,
)
JOURNAL = sa.Table(  # posted events that were not flushed into the log yet
    "journal",
    TABLES,
    sa.Column("event_id", sa.Text, primary_key=True),
    sa.Column("user_id", sa.Text, nullable=False),
    sa.Column("time", sa.BigInteger, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("value", sa.Double),
    sa.Column("item", sa.Text),
    sa.Column("received_at", sa.BigInteger, nullable=False),
)
FRONTIER = sa.Table(  # the newest time of each stripe of users: one row for all would make every writer wait
    "frontier",
    TABLES,
    sa.Column("stripe", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("time", sa.BigInteger, nullable=False),
)

_STEPS = {
    1: (
        "ALTER TABLE histories RENAME TO histories_1",
        "CREATE TABLE histories (generation INTEGER NOT NULL, user_id TEXT NOT NULL, packed BLOB NOT NULL, "
        "PRIMARY KEY (generation, user_id))",
        "INSERT INTO histories SELECT 1, user_id, packed FROM histories_1",
        "DROP TABLE histories_1",
        "CREATE TABLE event_ids (generation INTEGER NOT NULL, event_id TEXT NOT NULL, "
        "PRIMARY KEY (generation, event_id)) WITHOUT ROWID",
        "INSERT INTO event_ids SELECT 1, event_id FROM log_ids UNION SELECT 1, event_id FROM journal",
        "DROP TABLE log_ids",
        "CREATE TABLE frontier (stripe INTEGER NOT NULL, time BIGINT NOT NULL, PRIMARY KEY (stripe))",
        "INSERT INTO frontier SELECT 0, CAST(value AS INTEGER) FROM meta WHERE key = 'frontier'",
        "DELETE FROM meta WHERE key = 'frontier'",
        "INSERT INTO meta VALUES ('generation', '1')",
    ),  # format 1 was SQLite alone
    2: (
        "CREATE TABLE parts (generation INTEGER NOT NULL, user_id TEXT NOT NULL, part TEXT NOT NULL, "
        "packed BYTEA NOT NULL, PRIMARY KEY (generation, user_id, part))",
    ),
}


def create(connection: sa.Connection) -> None:
    """Make the tables of an empty store."""
    TABLES.create_all(connection, checkfirst=False)
    said = {"format": str(FORMAT), "generation": "1", "kinds": "0"}
    connection.execute(META.insert(), [{"key": key, "value": value} for key, value in said.items()])


def upgrade(connection: sa.Connection, found: str, place: str) -> None:
    """Bring a store of format `found` up to FORMAT.  Raises InputProblem (code store_format) when nobody knows how."""
    old = int(found) if found.isdecimal() else FORMAT + 1
    if old > FORMAT or any(number not in _STEPS for number in range(old, FORMAT)):
        raise InputProblem(
            f"{place} has format {found}, this version of winback reads {FORMAT}. Use the version that wrote it, or "
            "move it away: a new one is filled from the event log.",
            "store_format",
        )
    for number in range(old, FORMAT):
        for statement in _STEPS[number]:
            connection.exec_driver_sql(statement)
    connection.execute(META.update().where(META.c.key == "format").values(value=str(FORMAT)))
