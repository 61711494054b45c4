"""Fixtures of databases: a SQLite file and a real PostgreSQL, each test with its own."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from mailbot.adapters import migrate
from mailbot.adapters.database import Database
from tests.postgresql import PrivateServer, private_server

NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def server() -> Iterator[PrivateServer]:
    with private_server() as running:
        yield running


def admin(server: PrivateServer, statement: str) -> None:
    engine = create_engine(
        server.url("postgres").replace("postgresql:", "postgresql+psycopg:"), isolation_level="AUTOCOMMIT"
    )
    try:
        with engine.connect() as connection:
            connection.execute(text(statement))
    finally:
        engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database without a schema."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/empty.sqlite"
        return
    server: PrivateServer = request.getfixturevalue("server")
    name = f"empty_{next(NUMBERS)}"
    admin(server, f"CREATE DATABASE {name}")
    yield server.url(name)
    admin(server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("template") / "mailbot.sqlite"
    migrate.upgrade(f"sqlite:///{file}")
    return file


@pytest.fixture(scope="session")
def postgresql_template(server: PrivateServer) -> str:
    admin(server, "CREATE DATABASE template_mailbot")
    migrate.upgrade(server.url("template_mailbot"))
    return "template_mailbot"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database at head, empty otherwise."""
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / "mailbot.sqlite")
        yield f"sqlite:///{tmp_path}/mailbot.sqlite"
        return
    server: PrivateServer = request.getfixturevalue("server")
    name = f"test_{next(NUMBERS)}"
    admin(server, f"CREATE DATABASE {name} TEMPLATE {request.getfixturevalue('postgresql_template')}")
    yield server.url(name)
    admin(server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def store(url: str) -> Iterator[Database]:
    database = Database(url)
    yield database
    database.close()
