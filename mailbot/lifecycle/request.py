"""Questions that people answer: confirming, approving, denying, withdrawing; reminding, and lapsing without an answer.  Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import TypedDict

from mailbot import policy
from mailbot.letters.questions import AdminDecision, AdminLapsed, AdminReminder, Asker, Room
from mailbot.letters.requests import (
    ConfirmRequest,
    RequestApproved,
    RequestDenied,
    RequestLapsed,
    RequestReceived,
    RequestWithdrawn,
)
from mailbot.lifecycle.circumstances import Circumstances
from mailbot.lifecycle.ownership import another_login
from mailbot.lifecycle.steps import called, decided, later, machine, moved, snapshot, to_admins, to_owner
from mailbot.model import (
    Action,
    Approved,
    Confirmed,
    Denied,
    Person,
    Refusal,
    Replaced,
    Step,
    Ticket,
    TicketState,
    Withdrawn,
)
from mailbot.rules import LeaseRules
from parsers.translatable import NOTHING, Translatable, as_one, say
from provisioner.naming import host_part

REMINDED_FOR = timedelta(days=2)
"""A question lapses no sooner than this after its last reminder."""


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
    notes: tuple[Translatable, ...],
    circumstances: Circumstances,
    evidence: Translatable = NOTHING,
    language: str = "",
) -> Step:
    """A new ticket from a request without problems: PENDING where the sender is proven, else UNCONFIRMED."""
    ticket = Ticket(
        id=0,
        state=TicketState.PENDING if proven else TicketState.UNCONFIRMED,
        username=host_part(person.login),
        renamed_to=another_login(person.login, host_part(person.login)),
        name=person.name,
        email=person.email,
        person_id=person.id,
        intended_usage=usage,
        end_date=end_date,
        disk_gib=disk_gib,
        disk_reason=disk_reason,
        thread=thread,
        subject=subject,
        opened_at=circumstances.now,
        changed_at=circumstances.now,
        asked_at=circumstances.now,
        language=language or person.language,
    )
    if not proven:
        lapses_at = circumstances.rules.lease.confirm_by(circumstances.now)
        confirm = ConfirmRequest(claimed_from=claimed_from, lapses_at=lapses_at, **snapshot(ticket))
        return Step(
            moved(ticket, circumstances, due_at=lapses_at),
            (to_owner(ticket, confirm),),
            f"requested from {claimed_from}, not confirmed yet",
        )
    sender = claimed_from if claimed_from != person.email else ""
    return _asked(ticket, circumstances, "requested", notes, sender=sender, evidence=evidence)


def _asked(
    ticket: Ticket,
    circumstances: Circumstances,
    summary: str,
    notes: tuple[Translatable, ...] = (),
    *,
    sender: str = "",
    evidence: Translatable = NOTHING,
) -> Step:
    """The question goes to every admin, a receipt to the owner."""
    ticket = moved(ticket, circumstances, asked_at=circumstances.now, reminders=0, reminded_at=None)
    ticket = moved(ticket, circumstances, due_at=next_nudge(ticket, circumstances.rules.lease))
    received = RequestReceived(lapses_at=lapses(ticket, circumstances), notes=notes, **snapshot(ticket))
    asking = AdminDecision(notes=notes, sender=sender, evidence=evidence, **question(ticket, circumstances))
    return Step(ticket, (to_owner(ticket, received), *to_admins(ticket, circumstances, asking)), summary)


class Asked(TypedDict):
    """The facts that every question to the admins has (`letters.questions.Question`)."""

    question: str
    person: Asker
    checks: tuple[Translatable, ...]
    sites: tuple[Room, ...]
    lapses_at: datetime
    asked_end_date: date | None
    end_date: date
    disk_gib: int
    why: str
    extended: int


def asked_about(ticket: Ticket) -> str:
    """What admins are asked, as the letters call it: a `request`, an `extension`, or to `restore` a removed machine."""
    if ticket.asked_end_date is None:
        return "request"
    return "restore" if ticket.state is TicketState.ARCHIVED else "extension"


def question(ticket: Ticket, circumstances: Circumstances, *, why: str = "") -> Asked:
    """All that admins need to decide; `why` is the owner's reason for more time."""
    return {
        "question": asked_about(ticket),
        "person": Asker(ticket.login, ticket.name, ticket.email),
        "checks": (
            *_meanwhile(ticket),
            *policy.checks(ticket, circumstances.owner, circumstances.rules, circumstances.now),
        ),
        "sites": circumstances.sites,
        "lapses_at": max(lapses(ticket, circumstances), circumstances.now),
        "asked_end_date": ticket.asked_end_date,
        "end_date": ticket.end_date,
        "disk_gib": ticket.disk_gib,
        "why": why,
        "extended": circumstances.extensions.granted,
    }


