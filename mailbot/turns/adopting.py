"""A machine that no ticket knows gets one again, by the mark that it was built with: after a restored backup, or because an admin says so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from secrets import token_hex

from mailbot.lifecycle.ownership import another_login
from mailbot.lifecycle.recovery import adopted
from mailbot.model import Actor, EventKind, HistoryEntry, LedgerEntry, Person, Role, Ticket, TicketState, Turn
from mailbot.turns.addresses import held_at
from mailbot.turns.context import TurnContext
from mailbot.turns.drift import Mark
from provisioner.naming import host_part

_ADMINS = frozenset({Role.ADMIN, Role.OPERATOR})


@dataclass(frozen=True, slots=True)
class Told:
    """What is known of the request besides the mark: its use, subject, Message-ID and moment, if any of it is."""

    intended_usage: str = ""
    subject: str = ""
    thread: str = ""
    opened_at: datetime | None = None


def ticket_of(context: TurnContext, person: Person, mark: Mark, told: Told) -> Ticket:
    """The ticket as it was when the machine was built; under its number, where nobody else has that."""
    now = context.clock.now()
    number = int(mark.reference) if mark.reference.isascii() and mark.reference.isdigit() else 0
    return Ticket(
        id=number if number and context.store.ticket(number) is None else 0,
        state=TicketState.APPROVED,
        username=host_part(person.login),
        renamed_to=another_login(person.login, host_part(person.login)),
        name=person.name,
        email=person.email,
        intended_usage=told.intended_usage,
        end_date=mark.expires_on or now.date(),
        disk_gib=mark.disk_gib or context.rules.policy.disk_gib,
        thread=told.thread,
        subject=told.subject or context.rules.service.request_subject,
        opened_at=told.opened_at or now,
        changed_at=now,
        revision=0,
        machine_id=mark.machine_id,
        person_id=person.id,
    )


def adoption(
    context: TurnContext,
    site: str,
    mark: Mark,
    ticket: Ticket,
    by: Actor,
    *,
    entry: LedgerEntry | None = None,
    notes: Mapping[str, str | None] | None = None,
) -> Turn:
    """The turn in which the machine at that site is the ticket's, with the addresses that it has; its lease begins now.  `by` is the clock after a restored backup."""
    now, before = context.clock.now(), ticket.state if ticket.revision else None
    with_nonce = replace(ticket, nonce=token_hex(16), site=site)
    after_backup = by.role not in _ADMINS
    circumstances = context.circumstances(now, with_nonce)
    step = adopted(with_nonce, mark.expires_on or ticket.end_date, circumstances, after_backup=after_backup)
    facts = {"site": site, "machine_id": str(mark.machine_id), "end_date": step.ticket.end_date.isoformat()}
    line = HistoryEntry(0, now, EventKind.RECOVERED, before, step.ticket.state, by, step.summary, facts)
    return Turn(
        now=now,
        mail=entry,
        ticket=step.ticket,
        expected_revision=ticket.revision if ticket.id else None,
        effects=step.effects,
        history=(line,),
        cancel_keys=step.cancel,
        notes=notes or {},
        addresses=held_at(context, site),
        has_already=mark.addresses,
    )
