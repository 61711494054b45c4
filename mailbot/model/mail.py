"""Mails: where they lie, what became of them, and what one turn writes.  Frozen values and closed sets, no behaviour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from mailbot.model.effects import Effect, OutboxItem
from mailbot.model.history import HistoryEntry
from mailbot.model.tickets import Ticket
from parsers.translatable import Translatable
from provisioner.addressing import Range


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
    """What the ledger holds about one mail.  `raw` is kept for mails that changed a ticket."""

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
class AddressRange:
    """Addresses that a site hands out to machines on its bridges: each belongs to one machine of the site at a time."""

    site: str
    range: Range

    def holds(self, site: str, address: str) -> bool:
        """Whether an address of a site is one of these."""
        return site == self.site and self.range.holds(address)


@dataclass(frozen=True, slots=True)
class Turn:
    """Everything that one turn changes; committed in one transaction or not at all (`Store.commit`).

    `ticket` is new when its id is 0, or under its number when `expected_revision` is 0; else guarded by `expected_revision`.  `effects` belong to that
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
    notes: Mapping[str, str | None] = field(default_factory=dict)
    """The store's notes that change with this turn; None forgets one."""
    let_go: tuple[int, ...] = ()
    """Outbox rows of letters that the brake held and that go now."""
    drop: tuple[int, ...] = ()
    """Outbox rows of letters that the brake held and that are never sent."""
    held: OutboxItem | None = None
    """A claimed row that this turn is part of: it is written only while the row is still ours."""
    wake: tuple[int, ...] = ()
    """Other tickets that want to be looked at now: their `due_at` comes forward where it lies ahead."""
    addresses: tuple[AddressRange, ...] | None = None
    """From this turn on the ticket holds one address of each of these ranges and no other; None: what it holds stays.  One
    that is over holds none."""
    has_already: tuple[str, ...] = ()
    """Addresses that the machine has, although the ticket does not hold them yet: it gets these where nobody else has them."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """An event that the ticket's state does not allow; `why` is worded for whoever asked."""

    why: Translatable


@dataclass(frozen=True, slots=True)
class OutboundMail:
    """A letter ready for SMTP: envelope, Message-ID (with angle brackets) and the RFC 5322 bytes with CRLF."""

    envelope_from: str
    envelope_to: str
    message_id: str
    data: bytes
