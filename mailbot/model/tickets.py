"""Tickets, the states they are in, and the people they are about.  Frozen values and closed sets, no behaviour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any, TypeAlias
from uuid import UUID

Facts: TypeAlias = Mapping[str, Any]
"""JSON-able values (str, int, bool, None, lists and dicts of them; dates as ISO strings) that a letter or an effect needs."""


class TicketState(StrEnum):
    """Where a ticket is in its life; the legal moves are `lifecycle.MOVES`."""

    UNCONFIRMED = "unconfirmed"
    PENDING = "pending"
    APPROVED = "approved"
    FAILED = "failed"
    ACTIVE = "active"
    EXPIRED = "expired"
    RETIRING = "retiring"
    ARCHIVED = "archived"
    DENIED = "denied"
    LAPSED = "lapsed"
    WITHDRAWN = "withdrawn"
    REMOVED = "removed"


FINAL = frozenset({TicketState.DENIED, TicketState.LAPSED, TicketState.WITHDRAWN, TicketState.REMOVED})
"""States that no event leaves."""


ONE_PER_USER = frozenset(
    {
        TicketState.PENDING,
        TicketState.APPROVED,
        TicketState.FAILED,
        TicketState.ACTIVE,
        TicketState.EXPIRED,
        TicketState.RETIRING,
    }
)
"""States in which a ticket takes its user's one place (a partial unique index holds this)."""


LIVING = frozenset({TicketState.ACTIVE, TicketState.EXPIRED})
"""States in which there is a machine that its owner can keep, by an extension."""
WITH_A_DISK = LIVING | {TicketState.ARCHIVED}
"""States in which admins can be asked for more time: for a machine, or for one that comes back around its kept disk."""


class OwnerState(StrEnum):
    """How the directory has the owner of a machine: anything but ACTIVE wants an admin's eyes."""

    ACTIVE = "active"
    LOCKED = "locked"
    KEYLESS = "keyless"
    """Without an SSH key that could be installed."""
    GONE = "gone"
    SUCCEEDED = "succeeded"
    """Gone, and somebody else has the login now."""
    NAMESAKE = "namesake"
    """There, under another login, and somebody else has the one that the machine is named after."""


class Freeze(StrEnum):
    """How often a question to the admins has stopped the clock of a lease: the first one does, a further one does not."""

    UNUSED = "unused"
    ONCE = "once"
    """By the last question that was asked."""
    SPENT = "spent"
    """By one before the last."""


@dataclass(frozen=True, slots=True)
class Person:
    """One user as the directory knows them; letters about a user go to `email` and nowhere else.

    `aliases` are further addresses they may write from; all addresses are lower-cased.  `id` is what the directory
    never changes nor gives to anybody else, with what kind of id it is in front ("entryuuid:…"); "" where it shows none.
    Login, name and addresses are attributes: they may be another person's tomorrow.
    """

    login: str
    name: str
    email: str
    aliases: tuple[str, ...] = ()
    ssh_keys: tuple[str, ...] = ()
    locked: bool = False
    id: str = ""
    language: str = ""
    """The language that they prefer, a code such as `fr`; "" where nobody says."""

    @property
    def addresses(self) -> frozenset[str]:
        return frozenset((self.email, *self.aliases))


@dataclass(frozen=True, slots=True)
class Admin:
    """Somebody who may decide; `address` is where the questions go and where answers must come from."""

    login: str
    name: str
    address: str
    language: str = ""


