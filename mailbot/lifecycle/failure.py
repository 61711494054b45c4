"""A build that failed and is not tried again: refused by an admin, taken back by its owner, or given up after a while.  Pure.

What may be left of it at a site is taken away first: the ticket is over when the hypervisor has said that nothing is there.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from mailbot.letters.requests import RequestDenied, RequestWithdrawn
from mailbot.lifecycle.steps import Circumstances, called, decided, later, machine, moved, to_owner
from mailbot.model import Action, Denied, Effect, Refusal, Step, Ticket, TicketState, Withdrawn


def denied(ticket: Ticket, event: Denied, circumstances: Circumstances) -> Step | Refusal:
    """An admin gives the build up; the owner reads why."""
    reason = event.reason.strip()
    if not reason:
        return Refusal("A refusal needs a reason, because the requester reads it: write it behind the word.")
    by = called(event.by, ticket, circumstances)
    after = _over(ticket, circumstances, TicketState.DENIED)
    letters = (
        to_owner(after, RequestDenied(by=by, reason=reason)),
        *decided(after, circumstances, "request", "denied", by, actor=event.by.who, reason=reason),
    )
    return Step(after, (*_taken_away(after), *letters), f"given up by {event.by.who}: {reason}")


def withdrawn(ticket: Ticket, event: Withdrawn, circumstances: Circumstances) -> Step:
    """The owner takes the request back before anybody has built it."""
    by = called(event.by, ticket, circumstances)
    after = _over(ticket, circumstances, TicketState.WITHDRAWN)
    letters = (to_owner(after, RequestWithdrawn()), *decided(after, circumstances, "request", "withdrawn", by))
    return Step(after, (*_taken_away(after), *letters), f"withdrawn by {event.by.who}")


def waits(ticket: Ticket, circumstances: Circumstances) -> Step:
    """Nobody has tried again: given up after `lease.failed_days`, and its owner, who had a yes, reads that."""
    days = circumstances.rules.lease.failed_days
    if ticket.asked_at is None:  # it failed before failures had a time
        asked = moved(ticket, circumstances, asked_at=circumstances.now)
        return Step(replace(asked, due_at=circumstances.now + timedelta(days=days)), (), "")
    if circumstances.now < ticket.asked_at + timedelta(days=days):
        return Step(replace(moved(ticket, circumstances), due_at=ticket.asked_at + timedelta(days=days)), (), "")
    if circumstances.blind:
        return later(ticket, circumstances)
    by, reason = circumstances.rules.service.contact, f"The machine could not be built, and was not within {days} days."
    after = _over(ticket, circumstances, TicketState.LAPSED)
    letters = (
        to_owner(after, RequestDenied(by=by, reason=reason)),
        *decided(after, circumstances, "request", "denied", by, reason=reason),
    )
    return Step(after, (*_taken_away(after), *letters), f"given up: not built within {days} days")


def _over(ticket: Ticket, circumstances: Circumstances, final: TicketState) -> Ticket:
    """Over at once where there never was anything at any site, else when that is taken away."""
    if ticket.site is None:
        return moved(ticket, circumstances, state=final, asked_at=None, due_at=None)
    return moved(
        ticket,
        circumstances,
        state=TicketState.RETIRING,
        asked_at=None,
        due_at=None,
        ended_at=circumstances.now,
        remove_at=circumstances.now,
    )


def _taken_away(after: Ticket) -> tuple[Effect, ...]:
    return (machine(after, Action.RETIRE),) if after.state is TicketState.RETIRING else ()
