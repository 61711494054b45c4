"""How a database is opened: SQLite durable and with short write locks, PostgreSQL with psycopg.

Creating an engine opens nothing; the first use does.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from time import monotonic, sleep
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

from mailbot.adapters.database import quick
from mailbot.errors import ConfigurationError
from mailbot.tokens import without_token

BUSY_MILLISECONDS = 30_000
"""How long SQLite waits for another process that writes."""

WRITES = {"mailbot_writes": True}
"""Execution options of a connection whose transactions write."""

LOOKS = {"mailbot_looks": True}
"""Execution options of a connection that is used for one statement which only reads."""


def make_engine(url: str, *, patient: bool = False) -> Engine:
    """An engine for `sqlite:///FILE` or `postgresql://…`; raises ConfigurationError for anything else.

    A `patient` one lets a statement take as long as it takes, as a migration may have to.
    """
    parsed = parse_url(url)
    if parsed.get_backend_name() == "postgresql":
        return _postgresql(parsed, patient=patient)
    engine = create_engine(parsed, json_serializer=as_json)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _postgresql(url: URL, *, patient: bool) -> Engine:
    # psycopg need not be installed where the database is SQLite.
    from mailbot.adapters.database import postgresql  # noqa: PLC0415 - see above

    named = {name: value for name, value in postgresql.parameters(patient=patient).items() if name not in url.query}
    # pre_ping: a connection that a restarted server closed is replaced, not given to a turn
    engine = create_engine(url, json_serializer=as_json, pool_pre_ping=True, connect_args=named)
    if not patient:
        event.listen(engine, "do_connect", lambda _dialect, _record, args, named: postgresql.connect(*args, **named))
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


def _prepare_sqlite(connection: Any, _record: object) -> None:
    # isolation_level None: the driver begins nothing by itself, so that BEGIN IMMEDIATE below is ours
    # (SQLAlchemy, "Serializable isolation / Savepoints / Transactional DDL" of the pysqlite dialect).
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}")
    _write_ahead(connection)
    connection.execute("PRAGMA synchronous = FULL")  # with WAL, only FULL survives a power cut after the commit
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA cache_size = -500")  # KiB for each thread; the kernel has the file's pages anyway


def _write_ahead(connection: Any) -> None:
    """Switch to the write-ahead log, where the file has none yet.

    Of two that do so at once, SQLite refuses one without waiting as `busy_timeout` says (https://sqlite.org/c3ref/busy_handler.html).
    """
    deadline = monotonic() + BUSY_MILLISECONDS / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or monotonic() > deadline:
                raise
            sleep(0.01)
        else:
            return


def _begin_sqlite(connection: Connection) -> None:
    # A deferred transaction that starts to write late can fail with SQLITE_BUSY at once, whatever the
    # timeout; a writer therefore takes the lock first.  A look that is one statement is a transaction by itself
    # (https://sqlite.org/lang_transaction.html), and a BEGIN would cost as much as the look.
    options = connection.get_execution_options()
    if not options.get("mailbot_looks", False):
        quick.say(connection, "BEGIN IMMEDIATE" if options.get("mailbot_writes", False) else "BEGIN")


class Kept:
    """One connection of SQLite that stays open for whoever wants one next; while it is in use, others take theirs from the pool.

    Taking one from SQLAlchemy's pool and giving it back costs more than many a statement.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._in_use = Lock()
        self._connection: Connection | None = None

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """The connection; after an error it is closed, and the next one begins anew."""
        if not self._in_use.acquire(blocking=False):
            with self._engine.connect() as another:
                yield another
            return
        try:
            if self._connection is None:
                self._connection = self._engine.connect()
            yield self._connection
        except BaseException:
            self._end()
            raise
        finally:
            self._in_use.release()

    def close(self) -> None:
        """Close it, unless somebody still uses it."""
        if self._in_use.acquire(blocking=False):
            self._end()
            self._in_use.release()

    def _end(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
