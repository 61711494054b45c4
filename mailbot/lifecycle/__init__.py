"""A ticket's life: `decide(ticket, event, about)` says what an event makes of a ticket, or why it is refused.

Pure: no clock, no I/O.  `MOVES` is the one table of legal moves; `decide` looks there first, and a
step that would leave the table is a bug that it reports as such.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mailbot.lifecycle import build, extension, holding, lease, release, removal, request, restore
from mailbot.lifecycle.moves import MOVES
from mailbot.lifecycle.offers import Offer, as_facts, offered
from mailbot.lifecycle.request import opened
from mailbot.lifecycle.steps import STATE_WORDS, Circumstances, moved, standing
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

__all__ = ["MOVES", "STATE_WORDS", "Circumstances", "Offer", "as_facts", "decide", "offered", "opened", "standing"]


def decide(ticket: Ticket, event: Event, circumstances: Circumstances) -> Step | Refusal:
    """What `event` makes of `ticket`: the ticket after it and what follows, or why it cannot be."""
    allowed = MOVES[ticket.state].get(type(event))
    if allowed is None:
        return Refusal(f"That cannot be done now: {STATE_WORDS[ticket.state]}.")
    step = _DECIDERS[type(event)](ticket, event, circumstances)
    if isinstance(step, Refusal):
        return step
    if step.ticket.state not in allowed:
        msg = f"{type(event).__name__} led from {ticket.state} to {step.ticket.state}, which MOVES does not allow"
        raise AssertionError(msg)
    return step


def _time_passed(ticket: Ticket, _event: TimePassed, circumstances: Circumstances) -> Step:
    if ticket.asked_end_date is not None:
        return extension.waits(ticket, circumstances)
    return _WAITING.get(ticket.state, _nothing_due)(ticket, circumstances)


def _nothing_due(ticket: Ticket, circumstances: Circumstances) -> Step:
    return Step(moved(ticket, circumstances, due_at=None), (), "")


_WAITING: Mapping[TicketState, Callable[[Ticket, Circumstances], Step]] = {
    TicketState.UNCONFIRMED: request.unconfirmed_waits,
    TicketState.PENDING: request.pending_waits,
    TicketState.ACTIVE: lease.active_waits,
    TicketState.EXPIRED: removal.expired_waits,
    TicketState.ARCHIVED: removal.archived_waits,
}

_Decider = Callable[[Ticket, Any, Circumstances], Step | Refusal]


def _by_state(request: _Decider, machine: _Decider) -> _Decider:
    """A word that means one thing about a request and another about a machine that exists."""
    return lambda ticket, event, circumstances: (machine if ticket.state in LIVING else request)(
        ticket, event, circumstances
    )


def _denier(ticket: Ticket) -> _Decider:
    """What a no is about: a request, an extension, or a restored machine that could not be built."""
    if ticket.state in LIVING:
        return extension.denied
    return removal.given_up if ticket.state is TicketState.FAILED and ticket.lease_from else request.denied


_DECIDERS: Mapping[type[Event], _Decider] = {
    Confirmed: request.confirmed,
    Approved: _by_state(request.approved, extension.approved),
    Denied: lambda ticket, event, circumstances: _denier(ticket)(ticket, event, circumstances),
    Withdrawn: _by_state(request.withdrawn, extension.withdrawn),
    TimePassed: _time_passed,
    Placed: build.placed,
    Built: build.built,
    BuildFailed: build.build_failed,
    Retried: build.retried,
    ExtensionAsked: extension.asked,
    ReleaseAsked: release.release_asked,
    Released: release.released,
    Kept: release.kept,
    Restored: restore.restored,
    Retired: removal.retired,
    DiskDeleted: removal.disk_deleted,
    EffectFailed: lease.effect_failed,
    Returned: lease.returned,
    Held: holding.held,
    Unheld: holding.unheld,
}
