"""After a site has changed its plan of warnings (`lease.warn_days`), every running machine is looked at once: its dates are others now."""

from __future__ import annotations

from datetime import datetime

from mailbot.model import TicketState, Turn
from mailbot.turns.context import TurnContext

NOTE = "warn_days"
"""Where the store keeps the plan by which every running machine was last looked at."""


def look_again(context: TurnContext, now: datetime) -> int:
    """Have tickets woken whose warnings were counted by another plan; give how many.

    1. Nothing where the plan is the one of the note: a tick reads one row.
    2. The tickets, in one transaction; each counts its warnings itself when it is woken (`lifecycle.warned`).
    3. The note, so that a crash before it does 2 again, which adds nothing.
    """
    days = context.rules.lease.warn_days
    plan = ",".join(map(str, days))
    if context.store.note(NOTE) == plan:
        return 0
    others = tuple(one.id for one in context.store.tickets((TicketState.ACTIVE,)) if one.warned_by != days)
    if others:
        context.store.commit(Turn(now=now, wake=others))
    context.store.put_note(NOTE, plan)
    return len(others)
