"""A ticket's life: `decide(ticket, event, about)` says what an event makes of a ticket, or why it is refused.

Pure: no clock, no I/O.  `MOVES` is the one table of legal moves; `decide` looks there first, and a
step that would leave the table is a bug that it reports as such.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Literal, assert_never

from mailbot.lifecycle import (
    build,
    extension,
    holding,
    intervention,
    lease,
    ownership,
    passing,
    question,
    reinstall,
    release,
    relocation,
    removal,
    request,
    restore,
    unbuilt,
)
from mailbot.lifecycle.circumstances import Circumstances
from mailbot.lifecycle.moves import MOVES
from mailbot.lifecycle.steps import STATE_WORDS, moved
from mailbot.model import (
    WITH_A_DISK,
    Approved,
    Arrived,
    BuildFailed,
    Built,
    Confirmed,
    Denied,
    DiskDeleted,
    EffectFailed,
    EndDateSet,
    Ended,
    Event,
    ExtensionAsked,
    Held,
    Kept,
    MachineAsked,
    MoveAsked,
    MoveBegun,
    MoveEnded,
    OwnerSeen,
    OwnerSet,
    Placed,
    PowerSet,
    Proceeded,
    RebuildAsked,
    Refusal,
    ReinstallAsked,
    Reinstalled,
    ReinstallWanted,
    ReleaseAsked,
    Released,
    Relocated,
    Replaced,
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
from parsers.translatable import say


def decide(ticket: Ticket, event: Event, circumstances: Circumstances) -> Step | Refusal:
    """What `event` makes of `ticket`: the ticket after it and what follows, or why it cannot be."""
    allowed = MOVES[ticket.state].get(type(event))  # what is not in the table is refused: it fails closed
    if allowed is None:
        return Refusal(say("That is not possible now: {state}.", state=STATE_WORDS[ticket.state]))
    step = _step(ticket, event, circumstances)
    if isinstance(step, Step) and step.ticket.state not in allowed:
        msg = f"{type(event).__name__} led from {ticket.state} to {step.ticket.state}, which MOVES does not allow"
        raise AssertionError(msg)
    return step


def _step(ticket: Ticket, event: Event, circumstances: Circumstances) -> Step | Refusal:
    """Who decides: by what the event is about.  A new event is a type error here until somebody does."""
    match event:
        case TimePassed():
            seen = circumstances if event.blind == circumstances.blind else replace(circumstances, blind=event.blind)
            return _time_passed(ticket, seen)
        case Confirmed() | Approved() | Denied() | Withdrawn() | Replaced():
            return _answered(ticket, event, circumstances)
        case Placed() | Built() | BuildFailed() | Retried() | RebuildAsked():
            return _built(ticket, event, circumstances)
        case ExtensionAsked() | ReleaseAsked() | Released() | Kept() | Restored():
            return _wished(ticket, event, circumstances)
        case Retired() | DiskDeleted() | EffectFailed() | Returned() | OwnerSeen():
            return _reported(ticket, event, circumstances)
        case Held() | Unheld() | Ended() | EndDateSet() | PowerSet() | OwnerSet() | Proceeded():
            return _intervened(ticket, event, circumstances)
        case MachineAsked() | ReinstallAsked() | ReinstallWanted() | Reinstalled():
            return _at_the_machine(ticket, event, circumstances)
        case MoveAsked() | MoveBegun() | Relocated() | Arrived() | MoveEnded():
            return _moving(ticket, event, circumstances)
        case _:
            assert_never(event)


_GRANTED = frozenset({TicketState.APPROVED, TicketState.FAILED})
"""States of a request that has its yes and no machine yet."""


def _answered(
    ticket: Ticket, event: Confirmed | Approved | Denied | Withdrawn | Replaced, circumstances: Circumstances
) -> Step | Refusal:
    """The answer to a question: about a request, or about the extension or the return of a machine that exists."""
    of_a_machine = ticket.state in WITH_A_DISK
    match event:
        case Confirmed():
            return request.confirmed(ticket, event, circumstances)
        case Replaced():
            return request.replaced(ticket, event, circumstances)
        case Approved():
            if ticket.state is TicketState.ARCHIVED:
                return restore.approved(ticket, event, circumstances)
            return (extension.approved if of_a_machine else request.approved)(ticket, event, circumstances)
        case Denied():
            if ticket.state in _GRANTED:
                return unbuilt.denied(ticket, event, circumstances)
            return (question.denied if of_a_machine else request.denied)(ticket, event, circumstances)
        case Withdrawn():
            if ticket.state in _GRANTED:
                return unbuilt.withdrawn(ticket, event, circumstances)
            return (question.withdrawn if of_a_machine else request.withdrawn)(ticket, event, circumstances)
        case _:
            assert_never(event)


def _built(
    ticket: Ticket, event: Placed | Built | BuildFailed | Retried | RebuildAsked, circumstances: Circumstances
) -> Step | Refusal:
    """What the building of a machine has come to."""
    match event:
        case Placed():
            return build.placed(ticket, event, circumstances)
        case Built():
            return build.built(ticket, event, circumstances)
        case BuildFailed():
            return build.build_failed(ticket, event, circumstances)
        case Retried():
            return build.retried(ticket, event, circumstances)
        case RebuildAsked():
            return build.rebuild_asked(ticket, event, circumstances)
        case _:
            assert_never(event)


def _wished(
    ticket: Ticket,
    event: ExtensionAsked | ReleaseAsked | Released | Kept | Restored,
    circumstances: Circumstances,
) -> Step | Refusal:
    """What the owner wants of a machine that exists."""
    match event:
        case ExtensionAsked():
            return extension.asked(ticket, event, circumstances)
        case ReleaseAsked():
            return release.release_asked(ticket, event, circumstances)
        case Released():
            return release.released(ticket, event, circumstances)
        case Kept():
            return release.kept(ticket, event, circumstances)
        case Restored():
            return restore.restored(ticket, event, circumstances)
        case _:
            assert_never(event)


def _at_the_machine(
    ticket: Ticket,
    event: MachineAsked | ReinstallAsked | ReinstallWanted | Reinstalled,
    circumstances: Circumstances,
) -> Step | Refusal:
    """What the owner wants done at the machine within its lease, which goes on as it was."""
    match event:
        case MachineAsked():
            # What is done, and the answer to it, is one row of the outbox that the reply's turn adds: it carries the letter.
            return Step(moved(ticket, circumstances), (), f"{event.what.value} asked by {event.by.who}")
        case ReinstallAsked():
            return reinstall.asked(ticket, event, circumstances)
        case ReinstallWanted():
            return reinstall.wanted(ticket, event, circumstances)
        case Reinstalled():
            return reinstall.done(ticket, event, circumstances)
        case _:
            assert_never(event)


def _moving(
    ticket: Ticket, event: MoveAsked | MoveBegun | Relocated | Arrived | MoveEnded, circumstances: Circumstances
) -> Step | Refusal:
    """A machine goes to another host within its lease, which goes on as it was."""
    match event:
        case MoveAsked():
            return relocation.asked(ticket, event, circumstances)
        case MoveBegun():
            return relocation.begun(ticket, event, circumstances)
        case Relocated():
            return relocation.relocated(ticket, event, circumstances)
        case Arrived():
            return relocation.arrived(ticket, event, circumstances)
        case MoveEnded():
            return relocation.ended(ticket, event, circumstances)
        case _:
            assert_never(event)


def _intervened(
    ticket: Ticket,
    event: Held | Unheld | Ended | EndDateSet | PowerSet | OwnerSet | Proceeded,
    circumstances: Circumstances,
) -> Step | Refusal:
    """What an admin does without having been asked."""
    match event:
        case Held():
            return holding.held(ticket, event, circumstances)
        case Unheld():
            return holding.unheld(ticket, event, circumstances)
        case Ended():
            return (unbuilt.denied if ticket.state in _GRANTED else intervention.ended)(ticket, event, circumstances)
        case EndDateSet():
            return intervention.end_date_set(ticket, event, circumstances)
        case PowerSet():
            return intervention.power_set(ticket, event, circumstances)
        case OwnerSet():
            return passing.passed_on(ticket, event, circumstances)
        case Proceeded():
            return intervention.proceeded(ticket, event, circumstances)
        case _:
            assert_never(event)


def _reported(
    ticket: Ticket, event: Retired | DiskDeleted | EffectFailed | Returned | OwnerSeen, circumstances: Circumstances
) -> Step | Refusal:
    """What work on a machine, a letter, or a look at the directory has come to."""
    match event:
        case Retired():
            return removal.retired(ticket, event, circumstances)
        case DiskDeleted():
            return removal.disk_deleted(ticket, event, circumstances)
        case EffectFailed():
            return lease.effect_failed(ticket, event, circumstances)
        case Returned():
            return lease.returned(ticket, event, circumstances)
        case OwnerSeen():
            return ownership.seen(ticket, event, circumstances)
        case _:
            assert_never(event)


def _time_passed(ticket: Ticket, circumstances: Circumstances) -> Step:
    """Whatever is due by now; a question that waits for an admin comes before the lease itself."""
    if ticket.asked_end_date is None:
        return _due(ticket, circumstances)
    if ticket.frozen or question.wants_a_nudge(ticket, circumstances):
        return question.waits(ticket, circumstances)
    return question.beside(ticket, _due(ticket, circumstances), circumstances)


def _due(ticket: Ticket, circumstances: Circumstances) -> Step:
    match ticket.state:
        case TicketState.UNCONFIRMED | TicketState.PENDING | TicketState.FAILED as state:
            return _UNANSWERED[state](ticket, circumstances)
        case TicketState.ACTIVE:
            return lease.active_waits(ticket, circumstances)
        case TicketState.EXPIRED:
            return removal.expired_waits(ticket, circumstances)
        case TicketState.ARCHIVED:
            return removal.archived_waits(ticket, circumstances)
        case TicketState.APPROVED | TicketState.RETIRING:
            return _nothing_due(ticket, circumstances)
        case TicketState.DENIED | TicketState.LAPSED | TicketState.WITHDRAWN | TicketState.REMOVED:
            return _nothing_due(ticket, circumstances)
        case _:
            assert_never(ticket.state)


_UNANSWERED: Mapping[
    Literal[TicketState.UNCONFIRMED, TicketState.PENDING, TicketState.FAILED], Callable[[Ticket, Circumstances], Step]
] = {
    TicketState.UNCONFIRMED: request.unconfirmed_waits,
    TicketState.PENDING: request.pending_waits,
    TicketState.FAILED: unbuilt.waits,
}
"""What comes of a question that nobody has answered yet."""


def _nothing_due(ticket: Ticket, circumstances: Circumstances) -> Step:
    return Step(moved(ticket, circumstances, due_at=None), (), "")
