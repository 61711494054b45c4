"""What follows from an event: letters and work on machines, as rows of the outbox, and the proof that a letter was taken.  Frozen values and closed sets, no behaviour."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Self

from mailbot.model.tickets import Facts, Ticket
from parsers.translatable import Translatable


class NoticeOf(StrEnum):
    """What an announcement announces."""

    STOP = "stop"
    REMOVAL = "removal"
    DISK = "disk"
    MOVE = "move"


class NoticeStage(StrEnum):
    """Which of the announcements of the same thing it is."""

    WARNING = "warning"
    """One of the warnings before the end date (`Notice.number`)."""
    MOVED = "moved"
    """The end date moved; the letter that says so counts as a warning."""
    STOPPED = "stopped"
    HALF = "half"
    LAST = "last"
    """The last letter before the removal."""
    KEPT = "kept"


@dataclass(frozen=True, slots=True)
class Notice:
    """What a letter announces: the proof that a server took it is proof of exactly this.

    `since` is when the lease began (STOP) or the machine was stopped (REMOVAL, DISK): what came before is about something
    else.  `day` is the last day of the lease as announced (STOP), `at` the moment as announced (REMOVAL, DISK), or for
    which a warning was planned, or a moved end was written about (STOP): the same number is another warning where the site changes its plan of warnings.
    `number` counts the warnings of a lease from 1.
    """

    of: NoticeOf
    stage: NoticeStage
    since: datetime | None = None
    day: date | None = None
    at: datetime | None = None
    number: int = 0


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
    notice: Notice | None = None


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


class Weight(StrEnum):
    """What it would cost not to send a letter, and so what the brake on letters may do with it."""

    NOTICE = "notice"
    """Proves that somebody was told, or says that the bot itself is in trouble: never held and never counted."""
    OUTCOME = "outcome"
    """Tells what cannot be learned otherwise; once for each decision, build or announcement.  Held by the totals only, never lost."""
    QUESTION = "question"
    """An admin decides by answering it: held, never lost."""
    INFORMATION = "information"
    """Everything else: dropped over a limit."""


class Letter(StrEnum):
    """Every letter the bot can send; each has `templates_email/<value>.txt.j2` and a golden test.

    Every letter has an `About` in `letters.KINDS`: what it is called, who gets it and what its replies may do.
    """

    weight: Weight

    def __new__(cls, value: str, weight: Weight | None = None) -> Self:
        if weight is None:  # only a letter that is looked up is named by its value alone
            raise TypeError(f"the letter {value} has no weight")
        self = str.__new__(cls, value)
        self._value_ = value
        self.weight = weight
        return self

    REQUEST_PROBLEMS = "request-problems", Weight.INFORMATION
    UNKNOWN_SENDER = "unknown-sender", Weight.INFORMATION
    CONFIRM_REQUEST = "confirm-request", Weight.INFORMATION
    REQUEST_RECEIVED = "request-received", Weight.INFORMATION
    REQUEST_DENIED = "request-denied", Weight.OUTCOME
    REQUEST_LAPSED = "request-lapsed", Weight.OUTCOME
    REQUEST_WITHDRAWN = "request-withdrawn", Weight.INFORMATION
    REQUEST_APPROVED = "request-approved", Weight.OUTCOME
    VM_READY = "vm-ready", Weight.OUTCOME
    ADMIN_DECISION = "admin-decision", Weight.QUESTION
    ADMIN_REMINDER = "admin-reminder", Weight.QUESTION
    ADMIN_DECIDED = "admin-decided", Weight.INFORMATION
    ADMIN_ALREADY_DECIDED = "admin-already-decided", Weight.INFORMATION
    ADMIN_LAPSED = "admin-lapsed", Weight.INFORMATION
    ADMIN_BUILD_FAILED = "admin-build-failed", Weight.QUESTION
    ADMIN_MACHINE_TROUBLE = "admin-machine-trouble", Weight.INFORMATION
    ADMIN_MAIL_TROUBLE = "admin-mail-trouble", Weight.INFORMATION
    ADMIN_TICKET_TROUBLE = "admin-ticket-trouble", Weight.INFORMATION
    UNCLEAR_REPLY = "unclear-reply", Weight.INFORMATION
    COMMAND_REFUSED = "command-refused", Weight.INFORMATION
    HELP = "help", Weight.INFORMATION
    STATUS = "status", Weight.INFORMATION
    CONSOLE = "console", Weight.INFORMATION
    ROOT_KEYS = "root-keys", Weight.INFORMATION
    WARNING = "warning", Weight.NOTICE
    VM_STOPPED = "vm-stopped", Weight.NOTICE
    GRACE_HALF = "grace-half", Weight.NOTICE
    REMOVAL_NEAR = "removal-near", Weight.NOTICE
    VM_ARCHIVED = "vm-archived", Weight.NOTICE
    VM_REMOVED = "vm-removed", Weight.NOTICE
    DATE_MOVED = "date-moved", Weight.NOTICE
    END_EARLIER = "end-earlier", Weight.NOTICE
    EXTENSION_RECEIVED = "extension-received", Weight.INFORMATION
    EXTENSION_GRANTED = "extension-granted", Weight.OUTCOME
    EXTENSION_DENIED = "extension-denied", Weight.OUTCOME
    EXTENSION_LAPSED = "extension-lapsed", Weight.OUTCOME
    RELEASE_CONFIRM = "release-confirm", Weight.INFORMATION
    REINSTALL_CONFIRM = "reinstall-confirm", Weight.INFORMATION
    VM_RELEASED = "vm-released", Weight.OUTCOME
    VM_ENDED = "vm-ended", Weight.OUTCOME
    VM_SWITCHED_OFF = "vm-switched-off", Weight.OUTCOME
    VM_YOURS = "vm-yours", Weight.OUTCOME
    VM_PASSED_ON = "vm-passed-on", Weight.OUTCOME
    VM_KEPT = "vm-kept", Weight.INFORMATION
    VM_RESTORED = "vm-restored", Weight.INFORMATION
    VM_REBUILT = "vm-rebuilt", Weight.OUTCOME
    ANNOUNCEMENT = "announcement", Weight.OUTCOME
    VM_MOVE = "vm-move", Weight.NOTICE
    VM_MOVED = "vm-moved", Weight.OUTCOME
    VM_STAYS = "vm-stays", Weight.OUTCOME
    ADMIN_NOTICE_BOUNCED = "admin-notice-bounced", Weight.INFORMATION
    ADMIN_OWNER = "admin-owner", Weight.INFORMATION
    ADMIN_UNPROVEN = "admin-unproven", Weight.QUESTION
    ADMIN_UNDELIVERED = "admin-undelivered", Weight.INFORMATION
    ADMIN_BRAKE = "admin-brake", Weight.NOTICE
    ADMIN_BRAKE_STAYS = "admin-brake-stays", Weight.NOTICE
    ADMIN_FINDINGS = "admin-findings", Weight.QUESTION
    ADMIN_FINDING_ANSWERED = "admin-finding-answered", Weight.INFORMATION
    ADMIN_DIGEST = "admin-digest", Weight.NOTICE
    ADMIN_BLIND = "admin-blind", Weight.NOTICE
    ADMIN_LETTERS_HELD = "admin-letters-held", Weight.NOTICE


class Action(StrEnum):
    """What an outbox row asks for: a letter, or something done to a machine."""

    LETTER = "letter"
    BUILD = "build"
    STOP = "stop"
    START = "start"
    RESTART = "restart"
    SWITCH_OFF = "switch-off"
    """Stop a machine within its lease, because an admin says so; `stop` is what the end of a lease does."""
    CONSOLE = "console"
    """Read the last lines of a machine's console, and write them to its owner."""
    REKEY = "rekey"
    """Have the owner's keys of the directory let in as root again, and write to the owner what came of it."""
    REINSTALL = "reinstall"
    """Delete a machine's disk, and build it again under the same names."""
    MOVE = "move"
    """Shut a machine down and copy its disk to another host."""
    ARRIVE = "arrive"
    """Start a machine at the host that its disk was copied to."""
    RETIRE = "retire"
    DELETE_DISK = "delete-disk"
    REPORT = "report"
    """Ask the hypervisor how a machine is, and write it to whoever asked."""
    NAME = "name"
    """Have a machine's name in its zone stand for its addresses, or for none; no host is asked, only a name server."""


MACHINE_ACTIONS = frozenset(Action) - {Action.LETTER, Action.NAME}
ONLY_ASK = frozenset({Action.REPORT, Action.CONSOLE})
"""Machine work that changes nothing and is answered at once, also while the machine's site does not answer."""


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
    notice: Notice | None = None
    """What a letter announces, where that is something that cannot be taken back."""
    language: str = ""
    """In which language a letter is written; "" for the site's."""


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
    claim: str = ""
    """Tells this claim from every other of the same row: only with it what became of the row is written."""

    @property
    def about_ticket(self) -> int:
        """The number of its ticket; 0, which no ticket has, where it is about none."""
        return self.ticket_id or 0


@dataclass(frozen=True, slots=True)
class HeldLetter:
    """A letter that the brake on letters holds: its outbox row, what it is about, and which limit it would have passed."""

    row: int
    ticket_id: int | None
    letter: Letter
    to: str
    why: Translatable


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
    facts: Facts = field(default_factory=dict)
    """What was decided, for the history, beside what the event said."""
