"""Questions that people answer: confirming, approving, denying, withdrawing; reminding, and lapsing without an answer.  Pure."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from mailbot import policy
from mailbot.lifecycle.steps import About, called, machine, moved, snapshot, to_admins, to_owner
from mailbot.model import (
    Action,
    Approved,
    Confirmed,
    Denied,
    Effect,
    Letter,
    Person,
    Purpose,
    Refusal,
    Step,
    Ticket,
    TicketState,
    Withdrawn,
)
from mailbot.rules import LeaseRules
from parsers.dates import long_form


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
            ticket,
            Letter.CONFIRM_REQUEST,
            Purpose.CONFIRM,
            claimed_from=claimed_from,
            lapses_at=lapses_at.isoformat(),
            **snapshot(ticket),
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
            to_owner(
                ticket,
                Letter.REQUEST_RECEIVED,
                Purpose.OWN,
                lapses_at=_lapses(ticket, about).isoformat(),
                notes=list(notes),
                **snapshot(ticket),
            ),
            *question(ticket, about, Letter.ADMIN_DECISION, notes=list(notes)),
        ),
        summary,
    )


def question(ticket: Ticket, about: About, letter: Letter, key: str = "", **more: Any) -> tuple[Effect, ...]:
    """The question to every admin, with all they need to decide."""
    return to_admins(
        ticket,
        about,
        letter,
        Purpose.DECIDE,
        key=key,
        question="extension" if ticket.asked_end_date else "request",
        person={"login": ticket.username, "name": ticket.name, "address": ticket.email},
        checks=policy.checks(ticket, about.rules),
        sites=list(about.sites),
        lapses_at=_lapses(ticket, about).isoformat(),
        **({"asked_end_date": ticket.asked_end_date.isoformat()} if ticket.asked_end_date else {}),
        **snapshot(ticket),
        **more,
    )


def _lapses(ticket: Ticket, about: About) -> datetime:
    return (ticket.asked_at or ticket.opened_at) + timedelta(days=about.rules.lease.lapse_days)


def next_nudge(ticket: Ticket, lease: LeaseRules) -> datetime:
    """When a ticket with an open question wants to be woken: the next reminder, or the moment it lapses."""
    asked = ticket.asked_at or ticket.opened_at
    ahead = [day for day in sorted(lease.remind_days)[ticket.reminders :] if day < lease.lapse_days]
    return asked + timedelta(days=ahead[0] if ahead else lease.lapse_days)


def confirmed(ticket: Ticket, event: Confirmed, about: About) -> Step | Refusal:
    """The registered address says that the request is its own: now the admins are asked.

    Days may have passed since the request was checked: what its dates allow is looked at again.
    """
    problems = policy.end_date_problems(ticket.end_date, about.rules, about.now)
    if problems:
        return Refusal(f"{policy.refusal(problems)} Please send a new request.")
    return _asked(moved(ticket, about, state=TicketState.PENDING), about, f"confirmed by {event.by.who}")


def approved(ticket: Ticket, event: Approved, about: About) -> Step | Refusal:
    """The first valid yes: the machine is built, the owner and every admin are told.

    What would be built must be within what policy allows now: an end date may have passed while the
    request waited.
    """
    rules = about.rules
    problems = [
        *policy.end_date_problems(event.until or ticket.end_date, rules, about.now),
        *(policy.disk_problems(event.disk_gib, rules.policy) if event.disk_gib is not None else ()),
    ]
    if problems:
        return Refusal(policy.refusal(problems))
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
    by = called(event.by, ticket, about)
    told = to_owner(after, Letter.REQUEST_APPROVED, Purpose.OWN, by=by, changed=changed, **snapshot(after))
    return Step(
        after,
        (machine(after, Action.BUILD), told, *_decided(after, about, "approved", by, changed=changed)),
        " ".join((f"approved by {event.by.who}{'.' if changed else ''}", *changed)),
    )


def _changes(before: Ticket, after: Ticket) -> list[str]:
    changes = []
    if before.end_date != after.end_date:
        changes.append(f"The end date is {long_form(after.end_date)}, not {long_form(before.end_date)}.")
    if before.disk_gib != after.disk_gib:
        changes.append(f"The disk has {after.disk_gib} GiB, not {before.disk_gib} GiB.")
    return changes


def _decided(ticket: Ticket, about: About, decision: str, by: str, **more: Any) -> tuple[Effect, ...]:
    at = about.now.isoformat()
    facts = {"decision": decision, "question": "request", "by": by, "at": at, **snapshot(ticket), **more}
    return to_admins(ticket, about, Letter.ADMIN_DECIDED, **facts)


def denied(ticket: Ticket, event: Denied, about: About) -> Step | Refusal:
    """The first valid no: the owner reads the reason, every admin is told."""
    reason = event.reason.strip()
    if not reason:
        return Refusal("A refusal needs a reason, because the requester reads it: write it behind the word.")
    after = moved(ticket, about, state=TicketState.DENIED, asked_at=None, due_at=None)
    by = called(event.by, ticket, about)
    told = to_owner(after, Letter.REQUEST_DENIED, by=by, reason=reason)
    letters = (told, *_decided(after, about, "denied", by, reason=reason))
    return Step(after, letters, f"denied by {event.by.who}: {reason}")


def withdrawn(ticket: Ticket, event: Withdrawn, about: About) -> Step:
    """The owner takes the request back; admins hear of it only if they were asked."""
    after = moved(ticket, about, state=TicketState.WITHDRAWN, asked_at=None, due_at=None)
    asked = ticket.state is TicketState.PENDING
    told = _decided(after, about, "withdrawn", called(event.by, ticket, about)) if asked else ()
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
        days = (about.now - asked).days
        return Step(
            after,
            (
                to_owner(after, Letter.REQUEST_LAPSED, days=days),
                *to_admins(after, about, Letter.ADMIN_LAPSED, question="request", days=days),
            ),
            f"lapsed: no decision in {days} days",
        )
    reached = sum(1 for day in about.rules.lease.remind_days if about.now >= asked + timedelta(days=day))
    if reached <= ticket.reminders:
        return Step(moved(ticket, about, due_at=next_nudge(ticket, about.rules.lease)), (), "")
    after = moved(ticket, about, reminders=reached)
    after = moved(after, about, due_at=next_nudge(after, about.rules.lease))
    letters = question(after, about, Letter.ADMIN_REMINDER, key=str(reached), asked_at=asked.isoformat())
    return Step(after, letters, "admins reminded")
