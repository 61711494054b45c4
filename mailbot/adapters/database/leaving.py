"""What is old leaves the database: free functions over a connection that is in a transaction."""

from __future__ import annotations

from datetime import datetime
from typing import assert_never

from sqlalchemy import (
    BindParameter,
    Connection,
    Delete,
    Select,
    TextClause,
    bindparam,
    delete,
    exists,
    literal_column,
    select,
    text,
)
from sqlalchemy.sql.elements import ColumnElement

from mailbot.adapters.database.tables import HISTORY, IS_OVER, LEDGER, NO_TICKETS, OUTBOX, RAW_MAILS, TICKETS
from mailbot.ports import Leaving

_L, _O, _R, _T = LEDGER.c, OUTBOX.c, RAW_MAILS.c, TICKETS.c
_BEFORE = bindparam("before", type_=_R.stored_at.type)


def _oldest(
    column: ColumnElement[object], age: ColumnElement[datetime], *these: ColumnElement[bool] | TextClause
) -> Select[object]:
    """The oldest so many rows that are older than asked for."""
    return select(column).where(age < _BEFORE, *these).order_by(age).limit(bindparam("most"))


_HIGHER = LEDGER.alias("higher")
# The highest mail of a folder stays: what is above it is new mail, and without it everything would be.
_IS_NOT_THE_CURSOR = exists(
    select(_HIGHER.c.id).where(
        _HIGHER.c.account == _L.account,
        _HIGHER.c.folder == _L.folder,
        _HIGHER.c.uidvalidity == _L.uidvalidity,
        _HIGHER.c.uid > _L.uid,
    )
)
_OLD_MAILS = _oldest(_R.sha256, _R.stored_at)
_OLD_LINES = _oldest(
    _L.id, _L.seen_at, _L.verdict != literal_column("'retry'"), _L.unmoved == literal_column("0"), _IS_NOT_THE_CURSOR
)
_OLD_LETTERS = _oldest(_O.id, _O.settled_at, text(NO_TICKETS))
_OLD_TICKETS = _oldest(_T.id, _T.changed_at, text(IS_OVER))
_THESE: BindParameter[object] = bindparam("these", expanding=True)
_FORGET_LETTERS = delete(OUTBOX).where(_O.id.in_(_THESE))
_FORGET_LINES = delete(LEDGER).where(_L.id.in_(_THESE))
_FORGET_MAILS = delete(RAW_MAILS).where(_R.sha256.in_(_THESE))
_FORGET_TICKETS = (
    delete(OUTBOX).where(_O.ticket_id.in_(_THESE)),
    delete(HISTORY).where(HISTORY.c.ticket_id.in_(_THESE)),
    delete(TICKETS).where(_T.id.in_(_THESE)),
)


def forget(connection: Connection, what: Leaving, before: datetime, most: int) -> int:
    """Delete the oldest rows of one kind; see `ports.Store.forget`."""
    statements: tuple[Delete, ...]
    match what:
        case Leaving.MAILS:
            found, statements = _OLD_MAILS, (_FORGET_MAILS,)
        case Leaving.LEDGER:
            found, statements = _OLD_LINES, (_FORGET_LINES,)
        case Leaving.LETTERS:
            found, statements = _OLD_LETTERS, (_FORGET_LETTERS,)
        case Leaving.TICKETS:
            found, statements = _OLD_TICKETS, _FORGET_TICKETS
        case _:
            assert_never(what)
    these = connection.execute(found, {"before": before, "most": most}).scalars().all()
    for statement in statements if these else ():
        connection.execute(statement, {"these": these})
    return len(these)
