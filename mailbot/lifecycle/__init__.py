"""A ticket's life: `decide(ticket, event, about)` says what an event makes of a ticket, or why it is refused.

Pure: no clock, no I/O.  `MOVES` is the one table of legal moves; `decide` looks there first, and a
step that would leave the table is a bug that it reports as such.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mailbot.lifecycle import building, extension, lease, questions, removal
from mailbot.lifecycle.moves import MOVES
from mailbot.lifecycle.questions import opened
from mailbot.lifecycle.sayings import Saying, as_facts, sayings
from mailbot.lifecycle.steps import STATE_WORDS, About, moved, standing
from mailbot.model import (
    LIVING,
    Approved,
    BuildFailed,
    Built,
    Confirmed,
    Denied,
    DiskDeleted,
    EffectFailed,
    Event,
    ExtensionAsked,
    Held,
    Kept,
    Placed,
    Refusal,
    ReleaseAsked,
    Released,
    Restored,
    Retired,
    Retried,
    Returned,
    Step,
    Ticket,
    TicketState,
    TimePassed,
    Unheld,
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
    if ticket.asked_end_date is not None:
        return extension.waits(ticket, about)
    return _WAITING.get(ticket.state, _nothing_due)(ticket, about)


def _nothing_due(ticket: Ticket, about: About) -> Step:
    return Step(moved(ticket, about, due_at=None), (), "")


_WAITING: Mapping[TicketState, Callable[[Ticket, About], Step]] = {
    TicketState.UNCONFIRMED: questions.unconfirmed_waits,
    TicketState.PENDING: questions.pending_waits,
    TicketState.ACTIVE: lease.active_waits,
    TicketState.EXPIRED: removal.expired_waits,
    TicketState.ARCHIVED: removal.archived_waits,
}

_Decider = Callable[[Ticket, Any, About], Step | Refusal]


def _by_state(request: _Decider, machine: _Decider) -> _Decider:
    """A word that means one thing about a request and another about a machine that exists."""
    return lambda ticket, event, about: (machine if ticket.state in LIVING else request)(ticket, event, about)


def _denier(ticket: Ticket) -> _Decider:
    """What a no is about: a request, an extension, or a restored machine that could not be built."""
    if ticket.state in LIVING:
        return extension.denied
    return removal.given_up if ticket.state is TicketState.FAILED and ticket.lease_from else questions.denied


_DECIDERS: Mapping[type[Event], _Decider] = {
    Confirmed: questions.confirmed,
    Approved: _by_state(questions.approved, extension.approved),
    Denied: lambda ticket, event, about: _denier(ticket)(ticket, event, about),
    Withdrawn: _by_state(questions.withdrawn, extension.withdrawn),
    TimePassed: _time_passed,
    Placed: building.placed,
    Built: building.built,
    BuildFailed: building.build_failed,
    Retried: building.retried,
    ExtensionAsked: extension.asked,
    ReleaseAsked: extension.release_asked,
    Released: extension.released,
    Kept: extension.kept,
    Restored: extension.restored,
    Retired: removal.retired,
    DiskDeleted: removal.disk_deleted,
    EffectFailed: lease.effect_failed,
    Returned: lease.returned,
    Held: removal.held,
    Unheld: removal.unheld,
}
