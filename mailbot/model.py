"""The bot's vocabulary: tickets, what happens to them, what follows.  Frozen values and closed sets, no behaviour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any, TypeAlias

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


@dataclass(frozen=True, slots=True)
class Person:
    """One user as the directory knows them; letters about a user go to `email` and nowhere else.

    `aliases` are further addresses they may write from; all addresses are lower-cased.
    """

    login: str
    name: str
    email: str
    aliases: tuple[str, ...] = ()
    ssh_keys: tuple[str, ...] = ()
    locked: bool = False

    @property
    def addresses(self) -> frozenset[str]:
        return frozenset((self.email, *self.aliases))


@dataclass(frozen=True, slots=True)
class Admin:
    """Somebody who may decide; `address` is where the questions go and where answers must come from."""

    login: str
    name: str
    address: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """Proof that a mail server took a letter: when, with what answer, and whether it bounced since."""

    letter: str
    key: str
    to: str
    message_id: str
    accepted_at: datetime
    answer: str
    bounced_at: datetime | None = None
    bounce_permanent: bool | None = None


@dataclass(frozen=True, slots=True)
class Ticket:
    """One virtual machine's life, from the request to the removal.

    `id` is 0 until the store has given one.  `revision` counts every change (the guard of every
    UPDATE); `version` counts only changes of what people decide upon (state, end date, disk), and is
    what a token is bound to.  `due_at` is when the ticket wants to be woken, None for never.
    `end_date` is the last day of the lease, in the site's time zone.  `thread` is the Message-ID of
    the mail that opened the ticket.  `asked_end_date` is an extension that waits for an admin since
    `asked_at`: the clock is frozen while it is set.  `site` is where the machine was placed.
    `reminders` counts the letters that reminded admins of the question that is open now.
    `keep_until` is when a kept disk is deleted; `held` is the reason why nothing destructive may happen.
    `lease_from` is when the present end date was agreed, `stage` how many of the warnings before the
    present stop or removal were written, `remove_at` the moment of the removal of a stopped machine.
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
    site: str | None = None
    asked_end_date: date | None = None
    asked_at: datetime | None = None
    ended_at: datetime | None = None
    release_asked_at: datetime | None = None
    keep_until: datetime | None = None
    held: str = ""
    lease_from: datetime | None = None
    stage: int = 0
    remove_at: datetime | None = None


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


# What can happen to a ticket.  One frozen value a happening; `lifecycle.decide` is total over them.


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
    """The clock has reached `due_at`: whatever is due by now."""

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


class Purpose(StrEnum):
    """What a token in a letter lets its recipient do; part of what the token is bound to."""

    DECIDE = "decide"
    """An admin answers a question about a ticket."""
    OWN = "own"
    """The owner gives a command about the ticket."""
    CONFIRM = "confirm"
    """The registered address confirms what somebody asked in its name."""
    NONE = "none"
    """The letter takes no command; a reply is read by people."""


class Letter(StrEnum):
    """Every letter the bot can send; each has `templates_email/<value>.txt.j2` and a golden test.

    Every letter has a `LetterKind` in `letters.KINDS`: who gets it and what its replies may do.
    """

    REQUEST_PROBLEMS = "request-problems"
    UNKNOWN_SENDER = "unknown-sender"
    CONFIRM_REQUEST = "confirm-request"
    REQUEST_RECEIVED = "request-received"
    REQUEST_DENIED = "request-denied"
    REQUEST_LAPSED = "request-lapsed"
    REQUEST_WITHDRAWN = "request-withdrawn"
    REQUEST_APPROVED = "request-approved"
    VM_READY = "vm-ready"
    ADMIN_DECISION = "admin-decision"
    ADMIN_REMINDER = "admin-reminder"
    ADMIN_DECIDED = "admin-decided"
    ADMIN_ALREADY_DECIDED = "admin-already-decided"
    ADMIN_LAPSED = "admin-lapsed"
    ADMIN_BUILD_FAILED = "admin-build-failed"
    ADMIN_MACHINE_TROUBLE = "admin-machine-trouble"
    ADMIN_MAIL_TROUBLE = "admin-mail-trouble"
    ADMIN_TICKET_TROUBLE = "admin-ticket-trouble"
    UNCLEAR_REPLY = "unclear-reply"
    COMMAND_REFUSED = "command-refused"
    HELP = "help"
    STATUS = "status"
    WARNING = "warning"
    VM_STOPPED = "vm-stopped"
    GRACE_HALF = "grace-half"
    REMOVAL_NEAR = "removal-near"
    VM_ARCHIVED = "vm-archived"
    VM_REMOVED = "vm-removed"
    DATE_MOVED = "date-moved"
    EXTENSION_RECEIVED = "extension-received"
    EXTENSION_GRANTED = "extension-granted"
    EXTENSION_DENIED = "extension-denied"
    EXTENSION_LAPSED = "extension-lapsed"
    RELEASE_CONFIRM = "release-confirm"
    VM_RELEASED = "vm-released"
    VM_KEPT = "vm-kept"
    VM_RESTORED = "vm-restored"
    ADMIN_NOTICE_BOUNCED = "admin-notice-bounced"
    ADMIN_UNDELIVERED = "admin-undelivered"
    ADMIN_BRAKE = "admin-brake"
    ADMIN_DIGEST = "admin-digest"