@dataclass(frozen=True, slots=True)
class Ticket:
    """One virtual machine's life, from the request to the removal.

    `id` is 0 until the store has given one, with `machine_id` and `nonce`.  `revision` counts every change (the guard of every
    UPDATE); `version` counts only changes of what people decide upon (state, end date, disk), and is
    what a token is bound to.  `due_at` is when the ticket wants to be woken, None for never.
    `end_date` is the last day of the lease, in the site's time zone.  `thread` is the Message-ID of
    the mail that opened the ticket.  `asked_end_date` is an extension that waits for an admin since
    `asked_at`; `froze` says whether such a question stops the clock (`frozen`).  `site` is where the machine was placed.
    `reminders` counts the letters that reminded admins of the question that is open now, the last one at `reminded_at`.
    `keep_until` is when a kept disk is deleted; `held` is the reason why nothing destructive may happen.
    `lease_from` is when the present end date was agreed, `stage` how many of the warnings before the
    present stop or removal were written, `warned_by` by which days (`lease.warn_days`) those before a stop were counted, None
    where that was not written down yet, `delayed_days` by how many days its steps were put off since people agreed on the
    end, because notice could not be proven or a question stopped the clock, `agreed_until` the end date before any of that
    (None where it was not moved); `remove_at` is the moment of the removal of a stopped machine
    (None where its owner gave it back).  `language` is what its owner writes or prefers, "" for the site's.
    `machine_id` and `nonce` are random and no other ticket's, not even one that gets the same number after a restored
    backup: from the first every name of the machine follows, to the second every token and Message-ID is bound.
    `username` is the login with which the request was made, as a host name can have it: the machine keeps its name.  `person_id` is whose it is
    (`Person.id`; "" until the directory was asked, then the login alone counts), `renamed_to` their login where that is
    another, `owner` how the directory last had them: what admins were told.
    A ticket of version 0.1 has None (its machine is named after its site, owner and number) and "" (tokens bound to
    its number alone).
    """

    id: int
    state: TicketState
    username: str
    name: str
    email: str
    intended_usage: str
    end_date: date
    disk_gib: int
    thread: str
    subject: str
    opened_at: datetime
    changed_at: datetime
    due_at: datetime | None = None
    disk_reason: str = ""
    revision: int = 1
    version: int = 1
    reminders: int = 0
    reminded_at: datetime | None = None
    site: str | None = None
    asked_end_date: date | None = None
    asked_at: datetime | None = None
    froze: Freeze = Freeze.UNUSED
    ended_at: datetime | None = None
    release_asked_at: datetime | None = None
    reinstall_asked_at: datetime | None = None
    keep_until: datetime | None = None
    held: str = ""
    lease_from: datetime | None = None
    stage: int = 0
    warned_by: tuple[int, ...] | None = None
    delayed_days: int = 0
    agreed_until: date | None = None
    remove_at: datetime | None = None
    machine_id: UUID | None = None
    nonce: str = field(default="", repr=False)
    person_id: str = ""
    renamed_to: str = ""
    owner: OwnerState = OwnerState.ACTIVE
    language: str = ""

    @property
    def login(self) -> str:
        """The owner's login, as it was last seen."""
        return self.renamed_to or self.username

    @property
    def is_being_built(self) -> bool:
        """Whether its machine is approved, not there yet, and nobody holds that up."""
        return self.state is TicketState.APPROVED and not self.held

    @property
    def agreed_end(self) -> date:
        """The last day that people agreed on, which the present one may lie beyond."""
        return self.agreed_until or self.end_date

    @property
    def frozen(self) -> bool:
        """Whether a question that is open now stops the clock: nothing happens to the machine before it is answered."""
        return self.asked_end_date is not None and self.froze is Freeze.ONCE


class Role(StrEnum):
    """In what capacity somebody did something."""

    OWNER = "owner"
    ADMIN = "admin"
    CLOCK = "clock"
    MACHINE = "machine"
    OPERATOR = "operator"
    """An admin at the command line (`--as`)."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did something, and on what evidence.

    `mail` is the SHA-256 of the raw mail that said so (its Message-ID in `message_id`), both empty for
    the clock and the command line.  `evidence` is what `trust` saw: it is stored, shown and never changes.
    """

    role: Role
    who: str
    mail: str = ""
    message_id: str = ""
    evidence: Facts = field(default_factory=dict)


CLOCK = Actor(Role.CLOCK, "mailbot")


MACHINE = Actor(Role.MACHINE, "provisioner")
