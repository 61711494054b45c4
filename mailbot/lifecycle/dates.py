"""What happens to a machine when, as letters, lists and pages tell it: from the dates that act.  Pure; knows no letter."""

from __future__ import annotations

from datetime import datetime, timedelta

from mailbot.lifecycle.circumstances import Circumstances
from mailbot.lifecycle.notice import DAY, SLACK, plan
from mailbot.model import Ticket, TicketState
from parsers.translatable import Translatable, say

_DELETED = say("The disk will be deleted for good.")


def ahead(ticket: Ticket, circumstances: Circumstances) -> tuple[tuple[datetime, Translatable], ...]:
    """The steps of the lease that have not come yet, each with its moment."""
    lease = circumstances.rules.lease
    if ticket.state is TicketState.ARCHIVED:
        return ((circumstances.open_from(ticket.keep_until or circumstances.now), _DELETED),)
    stop_at = ticket.ended_at or circumstances.open_from(plan(ticket, circumstances.rules).stop_at)
    remove_at = circumstances.open_from(ticket.remove_at or stop_at + timedelta(days=lease.grace_days))
    delete_at = circumstances.open_from(ticket.keep_until or remove_at + timedelta(days=lease.keep_disk_days))
    steps = (
        (stop_at, say("The machine will be stopped; its disk will stay as it is.")),
        (remove_at, say("The machine will be removed; its disk will be kept.")),
        (delete_at, _DELETED),
    )
    return tuple((at, what) for at, what in steps if at > circumstances.now)


def announcements(ticket: Ticket, circumstances: Circumstances) -> tuple[datetime, datetime]:
    """When a stopped machine's owner is written to again: in the middle of the grace period, and before the removal.

    The last one leaves more than a day; a short grace period has one of them, or none besides the letter at the stop.
    """
    stopped, removed = ticket.ended_at or circumstances.now, ticket.remove_at or circumstances.now
    grace = removed - stopped
    near = max(removed - max(timedelta(days=2), min(timedelta(days=3), grace / 4)), stopped + grace * 0.6)
    near = min(near, removed - DAY - SLACK)
    return min(stopped + grace / 2, near), near
