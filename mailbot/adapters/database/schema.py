"""The whole schema, for those who compare or make it: the tables, and the indexes over some of their rows.

Apart from `tables`, because a condition of PostgreSQL has SQLAlchemy import that whole dialect, which no query on SQLite needs.
"""

from __future__ import annotations

from functools import cache

from sqlalchemy import Index, MetaData, Table, text

from mailbot.adapters.database.tables import (
    ANSWERS_A_MAIL,
    CAUSED,
    COUNTED,
    FAILED,
    HELD,
    IS_OVER,
    LEDGER,
    METADATA,
    NO_TICKETS,
    ODD_OWNER,
    ONE_A_PERSON,
    OUTBOX,
    PERSON_INDEX,
    PLACE_INDEX,
    TAKES_THE_PLACE,
    TICKETS,
    TO_BE_MOVED,
    TO_BE_RETRIED,
    WAITING,
    WANTS_TO_WAKE,
)


def partial_index(table: Table, name: str, *columns: str, where: str, unique: bool = False) -> None:
    """Give a table an index over the rows that fulfil a condition."""
    over = [table.c[column] for column in columns]
    Index(name, *over, unique=unique, sqlite_where=text(where), postgresql_where=text(where))


@cache
def schema() -> MetaData:
    """All tables with all their indexes."""
    partial_index(TICKETS, PLACE_INDEX, "username", where=TAKES_THE_PLACE, unique=True)
    partial_index(TICKETS, PERSON_INDEX, "person_id", where=ONE_A_PERSON, unique=True)
    partial_index(TICKETS, "ix_tickets_owner", "owner", where=ODD_OWNER)
    partial_index(TICKETS, "ix_tickets_due_at", "due_at", where=WANTS_TO_WAKE)
    partial_index(TICKETS, "ix_tickets_over", "changed_at", where=IS_OVER)
    partial_index(LEDGER, "ix_ledger_unmoved", "account", "folder", "uidvalidity", "uid", where=TO_BE_MOVED)
    partial_index(LEDGER, "ix_ledger_retries", "account", "folder", "uidvalidity", "retry_at", where=TO_BE_RETRIED)
    partial_index(OUTBOX, "uq_outbox_ticket_key", "ticket_id", "key", where="ticket_id IS NOT NULL", unique=True)
    partial_index(OUTBOX, "uq_outbox_key", "key", where="ticket_id IS NULL", unique=True)
    partial_index(OUTBOX, "ix_outbox_waiting", "action", "next_attempt_at", "id", where=WAITING)
    partial_index(OUTBOX, "ix_outbox_waiting_ticket", "ticket_id", "id", where=WAITING)
    partial_index(OUTBOX, "ix_outbox_failed", "id", where=FAILED)
    partial_index(OUTBOX, "ix_outbox_message_id", "message_id", where="message_id IS NOT NULL")
    partial_index(OUTBOX, "ix_outbox_settled_at", "settled_at", where=NO_TICKETS)
    partial_index(OUTBOX, "ix_outbox_held", "id", where=HELD)
    partial_index(OUTBOX, "ix_outbox_counted", "counted", "created_at", where=COUNTED)
    partial_index(OUTBOX, "ix_outbox_caused", "cause", "counted", "created_at", where=CAUSED)
    partial_index(OUTBOX, "ix_outbox_written", "created_at", where=COUNTED)
    partial_index(OUTBOX, "ix_outbox_answered", "answered", "created_at", where=ANSWERS_A_MAIL)
    return METADATA
