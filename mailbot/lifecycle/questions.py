"""Questions that people answer: confirming, approving, denying, withdrawing; reminding, and lapsing without an answer.  Pure."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from mailbot.lifecycle.steps import About, machine, moved, to_admins, to_owner
from mailbot.model import (
    Action,
    Approved,
    Confirmed,
    Denied,
    Effect,
    Letter,
    Person,
    Purpose,
    Step,
    Ticket,
    TicketState,
    Withdrawn,
)
from mailbot.rules import LeaseRules


def opened(
    person: Person,
    usage: str,
    end_date: date,
    disk_gib: int,
    disk_reason: str,
    *,
    thread: str,
    subject: str,
    proven: bool,
    claimed_from: str,
    notes: tuple[str, ...],
    about: About,
) -> Step:
    """A new ticket from a request without problems: PENDING where the sender is proven, else UNCONFIRMED."""
    ticket = Ticket(
        id=0,
        state=TicketState.PENDING if proven else TicketState.UNCONFIRMED,
        username=person.login,
        name=person.name,
        email=person.email,
        intended_usage=usage,
        end_date=end_date,
        disk_gib=disk_gib,
        disk_reason=disk_reason,
        thread=thread,
        subject=subject,
        opened_at=about.now,
        changed_at=about.now,
        asked_at=about.now,
    )
    if not proven:
        lapses_at = about.now + timedelta(days=about.rules.lease.confirm_days)
        letter = to_owner(
            ticket, Letter.CONFIRM_REQUEST, Purpose.CONFIRM, claimed_from=claimed_from, lapses_at=lapses_at.isoformat()
        )
        return Step(
            moved(ticket, about, due_at=lapses_at), (letter,), f"requested from {claimed_from}, not confirmed yet"
        )
    return _asked(ticket, about, "requested", notes)


def _asked(ticket: Ticket, about: About, summary: str, notes: tuple[str, ...] = ()) -> Step:
    """The question goes to every admin, a receipt to the owner."""
    ticket = moved(ticket, about, asked_at=about.now, reminders=0)
    ticket = moved(ticket, about, due_at=next_nudge(ticket, about.rules.lease))
    return Step(
        ticket,
        (
            to_owner(ticket, Letter.REQUEST_RECEIVED, notes=list(notes), lapses_at=_lapses(ticket, about).isoformat()),
            *_question(ticket, about, Letter.ADMIN_DECISION),
        ),
        summary,
    )


def _question(ticket: Ticket, about: About, letter: Letter, key: str = "") -> tuple[Effect, ...]:
    return to_admins(
        ticket,
        about,
        letter,
        key=key,
        question="request",
        checks=list(about.checks),
        sites=list(about.sites),
        lapses_at=_lapses(ticket, about).isoformat(),
        asked_at=(ticket.asked_at or ticket.opened_at).isoformat(),
    )


def _lapses(ticket: Ticket, about: About) -> datetime:
    return (ticket.asked_at or ticket.opened_at) + timedelta(days=about.rules.lease.lapse_days)


def next_nudge(ticket: Ticket, lease: LeaseRules) -> datetime:
    """When a ticket with an open question wants to be woken: the next reminder, or the moment it lapses."""
    asked = ticket.asked_at or ticket.opened_at
    ahead = [day for day in sorted(lease.remind_days)[ticket.reminders :] if day < lease.lapse_days]
    return asked + timedelta(days=ahead[0] if ahead else lease.lapse_days)


def confirmed(ticket: Ticket, event: Confirmed, about: About) -> Step:
    """The registered address says that the request is its own: now the admins are asked."""
    return _asked(moved(ticket, about, state=TicketState.PENDING), about, f"confirmed by {event.by.who}")


def approved(ticket: Ticket, event: Approved, about: About) -> Step:
    """The first valid yes: the machine is built, the owner and every admin are told."""
    after = moved(
        ticket,
        about,
        state=TicketState.APPROVED,
        end_date=event.until or ticket.end_date,
        disk_gib=event.disk_gib or ticket.disk_gib,
        asked_at=None,
        due_at=None,
    )
    changed = _changes(ticket, after)
    summary = f"approved by {event.by.who}{f' with {changed}' if changed else ''}"
    facts: dict[str, Any] = {"by": event.by.who, "until": after.end_date.isoformat(), "disk_gib": after.disk_gib, "changed": changed}
    return Step(
        after,
        (
            machine(after, Action.BUILD),
            to_owner(after, Letter.REQUEST_APPROVED, **facts),
            *to_admins(
                after, about, Letter.ADMIN_DECIDED, decision="approved", by=event.by.who, changed=changed, reason=""
            ),
        ),
        summary,
    )


def _changes(before: Ticket, after: Ticket) -> str:
    parts = []
    if before.end_date != after.end_date:
        parts.append(f"the end date {after.end_date.isoformat()} instead of {before.end_date.isoformat()}")
    if before.disk_gib != after.disk_gib:
        parts.append(f"a disk of {after.disk_gib} GiB instead of {before.disk_gib} GiB")
    return " and ".join(parts)


def denied(ticket: Ticket, event: Denied, about: About) -> Step:
    """The first valid no: the owner reads the reason, every admin is told."""
    after = moved(ticket, about, state=TicketState.DENIED, asked_at=None, due_at=None)
    return Step(
        after,
        (
            to_owner(after, Letter.REQUEST_DENIED, reason=event.reason, by=event.by.who),
            *to_admins(
                after,
                about,
                Letter.ADMIN_DECIDED,
                decision="denied",
                by=event.by.who,
                changed="",
                reason=event.reason,
            ),
        ),
        f"denied by {event.by.who}: {event.reason}",
    )


def withdrawn(ticket: Ticket, event: Withdrawn, about: About) -> Step:
    """The owner takes the request back; admins hear of it only if they were asked."""
    after = moved(ticket, about, state=TicketState.WITHDRAWN, asked_at=None, due_at=None)
    told = (
        to_admins(after, about, Letter.ADMIN_DECIDED, decision="withdrawn", by=event.by.who, changed="", reason="")
        if ticket.state is TicketState.PENDING
        else ()
    )
    return Step(after, (to_owner(after, Letter.REQUEST_WITHDRAWN), *told), f"withdrawn by {event.by.who}")


def unconfirmed_waits(ticket: Ticket, about: About) -> Step:
    """An unconfirmed request lapses quietly: whoever owns the address may never have asked."""
    lapses_at = ticket.opened_at + timedelta(days=about.rules.lease.confirm_days)
    if about.now < lapses_at:
        return Step(moved(ticket, about, due_at=lapses_at), (), "")
    return Step(moved(ticket, about, state=TicketState.LAPSED, due_at=None), (), "lapsed without a confirmation")


def pending_waits(ticket: Ticket, about: About) -> Step:
    """Nobody has decided yet: remind once for all reminders that are due by now, or lapse with a letter to all."""
    asked = ticket.asked_at or ticket.opened_at
    if about.now >= _lapses(ticket, about):
        after = moved(ticket, about, state=TicketState.LAPSED, due_at=None, asked_at=None)
        return Step(
            after,
            (to_owner(after, Letter.REQUEST_LAPSED), *to_admins(after, about, Letter.ADMIN_LAPSED)),
            f"lapsed: no decision in {about.rules.lease.lapse_days} days",
        )
    reached = sum(1 for day in about.rules.lease.remind_days if about.now >= asked + timedelta(days=day))
    if reached <= ticket.reminders:
        return Step(moved(ticket, about, due_at=next_nudge(ticket, about.rules.lease)), (), "")
    after = moved(ticket, about, reminders=reached)
    after = moved(after, about, due_at=next_nudge(after, about.rules.lease))
    return Step(after, _question(after, about, Letter.ADMIN_REMINDER, key=str(reached)), "admins reminded")