class Action(StrEnum):
    """What an outbox row asks for: a letter, or something done to a machine."""

    LETTER = "letter"
    BUILD = "build"
    STOP = "stop"
    START = "start"
    RETIRE = "retire"
    DELETE_DISK = "delete-disk"
    REPORT = "report"
    """Ask the hypervisor how a machine is, and write it to whoever asked."""


MACHINE_ACTIONS = frozenset(Action) - {Action.LETTER}


@dataclass(frozen=True, slots=True)
class Effect:
    """One row for the outbox: what is to be done, once, after the commit.

    `key` makes it unique within its ticket (or within the mail it answers): the same key is never
    written twice, so a turn that runs again adds nothing.  For a letter, `letter`, `to` (the address)
    and `facts` say what is written; for a machine, `facts` may carry what the worker needs.
    """

    action: Action
    key: str
    letter: Letter | None = None
    to: str = ""
    to_name: str = ""
    facts: Facts = field(default_factory=dict)
    not_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class OutboxItem:
    """A claimed outbox row: the effect, its ticket, and which attempt this is (1 for the first).

    `version` is the ticket's version when the row was written (0 without a ticket): the token of a
    letter is bound to it.  `answers` is the Message-ID of the mail that caused it, for threading.
    """

    id: int
    ticket_id: int | None
    version: int
    effect: Effect
    attempts: int
    created_at: datetime
    answers: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """What an event makes of a ticket: the ticket after it, what follows, and a sentence for the history."""

    ticket: Ticket
    effects: tuple[Effect, ...]
    summary: str
    cancel: tuple[str, ...] = ()
    """Waiting rows of this ticket whose key begins with one of these are no longer true and are cancelled."""
    destructive: bool = False
    """A machine is stopped, removed or its disk deleted, and nobody asked for it: the brake counts these."""


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


@dataclass(frozen=True, slots=True)
class MailKey:
    """Where a mail lies: RFC 3501 section 2.3.1.1 makes (folder, UIDVALIDITY, UID) unique in an account."""

    account: str
    folder: str
    uidvalidity: int
    uid: int


class Verdict(StrEnum):
    """What became of a mail, as the ledger says it."""

    LEFT = "left"
    """Not for the bot: stays in the inbox, untouched and unread."""
    HANDLED = "handled"
    """Acted upon or answered: moved to the handled folder."""
    DUPLICATE = "duplicate"
    """The same mail was handled before: moved, no effect."""
    QUARANTINED = "quarantined"
    """Could not be read or handled: moved to quarantine, admins told."""
    RETRY = "retry"
    """Handling raised; tried again at `retry_at`, at most three times."""


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """What the ledger holds about one mail.  `raw` is kept for mails that were acted upon or quarantined."""

    key: MailKey
    message_id: str
    sha256: str
    verdict: Verdict
    seen_at: datetime
    sender: str = ""
    subject: str = ""
    kind: str = ""
    why: str = ""
    raw: bytes | None = None
    attempts: int = 0
    retry_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """Everything that one turn changes; committed in one transaction or not at all (`Store.commit`).

    `ticket` is new when its id is 0, else guarded by `expected_revision`.  `effects` belong to that
    ticket; without one to the ticket `about_ticket`, which they leave as it is (rows get its present
    version); without either to no ticket (answers to a mail).  `history` entries have ticket_id 0
    for the ticket of this turn.
    """

    now: datetime
    mail: LedgerEntry | None = None
    ticket: Ticket | None = None
    expected_revision: int | None = None
    about_ticket: int | None = None
    effects: tuple[Effect, ...] = ()
    history: tuple[HistoryEntry, ...] = ()
    cancel_keys: tuple[str, ...] = ()
    """Waiting outbox rows of this ticket whose key starts with one of these are cancelled."""
    bounced: str | None = None
    """Message-ID of a letter of ours that came back."""
    bounce_permanent: bool | None = None


@dataclass(frozen=True, slots=True)
class OutboundMail:
    """A letter ready for SMTP: envelope, Message-ID (with angle brackets) and the RFC 5322 bytes with CRLF."""

    envelope_from: str
    envelope_to: str
    message_id: str
    data: bytes
