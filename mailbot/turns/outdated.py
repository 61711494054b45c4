"""What has changed since a letter was put into the outbox: it may hold no more, speak of fewer days, or have another address."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import assert_never

from mailbot.errors import DirectoryUnavailable
from mailbot.letters.catalogue import KINDS
from mailbot.letters.kinds import Audience
from mailbot.lifecycle.notice import of_end_date, of_removal
from mailbot.model import Letter, Notice, NoticeOf, OutboxItem, OwnerState, Ticket, TicketState
from mailbot.turns import owners
from mailbot.turns.context import TurnContext


def as_of(now: datetime, item: OutboxItem) -> OutboxItem:
    """The row with the days that are left now: a letter may have waited for a mail server."""
    facts, waited = item.effect.facts, round((now - item.created_at) / timedelta(days=1))
    if "days_left" not in facts:
        return item
    fresh = {**facts, "days_left": max(facts["days_left"] - max(waited, 0), 0)}
    return replace(item, effect=replace(item.effect, facts=fresh))


def is_void(notice: Notice | None, ticket: Ticket | None) -> bool:
    """A warning that waited while its lease was extended, given back or ended: it is not sent any more."""
    if ticket is None or notice is None:
        return False
    match notice.of:
        case NoticeOf.STOP:
            return ticket.state is not TicketState.ACTIVE or not of_end_date(ticket)(notice)
        case NoticeOf.REMOVAL:
            return ticket.state is not TicketState.EXPIRED or not of_removal(ticket)(notice)
        case NoticeOf.MOVE:
            return ticket.state is not TicketState.ACTIVE
        case NoticeOf.DISK:
            return False
        case _:
            assert_never(notice.of)


def is_moot(item: OutboxItem, ticket: Ticket | None) -> bool:
    """A question that waited for a mail server while somebody answered it: what it asks is not asked any more."""
    if ticket is None or item.effect.letter is None:
        return False
    match item.effect.letter:
        case Letter.ADMIN_DECISION | Letter.ADMIN_REMINDER | Letter.ADMIN_BUILD_FAILED | Letter.ADMIN_UNPROVEN:
            return item.version != ticket.version
        case Letter.REQUEST_RECEIVED:
            return ticket.state is not TicketState.PENDING
        case Letter.CONFIRM_REQUEST:
            return ticket.state is not TicketState.UNCONFIRMED
        case Letter.RELEASE_CONFIRM:
            return ticket.release_asked_at is None
        case Letter.REINSTALL_CONFIRM:
            return ticket.reinstall_asked_at is None
        case _:
            return False


class NotTheirs(Exception):
    """The address belongs to somebody else by now, who learns nothing of the machine."""


_MAY_BE_ANOTHERS = frozenset({OwnerState.GONE, OwnerState.SUCCEEDED})


def readdressed(context: TurnContext, item: OutboxItem, ticket: Ticket | None) -> OutboxItem:
    """A letter about a user goes to an address that the directory has for them when it is sent.

    Somebody who has left is written to at the last address, unless it is another's now: then it raises NotTheirs.  While
    the directory is away, the last address is used; where the owner had left by then already, DirectoryUnavailable.
    """
    letter = item.effect.letter
    if ticket is None or letter is None or KINDS[letter].audience is not Audience.OWNER:
        return item
    if letter is Letter.VM_PASSED_ON:  # about somebody else's machine by now: its reader is who had it
        facts = item.effect.facts
        ticket = replace(ticket, person_id=facts.get("former_id", ""), renamed_to=facts["former_login"])
    try:
        person = owners.owner_of(context, ticket)
        other = context.directory.by_address(item.effect.to) if person is None else None
    except DirectoryUnavailable:
        if ticket.owner in _MAY_BE_ANOTHERS:
            raise
        return item
    if other is not None:
        raise NotTheirs(f"{item.effect.to} belongs to somebody else now")
    if person is not None and item.effect.to.lower() not in {one.lower() for one in person.addresses}:
        return replace(item, effect=replace(item.effect, to=person.email))
    return item
