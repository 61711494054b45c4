"""Tickets and their history in the database: free functions over a connection that is in a transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from functools import cache
from itertools import starmap
from secrets import token_hex
from typing import Any
from uuid import uuid4

from sqlalchemy import (
    Connection,
    Row,
    Select,
    bindparam,
    func,
    insert,
    literal_column,
    null,
    select,
    text,
    union_all,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.sql.selectable import CompoundSelect

from mailbot.adapters.database import quick
from mailbot.adapters.database.notices import NOTICE, notice_of
from mailbot.adapters.database.seals import FIRST, Line, line_of
from mailbot.adapters.database.tables import (
    HISTORY,
    NOTES,
    ODD_OWNER,
    ONE_A_PERSON,
    OUTBOX,
    PERSON_INDEX,
    PLACE_INDEX,
    TAKES_THE_PLACE,
    TICKETS,
)
from mailbot.errors import Conflict
from mailbot.model import Accepted, Action, Actor, HistoryEntry, Ticket, TicketState
from mailbot.ports import Coming, OutboxState

NONCE_BYTES = 16

_NAMES = tuple(column.name for column in fields(Ticket))
_T = TICKETS.c
SELECT_TICKETS = _SELECT = select(*(_T[name] for name in _NAMES))
"""Every column that a `Ticket` has, in its order: rows for `ticket_of`."""

_BY_ID = _SELECT.where(_T.id == bindparam("wanted"))
_BY_ID_LOCKED = _BY_ID.with_for_update()
# Each of the three by itself, so that each finds its own index; the person's own comes first.
_BY_PLACE: CompoundSelect[*tuple[Any, ...]] = union_all(
    _SELECT.add_columns(literal_column("1").label("rank"), null().label("note")).where(
        _T.person_id == bindparam("person"), text(ONE_A_PERSON)
    ),
    _SELECT.add_columns(literal_column("2"), null()).where(_T.username == bindparam("wanted"), text(TAKES_THE_PLACE)),
    select(*(null() for _ in _NAMES), literal_column("3"), NOTES.c.value).where(NOTES.c.name == bindparam("note")),
).order_by(text("rank"))
# "+ 0": in the order of an index SQLite would read all tickets until it had found so many.
_ODD_OWNERS = (
    _SELECT.where(text(ODD_OWNER)).order_by(_T.id + literal_column("0")).limit(bindparam("most", literal_execute=False))
)
_BY_STATE = _SELECT.where(_T.state.in_(bindparam("states", expanding=True))).order_by(_T.id)
_ALL = _SELECT.order_by(_T.id)
_SOME = select(_T.id).where(_T.state.in_(bindparam("states", expanding=True))).limit(bindparam("most"))
_PLACED = select(_T.site, _T.id, _T.disk_gib).where(_T.state == TicketState.APPROVED, _T.site.is_not(None))
_DUE = (
    _SELECT.where(_T.due_at.is_not(None), _T.due_at <= bindparam("now"))
    .order_by(_T.due_at)
    .limit(bindparam("most", literal_execute=False))
)
_INSERT = insert(TICKETS).returning(_T.id)
_UPDATE = update(TICKETS).where(_T.id == bindparam("wanted"), _T.revision == bindparam("expected"))
_POSTPONE = (
    update(TICKETS)
    .where(_T.id == bindparam("wanted"), _T.due_at.is_not(None))  # what waits for nothing any more is left alone
    .values(due_at=bindparam("until"), trouble=bindparam("why"), revision=_T.revision + literal_column("1"))
)
_BRING_FORWARD = (
    update(TICKETS)
    .where(_T.id.in_(bindparam("wanted", expanding=True)), _T.due_at > bindparam("now"))
    .values(due_at=bindparam("now"), revision=_T.revision + literal_column("1"))
)
_GO_ON = text(
    "SELECT setval(pg_get_serial_sequence('tickets', 'id'), greatest(:number, nextval(pg_get_serial_sequence('tickets', 'id'))))"
)
_GO_ON_SQLITE = text("UPDATE sqlite_sequence SET seq = max(seq, :number) WHERE name = 'tickets'")
_GO_ON_EMPTY = text("INSERT INTO sqlite_sequence (name, seq) VALUES ('tickets', :number)")
NEXT_DUE = select(func.min(_T.due_at)).where(_T.due_at.is_not(None)).scalar_subquery()

_H = HISTORY.c
_LINE = tuple(one.name for one in fields(Line))
_INSERT_HISTORY = insert(HISTORY).inline()
_LAST_SEAL = select(_H.seal).where(_H.ticket_id == bindparam("wanted")).order_by(_H.id.desc()).limit(1)
HISTORY_LINES = select(
    *(_H.ticket_id, _H.at, _H.event, _H.before, _H.after, _H.summary),
    *(_H.role, _H.who, _H.mail, _H.message_id, _H.evidence, _H.facts),
)
"""Every column that a `HistoryEntry` needs: rows for `entry_of`."""
_HISTORY_OF = HISTORY_LINES.where(_H.ticket_id == bindparam("wanted")).order_by(_H.id)

_O = OUTBOX.c
_ACCEPTED = (
    select(
        *(_O.letter, _O.key, _O.to_address, _O.message_id, _O.settled_at, _O.answer),
        *(_O.bounced_at, _O.bounce_permanent, *NOTICE),
    )
    .where(_O.ticket_id == bindparam("wanted"), _O.action == Action.LETTER, _O.state == OutboxState.DONE)
    .order_by(_O.id)
)


def ticket_of(row: Row[*tuple[Any, ...]]) -> Ticket:
    return Ticket(*row)


def by_id(connection: Connection, ticket_id: int) -> Ticket | None:
    rows, _ = quick.run(connection, _BY_ID, {"wanted": ticket_id})
    return Ticket(*rows[0]) if rows else None


@cache
def _by_ids(count: int) -> Select[*tuple[Any, ...]]:
    return _SELECT.where(_T.id.in_([bindparam(f"wanted_{place}") for place in range(count)]))


def by_ids(connection: Connection, numbers: Sequence[int]) -> dict[int, Ticket]:
    """A few of them: there is one statement for each count."""
    if not numbers:
        return {}
    wanted = {f"wanted_{place}": number for place, number in enumerate(numbers)}
    rows, _ = quick.run(connection, _by_ids(len(numbers)), wanted)
    return {ticket.id: ticket for ticket in starmap(Ticket, rows)}


def by_id_locked(connection: Connection, ticket_id: int) -> Ticket | None:
    """The same for a turn that may add to its history: PostgreSQL lets nobody else do so before the turn ends."""
    row = connection.execute(_BY_ID_LOCKED, {"wanted": ticket_id}).first()
    return None if row is None else ticket_of(row)


def by_place(connection: Connection, username: str, person_id: str, note: str) -> tuple[Ticket | None, str | None]:
    """The ticket that has the place, and what a note says; the person's own first: it may have the name of an earlier login."""
    values = {"wanted": username, "person": person_id, "note": note}
    found, _ = quick.run(connection, _BY_PLACE, values)
    said = found.pop()[-1] if found and found[-1][0] is None else None
    return Ticket(*found[0][: len(_NAMES)]) if found else None, said


