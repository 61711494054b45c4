"""The database: tickets and their history, mails, outbox, notes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple, Protocol

from mailbot.model import (
    Accepted,
    Action,
    Effect,
    HeldLetter,
    HistoryEntry,
    LedgerEntry,
    Letter,
    MailKey,
    OutboxItem,
    Ticket,
    TicketState,
    Turn,
)
from parsers.frozen import frozen

if TYPE_CHECKING:  # contracts speak of them; `mailbot list`, which imports this too, needs none
    from mailbot.archive import Archive
    from provisioner.api import SiteHealth


@frozen
class Settled:
    """What became of a claimed outbox row.

    Exactly one of: `done` (with the proof: who accepted it and what they answered), `retry_at` (try
    again then; `error` says why), or neither (given up; `error` says why).  `counted` False gives the
    attempt back: nothing went wrong, it is only not finished.
    """

    item: OutboxItem
    done: bool = False
    message_id: str = ""
    proof: str = ""
    retry_at: datetime | None = None
    error: str = ""
    counted: bool = True
    void: bool = False
    """Neither done nor given up: what it says is not true any more, so that it was not sent."""


class Coming(NamedTuple):
    """A machine that is to come to a host: what it will take there is not free any more."""

    id: int
    """Of its ticket."""
    disk_gib: int


class OutboxState(StrEnum):
    """What became of an outbox row; a claimed row is a WAITING one whose next attempt is the end of its lease."""

    WAITING = "waiting"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    HELD = "held"
    """A letter over a limit: not sent until an admin lets it go."""


@frozen
class OutboxCount:
    """How many rows of an action wait or were given up."""

    action: Action
    state: OutboxState
    rows: int


@frozen
class FailedEffect:
    """An outbox row that was given up: when, and why."""

    item: OutboxItem
    at: datetime
    error: str


@frozen
class Wanted:
    """Which tickets somebody wants to see; what is empty limits nothing."""

    states: tuple[TicketState, ...] = ()
    username: str = ""
    site: str = ""
    held: bool = False


@frozen
class Queued:
    """An outbox row as people look at it: what, for whom, how often it was tried, and when it is tried next.

    `error` is what the last attempt ended with, `settled_at` when it was given up (None while it waits).
    """

    id: int
    ticket_id: int | None
    action: Action
    letter: Letter | None
    to: str
    attempts: int
    created_at: datetime
    next_attempt_at: datetime
    error: str
    settled_at: datetime | None = None


class Overview(Protocol):
    """The database for those who only look: lists, queue, figures.  Reads only."""

    def tickets(self, wanted: Wanted, after: int = 0, limit: int = 100) -> list[Ticket]:
        """Tickets by number, those above `after`, at most `limit`."""

    def queue(self, ticket_id: int | None = None, limit: int = 100) -> list[Queued]:
        """What waits in the outbox, of one ticket or of all, soonest first."""

    def given_up(self, ticket_id: int | None = None, limit: int = 100) -> list[Queued]:
        """What was given up, latest first."""

    def row(self, row: int) -> OutboxItem | None:
        """One row of the outbox, whatever became of it."""

    def row_state(self, row: int) -> OutboxState | None:
        """What became of one row of the outbox; None where there is none."""

    def trouble(self, ticket_id: int) -> str:
        """Why the ticket's last turn raised; empty where it did not."""

    def troubled(self, limit: int = 100) -> list[tuple[int, str]]:
        """Tickets whose last turn raised, by number, each with the reason: they are tried again."""

    def states(self) -> dict[TicketState, int]:
        """How many tickets are in each state; states without a ticket are not named."""

    def oldest_question(self) -> datetime | None:
        """Since when the request or extension waits that has waited longest for an admin."""

    def last_accepted(self) -> datetime | None:
        """When a mail server last accepted a letter."""

    def oldest_in_queue(self) -> datetime | None:
        """When the oldest row was written that still waits in the outbox."""


class Leaving(StrEnum):
    """What leaves the database when it is old."""

    MAILS = "mails"
    """The words of mails that changed a ticket."""
    LEDGER = "ledger"
    """What became of mails that are done with; the highest of each folder stays."""
    LETTERS = "letters"
    """Letters about no ticket that were sent, given up or cancelled."""
    TICKETS = "tickets"
    """Tickets that are over, with history and letters."""


