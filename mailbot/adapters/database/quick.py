"""The statements of every mail on SQLite's own cursor: SQLAlchemy writes each once, and what runs it again is the driver.

Executing a statement that is compiled already takes SQLAlchemy three times as long as the driver with SQLite below it.  The
text and the conversions are SQLAlchemy's own, so a statement has one meaning; PostgreSQL is asked through SQLAlchemy.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias

from sqlalchemy import Connection, Delete, Dialect, Insert, Select, Update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.selectable import CompoundSelect

Statement: TypeAlias = Select[Any] | CompoundSelect[Any] | Insert | Update | Delete
Values: TypeAlias = Mapping[str, Any]
_Convert: TypeAlias = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class _Plan:
    """A statement's text, its parameters in their order and its columns, each with what converts it (None: nothing does)."""

    text: str
    fixed: Values
    parameters: tuple[tuple[str, _Convert | None, Any], ...]
    """Each with what stands for None, too."""
    columns: tuple[_Convert | None, ...]

    def bound(self, given: Values) -> tuple[Any, ...]:
        values = {**self.fixed, **given} if self.fixed else given
        return tuple(
            [
                nothing if (value := values[name]) is None else value if convert is None else convert(value)
                for name, convert, nothing in self.parameters
            ]
        )

    def row(self, found: Sequence[Any]) -> tuple[Any, ...]:
        pairs = zip(found, self.columns, strict=True)
        return tuple([one if convert is None else convert(one) for one, convert in pairs])


@lru_cache(maxsize=256)
def _plan(dialect: Dialect, statement: Statement, names: tuple[str, ...]) -> _Plan:
    compiled = statement.compile(dialect=dialect, column_keys=list(names))
    if compiled.positiontup is None:
        raise AssertionError("SQLite's driver has its parameters in order")
    fixed = {name: one.value for name, one in compiled.binds.items() if name not in names}
    converts = {name: one.type.dialect_impl(dialect).bind_processor(dialect) for name, one in compiled.binds.items()}
    columns = (one.type.dialect_impl(dialect).result_processor(dialect, None) for one in statement.exported_columns)
    nothing = {name: convert and convert(None) for name, convert in converts.items()}
    parameters = tuple((name, converts[name], nothing[name]) for name in compiled.positiontup)
    return _Plan(str(compiled), fixed, parameters, tuple(columns))


def run(connection: Connection, statement: Statement, *rows: Values) -> tuple[list[tuple[Any, ...]], int]:
    """Execute a statement once for each of the rows, which have the same names; gives the rows it gives, and how many it changed.

    The statement is a constant (it is remembered) without expanding parameters.  Raises what SQLAlchemy raises.
    """
    driver = connection.connection.dbapi_connection
    if not isinstance(driver, sqlite3.Connection):
        return _by_sqlalchemy(connection, statement, rows)
    return _by_driver(connection, driver, _plan(connection.dialect, statement, tuple(rows[0])), rows)


def say(connection: Connection, text: str) -> None:
    """Execute on SQLite what is no more than its text, as BEGIN.  Raises what SQLAlchemy raises."""
    driver = connection.connection.dbapi_connection
    if not isinstance(driver, sqlite3.Connection):
        raise AssertionError("only SQLite is told so")
    _by_driver(connection, driver, _Plan(text, {}, (), ()), ({},))


def _by_driver(
    connection: Connection, driver: sqlite3.Connection, plan: _Plan, rows: Sequence[Values]
) -> tuple[list[tuple[Any, ...]], int]:
    try:
        bound = [plan.bound(values) for values in rows]
        cursor = driver.cursor()
        for listener in connection.dispatch.before_cursor_execute:  # whoever listens hears of it as of any other
            listener(connection, cursor, plan.text, bound if len(bound) > 1 else bound[0], None, len(bound) > 1)
        if len(bound) > 1:
            cursor.executemany(plan.text, bound)
        else:
            cursor.execute(plan.text, bound[0])
        return [plan.row(one) for one in cursor.fetchall()], cursor.rowcount
    except (sqlite3.Error, ValueError) as error:
        # As SQLAlchemy would, but that it would say the values too.
        raise DBAPIError.instance(plan.text, None, error, sqlite3.Error, dialect=connection.dialect) from error


def _by_sqlalchemy(
    connection: Connection, statement: Statement, rows: Sequence[Values]
) -> tuple[list[tuple[Any, ...]], int]:
    result = connection.execute(statement, [dict(one) for one in rows] if len(rows) > 1 else dict(rows[0]))
    return [tuple(one) for one in result] if result.returns_rows else [], result.rowcount
