"""The database's tables: what is stored, and the indexes that keep a tick's cost at what is due.

They are SQLAlchemy Core's: the ORM would double what every command imports.  Nothing here opens a connection.
Conditions of partial indexes are SQL texts with literals on purpose: SQLite proves that a partial
index applies by comparing terms (https://sqlite.org/partialindex.html), and a bound parameter is no
proof; the same texts are used in the queries.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, TypeAlias

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Date,
    ForeignKey,
    Index,
    LargeBinary,
    MetaData,
    Table,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.types import TypeEngine

from mailbot.adapters.database.columns import Days, Handle, Number, OneOf, Sentence, UtcDateTime, Words
from mailbot.model import (
    FINAL,
    ONE_PER_USER,
    Action,
    EventKind,
    Freeze,
    Letter,
    NoticeOf,
    NoticeStage,
    OwnerState,
    Role,
    TicketState,
    Verdict,
)
from mailbot.ports import OutboxState

METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)
"""All tables."""

Kind: TypeAlias = TypeEngine[Any] | type[TypeEngine[Any]]


def key(name: str, kind: Kind) -> Column[Any]:
    """The primary key."""
    return Column(name, kind, primary_key=True)


def must(name: str, kind: Kind, *more: ForeignKey, **settings: Any) -> Column[Any]:
    """A column that is never NULL."""
    return Column(name, kind, *more, nullable=False, **settings)


def may(name: str, kind: Kind, *more: ForeignKey) -> Column[Any]:
    """A column that may be NULL."""
    return Column(name, kind, *more, nullable=True)


def _in_one_of(states: Collection[TicketState]) -> str:
    """A condition on the state, in the one form in which SQLite neither makes a table for a list nor takes the index of all states instead."""
    return "NOT ({})".format(" AND ".join(f"state <> '{state}'" for state in TicketState if state in states))


TAKES_THE_PLACE = _in_one_of(ONE_PER_USER)
ONE_A_PERSON = f"{TAKES_THE_PLACE} AND person_id <> ''"
ODD_OWNER = f"{TAKES_THE_PLACE} AND owner <> '{OwnerState.ACTIVE}'"
IS_OVER = _in_one_of(FINAL)
WANTS_TO_WAKE = "due_at IS NOT NULL"
WAITING = "state = 'waiting'"
FAILED = "state = 'failed'"
TO_BE_MOVED = "unmoved = 1"
TO_BE_RETRIED = "verdict = 'retry'"
NO_TICKETS = "settled_at IS NOT NULL AND ticket_id IS NULL"
HELD = "state = 'held'"
COUNTED = "counted IS NOT NULL"
CAUSED = "cause IS NOT NULL"
ANSWERS_A_MAIL = "answered IS NOT NULL"
PLACE_INDEX = "uq_tickets_place"
PERSON_INDEX = "uq_tickets_person"


TICKETS = Table(
    "tickets",
    METADATA,
    key("id", Number),
    must("state", OneOf(TicketState)),
    must("username", Words),
    must("name", Words),
    must("email", Words),
    must("intended_usage", Words),
    must("end_date", Date),
    must("disk_gib", Number),
    must("thread", Words),
    must("subject", Words),
    must("opened_at", UtcDateTime),
    must("changed_at", UtcDateTime),
    may("due_at", UtcDateTime),
    must("disk_reason", Words),
    must("revision", Number),
    must("version", Number),
    must("reminders", Number),
    may("reminded_at", UtcDateTime),
    may("site", Words),
    may("asked_end_date", Date),
    may("asked_at", UtcDateTime),
    may("ended_at", UtcDateTime),
    may("release_asked_at", UtcDateTime),
    may("reinstall_asked_at", UtcDateTime),
    may("keep_until", UtcDateTime),
    must("held", Words),
    may("lease_from", UtcDateTime),
    must("stage", Number),
    may("warned_by", Days),
    must("delayed_days", Number, server_default=text("0")),
    may("agreed_until", Date),
    must("froze", OneOf(Freeze), server_default=text("'unused'")),
    may("remove_at", UtcDateTime),
    may("machine_id", Uuid),
    must("nonce", Words, server_default=text("''")),
    must("person_id", Words, server_default=text("''")),
    must("renamed_to", Words, server_default=text("''")),
    must("owner", OneOf(OwnerState), server_default=text("'active'")),
    must("language", Words, server_default=text("''")),
    must("trouble", Words),
    Index("ix_tickets_state", "state"),
    sqlite_autoincrement=True,  # a number is never used twice: machines are named after it
)
"""`model.Ticket`, column by column; `trouble` is why its last turn raised, if it did."""

HISTORY = Table(
    "history",
    METADATA,
    key("id", Number),
    must("ticket_id", Number, ForeignKey("tickets.id"), index=True),
    must("at", UtcDateTime),
    must("event", OneOf(EventKind)),
    may("before", OneOf(TicketState)),
    must("after", OneOf(TicketState)),
    must("role", OneOf(Role)),
    must("who", Words),
    must("mail", Words),
    must("message_id", Words),
    must("evidence", JSON),
    must("summary", Words),
    must("facts", JSON),
    may("who_salt", Words),
    may("who_hash", Words),
    may("words_salt", Words),
    may("words_hash", Words),
    must("seal", Words, server_default=text("''")),
)
"""`model.HistoryEntry` with its seal (`seals`); triggers refuse UPDATE, but for erasing words of a ticket that is over, and
DELETE while its ticket is not over."""

LEDGER = Table(
    "ledger",
    METADATA,
    key("id", Number),
    must("account", Handle),
    must("folder", Handle),
    must("uidvalidity", Number),
    must("uid", Number),
    must("message_id", Handle),
    must("sha256", Words),
    must("verdict", OneOf(Verdict)),
    must("seen_at", UtcDateTime),
    must("sender", Words),
    must("subject", Words),
    must("kind", Words),
    must("why", Words),
    must("attempts", Number),
    may("retry_at", UtcDateTime),
    must("unmoved", Number),
    UniqueConstraint("account", "folder", "uidvalidity", "uid", name="uq_ledger_key"),
    Index("ix_ledger_message_id", "message_id"),
    Index("ix_ledger_sha256", "sha256"),
    Index("ix_ledger_seen_at", "seen_at"),
)
"""`model.LedgerEntry`; `unmoved` is 1 from the commit until the mail was moved to its folder."""

RAW_MAILS = Table(
    "raw_mails",
    METADATA,
    key("sha256", Words),
    must("data", LargeBinary),
    must("stored_at", UtcDateTime, index=True),
)
"""The bytes of a mail that changed a ticket, compressed by zlib; one row per content."""

OUTBOX = Table(
    "outbox",
    METADATA,
    key("id", Number),
    may("ticket_id", Number, ForeignKey("tickets.id")),
    must("version", Number),
    must("action", OneOf(Action)),
    must("key", Handle),
    may("letter", OneOf(Letter)),
    must("to_address", Words),
    must("to_name", Words),
    must("language", Words, server_default=text("''")),
    must("facts", JSON),
    may("not_before", UtcDateTime),
    must("answers", Words),
    may("answered", Handle),
    may("counted", Handle),
    may("cause", Handle),
    must("state", OneOf(OutboxState)),
    must("attempts", Number),
    must("next_attempt_at", UtcDateTime),
    must("created_at", UtcDateTime),
    may("message_id", Handle),
    may("settled_at", UtcDateTime),
    must("answer", Words),
    must("error", Sentence),
    may("bounced_at", UtcDateTime),
    may("bounce_permanent", Boolean),
    may("claim", Words),
    may("notice", OneOf(NoticeOf)),
    may("notice_since", UtcDateTime),
    may("notice_date", Date),
    may("notice_at", UtcDateTime),
    may("notice_stage", OneOf(NoticeStage)),
    may("notice_number", Number),
)
"""An effect and what became of it.

A claimed row is a waiting row with a `claim` that only whoever claimed it last knows; its
`next_attempt_at` is the end of the lease, by the clock of the database.  `notice` and what begins with it is `model.Notice`: what the letter announces.  `settled_at` is
when it was done (for a letter: accepted), given up or cancelled; `answer` what the server or the
hypervisor said.  `answered` is the lower-cased address of a letter that answers a mail: those are
limited per address.  `counted` and `cause` are for the brake on letters (`limits`).
"""

ADDRESSES = Table(
    "addresses",
    METADATA,
    key("site", Words),
    key("address", Words),
    must("ticket_id", Number, ForeignKey("tickets.id"), index=True),
)
"""Which ticket of a site has which address on a bridge (`model.AddressRange`); a ticket that is over has none."""

SITES = Table(
    "sites",
    METADATA,
    key("site", Words),
    must("at", UtcDateTime),
    must("health", JSON),
)
"""The last known health of a site (`provisioner.api.SiteHealth` as JSON)."""

NOTES = Table(
    "notes",
    METADATA,
    key("name", Words),
    must("value", Words),
)
"""A named value of the bot itself."""
