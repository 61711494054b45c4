"""What the handlers need of the world.  Each docstring is a contract: the effect, whether it may run twice, what it raises."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from mailbot.model import (
    Accepted,
    Action,
    Admin,
    Effect,
    HeldLetter,
    HistoryEntry,
    LedgerEntry,
    Letter,
    MailKey,
    OutboundMail,
    OutboxItem,
    Person,
    Ticket,
    TicketState,
    Turn,
)

if TYPE_CHECKING:  # contracts speak of them; `mailbot list`, which imports this too, needs none
    from mailbot.archive import Archive
    from mailbot.trust import Checked
    from parsers.values import Mail, Understanding
    from provisioner.api import SiteHealth


class Clock(Protocol):
    """The only source of time; read once per turn."""

    def now(self) -> datetime:
        """The moment, aware, in UTC."""

    def elapsed(self) -> float:
        """Seconds of a clock that nobody sets, from whatever beginning: tells a jump of the other one from time that passed."""

    def start(self) -> str:
        """Names the beginning of `elapsed`: the same for every process until the machine is started again."""


class Folder(StrEnum):
    """Where a mail is moved to once its turn is committed."""

    HANDLED = "handled"
    QUARANTINE = "quarantine"


@dataclass(frozen=True, slots=True)
class Fetched:
    """One mail as fetched with BODY.PEEK[].

    `raw` is None where the mail is larger than the limit (then `header` holds BODY.PEEK[HEADER], as
    far as that is within the limit) or was expunged meanwhile (then `header` is empty too).
    """

    key: MailKey
    raw: bytes | None
    size_bytes: int
    header: bytes = b""
    refused: str = ""
    """What the server said instead of giving a mail that it has (then `raw` is None): it may give it later."""
    arrived: datetime | None = None
    """When the server got it (INTERNALDATE, RFC 3501 section 2.3.3; aware), whatever its Date header says; None where it does not say."""


@dataclass(frozen=True, slots=True)
class Filed:
    """A mail in one of the bot's folders: its UID there, and the beginning of its header."""

    uid: int
    header: bytes


class Inbox(Protocol):
    """The mailbox that is shared with people.  Not thread-safe: one thread owns it."""

    def fetch(
        self, after: MailKey | None, also: Sequence[MailKey] = (), since: date | None = None
    ) -> Iterator[Fetched]:
        """New mails in ascending UID order: every UID above `after` (all where None or where UIDVALIDITY changed), and those of `also` that still exist.

        Where nothing is known of the folder (`after` is None, or of another UIDVALIDITY), mails that came before the day
        `since` are left out: they are searched for by date, and cost nothing each.

        Fetches in batches, sets no flag (BODY.PEEK[], RFC 3501 section 6.4.5).  May run any number
        of times.  Raises MailServerUnavailable.
        """

    def position(self) -> MailKey:
        """Account, folder and UIDVALIDITY as they are now (uid 0).  Raises MailServerUnavailable."""

    def file_away(self, keys: Sequence[MailKey], folder: Folder) -> None:
        """Move mails to a folder (MOVE, RFC 6851, or COPY + \\Deleted + UID EXPUNGE).

        Keys that are gone, or of another UIDVALIDITY, are skipped.  May run twice.  Raises MailServerUnavailable.
        """

    def filed(self, folder: Folder, since: date | None = None) -> Iterator[Filed]:
        """Mails in one of the bot's folders; with `since`, those that arrived on that day (of the server) or later.  Raises MailServerUnavailable."""

    def filed_mail(self, uid: int, folder: Folder) -> bytes | None:
        """One mail of one of the bot's folders; None where it is gone or larger than the limit.  Raises MailServerUnavailable."""

    def bring_back(self, uids: Sequence[int], folder: Folder) -> None:
        """Move mails from one of the bot's folders back to the inbox, where they are new.  May run twice.  Raises MailServerUnavailable."""

    def wait(self, timeout_seconds: float) -> bool:
        """Wait for new mail (IDLE, RFC 2177) at most so long; True when something came.

        Returns False at once where the server has no IDLE.  Raises MailServerUnavailable.
        """

    def wake(self) -> None:
        """End a `wait` that runs now, or the next one, with False; from any thread or signal handler."""

    def close(self) -> None:
        """Log out; never raises."""


class Reader(Protocol):
    """Raw bytes to what a mail says, in bounded time and memory."""

    def read(self, raw: bytes, now: datetime) -> Understanding:
        """What the mail says at the moment `now` (aware).  Never raises for what the bytes contain; OSError where nothing can be read."""

    def begin(self, raw: bytes, now: datetime) -> Callable[[], Understanding]:
        """Have a mail read while the caller does something else; what is given back waits for the answer, and is called once.

        Several may be begun; each costs the memory of its mail.  Raises nothing itself: the answer does, like `read`.
        """

    def layers(self) -> tuple[str, ...]:
        """What whatever reads has given up, in words; empty where nothing.  Raises OSError."""

    def close(self) -> None:
        """May run twice."""


