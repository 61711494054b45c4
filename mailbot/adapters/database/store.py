"""The real Store: SQLite for one machine, PostgreSQL for several daemons, the same statements for both.

Every method is one transaction.  Writers of one process queue for SQLite's one write lock on a mutex,
because SQLite's own waiting sleeps in growing steps; other processes are waited for by busy_timeout.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Connection, Engine, Insert, bindparam, delete, func, select
from sqlalchemy.exc import SQLAlchemyError

from mailbot.adapters.database import addresses, leases, leaving, ledger, limits, migrate, outbox, quick, tickets
from mailbot.adapters.database.archive import DatabaseArchive
from mailbot.adapters.database.engine import LOOKS, WRITES, Kept, make_engine
from mailbot.adapters.database.inserting import dialect_of, insert
from mailbot.adapters.database.leases import Moments, database_clock
from mailbot.adapters.database.locks import advisory_lock, file_lock
from mailbot.adapters.database.overview import DatabaseOverview
from mailbot.adapters.database.place import sqlite_file
from mailbot.adapters.database.tables import LEDGER, NOTES, SITES
from mailbot.errors import Conflict, DatabaseNotReady
from mailbot.model import (
    Accepted,
    Action,
    Effect,
    HeldLetter,
    HistoryEntry,
    LedgerEntry,
    MailKey,
    OutboxItem,
    Ticket,
    TicketState,
    Turn,
)
from mailbot.ports import Coming, FailedEffect, Leaving, OutboxCount, OutboxState, Settled
from mailbot.rules import LetterRules
from parsers.translatable import as_data, from_data
from provisioner.api import SiteHealth

_NEXT_DUE = select(tickets.NEXT_DUE, *outbox.NEXT_ATTEMPTS)
_NEWEST = select(func.max(LEDGER.c.seen_at))
_HEALTH = select(SITES.c.health, SITES.c.at).order_by(SITES.c.site)
_FORGET_SITE = delete(SITES).where(SITES.c.site == bindparam("gone"))
_NOTE = select(NOTES.c.value).where(NOTES.c.name == bindparam("wanted"))
_NOTES = select(NOTES.c.name, NOTES.c.value).where(NOTES.c.name.in_(bindparam("wanted", expanding=True)))
_NOTES_FROM = select(NOTES.c.name, NOTES.c.value).where(
    NOTES.c.name >= bindparam("first"), NOTES.c.name < bindparam("after")
)
_FORGET = delete(NOTES).where(NOTES.c.name == bindparam("wanted"))


@cache
def _put_health(dialect: str) -> Insert:
    statement = insert(dialect, SITES)
    new = {"at": statement.excluded.at, "health": statement.excluded.health}
    return statement.on_conflict_do_update(index_elements=["site"], set_=new)


@cache
def _put_note(dialect: str) -> Insert:
    statement = insert(dialect, NOTES)
    return statement.on_conflict_do_update(index_elements=["name"], set_={"value": statement.excluded.value})


class Database:
    """`ports.Store` over a database URL; see there for what the methods promise."""

    def __init__(
        self,
        url: str,
        letters: LetterRules = LetterRules(),  # noqa: B008 - frozen
        clock: Callable[[Connection, datetime], datetime] = database_clock,
    ) -> None:
        """`clock` says what leases go by, out of a connection and the caller's moment; tests move it."""
        self._letters = letters
        self._tally = limits.Tally()
        self._clock = clock
        self.engine = make_engine(url)
        self._file = sqlite_file(url)
        writer = self.engine.execution_options(**WRITES)
        looker = self.engine.execution_options(**LOOKS if self._file else {"isolation_level": "AUTOCOMMIT"})
        self._writer: Engine | Kept = Kept(writer) if self._file else writer
        self._looker: Engine | Kept = Kept(looker) if self._file else looker
        self._one_writer: AbstractContextManager[object] = threading.Lock() if self._file else nullcontext()

    @contextmanager
    def _write(self) -> Iterator[Connection]:
        with self._one_writer, self._writer.connect() as connection, connection.begin():
            yield connection

    def _read(self) -> AbstractContextManager[Connection]:
        """For one statement, whose rows are read to the end."""
        return self._looker.connect()

    def check(self) -> None:
        try:
            if self._file and not self._file.exists():  # SQLite would make an empty one
                raise DatabaseNotReady(f"there is no database {self._file} yet: run `mailbot db upgrade`")
            with self._read() as connection:
                found = migrate.current(connection)
        except SQLAlchemyError as error:
            why = getattr(error, "orig", None) or error
            raise DatabaseNotReady(f"the database cannot be used: {why}", permanent=False) from error
        migrate.require_not_newer(found)
        if found != migrate.head():
            raise DatabaseNotReady(
                f"the database is at revision {found or 'none'}, this program needs {migrate.head()}: run `mailbot db upgrade`"
            )

    def close(self) -> None:
        for one in (self._writer, self._looker):
            if isinstance(one, Kept):
                one.close()
        self.engine.dispose()

    @property
    def overview(self) -> DatabaseOverview:
        return DatabaseOverview(self.engine)

    @property
    def archive(self) -> DatabaseArchive:
        return DatabaseArchive(self.engine.connect, self._write)

    def mailbox_lock(self, account: str) -> AbstractContextManager[bool]:
        if self._file:
            return file_lock(self._file, account)
        return advisory_lock(self.engine, account)

    # mail

    def cursor(self, position: MailKey) -> MailKey | None:
        with self._read() as connection:
            return ledger.cursor(connection, position)

    def retries(self, position: MailKey, now: datetime) -> list[LedgerEntry]:
        with self._read() as connection:
            return ledger.retries(connection, position, now)

    def raw_mail(self, sha256: str) -> bytes | None:
        with self._read() as connection:
            return ledger.raw_mail(connection, sha256)

    def raw_mails(self, after: str, limit: int) -> list[tuple[str, bytes]]:
        with self._read() as connection:
            return ledger.raw_mails(connection, after, limit)

    def replace_raw_mails(self, mails: Mapping[str, bytes]) -> None:
        with self._write() as connection:
            ledger.replace_raw_mails(connection, mails)

    def retrying(self) -> int:
        with self._read() as connection:
            return ledger.retrying(connection)

    def retry_now(self, message_id: str, now: datetime) -> int:
        with self._write() as connection:
            return ledger.retry_now(connection, message_id, now)

    def handled_before(self, message_id: str, sha256: str, key: MailKey) -> bool:
        with self._read() as connection:
            return ledger.handled_before(connection, message_id, sha256, key)

    def unmoved(self, position: MailKey) -> list[tuple[MailKey, str]]:
        with self._read() as connection:
            return [(key, verdict) for key, verdict in ledger.unmoved(connection, position)]

    def mark_moved(self, keys: Sequence[MailKey]) -> None:
        with self._write() as connection:
            ledger.mark_moved(connection, keys)

    def answers_today(self, address: str, now: datetime) -> int:
        with self._read() as connection:
            return outbox.answers_since(connection, address, now - timedelta(hours=24))

    # tickets

    def ticket(self, ticket_id: int) -> Ticket | None:
        with self._read() as connection:
            return tickets.by_id(connection, ticket_id)

    def tickets_by_number(self, numbers: Sequence[int]) -> dict[int, Ticket]:
        with self._read() as connection:
            return tickets.by_ids(connection, numbers)

    def open_ticket_of(self, username: str, person_id: str = "") -> Ticket | None:
        return self.place_and_note(username, person_id, "")[0]

    def place_and_note(self, username: str, person_id: str, note: str) -> tuple[Ticket | None, str | None]:
        with self._read() as connection:
            return tickets.by_place(connection, username, person_id, note)

    def with_odd_owner(self, most: int) -> list[Ticket]:
        with self._read() as connection:
            return tickets.with_odd_owner(connection, most)

    def tickets(self, states: Sequence[TicketState] = ()) -> list[Ticket]:
        with self._read() as connection:
            return tickets.by_state(connection, states)

    def placed(self) -> list[tuple[str, Coming]]:
        with self._read() as connection:
            return tickets.placed(connection)

    def count(self, states: Sequence[TicketState], most: int) -> int:
        with self._read() as connection:
            return tickets.count(connection, states, most)

    def due(self, now: datetime, limit: int) -> list[Ticket]:
        with self._read() as connection:
            return tickets.due(connection, now, limit)

    def postpone(self, ticket_id: int, until: datetime, error: str) -> None:
        with self._write() as connection:
            tickets.postpone(connection, ticket_id, until, error)

    def history(self, ticket_id: int) -> list[HistoryEntry]:
        with self._read() as connection:
            return tickets.history(connection, ticket_id)

    def accepted(self, ticket_id: int) -> list[Accepted]:
        with self._read() as connection:
            return tickets.accepted(connection, ticket_id)

    def forget(self, what: Leaving, before: datetime, most: int) -> int:
        with self._write() as connection:
            return leaving.forget(connection, what, before, most)

    def go_on_above(self, number: int) -> None:
        with self._write() as connection:
            tickets.go_on_above(connection, number)

    def newest(self) -> datetime | None:
        with self._read() as connection:
            moment: datetime | None = connection.execute(_NEWEST).scalar()
        return moment

    def commit(self, turn: Turn) -> Ticket | None:
        with self._write() as connection:
            return _commit(connection, turn, self._letters, self._tally)

    # effects

    def claim(self, actions: Sequence[Action], now: datetime, limit: int, lease_seconds: float) -> list[OutboxItem]:
        with self._write() as connection:
            return leases.claim(connection, actions, self._moments(connection, now), limit, _seconds(lease_seconds))

    def claim_at(
        self, site: str | None, actions: Sequence[Action], now: datetime, limit: int, lease_seconds: float
    ) -> list[OutboxItem]:
        with self._write() as connection:
            moments, lease = self._moments(connection, now), _seconds(lease_seconds)
            return leases.claim_at(connection, site, actions, moments, limit=limit, lease=lease)

    def renew(self, items: Sequence[OutboxItem], now: datetime, lease_seconds: float) -> frozenset[int]:
        with self._write() as connection:
            return leases.renew(connection, items, self._clock(connection, now) + _seconds(lease_seconds))

    def sites_with_work(self, now: datetime) -> frozenset[str | None]:
        with self._read() as connection:
            return leases.sites_with_work(connection, self._moments(connection, now))

    def _moments(self, connection: Connection, now: datetime) -> Moments:
        return Moments(now, self._clock(connection, now))

    def settle(self, results: Sequence[Settled], now: datetime) -> None:
        if results:
            with self._write() as connection:
                outbox.settle(connection, results, now)

    def settle_with(self, result: Settled, turn: Turn) -> Ticket | None:
        with self._write() as connection:
            return _commit(connection, turn, self._letters, self._tally, result)

    def hasten(self, row: int, now: datetime) -> bool:
        with self._write() as connection:
            return outbox.hasten(connection, row, now)

    def waiting(self, ticket_id: int) -> list[Effect]:
        with self._read() as connection:
            return outbox.waiting(connection, ticket_id)

    def outbox_counts(self) -> list[OutboxCount]:
        with self._read() as connection:
            return outbox.counts(connection)

    def failed_effects(self, limit: int = 100) -> list[FailedEffect]:
        with self._read() as connection:
            return outbox.failed_effects(connection, limit)

    def held_letters(self, limit: int) -> list[HeldLetter]:
        with self._read() as connection:
            return limits.held(connection, limit)

    def next_due(self) -> datetime | None:
        with self._read() as connection:
            moments = connection.execute(_NEXT_DUE).one()
        return min((moment for moment in moments if moment is not None), default=None)

    # sites and switches

    def addresses(self, ticket_id: int) -> list[str]:
        with self._read() as connection:
            return addresses.of_ticket(connection, ticket_id)

    def taken_addresses(self) -> Mapping[str, frozenset[str]]:
        with self._read() as connection:
            return addresses.taken(connection)

    def put_health(self, health: SiteHealth, now: datetime) -> None:
        with self._write() as connection:
            values = {"site": health.site, "at": now, "health": _told(health)}
            connection.execute(_put_health(dialect_of(connection)), values)

    def health(self) -> list[tuple[SiteHealth, datetime]]:
        with self._read() as connection:
            rows = connection.execute(_HEALTH).all()
        return [(_health(row.health), row.at) for row in rows]

    def forget_site(self, site: str) -> None:
        with self._write() as connection:
            connection.execute(_FORGET_SITE, {"gone": site})

    def note(self, name: str) -> str | None:
        with self._read() as connection:
            found, _ = quick.run(connection, _NOTE, {"wanted": name})
        return found[0][0] if found else None

    def notes(self, names: Sequence[str]) -> dict[str, str]:
        with self._read() as connection:
            return {row.name: row.value for row in connection.execute(_NOTES, {"wanted": list(names)})}

    def notes_from(self, prefix: str) -> dict[str, str]:
        after = prefix[:-1] + chr(ord(prefix[-1]) + 1)
        with self._read() as connection:
            found = connection.execute(_NOTES_FROM.order_by(NOTES.c.name), {"first": prefix, "after": after})
            return {row.name: row.value for row in found if row.name.startswith(prefix)}

    def put_note(self, name: str, value: str | None) -> None:
        with self._write() as connection:
            _write_note(connection, name, value)


