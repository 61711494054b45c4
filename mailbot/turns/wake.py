"""The turn for tickets whose time has come."""

from __future__ import annotations

from datetime import datetime, timedelta

from mailbot import journal
from mailbot.letters.troubles import AdminTicketTrouble
from mailbot.lifecycle.steps import standing, to_admins
from mailbot.model import Refusal, Ticket, TimePassed, Turn
from mailbot.turns import owners, replanned, sight
from mailbot.turns.brake import braked
from mailbot.turns.context import TurnContext, apply
from parsers.translatable import named

WAKE_LIMIT = 500
"""Tickets handled in one pass; the rest follow in the next."""
AGAIN_AFTER = timedelta(hours=1)


def wake(context: TurnContext, read_at: datetime | None = None) -> int:
    """Let every ticket that is due decide what follows; give how many were.

    1. Read the tickets whose `due_at` has come, the most overdue first; all that run, where the plan of warnings is another.
    2. When more of them than the brake allows would be stopped or removed now, those wait for an admin.
    3. Each other one by itself: the owner as the directory has them now, then `TimePassed` with what the bot
       cannot see (`sight`), committed under the ticket's guard.  `read_at` is when the mailbox was last read to its end.
    4. A ticket whose turn raises is put off and admins are told; the next one follows in any case.
    """
    now = context.clock.now()
    replanned.look_again(context, now)
    due = context.store.due(now, WAKE_LIMIT)
    waiting = braked(context, due, now)
    for ticket in due:
        if ticket.id in waiting:
            context.store.postpone(ticket.id, now + AGAIN_AFTER, "the brake holds it")
            continue
        try:
            owner = owners.look_at(context, ticket, now)
            passed = TimePassed(blind=sight.why_blind(context, ticket, read_at, now))
            after = apply(context, ticket.id, passed, owner=owner)
            if isinstance(after, Refusal):
                _refused(context, ticket, after, now)
            elif after.state is not ticket.state:
                journal.ticket_moved(
                    ticket.id,
                    happening="TimePassed",
                    before=ticket.state.value,
                    after=after.state.value,
                    who="clock",
                    summary="",
                )
        except Exception as error:  # noqa: BLE001 - one bad ticket never stops the line
            _put_off(context, ticket, error)
    return len(due)


def _refused(context: TurnContext, ticket: Ticket, refusal: Refusal, now: datetime) -> None:
    """Due, and nothing may happen: it would be due for ever, unless somebody has decided it in between."""
    fresh = context.store.ticket(ticket.id)
    if fresh is not None and fresh.due_at is not None and fresh.due_at <= now:
        _put_off(context, ticket, LookupError(refusal.why))


def _put_off(context: TurnContext, ticket: Ticket, error: Exception) -> None:
    now = context.clock.now()
    until = now + AGAIN_AFTER
    said = named(error)
    context.store.postpone(ticket.id, until, said)
    journal.ticket_postponed(ticket.id, until=until, error=error)
    letters = to_admins(
        ticket,
        context.circumstances(now, ticket),
        AdminTicketTrouble(state=standing(ticket), error=said, again_at=until),
        key=now.date().isoformat(),
    )
    # Without the ticket in the turn nothing of it changes: only the letters are written.
    context.store.commit(Turn(now=now, about_ticket=ticket.id, effects=letters))
