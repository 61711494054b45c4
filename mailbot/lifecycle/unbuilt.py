"""An approved request whose machine is not built after all: taken back by its owner, given up by an admin, or by the clock after a failure.  Pure.

What was begun for it at a site is taken away first: the ticket is over when the hypervisor has said that nothing is there.
Work on the build that runs at the moment ends before that, because a ticket's rows are worked on in their order, and
finds that it is no longer wanted.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from mailbot.letters.requests import Begun, RequestDenied, RequestWithdrawn
from mailbot.lifecycle.circumstances import Circumstances
from mailbot.lifecycle.lease import not_now
from mailbot.lifecycle.steps import called, decided, machine, moved, to_owner, why_held
from mailbot.model import Action, Denied, Effect, Ended, Refusal, Step, Ticket, TicketState, Withdrawn
from parsers.translatable import say


def denied(ticket: Ticket, event: Denied | Ended, circumstances: Circumstances) -> Step | Refusal:
    """An admin gives the machine up; the owner reads why.

    While it is being built only `Ended` does: a denial answers a question, and that one has its answer.
    """
    reason = event.reason.strip()
    if not reason:
        return Refusal(say("A refusal needs a reason, because the requester will read it. Write it after the word."))
    if held := why_held(ticket):
        return Refusal(held)
    by = called(event.by, ticket, circumstances)
    after = _over(ticket, circumstances, TicketState.DENIED, remove_at=circumstances.now)
    letters = (
        to_owner(after, RequestDenied(by=by, reason=reason, begun=_begun(ticket))),
        *decided(after, circumstances, "request", "denied", by, actor=event.by.who, reason=reason),
    )
    return Step(after, (*_taken_away(after), *letters), f"given up by {event.by.who}: {reason}")


def withdrawn(ticket: Ticket, event: Withdrawn, circumstances: Circumstances) -> Step | Refusal:
    """The owner takes the request back before there is a machine."""
    if ticket.held:
        held = say(
            "An admin has put this machine on hold, so nothing will be removed now: {why}. Please ask the admins."
        )
        return Refusal(held.given(why=ticket.held))
    by = called(event.by, ticket, circumstances)
    after = _over(ticket, circumstances, TicketState.WITHDRAWN, remove_at=None)
    letters = (
        to_owner(after, RequestWithdrawn(begun=_begun(ticket))),
        *decided(after, circumstances, "request", "withdrawn", by),
    )
    return Step(after, (*_taken_away(after), *letters), f"withdrawn by {event.by.who}")


def waits(ticket: Ticket, circumstances: Circumstances) -> Step:
    """Nobody has tried again: given up after `lease.failed_days`, and its owner, who had a yes, reads that."""
    days = circumstances.rules.lease.failed_days
    if ticket.asked_at is None:  # it failed before failures had a time
        asked = moved(ticket, circumstances, asked_at=circumstances.now)
        return Step(replace(asked, due_at=circumstances.now + timedelta(days=days)), (), "")
    if circumstances.now < ticket.asked_at + timedelta(days=days):
        return Step(replace(moved(ticket, circumstances), due_at=ticket.asked_at + timedelta(days=days)), (), "")
    put_off = not_now(ticket, circumstances)
    if put_off:
        return put_off
    by = circumstances.rules.service.contact
    reason = say("The machine could not be built within {days} days.", days=days)
    after = _over(ticket, circumstances, TicketState.LAPSED, remove_at=circumstances.now)
    letters = (
        to_owner(after, RequestDenied(by=by, reason=reason, begun=_begun(ticket))),
        *decided(after, circumstances, "request", "denied", by, reason=reason),
    )
    return Step(after, (*_taken_away(after), *letters), f"given up: not built within {days} days")


def _begun(ticket: Ticket) -> Begun:
    """What had been begun: a machine of its own, or the return of one that its owner had before."""
    return Begun.BUILD if ticket.lease_from is None else Begun.RESTORE


def _over(ticket: Ticket, circumstances: Circumstances, final: TicketState, *, remove_at: datetime | None) -> Ticket:
    """Over at once where there never was anything at any site, else when that is taken away; `remove_at` is None where the owner wanted it."""
    if ticket.site is None:
        return moved(ticket, circumstances, state=final, asked_at=None, due_at=None)
    return moved(
        ticket,
        circumstances,
        state=TicketState.RETIRING,
        asked_at=None,
        due_at=None,
        ended_at=circumstances.now,
        remove_at=remove_at,
    )


def _taken_away(after: Ticket) -> tuple[Effect, ...]:
    return (machine(after, Action.RETIRE),) if after.state is TicketState.RETIRING else ()
