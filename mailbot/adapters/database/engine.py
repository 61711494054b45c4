"""How a database is opened: SQLite durable and with short write locks, PostgreSQL with psycopg.

Creating an engine opens nothing; the first use does.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

from mailbot.errors import ConfigurationError
from mailbot.tokens import without_token

BUSY_MILLISECONDS = 30_000
"""How long SQLite waits for another process that writes."""

WRITES = {"mailbot_writes": True}
"""Execution options of a connection whose transactions write."""

LOOKS = {"mailbot_looks": True}
"""Execution options of a connection that is used for one statement which only reads."""


_PATIENCE = {
    "application_name": "mailbot",
    "connect_timeout": 10,
    # A server that vanished without a word is noticed within a minute, also in the middle of a query (libpq, tcp(7)).
    "keepalives": 1,
    "keepalives_idle": 20,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
    "options": "-c statement_timeout=120000 -c idle_in_transaction_session_timeout=300000",
}
"""How long PostgreSQL is waited for; every statement of the bot takes milliseconds."""


def make_engine(url: str) -> Engine:
    """An engine for `sqlite:///FILE` or `postgresql://…`; raises ConfigurationError for anything else."""
    parsed = parse_url(url)
    if parsed.get_backend_name() == "postgresql":
        # pre_ping: a connection that a restarted server closed is replaced, not given to a turn
        return create_engine(
            parsed,
            json_serializer=as_json,
            pool_pre_ping=True,
            connect_args=_PATIENCE,
        )
    engine = create_engine(parsed, json_serializer=as_json)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def as_json(value: object) -> str:
    """Facts and evidence as they are stored: without the tokens that servers and people repeat."""
    return without_token(json.dumps(value))


def parse_url(url: str) -> URL:
    """The URL with the driver that is used; the message of the ConfigurationError never shows the URL's password."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise ConfigurationError(
            ("database.url: not a database URL; expected sqlite:///FILE or postgresql://…",)
        ) from None
    backend = parsed.get_backend_name()
    if backend == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    if backend == "sqlite" and parsed.database and not parsed.database.startswith((":memory:", "file:")):
        return parsed.set(drivername="sqlite+pysqlite")
    shown = parsed.render_as_string(hide_password=True)
    raise ConfigurationError((f"database.url: {shown}: only a SQLite file and PostgreSQL can be used",))


def sqlite_file(url: str) -> Path | None:
    """The file of a SQLite URL, None for PostgreSQL."""
    parsed = parse_url(url)
    return Path(parsed.database) if parsed.get_backend_name() == "sqlite" and parsed.database else None


def _prepare_sqlite(connection: Any, _record: object) -> None:
    # isolation_level None: the driver begins nothing by itself, so that BEGIN IMMEDIATE below is ours
    # (SQLAlchemy, "Serializable isolation / Savepoints / Transactional DDL" of the pysqlite dialect).
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")  # with WAL, only FULL survives a power cut after the commit
    connection.execute("PRAGMA foreign_keys = ON")


def _begin_sqlite(connection: Connection) -> None:
    # A deferred transaction that starts to write late can fail with SQLITE_BUSY at once, whatever the
    # timeout; a writer therefore takes the lock first.  A look that is one statement is a transaction by itself
    # (https://sqlite.org/lang_transaction.html), and a BEGIN would cost as much as the look.
    options = connection.get_execution_options()
    if not options.get("mailbot_looks", False):
        connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get("mailbot_writes", False) else "BEGIN")
