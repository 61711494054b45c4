"""What can happen to a ticket: one frozen value a happening, over which `lifecycle.decide` is total.  Frozen values and closed sets, no behaviour."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TypeAlias

from mailbot.model.tickets import CLOCK, MACHINE, Actor, Facts, TicketState


@dataclass(frozen=True, slots=True)
class Requested:
    """A request without problems opened the ticket; happens to no ticket, and so is no `Event`."""

    by: Actor


@dataclass(frozen=True, slots=True)
class Confirmed:
    by: Actor


@dataclass(frozen=True, slots=True)
class Approved:
    """An admin says yes: to the request while PENDING, to the extension while one is asked."""

    by: Actor
    until: date | None = None
    disk_gib: int | None = None


@dataclass(frozen=True, slots=True)
class Denied:
    by: Actor
    reason: str


@dataclass(frozen=True, slots=True)
class Withdrawn:
    by: Actor


@dataclass(frozen=True, slots=True)
class TimePassed:
    """The clock has reached `due_at`: whatever is due by now.

    `blind` is why the bot cannot see at the moment; then nothing irreversible happens and nothing lapses.
    """

    blind: str = ""
    by: Actor = CLOCK


@dataclass(frozen=True, slots=True)
class Placed:
    """A site was chosen; stored before anything is built there, so that nothing is built unseen."""

    site: str
    by: Actor = MACHINE


@dataclass(frozen=True, slots=True)
class Built:
    """The machine is ready for its owner; `facts` go into the letter (address, host keys)."""

    facts: Facts
    by: Actor = MACHINE


@dataclass(frozen=True, slots=True)
class BuildFailed:
    """Building gave up after `attempts` tries at `sites`; `why` is the last error, `left_behind` that something is still there."""

    why: str
    attempts: int = 1
    sites: tuple[str, ...] = ()
    left_behind: bool = False
    by: Actor = MACHINE


@dataclass(frozen=True, slots=True)
class Retried:
    by: Actor


@dataclass(frozen=True, slots=True)
class ExtensionAsked:
    """The owner asks for a later end; `automatic` where it may happen without an admin, within the limits of policy."""

    by: Actor
    until: date
    automatic: bool = False


@dataclass(frozen=True, slots=True)
class ReleaseAsked:
    by: Actor


@dataclass(frozen=True, slots=True)
class Released:
    """The owner confirmed that the machine may go."""

    by: Actor


@dataclass(frozen=True, slots=True)
class Kept:
    """The owner takes a release back."""

    by: Actor


@dataclass(frozen=True, slots=True)
class Restored:
    """The owner or an admin wants an ARCHIVED machine back, from its kept disk."""

    by: Actor
    until: date | None = None


@dataclass(frozen=True, slots=True)
class Retired:
    """Domain, seed, reservation and name are gone; the disk is kept."""

    by: Actor = MACHINE


@dataclass(frozen=True, slots=True)
class DiskDeleted:
    by: Actor = MACHINE


@dataclass(frozen=True, slots=True)
class EffectFailed:
    """A machine effect other than building gave up; admins are told and it is tried again later."""

    effect: str
    why: str
    by: Actor = MACHINE


@dataclass(frozen=True, slots=True)
class Returned:
    """A letter to the owner came back: `permanent` as the bounce says; `other` is another address of theirs, if any."""

    address: str
    permanent: bool | None
    diagnostic: str = ""
    letter: str = ""
    other: str = ""
    by: Actor = MACHINE


@dataclass(frozen=True, slots=True)
class Held:
    why: str
    by: Actor


@dataclass(frozen=True, slots=True)
class Unheld:
    by: Actor


Event: TypeAlias = (
    Confirmed
    | Approved
    | Denied
    | Withdrawn
    | TimePassed
    | Placed
    | Built
    | BuildFailed
    | Retried
    | ExtensionAsked
    | ReleaseAsked
    | Released
    | Kept
    | Restored
    | Retired
    | DiskDeleted
    | EffectFailed
    | Returned
    | Held
    | Unheld
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """An event that the ticket's state does not allow; `why` is worded for whoever asked."""

    why: str


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One change of a ticket, as stored: written once, never updated."""

    ticket_id: int
    at: datetime
    event: str
    before: TicketState | None
    after: TicketState
    actor: Actor
    summary: str
