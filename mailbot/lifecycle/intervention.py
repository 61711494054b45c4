"""What an admin does to a machine without having been asked: takes it away now, or gives it a later end.  Pure."""

from __future__ import annotations

from mailbot import policy
from mailbot.letters.life import VmEnded
from mailbot.lifecycle.extension import WARNINGS, decided, granted
from mailbot.lifecycle.release import after_removal
from mailbot.lifecycle.steps import Circumstances, called, machine, moved, snapshot, to_owner
from mailbot.model import LIVING, Action, EndDateSet, Ended, Refusal, Step, Ticket, TicketState
from parsers.dates import long_form


def ended(ticket: Ticket, event: Ended, circumstances: Circumstances) -> Step | Refusal:
    """The machine goes now.  No notice is needed where an admin says so and why; a hold is lifted first, and the disk is kept."""
    reason = event.reason.strip()
    if not reason:
        return Refusal("Taking a machine away needs a reason, because its owner reads it.")
    if ticket.held:
        return Refusal(f"This machine is held: {ticket.held}. Let go of it first.")
    after = moved(
        ticket,
        circumstances,
        state=TicketState.RETIRING,
        release_asked_at=None,
        asked_end_date=None,
        asked_at=None,
        ended_at=ticket.ended_at or circumstances.now,
        remove_at=circumstances.now,  # its owner did not give it back: that is where there is none
        due_at=None,
    )
    by = called(event.by, ticket, circumstances)
    letter = to_owner(after, VmEnded(by=by, reason=reason, plan=after_removal(circumstances), **snapshot(after)))
    # Who was asked for an extension of it has nothing left to decide.
    closed = decided(after, circumstances, "withdrawn", by) if ticket.asked_end_date else ()
    return Step(after, (machine(after, Action.RETIRE), letter, *closed), f"ended by {event.by.who}: {reason}", WARNINGS)


def end_date_set(ticket: Ticket, event: EndDateSet, circumstances: Circumstances) -> Step | Refusal:
    """A later last day, as if it had been asked for and granted; an open question for an extension is answered by it.

    An earlier one is refused: whoever was told a date can rely on it, and `Ended` is there for what cannot wait.
    """
    assert ticket.state in LIVING  # noqa: S101 - the table of moves has it nowhere else
    problems = policy.end_date_problems(event.until, circumstances.rules, circumstances.now)
    if problems:
        return Refusal(policy.refusal(problems))
    if event.until < ticket.end_date or (event.until == ticket.end_date and ticket.state is TicketState.ACTIVE):
        return Refusal(f"The machine's last day is {long_form(ticket.end_date)} already: only a later one can be set.")
    by = called(event.by, ticket, circumstances)
    return granted(ticket, event.until, by, circumstances, f"end date set to {event.until} by {event.by.who}")
