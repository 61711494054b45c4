"""INSERT … ON CONFLICT, which SQLite and PostgreSQL have and each SQLAlchemy dialect spells for itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import sqlite

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql

    Insert: TypeAlias = postgresql.Insert | sqlite.Insert


def insert(dialect: str, table: Table) -> Insert:
    """The dialect's own INSERT.  PostgreSQL's is imported where it is used: it costs a sixth of what a command imports."""
    if dialect == "postgresql":
        from sqlalchemy.dialects import postgresql  # noqa: PLC0415 - see above

        return postgresql.insert(table)
    return sqlite.insert(table)


def dialect_of(connection: Connection) -> str:
    """Its name, by which statements are kept."""
    return connection.dialect.name
