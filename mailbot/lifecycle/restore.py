"""A removed machine comes back around its kept disk.  Pure.

Until the last day that people agreed on, its owner has it back at once; beyond that, admins are asked.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, assert_never

from mailbot import policy
from mailbot.letters.life import VmRestored
from mailbot.lifecycle import ownership
from mailbot.lifecycle.circumstances import Circumstances
from mailbot.lifecycle.delay import AGREED
from mailbot.lifecycle.extended import EXTENDED
from mailbot.lifecycle.question import KEPT, changed, grantable, put, still_asked
from mailbot.lifecycle.steps import called, decided, machine, moved, snapshot, to_owner
from mailbot.model import (
    Action,
    Actor,
    Approved,
    Refusal,
    Restored,
    Role,
    Step,
    Ticket,
    TicketState,
)
from mailbot.timetable import today
from parsers.translatable import say

RESTORED_FOR = timedelta(days=30)
"""For how long a machine is wanted back whose agreed end is over, where no date is given."""


def restored(ticket: Ticket, event: Restored, circumstances: Circumstances) -> Step | Refusal:
    """Built again around the kept disk, where that disk is; or, beyond what was agreed on, the question to every admin."""
    if ticket.keep_until is None:
        return Refusal(say("The kept disk is being deleted now; it is too late to bring the machine back."))
    decides = _decides(event.by)
    if ticket.asked_end_date is not None and not decides:
        return Refusal(still_asked(ticket, ticket.asked_end_date))
    agreed = policy.is_agreed(ticket, circumstances.rules, circumstances.now)
    until = event.until or ticket.asked_end_date or (ticket.agreed_end if agreed else _for_a_while(circumstances))
    problems = policy.end_date_problems(until, circumstances.rules, circumstances.now)
    if problems:
        return Refusal(policy.refusal(problems))
    if why := ownership.against(circumstances.owner, needs_key=True):
        return Refusal(why)
    if decides:
        return _granted(ticket, until, event.by, circumstances, f"restored until {until} by {event.by.who}")
    if until > ticket.agreed_end:
        return put(ticket, until, event.reason, circumstances)
    return _comes_back(ticket, until, circumstances, f"restored, asked by {event.by.who}", agreed_until=None)


def _decides(by: Actor) -> bool:
    """Whether this is somebody whose word is an agreement."""
    match by.role:
        case Role.ADMIN | Role.OPERATOR:
            return True
        case Role.OWNER | Role.CLOCK | Role.MACHINE:
            return False
        case _:
            assert_never(by.role)


def _for_a_while(circumstances: Circumstances) -> date:
    return today(circumstances.now, circumstances.rules.service.timezone) + RESTORED_FOR


def approved(ticket: Ticket, event: Approved, circumstances: Circumstances) -> Step | Refusal:
    """An admin grants the return, perhaps until another day."""
    until = grantable(ticket, event, circumstances)
    if isinstance(until, Refusal):
        return until
    return _granted(ticket, until, event.by, circumstances, f"return to {until} approved by {event.by.who}")


def _granted(ticket: Ticket, until: date, by: Actor, circumstances: Circumstances, summary: str) -> Step:
    """An admin's word: a new agreement, which closes the question where one is open."""
    name = called(by, ticket, circumstances)
    step = _comes_back(ticket, until, circumstances, summary, by=name, **AGREED)
    if ticket.asked_end_date is None:
        return step
    told = decided(
        step.ticket, circumstances, "restore", "approved", name, actor=by.who, changed=changed(ticket, until)
    )
    return Step(step.ticket, (*step.effects, *told), summary, step.cancel, facts={EXTENDED: until.isoformat()})


def _comes_back(
    ticket: Ticket, until: date, circumstances: Circumstances, summary: str, *, by: str = "", **agreed: Any
) -> Step:
    """The build around the disk.

    `keep_until` stands until the machine runs: a return that is given up again makes nobody's disk kept for longer.
    """
    after = moved(
        ticket,
        circumstances,
        state=TicketState.APPROVED,
        end_date=until,
        asked_end_date=None,
        asked_at=None,
        due_at=None,
        ended_at=None,
        **agreed,
    )
    letter = to_owner(after, VmRestored(by=by, changed=changed(ticket, until), **snapshot(after)))
    return Step(after, (machine(after, Action.BUILD), letter), summary, KEPT)
