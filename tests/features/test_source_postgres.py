"""A query against a real PostgreSQL: every type as an event, in pieces, without a password in any message."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from features.problems import InputProblem
from features.sources import postgres
from features.sources.columns import raw_pieces, read_raw, source_files
from tests.postgres import OWNER, PASSWORD, Server, running
from tests.sources_made import NOW, business, read, rows
from training.proposing.proposal import propose

SAID = {"user": "customer_id", "time": "at", "kind": "kind", "value": "amount", "item": "props.sku", "event_id": "id"}
QUERY = "SELECT * FROM log ORDER BY n;"
TABLE = """
    CREATE TABLE log (
        n serial, id uuid, customer_id bigint, at timestamptz, local timestamp, day date, kind text, amount numeric(12, 2),
        fee double precision, props jsonb, tags text[]
    );
    INSERT INTO log (id, customer_id, at, local, day, kind, amount, fee, props, tags) VALUES
        ('00000000-0000-0000-0000-000000000001', 7, '2026-01-10 12:00:00.25+02', '2026-01-10 12:00', '2026-01-10', 'order',
         12.50, 1e-3, '{"sku": "a/1", "deep": {"x": 1}}', '{a,b}'),
        ('00000000-0000-0000-0000-000000000002', 9007199254740993, 'infinity', NULL, NULL, 'Bestellung ü', NULL, 'NaN', NULL,
         NULL),
        (NULL, NULL, '0044-03-15 12:00:00+00 BC', '2026-01-11 00:00', '2026-01-11', 'visit', -3, 2, '{}', NULL);
    INSERT INTO log (id, customer_id, at, local, day, kind, amount)
        SELECT gen_random_uuid(), n % 40, '2026-02-01'::timestamptz + n * interval '1 minute', '2026-02-01', '2026-02-01', 'visit',
               CASE WHEN n % 10 = 0 THEN n % 70 + 0.5 END FROM generate_series(1, 1500) AS n;
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running() as one:
        with psycopg.connect(one.url, password=PASSWORD) as connection:
            connection.execute(TABLE)
            connection.execute("SET timezone = 'Asia/Tokyo'; ALTER ROLE winback_owner SET timezone = 'Asia/Tokyo'")
            connection.execute("ALTER ROLE winback_owner SET datestyle = 'German'")
        yield one


@pytest.fixture(autouse=True)
def password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSWORD", PASSWORD)


def test_every_type_is_read_as_it_is_meant(server: Server, tmp_path: Path) -> None:
    # Seen to fail with the server's own time zone and date style; psycopg's own loaders cannot hold 'infinity' at all.
    found = read(server.url, tmp_path, query=QUERY, time_zone="Europe/Berlin", **SAID)
    assert rows(found)[:2] == [
        ("7", "2026-01-10T10:00:00.250000Z", "order", 12.5, "a/1", "00000000-0000-0000-0000-000000000001", None),
        ("1", rows(found)[1][1], "visit", None, None, rows(found)[1][5], None),
    ]
    assert [(row["file"], row["line"], row["reason"]) for row in found.rejected.table.to_pylist()] == [
        ("PostgreSQL query", 2, "unreadable time"),
        ("PostgreSQL query", 3, "no user id"),
    ]
    assert found.table.num_rows == 1_501
    naive = read(
        server.url, tmp_path, query=QUERY, time_zone="Europe/Berlin", **{**SAID, "time": "local | day", "value": "fee"}
    )
    assert rows(naive)[0][:4] == ("7", "2026-01-10T11:00:00Z", "order", 0.001)
    assert naive.rejected.by_reason == {"no time": 1, "no user id": 1}


def test_pieces_are_the_whole(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "_FETCH", 64)
    log = business(server.url, tmp_path, query=QUERY, **SAID)
    whole, pieces = read_raw(log), list(raw_pieces(log, 200))
    assert [len(piece) for piece in pieces] == [192] * 7 + [159]
    for role in whole.by_role:
        assert [v for p in pieces for c in p.pieces(role) for v in c.to_pylist()] == [
            v for c in whole.pieces(role) for v in c.to_pylist()
        ]
    assert [line for piece in pieces for line in piece.line] == list(range(1, 1_504))
    assert source_files(log) == ()


