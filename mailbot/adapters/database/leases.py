"""Leases of outbox rows: taken, renewed and asked for, under a claim that only whoever took it knows.

Free functions over a connection that is in a transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    bindparam,
    case,
    func,
    literal_column,
    select,
    update,
)

from mailbot.adapters.database.outbox import IS_FIRST, IS_FIRST_NAME, IS_WAITING, ITEM, item_of
from mailbot.adapters.database.tables import OUTBOX, TICKETS
from mailbot.errors import LeaseLost
from mailbot.model import MACHINE_ACTIONS, Action, OutboxItem

_O = OUTBOX.c
_CLOCK = select(func.clock_timestamp())
# A row that waits goes by the clock of whoever asks, a lease by that of the database: two daemons whose clocks differ never
# work on the same row.  The first condition, the later of the two moments, finds the index.
_HAS_COME = (
    _O.next_attempt_at <= bindparam("latest"),
    _O.next_attempt_at
    <= case(
        (_O.claim.is_(None), bindparam("now", type_=_O.next_attempt_at.type)),
        else_=bindparam("clock", type_=_O.next_attempt_at.type),
    ),
)


def _claimable(these: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    return (
        select(*ITEM)
        .where(IS_WAITING, these, *_HAS_COME)
        .order_by(_O.next_attempt_at, _O.id)
        .limit(bindparam("most"))
        .with_for_update(skip_locked=True)  # SQLite drops this; there BEGIN IMMEDIATE keeps others out
    )


_CLAIMABLE_LETTERS = _claimable(_O.action == literal_column("'letter'"))
_CLAIMABLE_NAMES = _claimable(and_(_O.action == literal_column("'name'"), IS_FIRST_NAME))
_CLAIMABLE_WORK = _claimable(and_(_O.action.in_(bindparam("actions", expanding=True)), IS_FIRST))
# Where a ticket's machine is, is looked up when the row is claimed: a build that was placed elsewhere goes with it.
_SITE = select(TICKETS.c.site).where(TICKETS.c.id == _O.ticket_id).scalar_subquery()
_CLAIMABLE_AT = _claimable(
    and_(_O.action.in_(bindparam("actions", expanding=True)), IS_FIRST, _SITE.is_not_distinct_from(bindparam("site")))
)
_SITES_WITH_WORK = (
    select(TICKETS.c.site)
    .distinct()
    .join(OUTBOX, _O.ticket_id == TICKETS.c.id)
    .where(
        IS_WAITING,
        _O.action.in_([literal_column(f"'{action.value}'") for action in Action if action in MACHINE_ACTIONS]),
        *_HAS_COME,
    )
)
_CLAIM = (
    update(OUTBOX)
    .where(_O.id.in_(bindparam("ids", expanding=True)))
    .values(
        attempts=_O.attempts + literal_column("1"),
        next_attempt_at=bindparam("lease_ends"),
        claim=bindparam("new_claim"),
    )
)
_RENEW = (
    update(OUTBOX)
    .where(_O.id.in_(bindparam("ids", expanding=True)), IS_WAITING, _O.claim == bindparam("held_claim"))
    .values(next_attempt_at=bindparam("lease_ends"))
    .returning(_O.id)
)
_HOLD = (
    select(_O.id).where(_O.id == bindparam("row"), IS_WAITING, _O.claim == bindparam("held_claim")).with_for_update()
)


@dataclass(frozen=True, slots=True)
class Moments:
    """Now, by the clock of whoever asks and by the clock of the database, which leases go by."""

    now: datetime
    clock: datetime

    def as_parameters(self) -> dict[str, datetime]:
        return {"now": self.now, "clock": self.clock, "latest": max(self.now, self.clock)}


def database_clock(connection: Connection, now: datetime) -> datetime:
    """The clock that all daemons on a database share: PostgreSQL's own; with SQLite that of the machine, which is the caller's."""
    if connection.dialect.name == "postgresql":
        clock: datetime = connection.execute(_CLOCK).scalar_one()
        return clock
    return now


def claim(
    connection: Connection, actions: Sequence[Action], moments: Moments, limit: int, lease: timedelta
) -> list[OutboxItem]:
    """Take due rows; see `ports.Store.claim`."""
    work = [action for action in Action if action in actions and action in MACHINE_ACTIONS]
    asked = moments.as_parameters()
    found: list[Row[*tuple[Any, ...]]] = []
    if Action.LETTER in actions:
        found += connection.execute(_CLAIMABLE_LETTERS, asked | {"most": limit})
    if Action.NAME in actions:
        found += connection.execute(_CLAIMABLE_NAMES, asked | {"most": limit - len(found)})
    if work and len(found) < limit:
        found += connection.execute(_CLAIMABLE_WORK, asked | {"most": limit - len(found), "actions": work})
    return _taken(connection, found, moments.clock + lease)


def claim_at(
    connection: Connection,
    site: str | None,
    actions: Sequence[Action],
    moments: Moments,
    *,
    limit: int,
    lease: timedelta,
) -> list[OutboxItem]:
    """Take due rows of one site; see `ports.Store.claim_at`."""
    work = [action for action in Action if action in actions and action in MACHINE_ACTIONS]
    asked = {**moments.as_parameters(), "most": limit, "actions": work, "site": site}
    return _taken(connection, connection.execute(_CLAIMABLE_AT, asked).all(), moments.clock + lease)


def sites_with_work(connection: Connection, moments: Moments) -> frozenset[str | None]:
    """Where rows are due; see `ports.Store.sites_with_work`."""
    return frozenset(connection.execute(_SITES_WITH_WORK, moments.as_parameters()).scalars())


def _taken(connection: Connection, found: Sequence[Row[*tuple[Any, ...]]], lease_ends: datetime) -> list[OutboxItem]:
    """Raise the attempts of the rows that were found, and lease them under a claim that nobody else knows."""
    claim = uuid4().hex
    if found:
        ids = [row.id for row in found]
        connection.execute(_CLAIM, {"ids": ids, "lease_ends": lease_ends, "new_claim": claim})
    return [replace(item_of(row, row.attempts + 1), claim=claim) for row in found]


def renew(connection: Connection, items: Sequence[OutboxItem], lease_ends: datetime) -> frozenset[int]:
    """Lease claimed rows for longer; gives the numbers of those that are still ours."""
    ours: set[int] = set()
    for claim in sorted({item.claim for item in items}):
        ids = sorted(item.id for item in items if item.claim == claim)
        ours |= set(connection.execute(_RENEW, {"ids": ids, "held_claim": claim, "lease_ends": lease_ends}).scalars())
    return frozenset(ours)


def require_held(connection: Connection, item: OutboxItem) -> None:
    """Keep a claimed row ours until the transaction ends; raises LeaseLost."""
    if connection.execute(_HOLD, {"row": item.id, "held_claim": item.claim}).first() is None:
        raise LeaseLost(f"outbox row {item.id} was settled or claimed by somebody else meanwhile")