def with_odd_owner(connection: Connection, most: int) -> list[Ticket]:
    return [ticket_of(row) for row in connection.execute(_ODD_OWNERS, {"most": most})]


def by_state(connection: Connection, states: Sequence[TicketState]) -> list[Ticket]:
    """Tickets in these states, all where none are given, by number."""
    rows = connection.execute(_BY_STATE, {"states": list(states)}) if states else connection.execute(_ALL)
    return [ticket_of(row) for row in rows]


def placed(connection: Connection) -> list[tuple[str, Coming]]:
    return [(site, Coming(number, disk_gib)) for site, number, disk_gib in connection.execute(_PLACED)]


def count(connection: Connection, states: Sequence[TicketState], most: int) -> int:
    return len(connection.execute(_SOME, {"states": list(states), "most": most}).all())


def due(connection: Connection, now: datetime, limit: int) -> list[Ticket]:
    return [ticket_of(row) for row in connection.execute(_DUE, {"now": now, "most": limit})]


def postpone(connection: Connection, ticket_id: int, until: datetime, error: str) -> None:
    connection.execute(_POSTPONE, {"wanted": ticket_id, "until": until, "why": error})


def bring_forward(connection: Connection, numbers: Sequence[int], now: datetime) -> None:
    """Have tickets looked at now that would be looked at later; those that wait for nothing stay so."""
    connection.execute(_BRING_FORWARD, {"wanted": list(numbers), "now": now})