@pytest.mark.parametrize(
    ("query", "code", "words"),
    [
        ("SELECT * FROM logs", "wrong_query", ['relation "logs" does not exist', "Correct `query`"]),
        ("SELEC 1", "wrong_query", ["syntax error"]),
        ("DELETE FROM log RETURNING *", "wrong_query", ["one SELECT"]),
        (
            "SELECT nextval('log_n_seq') AS customer_id, at, kind, amount, props, id FROM log",
            "wrong_query",
            ["read-only"],
        ),
        ("SELECT 1; DROP TABLE log", "wrong_query", ["one SELECT"]),
        ("SELECT 1/0 AS customer_id, at, kind, amount, props, id FROM log", "wrong_query", ["division by zero"]),
        ("SELECT id, id FROM log", "duplicate_columns", ["more than one column 'id'"]),
        ("SELECT at AS customer_id, kind, amount, props, id FROM log", "missing_column", ["no column 'at'", "'kind'"]),
        ("SELECT * FROM log WHERE false", "header_only", ["no record below it"]),
    ],
)
def test_a_query_that_cannot_be_used_is_one_paragraph(
    server: Server, tmp_path: Path, query: str, code: str, words: list[str]
) -> None:
    with pytest.raises(InputProblem) as caught:
        read(server.url, tmp_path, query=query, **SAID)
    assert caught.value.code == code
    assert all(word in str(caught.value) for word in words), str(caught.value)
    assert "\n" not in str(caught.value)
    with psycopg.connect(server.url) as connection:
        assert connection.execute("SELECT count(*) FROM log").fetchone() == (1_503,)


def test_the_password_of_the_url_is_used_and_never_shown(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PGPASSWORD")
    monkeypatch.setenv("PGPASSFILE", str(tmp_path / "none"))
    place = server.url.partition("@")[2]
    for written in ("s3cret%2Fp%40ss", PASSWORD):  # also as people write it
        log = business(f"postgresql://{OWNER}:{written}@{place}", tmp_path, query=QUERY, **SAID)
        assert len(read_raw(log)) == 1_503
        assert log.events.source == server.url
        shown = [repr(log), str(log), log.model_dump_json(), repr(read_raw(log)), str(log.source)]
        assert not any("s3cret" in text for text in shown)
    with pytest.raises(InputProblem, match="no password supplied") as caught:
        read(server.url, tmp_path, query=QUERY, **SAID)
    assert "PGPASSWORD" in str(caught.value)
    with pytest.raises(InputProblem, match="password authentication failed") as caught:
        read(f"postgresql://{OWNER}:wr0ng-s3cret@{place}", tmp_path, query=QUERY, **SAID)
    assert caught.value.code == "postgres_refused"
    assert "s3cret" not in str(caught.value)


def test_a_password_file_is_used(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PGPASSWORD")
    secret = tmp_path / "pgpass"
    secret.write_text(f"*:*:*:{OWNER}:{PASSWORD}\n")
    secret.chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(secret))
    assert len(read_raw(business(server.url, tmp_path, query=QUERY, **SAID))) == 1_503


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("postgresql://u:s3cret@127.0.0.1:1/d", ["Connection refused", "server runs"]),
        ("postgresql://u:s3cret@127.0.0.1:notaport/d", ["did not let winback in"]),
        ("postgresql://u@127.0.0.1/d?no_such_option=1&password=s3cret", ["no_such_option"]),
    ],
)
def test_a_server_that_is_not_there(tmp_path: Path, source: str, words: list[str]) -> None:
    with pytest.raises(InputProblem) as caught:
        read(source, tmp_path, query="SELECT 1", **SAID)
    assert caught.value.code == "postgres_refused"
    assert all(word in str(caught.value) for word in words), str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_without_psycopg_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(InputProblem, match="extra `postgres`") as caught:
        read("postgresql://u@h/d", tmp_path, query="SELECT 1", **SAID)
    assert caught.value.code == "missing_package"


def test_a_connection_that_breaks_says_so(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "_FETCH", 50)
    reading = raw_pieces(business(server.url, tmp_path, query=QUERY, **SAID), 100)
    next(reading)
    with psycopg.connect(server.url, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'winback'")
    with pytest.raises(InputProblem, match="broke while the query was read") as caught:
        list(reading)
    assert caught.value.code == "postgres_broke"


def test_init_proposes_the_query_without_the_password(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PGPASSWORD")
    place = server.url.partition("@")[2]
    query = "SELECT customer_id, at, kind, amount FROM log WHERE n > 3"
    proposal = propose(f"postgresql://{OWNER}:s3cret%2Fp%40ss@{place}", tmp_path / "winback.toml", NOW, query=query)
    text = proposal.config.text
    assert f'source = "{server.url}"' in text
    assert f'query = "{query}"' in text
    assert "PGPASSWORD" in text
    assert "s3cret" not in text + repr(proposal)
    choices: dict[str, Any] = {
        role: choice.column for role, choice in proposal.columns.choices.items() if choice.column
    }
    assert choices == {"user": "customer_id", "time": "at", "kind": "kind", "value": "amount"}
    assert os.environ.get("PGPASSWORD") is None
    with pytest.raises(InputProblem, match="--query"):
        propose(server.url, tmp_path / "winback.toml", NOW)
    with pytest.raises(InputProblem, match="--query is for a database"):
        propose("log.csv", tmp_path / "winback.toml", NOW, query="SELECT 1")