class Store(Protocol):
    """The database.  Every method is one transaction; safe from several threads and processes."""

    def check(self) -> None:
        """Raise DatabaseNotReady where the schema is not at head."""

    def close(self) -> None:
        """Close all connections; never raises.  The store can be used again after it."""

    def mailbox_lock(self, account: str) -> AbstractContextManager[bool]:
        """Be the one reader of a mailbox while inside; False at once where another process or thread is.

        Given back when left, and when the process dies.
        """

    @property
    def overview(self) -> Overview:
        """The same database for those who only look."""

    @property
    def archive(self) -> Archive:
        """The same database for those who answer for what it keeps."""

    # mail

    def cursor(self, position: MailKey) -> MailKey | None:
        """The highest mail of that account, folder and UIDVALIDITY in the ledger; None for none."""

    def retries(self, position: MailKey, now: datetime) -> list[LedgerEntry]:
        """Mails with verdict RETRY whose time has come."""

    def raw_mail(self, sha256: str) -> bytes | None:
        """A mail that changed a ticket (`Actor.mail`), as it was committed: the bot's are encrypted (`turns.sealing`)."""

    def raw_mails(self, after: str, limit: int) -> list[tuple[str, bytes]]:
        """Stored mails by their hash, in the order of hashes, above `after`."""

    def replace_raw_mails(self, mails: Mapping[str, bytes]) -> None:
        """Store these bytes in place of what is stored under the hashes; what is not there any more stays away."""

    def retrying(self) -> int:
        """How many mails wait to be tried again, in any folder."""

    def retry_now(self, message_id: str, now: datetime) -> int:
        """Have mails that wait to be tried again tried now: those with that Message-ID, "" for all; gives how many."""

    def handled_before(self, message_id: str, sha256: str, key: MailKey) -> bool:
        """True where another mail (other key) with that Message-ID (if not empty) or hash was handled."""

    def unmoved(self, position: MailKey) -> list[tuple[MailKey, str]]:
        """Committed mails that still have to be moved, with the verdict; after a crash these come first."""

    def mark_moved(self, keys: Sequence[MailKey]) -> None: ...

    def answers_today(self, address: str, now: datetime) -> int:
        """Automatic answers written for that address in the last 24 hours (letters that answer a mail)."""

    # tickets

    def ticket(self, ticket_id: int) -> Ticket | None: ...

    def tickets_by_number(self, numbers: Sequence[int]) -> dict[int, Ticket]:
        """A few tickets at once, by number; those that do not exist are not among them."""

    def open_ticket_of(self, username: str, person_id: str = "") -> Ticket | None:
        """The ticket in one of `ONE_PER_USER` that is that person's, or else has that name: then it may be another's."""

    def place_and_note(self, username: str, person_id: str, note: str) -> tuple[Ticket | None, str | None]:
        """`open_ticket_of` and `note` at once: what a request is judged by is one statement."""

    def with_odd_owner(self, most: int) -> list[Ticket]:
        """Tickets in one of `ONE_PER_USER` whose owner is not as the directory should have them, at most so many; by index."""

    def tickets(self, states: Sequence[TicketState] = ()) -> list[Ticket]: ...

    def placed(self) -> list[tuple[str, Coming]]:
        """The approved machines that are placed at a host, with its name: asked for each build, so of few columns."""

    def count(self, states: Sequence[TicketState], most: int) -> int:
        """How many tickets are in these states, counted up to `most`: the cost follows `most`, not what exists."""

    def due(self, now: datetime, limit: int) -> list[Ticket]:
        """Tickets with due_at <= now, most overdue first; uses the index on due_at."""

    def postpone(self, ticket_id: int, until: datetime, error: str) -> None:
        """Push a ticket whose turn raised forward, so that it does not stop the line."""

    def history(self, ticket_id: int) -> list[HistoryEntry]: ...

    def accepted(self, ticket_id: int) -> list[Accepted]:
        """The proofs of all letters of a ticket that a server has accepted."""

    def forget(self, what: Leaving, before: datetime, most: int) -> int:
        """Delete the oldest rows of this kind from before that moment, at most so many; gives how many."""

    def go_on_above(self, number: int) -> None:
        """Have the next ticket get a number above this one; numbers never go back."""

    def newest(self) -> datetime | None:
        """The moment of the newest mail in the ledger; None where there is none.  Reads the whole ledger."""

    def commit(self, turn: Turn) -> Ticket | None:
        """Write a turn in one transaction; gives the ticket as stored (with its id and new revision, None without a ticket).

        The store sets the revision to `expected_revision` + 1.  `cancel_keys` act before the effects
        are written; effects whose key exists already are not written again.  Letters over a limit of
        `rules.LetterRules` are written as held, with a line in the ticket's history.  Raises Conflict where
        the ticket's revision is not the expected one, the user's place is taken, the mail is in the
        ledger already with a verdict other than RETRY (it was handled by somebody else), or it is HANDLED as
        another copy of it was (`handled_before`); LeaseLost where the row that the turn is part of (`Turn.held`)
        is not ours any more; NoAddress where a range of `Turn.addresses` is full.
        """

    # effects

    def claim(self, actions: Sequence[Action], now: datetime, limit: int, lease_seconds: float) -> list[OutboxItem]:
        """Take waiting rows whose time has come, oldest first: raises `attempts` and leases them *before* anything is done.

        A lease goes by the clock of the database, not by `now`.
        Never more than one claimed machine row per ticket, nor more than one of its name.  Several daemons may claim at once (FOR UPDATE SKIP LOCKED, or BEGIN IMMEDIATE).
        """

    def claim_at(
        self, site: str | None, actions: Sequence[Action], now: datetime, limit: int, lease_seconds: float
    ) -> list[OutboxItem]:
        """`claim` for machine rows of tickets whose machine is at that site; None: that have no site yet."""

    def renew(self, items: Sequence[OutboxItem], now: datetime, lease_seconds: float) -> frozenset[int]:
        """Lease claimed rows from now on for so long; gives the numbers of those that are still ours to work on."""

    def sites_with_work(self, now: datetime) -> frozenset[str | None]:
        """The sites of tickets with machine rows whose time has come; None for those that have no site yet."""

    def settle(self, results: Sequence[Settled], now: datetime) -> None:
        """Write what became of claimed rows, in one transaction; `now` is when (of a letter: when it was accepted).

        A letter that was sent is written as done even where the row was cancelled or claimed again meanwhile (it did
        happen); anything else only by the claim that still holds the row.
        """

    def settle_with(self, result: Settled, turn: Turn) -> Ticket | None:
        """Settle a row and commit the turn that follows from it, together.

        Raises Conflict like `commit`, and LeaseLost where the row was settled or claimed by somebody else meanwhile.
        """

    def hasten(self, row: int, now: datetime) -> bool:
        """Have a waiting row that was tried before tried again now; False where it is claimed, was never tried, or waits no more."""

    def waiting(self, ticket_id: int) -> list[Effect]:
        """What waits in the outbox for a ticket, oldest first; `not_before` is when it is tried next."""

    def outbox_counts(self) -> list[OutboxCount]:
        """Rows that wait or were given up, by action; those that are done are not counted."""

    def failed_effects(self, limit: int = 100) -> list[FailedEffect]:
        """Rows that were given up, latest first."""

    def held_letters(self, limit: int) -> list[HeldLetter]:
        """Letters that the brake on letters holds, oldest first."""

    def next_due(self) -> datetime | None:
        """The earliest moment at which a ticket or an outbox row that can be claimed wants attention; None for never."""

    # sites and switches

    def addresses(self, ticket_id: int) -> list[str]:
        """The addresses on bridges that a ticket holds (`Turn.addresses`)."""

    def taken_addresses(self) -> Mapping[str, frozenset[str]]:
        """Every address that a ticket holds, by site."""

    def put_health(self, health: SiteHealth, now: datetime) -> None: ...

    def health(self) -> list[tuple[SiteHealth, datetime]]: ...

    def forget_site(self, site: str) -> None:
        """What is kept of a site's health goes; one that is not known is fine."""

    def note(self, name: str) -> str | None:
        """A named value of the bot itself (pause switch, last digest, …)."""

    def notes(self, names: Sequence[str]) -> dict[str, str]:
        """Those of these values that there are, by name."""

    def notes_from(self, prefix: str) -> dict[str, str]:
        """Every value whose name begins so, by name; by index."""

    def put_note(self, name: str, value: str | None) -> None: ...