def _told(health: SiteHealth) -> dict[str, Any]:
    """A site's health as JSON; its problems are sentences that letters say in any language."""
    return {**asdict(health), "problems": [as_data(one) for one in health.problems]}


def _health(kept: dict[str, Any]) -> SiteHealth:
    """A site's health out of JSON, which has lists for tuples."""
    values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in kept.items()}
    return SiteHealth(**{**values, "problems": tuple(map(from_data, kept.get("problems", ())))})


def _commit(
    connection: Connection, turn: Turn, letters: LetterRules, tally: limits.Tally, settled: Settled | None = None
) -> Ticket | None:
    """Write a turn.

    1. The mail's ledger row: a mail that was handled meanwhile ends the turn here.
    2. The ticket, guarded by its revision; or the one that the turn is only about, as it is.
    3. The outbox row that the turn follows from, if any.  After the ticket, because every turn locks
       in this order: two that wait for each other would be ended by PostgreSQL.
    4. The ticket's history.
    5. Cancelled effects, then new ones; letters over a limit are held (`limits`), which the history says too.
    6. The letter that came back.
    7. Notes, and other tickets that are to be looked at.
    8. The addresses that the ticket holds.
    """
    if turn.mail is not None:
        ledger.write(connection, turn.mail)
    ticket = _ticket_of(connection, turn)
    if settled is not None:
        outbox.settle_one(connection, settled, turn.now)
    elif turn.held is not None:
        leases.require_held(connection, turn.held)
    new = turn.ticket is not None and turn.ticket.id == 0
    tickets.add_history(connection, ticket.id if ticket else 0, turn.history, begins=new)
    if ticket and turn.cancel_keys:
        outbox.cancel(connection, ticket.id, turn.cancel_keys, turn.now)
    held = outbox.add(connection, turn, ticket, letters, tally)
    if held and ticket:
        tickets.add_history(connection, ticket.id, held)
    limits.end_holding(connection, turn.let_go, OutboxState.WAITING, turn.now)
    limits.end_holding(connection, turn.drop, OutboxState.CANCELLED, turn.now)
    if turn.bounced:
        outbox.bounced(connection, turn.bounced, turn.bounce_permanent, turn.now)
    for name, value in turn.notes.items():
        _write_note(connection, name, value)
    if turn.wake:
        tickets.bring_forward(connection, turn.wake, turn.now)
    addresses.settle(connection, turn, ticket)
    return ticket


def _seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


def _write_note(connection: Connection, name: str, value: str | None) -> None:
    if value is None:
        connection.execute(_FORGET, {"wanted": name})
    else:
        connection.execute(_put_note(dialect_of(connection)), {"name": name, "value": value})


def _ticket_of(connection: Connection, turn: Turn) -> Ticket | None:
    """The ticket of a turn as it is once the turn is written."""
    if turn.ticket is not None:
        return tickets.write(connection, turn.ticket, turn.expected_revision)
    if turn.about_ticket is None:
        return None
    ticket = tickets.by_id_locked(connection, turn.about_ticket)
    if ticket is None:
        raise Conflict(f"there is no ticket {turn.about_ticket}")
    return ticket
