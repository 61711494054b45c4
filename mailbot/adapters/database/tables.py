"""The database's tables as typed models: what is stored, and the indexes that keep a tick's cost at what is due.

The hot path uses the tables of these models with SQLAlchemy Core; nothing here opens a connection.
Conditions of partial indexes are SQL texts with literals on purpose: SQLite proves that a partial
index applies by comparing terms (https://sqlite.org/partialindex.html), and a bound parameter is no
proof; the same texts are used in the queries.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    JSON,
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
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from mailbot.adapters.database.columns import Handle, Number, OneOf, UtcDateTime, Words
from mailbot.model import (
    FINAL,
    ONE_PER_USER,
    Action,
    EventKind,
    Letter,
    NoticeOf,
    NoticeStage,
    OwnerState,
    Role,
    TicketState,
    Verdict,
)
from mailbot.ports import OutboxState


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 - read by SQLAlchemy
        str: Words,
        datetime: UtcDateTime,
        date: Date,
        int: Number,
        UUID: Uuid,
        dict[str, Any]: JSON,
        TicketState: OneOf(TicketState),
        Verdict: OneOf(Verdict),
        Action: OneOf(Action),
        Letter: OneOf(Letter),
        Role: OneOf(Role),
        EventKind: OneOf(EventKind),
        NoticeOf: OneOf(NoticeOf),
        NoticeStage: OneOf(NoticeStage),
        OwnerState: OneOf(OwnerState),
        OutboxState: OneOf(OutboxState),
    }


def partial_index(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    """An index over the rows that fulfil a condition."""
    return Index(name, *columns, unique=unique, sqlite_where=text(where), postgresql_where=text(where))


TAKES_THE_PLACE = "state IN ({})".format(", ".join(f"'{state}'" for state in TicketState if state in ONE_PER_USER))
ONE_A_PERSON = f"{TAKES_THE_PLACE} AND person_id <> ''"
ODD_OWNER = f"{TAKES_THE_PLACE} AND owner <> '{OwnerState.ACTIVE}'"
IS_OVER = "state IN ({})".format(", ".join(f"'{state}'" for state in TicketState if state in FINAL))
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


class TicketRow(Base):
    """`model.Ticket`, column by column; `trouble` is why its last turn raised, if it did."""

    __tablename__ = "tickets"
    __table_args__ = (
        partial_index(PLACE_INDEX, "username", where=TAKES_THE_PLACE, unique=True),
        partial_index(PERSON_INDEX, "person_id", where=ONE_A_PERSON, unique=True),
        partial_index("ix_tickets_owner", "owner", where=ODD_OWNER),
        partial_index("ix_tickets_due_at", "due_at", where=WANTS_TO_WAKE),
        Index("ix_tickets_state", "state"),
        partial_index("ix_tickets_over", "changed_at", where=IS_OVER),
        {"sqlite_autoincrement": True},  # a number is never used twice: machines are named after it
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    state: Mapped[TicketState]
    username: Mapped[str]
    name: Mapped[str]
    email: Mapped[str]
    intended_usage: Mapped[str]
    end_date: Mapped[date]
    disk_gib: Mapped[int]
    thread: Mapped[str]
    subject: Mapped[str]
    opened_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    due_at: Mapped[datetime | None]
    disk_reason: Mapped[str]
    revision: Mapped[int]
    version: Mapped[int]
    reminders: Mapped[int]
    site: Mapped[str | None]
    asked_end_date: Mapped[date | None]
    asked_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    release_asked_at: Mapped[datetime | None]
    reinstall_asked_at: Mapped[datetime | None]
    keep_until: Mapped[datetime | None]
    held: Mapped[str]
    lease_from: Mapped[datetime | None]
    stage: Mapped[int]
    remove_at: Mapped[datetime | None]
    machine_id: Mapped[UUID | None]
    nonce: Mapped[str] = mapped_column(server_default=text("''"))
    person_id: Mapped[str] = mapped_column(server_default=text("''"))
    renamed_to: Mapped[str] = mapped_column(server_default=text("''"))
    owner: Mapped[OwnerState] = mapped_column(server_default=text("'active'"))
    trouble: Mapped[str]


class HistoryRow(Base):
    """`model.HistoryEntry` with its seal (`seals`); triggers refuse UPDATE, but for erasing words of a ticket that is over, and
    DELETE while its ticket is not over."""

    __tablename__ = "history"

    id: Mapped[int] = mapped_column(primary_key=True)
    ticket_id: Mapped[int] = mapped_column(ForeignKey("tickets.id"), index=True)
    at: Mapped[datetime]
    event: Mapped[EventKind]
    before: Mapped[TicketState | None]
    after: Mapped[TicketState]
    role: Mapped[Role]
    who: Mapped[str]
    mail: Mapped[str]
    message_id: Mapped[str]
    evidence: Mapped[dict[str, Any]]
    summary: Mapped[str]
    facts: Mapped[dict[str, Any]]
    who_salt: Mapped[str | None]
    who_hash: Mapped[str | None]
    words_salt: Mapped[str | None]
    words_hash: Mapped[str | None]
    seal: Mapped[str] = mapped_column(server_default=text("''"))


class LedgerRow(Base):
    """`model.LedgerEntry`; `unmoved` is 1 from the commit until the mail was moved to its folder."""

    __tablename__ = "ledger"
    __table_args__ = (
        UniqueConstraint("account", "folder", "uidvalidity", "uid", name="uq_ledger_key"),
        Index("ix_ledger_message_id", "message_id"),
        Index("ix_ledger_sha256", "sha256"),
        Index("ix_ledger_seen_at", "seen_at"),
        partial_index("ix_ledger_unmoved", "account", "folder", "uidvalidity", "uid", where=TO_BE_MOVED),
        partial_index("ix_ledger_retries", "account", "folder", "uidvalidity", "retry_at", where=TO_BE_RETRIED),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    account: Mapped[str] = mapped_column(Handle)
    folder: Mapped[str] = mapped_column(Handle)
    uidvalidity: Mapped[int]
    uid: Mapped[int]
    message_id: Mapped[str] = mapped_column(Handle)
    sha256: Mapped[str]
    verdict: Mapped[Verdict]
    seen_at: Mapped[datetime]
    sender: Mapped[str]
    subject: Mapped[str]
    kind: Mapped[str]
    why: Mapped[str]
    attempts: Mapped[int]
    retry_at: Mapped[datetime | None]
    unmoved: Mapped[int]


class RawMailRow(Base):
    """The bytes of a mail that changed a ticket, compressed by zlib; one row per content."""

    __tablename__ = "raw_mails"

    sha256: Mapped[str] = mapped_column(primary_key=True)
    data: Mapped[bytes] = mapped_column(LargeBinary)
    stored_at: Mapped[datetime] = mapped_column(index=True)


class OutboxRow(Base):
    """An effect and what became of it.

    A claimed row is a waiting row with a `claim` that only whoever claimed it last knows; its
    `next_attempt_at` is the end of the lease, by the clock of the database.  `notice` and what begins with it is `model.Notice`: what the letter announces.  `settled_at` is
    when it was done (for a letter: accepted), given up or cancelled; `answer` what the server or the
    hypervisor said.  `answered` is the lower-cased address of a letter that answers a mail: those are
    limited per address.  `counted` and `cause` are for the brake on letters (`limits`).
    """

    __tablename__ = "outbox"
    __table_args__ = (
        partial_index("uq_outbox_ticket_key", "ticket_id", "key", where="ticket_id IS NOT NULL", unique=True),
        partial_index("uq_outbox_key", "key", where="ticket_id IS NULL", unique=True),
        partial_index("ix_outbox_waiting", "action", "next_attempt_at", "id", where=WAITING),
        partial_index("ix_outbox_waiting_ticket", "ticket_id", "id", where=WAITING),
        partial_index("ix_outbox_failed", "id", where=FAILED),
        partial_index("ix_outbox_message_id", "message_id", where="message_id IS NOT NULL"),
        partial_index("ix_outbox_settled_at", "settled_at", where=NO_TICKETS),
        partial_index("ix_outbox_held", "id", where=HELD),
        partial_index("ix_outbox_counted", "counted", "created_at", where=COUNTED),
        partial_index("ix_outbox_caused", "cause", "counted", "created_at", where=CAUSED),
        partial_index("ix_outbox_written", "created_at", where=COUNTED),
        partial_index("ix_outbox_answered", "answered", "created_at", where=ANSWERS_A_MAIL),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    ticket_id: Mapped[int | None] = mapped_column(ForeignKey("tickets.id"))
    version: Mapped[int]
    action: Mapped[Action]
    key: Mapped[str] = mapped_column(Handle)
    letter: Mapped[Letter | None]
    to_address: Mapped[str]
    to_name: Mapped[str]
    facts: Mapped[dict[str, Any]]
    not_before: Mapped[datetime | None]
    answers: Mapped[str]
    answered: Mapped[str | None] = mapped_column(Handle)
    counted: Mapped[str | None] = mapped_column(Handle)
    cause: Mapped[str | None] = mapped_column(Handle)
    state: Mapped[OutboxState]
    attempts: Mapped[int]
    next_attempt_at: Mapped[datetime]
    created_at: Mapped[datetime]
    message_id: Mapped[str | None] = mapped_column(Handle)
    settled_at: Mapped[datetime | None]
    answer: Mapped[str]
    error: Mapped[str]
    bounced_at: Mapped[datetime | None]
    bounce_permanent: Mapped[bool | None]
    claim: Mapped[str | None]
    notice: Mapped[NoticeOf | None]
    notice_since: Mapped[datetime | None]
    notice_date: Mapped[date | None]
    notice_at: Mapped[datetime | None]
    notice_stage: Mapped[NoticeStage | None]
    notice_number: Mapped[int | None]


class SiteRow(Base):
    """The last known health of a site (`provisioner.api.SiteHealth` as JSON)."""

    __tablename__ = "sites"

    site: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    health: Mapped[dict[str, Any]]


class NoteRow(Base):
    """A named value of the bot itself."""

    __tablename__ = "notes"

    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]


def table_of(model: type[Base]) -> Table:
    """The model's table, for SQLAlchemy Core."""
    table = model.__table__
    if not isinstance(table, Table):
        raise TypeError(f"{model.__name__} is not mapped to a table")
    return table


TICKETS = table_of(TicketRow)
HISTORY = table_of(HistoryRow)
LEDGER = table_of(LedgerRow)
RAW_MAILS = table_of(RawMailRow)
OUTBOX = table_of(OutboxRow)
SITES = table_of(SiteRow)
NOTES = table_of(NoteRow)
