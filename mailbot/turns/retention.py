"""What is old leaves by rule, once a night, a little at a time."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from mailbot import journal
from mailbot.ports import Leaving
from mailbot.turns.context import TurnContext

NOTE = "retention"
"""Where the store keeps the day of the last night in which everything that was old had left, ISO 8601."""
HOUR = 3
"""From this hour of the site's day on: when few people write."""
AT_ONCE = 1000
"""Rows that leave in one transaction: nobody waits long for the database."""
MOST = 20
"""Transactions of one kind in one tick; what is more leaves in the ticks that follow."""


def leave(context: TurnContext) -> int:
    """Delete what is older than the rules allow; gives how many rows left.

    1. Once a day, from `HOUR` of the site's day on.
    2. Kind by kind, the oldest first, in short transactions, at most so many a tick.
    3. Remember the day once nothing old is left.
    """
    now = context.clock.now()
    there = now.astimezone(ZoneInfo(context.rules.service.timezone))
    if there.hour < HOUR or context.store.note(NOTE) == there.date().isoformat():
        return 0
    left = {what: _some(context, what, before) for what, before in _limits(context, now).items()}
    if all(rows < AT_ONCE * MOST for rows in left.values()):
        context.store.put_note(NOTE, there.date().isoformat())
    if any(left.values()):
        journal.old_left(**{what.value: rows for what, rows in left.items()})
    return sum(left.values())


def _some(context: TurnContext, what: Leaving, before: datetime) -> int:
    rows = 0
    for _ in range(MOST):
        gone = context.store.forget(what, before, AT_ONCE)
        rows += gone
        if gone < AT_ONCE:
            break
    return rows


def _limits(context: TurnContext, now: datetime) -> Mapping[Leaving, datetime]:
    rules = context.rules.retention
    return {
        what: now - timedelta(days=days)
        for what, days in (
            (Leaving.TICKETS, rules.finished_days),
            (Leaving.MAILS, rules.mail_days),
            (Leaving.LEDGER, rules.ledger_days),
            (Leaving.LETTERS, rules.letter_days),
        )
        if days
    }
