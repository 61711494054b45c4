"""A machine that an admin keeps from everything destructive, and what comes after.  Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from mailbot.lifecycle.circumstances import Circumstances
from mailbot.lifecycle.lease import put_off
from mailbot.lifecycle.notice import plan
from mailbot.lifecycle.removal import kept_longer, removal_notice, removed_later
from mailbot.lifecycle.steps import moved
from mailbot.model import (
    Held,
    Refusal,
    Step,
    Ticket,
    TicketState,
    Unheld,
)
from parsers.translatable import say


def held(ticket: Ticket, event: Held, circumstances: Circumstances) -> Step | Refusal:
    """Nothing destructive happens to this one until an admin lets go; its owner is written to all the same."""
    if ticket.state is TicketState.ARCHIVED and ticket.keep_until is None:
        return Refusal(say("The kept disk is being deleted now; it is too late to hold it."))
    return Step(moved(ticket, circumstances, held=event.why), (), f"held by {event.by.who}: {event.why}")


def unheld(ticket: Ticket, event: Unheld, circumstances: Circumstances) -> Step:
    """An admin lets go.  What should have happened meanwhile is announced anew, so that it surprises nobody."""
    after = moved(ticket, circumstances, held="")
    summary = f"no longer held, by {event.by.who}"
    if _is_overdue(after, circumstances):
        step = _announced_again(after, circumstances)
        return replace(step, summary=f"{summary}; {step.summary}")
    return Step(after, (), summary)


_LEASED = frozenset({TicketState.ACTIVE, TicketState.EXPIRED, TicketState.ARCHIVED})
"""States in which a destructive step is announced to the owner; before there is a machine there is none."""


def _is_overdue(ticket: Ticket, circumstances: Circumstances) -> bool:
    """Whether something destructive should have happened while the machine was held."""
    if ticket.state not in _LEASED or ticket.frozen or ticket.due_at is None:
        return False
    return circumstances.now >= _acts_at(ticket, circumstances)


def _acts_at(ticket: Ticket, circumstances: Circumstances) -> datetime:
    """When the next destructive step is due."""
    match ticket.state:
        case TicketState.ACTIVE:
            return plan(ticket, circumstances.rules).stop_at
        case TicketState.EXPIRED:
            return ticket.remove_at or circumstances.now
        case _:
            return ticket.keep_until or circumstances.now


def _announced_again(ticket: Ticket, circumstances: Circumstances) -> Step:
    why = "it was exempted until now"
    match ticket.state:
        case TicketState.ACTIVE:
            earliest = circumstances.now + plan(ticket, circumstances.rules).notice
            return put_off(
                ticket, circumstances, earliest, say("It was exempt from its end date for a while; that has ended.")
            )
        case TicketState.EXPIRED:
            return removed_later(ticket, circumstances, circumstances.now + removal_notice(circumstances), why)
        case _:
            return kept_longer(ticket, circumstances, why)
