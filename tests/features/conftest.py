"""The two engines of the online store, each empty at the start of a test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.postgres import Server, running

NewStore = Callable[[], str]


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    with running() as one:
        yield one


def emptied(server: Server) -> str:
    """The URL of a PostgreSQL in which no store is."""
    engine = sa.create_engine(server.url_with_password.replace("postgresql:", "postgresql+psycopg:"), poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP SCHEMA IF EXISTS winback CASCADE")
    return server.url_with_password


@pytest.fixture(params=["sqlite", "postgres"])
def new_store(request: pytest.FixtureRequest, tmp_path: Path) -> NewStore:
    """Makes the URL of a store that is not there yet; of PostgreSQL, only the last one is of use."""
    if request.param == "postgres":
        there: Server = request.getfixturevalue("server")
        return lambda: emptied(there)
    numbers = count()
    return lambda: f"sqlite:///{tmp_path}/{next(numbers)}.sqlite"


@pytest.fixture
def url(new_store: NewStore) -> str:
    return new_store()
