"""What an admin does to a machine without having been asked: takes it away now, or gives it a later end.  Pure."""

from __future__ import annotations

from mailbot import policy
from mailbot.letters.life import VmEnded
from mailbot.lifecycle.extension import WARNINGS, granted
from mailbot.lifecycle.release import after_removal, going, taken_away
from mailbot.lifecycle.steps import Circumstances, called, snapshot, to_owner
from mailbot.model import EndDateSet, Ended, Refusal, Step, Ticket, TicketState
from parsers.translatable import say


def ended(ticket: Ticket, event: Ended, circumstances: Circumstances) -> Step | Refusal:
    """The machine goes now.  No notice is needed where an admin says so and why; a hold is lifted first, and the disk is kept."""
    reason = event.reason.strip()
    if not reason:
        return Refusal(say("Taking a machine away needs a reason, because its owner reads it."))
    if ticket.held:
        return Refusal(say("This machine is held: {why}. Let go of it first.", why=ticket.held))
    after = going(ticket, circumstances, remove_at=circumstances.now)
    by = called(event.by, ticket, circumstances)
    letter = to_owner(after, VmEnded(by=by, reason=reason, plan=after_removal(circumstances), **snapshot(after)))
    effects = taken_away(ticket, after, circumstances, letter, by)
    return Step(after, effects, f"ended by {event.by.who}: {reason}", WARNINGS)


def end_date_set(ticket: Ticket, event: EndDateSet, circumstances: Circumstances) -> Step | Refusal:
    """A later last day, as if it had been asked for and granted; an open question for an extension is answered by it.

    An earlier one is refused: whoever was told a date can rely on it, and `Ended` is there for what cannot wait.
    """
    problems = policy.end_date_problems(event.until, circumstances.rules, circumstances.now)
    if problems:
        return Refusal(policy.refusal(problems))
    if event.until < ticket.end_date or (event.until == ticket.end_date and ticket.state is TicketState.ACTIVE):
        return Refusal(
            say("The machine's last day is {day} already: only a later one can be set.", day=ticket.end_date)
        )
    by = called(event.by, ticket, circumstances)
    return granted(ticket, event.until, by, circumstances, f"end date set to {event.until} by {event.by.who}")