def write(connection: Connection, ticket: Ticket, expected_revision: int | None) -> Ticket:
    """Insert a new ticket (id 0, or under its number where the expected revision is 0), or update one that still has the expected revision; raises Conflict."""
    values: dict[str, Any] = {name: getattr(ticket, name) for name in _NAMES}
    values["trouble"] = ""
    del values["id"]
    try:
        if ticket.id == 0 or expected_revision == 0:
            values |= {
                "revision": 1,
                "machine_id": ticket.machine_id or uuid4(),
                "nonce": ticket.nonce or token_hex(NONCE_BYTES),
                **({"id": ticket.id} if ticket.id else {}),
            }
            if ticket.id and by_id(connection, ticket.id) is not None:
                raise Conflict(f"there is a ticket {ticket.id} already")
            ((ticket_id,),), _ = quick.run(connection, _INSERT, values)
        else:
            if expected_revision is None:
                raise ValueError("a change of a stored ticket needs the revision that was read")
            ticket_id = ticket.id
            values["revision"] = expected_revision + 1
            _, changed = quick.run(connection, _UPDATE, values | {"wanted": ticket_id, "expected": expected_revision})
            if changed != 1:
                raise Conflict(f"ticket {ticket_id} was changed by somebody else meanwhile")
    except IntegrityError as error:
        if _is_about_the_place(error):
            raise Conflict(f"{ticket.username} has another request or machine already") from error
        raise
    return Ticket(**{name: values[name] for name in _NAMES if name != "id"}, id=ticket_id)


def go_on_above(connection: Connection, number: int) -> None:
    """Have the next ticket get a number above this one; numbers never go back."""
    if connection.dialect.name == "postgresql":
        connection.execute(_GO_ON, {"number": number})
    elif not connection.execute(_GO_ON_SQLITE, {"number": number}).rowcount:
        connection.execute(_GO_ON_EMPTY, {"number": number})


def _is_about_the_place(error: IntegrityError) -> bool:
    # PostgreSQL names the index; SQLite names the columns ("UNIQUE constraint failed: tickets.username").
    diagnosis = getattr(error.orig, "diag", None)
    if diagnosis is not None:
        return diagnosis.constraint_name in {PLACE_INDEX, PERSON_INDEX}
    return any(column in str(error.orig) for column in ("tickets.username", "tickets.person_id"))


def add_history(
    connection: Connection, ticket_id: int, entries: Sequence[HistoryEntry], *, begins: bool = False
) -> None:
    """Append entries, each sealed after the one before it; those with ticket_id 0 are about `ticket_id`, which `begins` with them.

    The caller holds the tickets that they are about: two turns that append at once would both seal after the same line.
    """
    seals: dict[int, str] = {ticket_id: FIRST} if begins else {}
    rows = []
    for entry in entries:
        about = entry.ticket_id or ticket_id
        if about not in seals:
            last, _ = quick.run(connection, _LAST_SEAL, {"wanted": about})
            seals[about] = last[0][0] or FIRST if last else FIRST
        line = line_of(entry, about)
        seals[about] = line.seal(seals[about])
        stored = {name: getattr(line, name) for name in _LINE}
        rows.append({**stored, "event": entry.event, "before": entry.before, "after": entry.after,
                     "role": entry.actor.role, "seal": seals[about]})  # fmt: skip
    if rows:
        quick.run(connection, _INSERT_HISTORY, *rows)


def history(connection: Connection, ticket_id: int) -> list[HistoryEntry]:
    return [entry_of(row) for row in connection.execute(_HISTORY_OF, {"wanted": ticket_id})]


def entry_of(row: Row[*tuple[Any, ...]]) -> HistoryEntry:
    return HistoryEntry(
        ticket_id=row.ticket_id,
        at=row.at,
        event=row.event,
        before=row.before,
        after=row.after,
        actor=Actor(row.role, row.who, row.mail, row.message_id, row.evidence),
        summary=row.summary,
        facts=row.facts,
    )


def accepted(connection: Connection, ticket_id: int) -> list[Accepted]:
    return [
        Accepted(
            letter=row.letter,
            key=row.key,
            to=row.to_address,
            message_id=row.message_id or "",
            accepted_at=row.settled_at,
            answer=row.answer,
            bounced_at=row.bounced_at,
            bounce_permanent=row.bounce_permanent,
            notice=notice_of(row),
        )
        for row in connection.execute(_ACCEPTED, {"wanted": ticket_id})
    ]