class Authenticator(Protocol):
    """Looks at the signatures that a mail carries itself (DKIM, OpenPGP)."""

    def check(self, raw: bytes, mail: Mail, now: datetime) -> Checked:
        """What they prove about the mail's sender; a signature that cannot be checked proves nothing.

        May ask name servers, each for a limited time.  May run twice.  Never raises for what the mail contains.
        """


class Postman(Protocol):
    """Hands letters to the SMTP server over one connection per batch."""

    def send(self, letter: OutboundMail) -> str:
        """Send one letter and return the server's answer to the final dot, e.g. `250 2.0.0 Ok: queued as 4B1F`.

        May run twice: the Message-ID is the same, and receivers can tell.  Raises LetterRefused (see
        `permanent`) or MailServerUnavailable (then the connection is gone; try the batch later).
        """

    def close(self) -> None:
        """End the connection; never raises."""


class Zones(Protocol):
    """The DNS zones in which machines have their names, forward and reverse.

    All methods may run twice.  Those that change something do nothing where no zone of ours has the name, and raise
    NameServerUnavailable; none touches a name with records that are not the same machine's (`owner`).
    """

    def zone_of(self, fqdn: str) -> str:
        """The zone that a name is in; empty where it is in none of them.  Asks nobody."""

    def publish(self, fqdn: str, owner: str, addresses: tuple[str, ...]) -> None:
        """Have the name stand for exactly these addresses.  Raises NameTaken."""

    def withdraw(self, fqdn: str, owner: str) -> None:
        """Take the name away."""

    def point(self, address: str, fqdn: str, owner: str) -> None:
        """Have an address lead back to the name.  Raises NameTaken."""

    def unpoint(self, address: str, owner: str) -> None:
        """Have it lead nowhere."""

    def look(self) -> Mapping[str, str]:
        """Ask each zone's server for it, signed; by zone why it does not answer, or empty where it does."""


class Directory(Protocol):
    """Who is who.  Every question raises DirectoryUnavailable where it cannot be answered; an answer may be as old as the site allows.

    Safe from several threads.
    """

    def by_login(self, login: str) -> Person | None:
        """The person with exactly that login; None for nobody."""

    def by_address(self, address: str) -> Person | None:
        """The person with that address or alias (ASCII letters without case); None for nobody."""

    def by_id(self, person_id: str) -> Person | None:
        """The person with exactly that `Person.id`, whatever their login is now; None for nobody.

        Only an id that is `issued` here finds anybody.
        """

    def issued(self, person_id: str) -> bool:
        """Whether an id is of this directory's kind: one of another kind (of the file before the server) says nothing here."""

    def admins(self) -> tuple[Admin, ...]:
        """The unlocked members of the site's group of admins; empty where the directory has none."""

    def close(self) -> None:
        """End connections; never raises.  The directory can be used again after it."""


@dataclass(frozen=True, slots=True)
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


class OutboxState(StrEnum):
    """What became of an outbox row; a claimed row is a WAITING one whose next attempt is the end of its lease."""

    WAITING = "waiting"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    HELD = "held"
    """A letter over a limit: not sent until an admin lets it go."""


@dataclass(frozen=True, slots=True)
class OutboxCount:
    """How many rows of an action wait or were given up."""

    action: Action
    state: OutboxState
    rows: int


@dataclass(frozen=True, slots=True)
class FailedEffect:
    """An outbox row that was given up: when, and why."""

    item: OutboxItem
    at: datetime
    error: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which tickets somebody wants to see; what is empty limits nothing."""

    states: tuple[TicketState, ...] = ()
    username: str = ""
    site: str = ""
    held: bool = False


@dataclass(frozen=True, slots=True)
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
        """True where another mail (other key) with that Message-ID (if not empty) or hash was handled or quarantined."""

    def begin_turn(self, message_id: str, sha256: str, key: MailKey, note: str) -> tuple[bool, str | None]:
        """`handled_before` and `note` at once: what the turn of every mail begins with is one statement."""

    def unmoved(self, position: MailKey) -> list[tuple[MailKey, str]]:
        """Committed mails that still have to be moved, with the verdict; after a crash these come first."""

    def mark_moved(self, keys: Sequence[MailKey]) -> None: ...

    def answers_today(self, address: str, now: datetime) -> int:
        """Automatic answers written for that address in the last 24 hours (letters that answer a mail)."""

    # tickets

    def ticket(self, ticket_id: int) -> Ticket | None: ...

    def tickets_by_number(self, numbers: Sequence[int]) -> dict[int, Ticket]:
        """Several tickets at once, by number; those that do not exist are not among them."""

    def open_ticket_of(self, username: str, person_id: str = "") -> Ticket | None:
        """The ticket in one of `ONE_PER_USER` that is that person's, or else has that name: then it may be another's."""

    def with_odd_owner(self, most: int) -> list[Ticket]:
        """Tickets in one of `ONE_PER_USER` whose owner is not as the directory should have them, at most so many; by index."""

    def tickets(self, states: Sequence[TicketState] = ()) -> list[Ticket]: ...

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
        the ticket's revision is not the expected one, the user's place is taken, or the mail is in the
        ledger already with a verdict other than RETRY (it was handled by somebody else); LeaseLost where the
        row that the turn is part of (`Turn.held`) is not ours any more; NoAddress where a range of `Turn.addresses` is full.
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