def _meanwhile(ticket: Ticket) -> tuple[Translatable, ...]:
    """What admins should know of a question that does not stop the clock."""
    if ticket.asked_end_date is None or ticket.frozen:
        return ()
    if ticket.state is TicketState.ARCHIVED:
        return (
            say(
                "More time was requested before and not granted, so the disk is not kept longer while this question is open."
            ),
        )
    return (
        say(
            "More time was requested before and not granted, so the last day does not move while this question is open."
        ),
    )


def lapses(ticket: Ticket, circumstances: Circumstances) -> datetime:
    """When the open question lapses: earlier where it stops no clock, and what it is about is gone by then."""
    at = lapses_unanswered(ticket, circumstances.rules.lease)
    if ticket.asked_end_date is None or ticket.frozen or ticket.held:
        return at
    gone_at = {TicketState.EXPIRED: ticket.remove_at, TicketState.ARCHIVED: ticket.keep_until}.get(ticket.state)
    return min(at, max(circumstances.open_from(gone_at), circumstances.now)) if gone_at else at


def lapses_unanswered(ticket: Ticket, lease: LeaseRules) -> datetime:
    """When a question lapses that nobody answers; a reminder that is late still leaves time to answer."""
    at = (ticket.asked_at or ticket.opened_at) + timedelta(days=lease.lapse_days)
    return at if ticket.reminded_at is None else max(at, ticket.reminded_at + REMINDED_FOR)


def next_nudge(ticket: Ticket, lease: LeaseRules) -> datetime:
    """When a ticket with an open question wants to be woken: the next reminder, or the moment it lapses."""
    asked = ticket.asked_at or ticket.opened_at
    ahead = [day for day in sorted(lease.remind_days)[ticket.reminders :] if day < lease.lapse_days]
    return asked + timedelta(days=ahead[0]) if ahead else lapses_unanswered(ticket, lease)


def confirmed(ticket: Ticket, event: Confirmed, circumstances: Circumstances) -> Step | Refusal:
    """The registered address says that the request is its own: now the admins are asked.

    Days may have passed since the request was checked: what its dates allow is looked at again.
    """
    problems = policy.end_date_problems(ticket.end_date, circumstances.rules, circumstances.now)
    if problems:
        return Refusal(as_one(policy.refusal(problems), say("Please send a new request.")))
    return _asked(
        moved(ticket, circumstances, state=TicketState.PENDING),
        circumstances,
        f"confirmed by {event.by.who}",
        evidence=say("The request was confirmed from the registered address {address}.", address=event.by.who),
    )


def replaced(ticket: Ticket, event: Replaced, circumstances: Circumstances) -> Step:
    """The owner's own request takes the place of what waits, whoever sent that: admins are asked anew, and older letters are void."""
    after = moved(
        ticket,
        circumstances,
        intended_usage=event.usage,
        end_date=event.end_date,
        disk_gib=event.disk_gib,
        disk_reason=event.disk_reason,
        thread=event.thread or ticket.thread,
        subject=event.subject or ticket.subject,
    )
    # Other words alone are another question too.
    after = replace(after, version=ticket.version + 1)
    return _asked(after, circumstances, f"sent again by {event.by.who}; it replaces what was asked before")


def approved(ticket: Ticket, event: Approved, circumstances: Circumstances) -> Step | Refusal:
    """The first valid yes: the machine is built, the owner and every admin are told.

    What would be built must be within what policy allows now: an end date may have passed while the
    request waited.
    """
    rules = circumstances.rules
    problems = [
        *policy.end_date_problems(event.until or ticket.end_date, rules, circumstances.now),
        *(policy.disk_problems(event.disk_gib, rules.policy) if event.disk_gib is not None else ()),
    ]
    if problems:
        return Refusal(policy.refusal(problems))
    after = moved(
        ticket,
        circumstances,
        state=TicketState.APPROVED,
        end_date=event.until or ticket.end_date,
        disk_gib=event.disk_gib or ticket.disk_gib,
        asked_at=None,
        due_at=None,
    )
    changed = _changes(ticket, after)
    by = called(event.by, ticket, circumstances)
    told = to_owner(after, RequestApproved(by=by, changed=changed, **snapshot(after)))
    return Step(
        after,
        (
            machine(after, Action.BUILD),
            told,
            *decided(after, circumstances, "request", "approved", by, actor=event.by.who, changed=changed),
        ),
        " ".join((f"approved by {event.by.who}{'.' if changed else ''}", *changed)),
    )


