"""One reader of a mailbox at a time: a PostgreSQL advisory lock, or a locked file beside a SQLite database.

Both are held by a connection or an open file, so they end with the process, whatever ends it.  And, on PostgreSQL, one
transaction at a time about something that has no row to lock yet.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

_TRY = text("SELECT pg_try_advisory_lock(:number)")
_GIVE_BACK = text("SELECT pg_advisory_unlock(:number)")
_WAIT = text("SELECT pg_advisory_xact_lock(:number)")


@contextmanager
def advisory_lock(engine: Engine, name: str) -> Iterator[bool]:
    """Hold PostgreSQL's session-level advisory lock of that name on a connection of its own (pg_try_advisory_lock)."""
    number = _number(name)
    # AUTOCOMMIT: an open transaction all day long would keep VACUUM from cleaning up.
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        got = bool(connection.execute(_TRY, {"number": number}).scalar())
        try:
            yield got
        finally:
            if got:
                _give_back(connection, number)


def hold_until_the_end(connection: Connection, names: Iterable[str]) -> None:
    """Wait for PostgreSQL's locks of these names and hold them until the transaction ends (pg_advisory_xact_lock).

    They are taken in one order, so that no two transactions wait for each other.
    """
    for number in sorted(map(_number, names)):
        connection.execute(_WAIT, {"number": number})


def _number(name: str) -> int:
    return int.from_bytes(
        hashlib.sha256(f"mailbot:{name}".encode("utf-8", "surrogatepass")).digest()[:8], "big", signed=True
    )


def _give_back(connection: Connection, number: int) -> None:
    try:
        connection.execute(_GIVE_BACK, {"number": number})
    except DBAPIError:
        # The connection is broken, and the lock ended with it; it must not go back into the pool.
        connection.invalidate()


@contextmanager
def file_lock(database: Path, name: str) -> Iterator[bool]:
    """Hold flock(2) on a file beside the database; the file stays, only its lock counts."""
    digest = hashlib.sha256(name.encode()).hexdigest()[:16]
    handle = os.open(f"{database}.{digest}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield _try_flock(handle)
    finally:
        os.close(handle)  # closing gives the lock back


def _try_flock(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
