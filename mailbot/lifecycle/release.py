"""An owner gives a machine back: asked once more, confirmed, or kept after all.  Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from mailbot.letters.kinds import Ahead
from mailbot.letters.life import ReleaseConfirm, VmKept, VmReleased
from mailbot.lifecycle.circumstances import Circumstances
from mailbot.lifecycle.lease import steps_ahead
from mailbot.lifecycle.question import WARNINGS
from mailbot.lifecycle.steps import called, decided, machine, moved, snapshot, to_owner
from mailbot.model import (
    Action,
    Effect,
    Kept,
    Refusal,
    ReleaseAsked,
    Released,
    Step,
    Ticket,
    TicketState,
)
from parsers.translatable import say


def release_asked(ticket: Ticket, _event: ReleaseAsked, circumstances: Circumstances) -> Step | Refusal:
    """Giving back cannot be undone for long: the registered address is asked once more."""
    if ticket.held:
        return _held(ticket)
    after = moved(ticket, circumstances, release_asked_at=circumstances.now, reinstall_asked_at=None)
    letter = to_owner(
        after,
        ReleaseConfirm(
            plan=after_removal(circumstances),
            lapses_at=circumstances.rules.lease.confirm_by(circumstances.now),
            **snapshot(after),
        ),
        key=circumstances.now.isoformat(),
    )
    return Step(after, (letter,), "release asked")


def released(ticket: Ticket, event: Released, circumstances: Circumstances) -> Step | Refusal:
    """The owner gives the machine back: it goes now, its disk is kept for a while."""
    if ticket.release_asked_at is None:
        return Refusal(
            say(
                "There is nothing to confirm. Reply “{release}” first to give the machine back.",
                release=say("release"),
            )
        )
    if circumstances.now > circumstances.rules.lease.confirm_by(ticket.release_asked_at):
        return Refusal(
            say(
                "That question is too old now. Reply “{release}” again to give the machine back.",
                release=say("release"),
            )
        )
    if ticket.held:
        return _held(ticket)
    after = going(ticket, circumstances, remove_at=None)
    letter = to_owner(after, VmReleased(plan=after_removal(circumstances), **snapshot(after)))
    effects = taken_away(ticket, after, circumstances, letter, called(event.by, ticket, circumstances))
    return Step(after, effects, f"released by {event.by.who}", WARNINGS)


def _held(ticket: Ticket) -> Refusal:
    held = say("An admin has put this machine on hold, so it will not be removed now: {why}. Please ask the admins.")
    return Refusal(held.given(why=ticket.held))


def going(ticket: Ticket, circumstances: Circumstances, *, remove_at: datetime | None) -> Ticket:
    """The ticket of a machine that goes now; `remove_at` is None where its owner gave it back."""
    return moved(
        ticket,
        circumstances,
        state=TicketState.RETIRING,
        release_asked_at=None,
        reinstall_asked_at=None,
        asked_end_date=None,
        asked_at=None,
        ended_at=ticket.ended_at or circumstances.now,
        remove_at=remove_at,
        due_at=None,
    )


def taken_away(
    ticket: Ticket, after: Ticket, circumstances: Circumstances, letter: Effect, by: str
) -> tuple[Effect, ...]:
    """The machine goes, its owner is told, and who was asked for an extension of it has nothing left to decide."""
    closed = decided(after, circumstances, "extension", "withdrawn", by) if ticket.asked_end_date else ()
    return (machine(after, Action.RETIRE), letter, *closed)


def after_removal(circumstances: Circumstances) -> tuple[Ahead, ...]:
    """What follows when a machine goes now."""
    delete_at = circumstances.now + timedelta(days=circumstances.rules.lease.keep_disk_days)
    return (
        Ahead(circumstances.now, say("The machine will be stopped and removed; its disk will be kept.")),
        Ahead(delete_at, say("The disk will be deleted for good.")),
    )


def kept(ticket: Ticket, event: Kept, circumstances: Circumstances) -> Step | Refusal:
    """The owner takes a release, or the wish for a fresh disk, back that was not confirmed yet."""
    if ticket.release_asked_at is None and ticket.reinstall_asked_at is None:
        return Refusal(say("The machine is not being given back, so there is nothing to cancel."))
    what = "release" if ticket.release_asked_at else "reinstallation"
    after = moved(ticket, circumstances, release_asked_at=None, reinstall_asked_at=None)
    letter = to_owner(
        after,
        VmKept(plan=steps_ahead(after, circumstances), **snapshot(after)),
        key=circumstances.now.isoformat(),
    )
    return Step(after, (letter,), f"{what} taken back by {event.by.who}")
