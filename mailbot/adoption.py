"""Machines that were built after the backup: found at the sites by their mark, and matched with the mails that asked for them.

A machine comes back to a ticket where its mark says enough: who owns it, its number, and its last day as it was built.
Nothing is ever done to one that does not; admins are told.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from mailbot.errors import Conflict
from mailbot.machines.progress import Sites, id_of
from mailbot.model import (
    CLOCK,
    LedgerEntry,
    MailKey,
    Person,
    Ticket,
    TicketState,
    Verdict,
)
from mailbot.ports import Filed, Folder, Inbox, Reader
from mailbot.turns.adopting import Told, adoption, ticket_of
from mailbot.turns.context import TurnContext
from mailbot.turns.drift import mark_of
from parsers.values import Kind, Mail, Request
from provisioner.api import Found

S = TicketState
_NO_MACHINE_YET = frozenset({S.UNCONFIRMED, S.PENDING, S.APPROVED, S.FAILED})
"""States in the backup after which the machine was built, where it is there now."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The mail that asked for a machine, in the folder of handled mails: its UID there, and what it said."""

    uid: int
    mail: Mail
    request: Request


@dataclass(frozen=True, slots=True)
class Handled:
    """Where handled mails lie that the database does not know, and what reads them."""

    account: str
    inbox: Inbox
    reader: Reader
    lost: Sequence[Filed]

    def asked(self, context: TurnContext, person: Person, found: Found) -> Asked | None:
        """The newest request of that person, rather one for the machine's last day."""
        requests = list(self._requests(context, person))
        same = (one for one in requests if one.request.fields.expiration_date == found.expires_on)
        return next(same, requests[0] if requests else None)

    def _requests(self, context: TurnContext, person: Person) -> Iterator[Asked]:
        addresses = [address.lower().encode() for address in person.addresses]
        for filed in reversed(self.lost):
            header = filed.header.lower()
            if not any(address in header for address in addresses):
                continue
            raw = self.inbox.filed_mail(filed.uid, Folder.HANDLED)
            read = None if raw is None else self.reader.read(raw, context.clock.now())
            if read is None or read.mail is None or not isinstance(read.meaning, Request):
                continue
            if read.meaning.fields.username == person.login.lower() and read.mail.sender.address in person.addresses:
                yield Asked(filed.uid, read.mail, read.meaning)


@dataclass(slots=True)
class Adoption:
    """What came of it: tickets that are back, the requests that they began with, and sentences about what is not known."""

    tickets: list[Ticket] = field(default_factory=list)
    mails: set[int] = field(default_factory=set)
    unknown: list[str] = field(default_factory=list)


def adopt(context: TurnContext, sites: Sites, handled: Handled) -> Adoption:
    """Give every machine its ticket back that the backup does not know of, or knows no machine of.  May run twice.

    Raises ProvisionerError where a site cannot be asked, DirectoryUnavailable.
    """
    done = Adoption()
    for name in sorted(sites):
        site = sites[name]
        known = {id_of(site, one): one for one in context.store.tickets()}
        for found in site.provisioner.inventory():
            ticket = known.get(found.machine_id)
            if ticket is None or (ticket.state in _NO_MACHINE_YET and ticket.lease_from is None):
                _back(context, Stray(name, found, ticket), handled, done)
    return done


@dataclass(frozen=True, slots=True)
class Stray:
    """Something of ours at a site, and the ticket of it from before it was built, if the backup has one."""

    site: str
    found: Found
    ticket: Ticket | None


def _back(context: TurnContext, stray: Stray, handled: Handled, done: Adoption) -> None:
    found, ticket = stray.found, stray.ticket
    if found.name is None:
        if ticket is None:
            done.unknown.append(f"A disk at {stray.site} ({found.machine_id}): whose it was, nothing says.")
        return
    person = context.directory.by_login(found.owner)
    if person is None or found.expires_on is None:
        done.unknown.append(f"{found.name} at {stray.site}: the directory knows no {found.owner or 'owner of it'}.")
        return
    asked = None if ticket else handled.asked(context, person, found)
    line = _line(handled.account, asked, context.clock.now()) if asked else None
    try:
        made = ticket or _made(context, person, found, asked)
        done.tickets.append(_committed(context, stray, made, line))
    except Conflict as conflict:
        done.unknown.append(f"{found.name} at {stray.site} (ticket {found.reference} by its own mark): {conflict}.")
        return
    if asked:
        done.mails.add(asked.uid)


def _made(context: TurnContext, person: Person, found: Found, asked: Asked | None) -> Ticket:
    told = Told()
    if asked:
        mail, usage = asked.mail, asked.request.fields.intended_usage or ""
        told = Told(usage, mail.subject, mail.message_id or "", mail.sent_at)
    return ticket_of(context, person, mark_of(found), told)


def _committed(context: TurnContext, stray: Stray, ticket: Ticket, entry: LedgerEntry | None) -> Ticket:
    turn = adoption(context, stray.site, mark_of(stray.found), ticket, CLOCK, entry=entry)
    stored = context.store.commit(turn)
    if entry is not None:
        context.store.mark_moved([entry.key])
    if stored is None:
        raise AssertionError("an adoption has a ticket")
    return stored


def _line(account: str, asked: Asked, now: datetime) -> LedgerEntry:
    """The request is known again as handled, so that no second run takes it for a lost one."""
    mail = asked.mail
    return LedgerEntry(
        key=MailKey(account, Folder.HANDLED.value, 0, asked.uid),
        message_id=mail.message_id or "",
        sha256=mail.sha256,
        verdict=Verdict.HANDLED,
        seen_at=now,
        sender=mail.sender.address,
        subject=mail.subject[:500],
        kind=Kind.REQUEST.value,
        why="recovered: its machine is there",
    )
