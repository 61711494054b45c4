"""What a simulation starts from, what is thrown in, and what it foretells.  Frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum

from mailbot.model import Accepted, Admin, Effect, Letter, Ticket, TicketState
from mailbot.rules import Rules

DAY = timedelta(days=1)


class What(StrEnum):
    """What an entry is about."""

    LETTER = "letter"
    """A mail server took a letter."""
    ACTION = "action"
    """Something was done to a machine."""
    MOVE = "move"
    """The clock changed a date or a state and wrote no letter of its own."""
    MAIL = "mail"
    """Somebody answered, or a letter came back."""


@dataclass(frozen=True, slots=True)
class Outage:
    """The bot is off: nothing is read, decided, sent or done."""

    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Blindness:
    """The bot runs and writes letters, but cannot see: a mailbox that is not read, a directory that is away, a clock that jumped.

    No mail is read, and whatever waits for sight waits (`lifecycle`: `TimePassed.blind`).
    """

    since: datetime
    until: datetime
    why: str = "the mailbox cannot be read"


@dataclass(frozen=True, slots=True)
class Extension:
    """The owner of a ticket asks at a moment for a later end date."""

    ticket: int
    at: datetime
    until: date


@dataclass(frozen=True, slots=True)
class Bounce:
    """The next letter of that kind to the owner of a ticket comes back for good."""

    ticket: int
    letter: Letter


@dataclass(frozen=True, slots=True)
class Scenario:
    """What is thrown in until `until` (aware UTC).

    `bounce_share` of the owners' letters come back; `extend_share` of the warnings are answered with a wish
    for more time, of up to a year, and of the others `release_share` by giving the machine back; `restore_share` of the owners
    whose machine is gone want it back.  `decide_after` is how long admins take over an extension, a return, or a step whose notice is not
    proven, and `brake_after` over the brake; None: they never answer.
    """

    until: datetime
    outages: tuple[Outage, ...] = ()
    blindness: tuple[Blindness, ...] = ()
    extensions: tuple[Extension, ...] = ()
    bounces: tuple[Bounce, ...] = ()
    bounce_share: float = 0.0
    extend_share: float = 0.0
    release_share: float = 0.0
    restore_share: float = 0.0
    seed: int = 0
    mail_delay: timedelta = timedelta(0)
    decide_after: timedelta | None = DAY
    brake_after: timedelta | None = DAY


@dataclass(frozen=True, slots=True)
class House:
    """What the fleet lives by: the rules, the admins, and per site the periods in which nothing destructive happens."""

    rules: Rules
    admins: tuple[Admin, ...]
    closures: Mapping[str, tuple[tuple[date, date], ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Member:
    """A ticket as it is now: its proofs, what still waits in its outbox, and all addresses of its owner."""

    ticket: Ticket
    accepted: tuple[Accepted, ...] = ()
    waiting: tuple[Effect, ...] = ()
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that will happen.

    `planned` is when it was due, and `late` why it comes later than that (empty: it does not).  `state`
    and `end_date` are the ticket's afterwards.  Ticket 0 stands for the bot itself: the brake's letters.
    """

    at: datetime
    ticket: int
    username: str
    what: What
    name: str
    note: str
    to: str = ""
    planned: datetime | None = None
    late: str = ""
    key: str = ""
    state: TicketState | None = None
    end_date: date | None = None


@dataclass(frozen=True, slots=True)
class Future:
    """Every entry in order, and the tickets as they will be."""

    entries: tuple[Entry, ...]
    tickets: tuple[Ticket, ...]