def _changes(before: Ticket, after: Ticket) -> tuple[Translatable, ...]:
    changes = []
    if before.end_date != after.end_date:
        changes.append(say("The end date is {day}, not {asked}.", day=after.end_date, asked=before.end_date))
    if before.disk_gib != after.disk_gib:
        changes.append(say("The disk has {size} GiB, not {asked} GiB.", size=after.disk_gib, asked=before.disk_gib))
    return tuple(changes)


def denied(ticket: Ticket, event: Denied, circumstances: Circumstances) -> Step | Refusal:
    """The first valid no: the owner reads the reason, every admin is told."""
    reason = event.reason.strip()
    if not reason:
        return Refusal(say("A refusal needs a reason, because the requester will read it. Write it after the word."))
    after = moved(ticket, circumstances, state=TicketState.DENIED, asked_at=None, due_at=None)
    by = called(event.by, ticket, circumstances)
    told = to_owner(after, RequestDenied(by=by, reason=reason))
    letters = (told, *decided(after, circumstances, "request", "denied", by, actor=event.by.who, reason=reason))
    return Step(after, letters, f"denied by {event.by.who}: {reason}")


def withdrawn(ticket: Ticket, event: Withdrawn, circumstances: Circumstances) -> Step:
    """The owner takes the request back; admins hear of it only if they were asked."""
    after = moved(ticket, circumstances, state=TicketState.WITHDRAWN, asked_at=None, due_at=None)
    asked = ticket.state is TicketState.PENDING
    told = (
        decided(after, circumstances, "request", "withdrawn", called(event.by, ticket, circumstances)) if asked else ()
    )
    return Step(after, (to_owner(after, RequestWithdrawn()), *told), f"withdrawn by {event.by.who}")


def unconfirmed_waits(ticket: Ticket, circumstances: Circumstances) -> Step:
    """An unconfirmed request lapses quietly: whoever owns the address may never have asked."""
    lapses_at = circumstances.rules.lease.confirm_by(ticket.opened_at)
    if circumstances.now < lapses_at:
        return Step(moved(ticket, circumstances, due_at=lapses_at), (), "")
    if circumstances.blind:
        return later(ticket, circumstances)
    return Step(
        moved(ticket, circumstances, state=TicketState.LAPSED, due_at=None), (), "lapsed without a confirmation"
    )


def pending_waits(ticket: Ticket, circumstances: Circumstances) -> Step:
    """Nobody has decided yet: remind once for all reminders that are due by now, or lapse with a letter to all.

    Downtime skips no reminder: one that is late comes first, and leaves time to answer before the question lapses.
    """
    asked = ticket.asked_at or ticket.opened_at
    reached = reminders_reached(asked, circumstances)
    if reached > ticket.reminders:
        after = moved(ticket, circumstances, reminders=reached, reminded_at=circumstances.now)
        after = replace(after, due_at=next_nudge(after, circumstances.rules.lease))
        reminder = AdminReminder(asked_at=asked, **question(after, circumstances))
        return Step(after, to_admins(after, circumstances, reminder, key=str(reached)), "admins reminded")
    if circumstances.now < lapses_unanswered(ticket, circumstances.rules.lease):
        return Step(moved(ticket, circumstances, due_at=next_nudge(ticket, circumstances.rules.lease)), (), "")
    if circumstances.blind:
        return later(ticket, circumstances)
    after = moved(ticket, circumstances, state=TicketState.LAPSED, due_at=None, asked_at=None)
    days = (circumstances.now - asked).days
    letters = to_admins(after, circumstances, AdminLapsed(question="request", days=days))
    return Step(after, (to_owner(after, RequestLapsed(days=days)), *letters), f"lapsed: no decision in {days} days")


def reminders_reached(asked: datetime, circumstances: Circumstances) -> int:
    """How many of the reminders are due by now."""
    days = circumstances.rules.lease.remind_days
    return sum(
        1
        for day in days
        if day < circumstances.rules.lease.lapse_days and circumstances.now >= asked + timedelta(days=day)
    )
