"""A removed machine comes back around its kept disk.  Pure."""

from __future__ import annotations

from datetime import timedelta

from mailbot import policy
from mailbot.letters.life import VmRestored
from mailbot.lifecycle import ownership
from mailbot.lifecycle.circumstances import Circumstances
from mailbot.lifecycle.steps import machine, moved, snapshot, to_owner
from mailbot.model import (
    Action,
    Refusal,
    Restored,
    Step,
    Ticket,
    TicketState,
)
from mailbot.timetable import today
from parsers.translatable import say

RESTORED_FOR = timedelta(days=30)
"""How long a restored machine runs when no date is given; it can be extended like any other."""


def restored(ticket: Ticket, event: Restored, circumstances: Circumstances) -> Step | Refusal:
    """Built again around the kept disk, where that disk is.

    `keep_until` stands until the machine runs: a return that is given up again makes nobody's disk kept for longer.
    """
    until = event.until or today(circumstances.now, circumstances.rules.service.timezone) + RESTORED_FOR
    problems = policy.end_date_problems(until, circumstances.rules, circumstances.now)
    if problems:
        return Refusal(policy.refusal(problems))
    if why := ownership.against(circumstances.owner, needs_key=True):
        return Refusal(why)
    if ticket.keep_until is None:
        return Refusal(say("The kept disk is being deleted now; it is too late to bring the machine back."))
    after = moved(
        ticket,
        circumstances,
        state=TicketState.APPROVED,
        end_date=until,
        due_at=None,
        ended_at=None,
    )
    letter = to_owner(after, VmRestored(**snapshot(after)))
    return Step(after, (machine(after, Action.BUILD), letter), f"restored, asked by {event.by.who}")
