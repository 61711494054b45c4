"""Fixtures of databases: a SQLite file and a real PostgreSQL, empty for every test."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Connection

from mailbot.adapters.database import migrate
from mailbot.adapters.database.schema import schema
from mailbot.adapters.database.store import Database
from tests.postgresql import PrivateServer, private_server

NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def server() -> Iterator[PrivateServer]:
    with private_server() as running:
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database without a schema."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/empty.sqlite"
        return
    server: PrivateServer = request.getfixturevalue("server")
    name = f"empty_{next(NUMBERS)}"
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        yield server.url(name)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file at head that tests copy."""
    file = tmp_path_factory.mktemp("template") / "mailbot.sqlite"
    migrate.upgrade(f"sqlite:///{file}")
    return file


@pytest.fixture(scope="session")
def postgresql_url(server: PrivateServer) -> str:
    """A database at head that tests share, one after the other."""
    migrate.upgrade(server.url("postgres"))
    return server.url("postgres")


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database at head, empty otherwise."""
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / "mailbot.sqlite")
        yield f"sqlite:///{tmp_path}/mailbot.sqlite"
        return
    address: str = request.getfixturevalue("postgresql_url")
    yield address
    empty(address)


def empty(address: str) -> None:
    """Empty all tables, whoever still holds them; as a replica, because history refuses even TRUNCATE."""
    others = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    names = ", ".join(table.name for table in schema().sorted_tables)
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(f"SELECT pg_terminate_backend(pid) {others}")
        connection.execute("SET session_replication_role = replica")
        connection.execute(f"TRUNCATE {names} RESTART IDENTITY CASCADE")


def callers_clock(_connection: Connection, now: datetime) -> datetime:
    """Leases go by the moment that a test names, with PostgreSQL too."""
    return now


@pytest.fixture
def store(url: str) -> Iterator[Database]:
    database = Database(url, clock=callers_clock)
    yield database
    database.close()
