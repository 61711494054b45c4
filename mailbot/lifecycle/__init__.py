"""A ticket's life: `decide(ticket, event, about)` says what an event makes of a ticket, or why it is refused.

Pure: no clock, no I/O.  `MOVES` is the one table of legal moves; `decide` looks there first, and a
step that would leave the table is a bug that it reports as such.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mailbot.lifecycle import building, questions
from mailbot.lifecycle.moves import MOVES
from mailbot.lifecycle.questions import opened
from mailbot.lifecycle.sayings import Saying, as_facts, sayings
from mailbot.lifecycle.steps import STATE_WORDS, About, moved, standing
from mailbot.model import (
    Approved,
    BuildFailed,
    Built,
    Confirmed,
    Denied,
    Event,
    Placed,
    Refusal,
    Retried,
    Step,
    Ticket,
    TicketState,
    TimePassed,
    Withdrawn,
)

__all__ = ["MOVES", "STATE_WORDS", "About", "Saying", "as_facts", "decide", "opened", "sayings", "standing"]


def decide(ticket: Ticket, event: Event, about: About) -> Step | Refusal:
    """What `event` makes of `ticket`: the ticket after it and what follows, or why it cannot be."""
    allowed = MOVES[ticket.state].get(type(event))
    if allowed is None:
        return Refusal(f"That cannot be done now: {STATE_WORDS[ticket.state]}.")
    step = _DECIDERS[type(event)](ticket, event, about)
    if isinstance(step, Refusal):
        return step
    if step.ticket.state not in allowed:
        msg = f"{type(event).__name__} led from {ticket.state} to {step.ticket.state}, which MOVES does not allow"
        raise AssertionError(msg)
    return step


def _time_passed(ticket: Ticket, _event: TimePassed, about: About) -> Step:
    return _WAITING.get(ticket.state, _nothing_due)(ticket, about)


def _nothing_due(ticket: Ticket, about: About) -> Step:
    return Step(moved(ticket, about, due_at=None), (), "")


_WAITING: Mapping[TicketState, Callable[[Ticket, About], Step]] = {
    TicketState.UNCONFIRMED: questions.unconfirmed_waits,
    TicketState.PENDING: questions.pending_waits,
}

_DECIDERS: Mapping[type[Event], Callable[[Ticket, Any, About], Step | Refusal]] = {
    Confirmed: questions.confirmed,
    Approved: questions.approved,
    Denied: questions.denied,
    Withdrawn: questions.withdrawn,
    Placed: building.placed,
    Built: building.built,
    BuildFailed: building.build_failed,
    Retried: building.retried,
    TimePassed: _time_passed,
}
