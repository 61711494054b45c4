"""What an admin does to a machine: takes it away, gives it another end, switches it off or on, lets a step happen that waits for notice.  Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta

from mailbot import policy
from mailbot.letters.life import EndEarlier, VmEnded, VmSwitchedOff
from mailbot.lifecycle.circumstances import Circumstances
from mailbot.lifecycle.delay import AGREED
from mailbot.lifecycle.extension import granted
from mailbot.lifecycle.lease import begun, calendar, steps_ahead, stopped
from mailbot.lifecycle.notice import SLACK, announcing, ends
from mailbot.lifecycle.question import WARNINGS, beside
from mailbot.lifecycle.release import after_removal, going, taken_away
from mailbot.lifecycle.removal import disk_goes, removal_begins
from mailbot.lifecycle.steps import called, machine, moved, snapshot, to_owner, why_held
from mailbot.model import (
    Action,
    EndDateSet,
    Ended,
    NoticeStage,
    PowerSet,
    Proceeded,
    Refusal,
    Step,
    Ticket,
    TicketState,
)
from mailbot.timetable import end_of, today
from parsers.translatable import say


def ended(ticket: Ticket, event: Ended, circumstances: Circumstances) -> Step | Refusal:
    """The machine goes now.  No notice is needed where an admin says so and why; a hold is lifted first, and the disk is kept if it is there."""
    if not event.reason.strip():
        return Refusal(say("Removing a machine needs a reason, because its owner will read it."))
    if held := why_held(ticket):
        return Refusal(held)
    after = going(ticket, circumstances, remove_at=circumstances.now)
    by = called(event.by, ticket, circumstances)
    told = VmEnded(
        by=by, reason=event.reason, plan=() if event.disk_gone else after_removal(circumstances), disk_gone=event.disk_gone,
        **snapshot(after),
    )  # fmt: skip
    effects = taken_away(ticket, after, circumstances, to_owner(after, told), by)
    return Step(after, effects, f"ended by {event.by.who}: {event.reason}", WARNINGS)


def end_date_set(ticket: Ticket, event: EndDateSet, circumstances: Circumstances) -> Step | Refusal:
    """Another last day.  A later one is as if it had been asked for and granted, and answers an open question for an extension."""
    problems = policy.end_date_problems(event.until, circumstances.rules, circumstances.now)
    if problems:
        return Refusal(policy.refusal(problems))
    if event.reason:
        return _brought_forward(ticket, event, circumstances)
    if event.until < ticket.end_date or (event.until == ticket.end_date and ticket.state is TicketState.ACTIVE):
        return Refusal(
            say("The machine's last day is already {day}: only a later one can be set.", day=ticket.end_date)
        )
    by = called(event.by, ticket, circumstances)
    return granted(ticket, event.until, by, circumstances, f"end date set to {event.until} by {event.by.who}")


def _brought_forward(ticket: Ticket, event: EndDateSet, circumstances: Circumstances) -> Step | Refusal:
    """An earlier last day, with full notice from now on: a new lease, because warnings of a later day are no notice of this one."""
    if ticket.state is not TicketState.ACTIVE:
        return Refusal(say("This machine is already stopped."))
    if ticket.asked_end_date is not None:
        return Refusal(say("Its owner has asked for more time: approve or deny that first."))
    if event.until >= ticket.end_date:
        return Refusal(say("The machine's last day is {day}: the new one must be earlier.", day=ticket.end_date))
    notice, zone = timedelta(days=circumstances.rules.lease.notice_days), circumstances.rules.service.timezone
    if end_of(event.until, zone) < circumstances.now + notice + SLACK:
        first = today(circumstances.now + notice + SLACK, zone)
        days = circumstances.rules.lease.notice_days
        return Refusal(
            say("Its owner must have {days} days' notice: {day} is the earliest possible day.", days=days, day=first)
        )
    after = begun(ticket, circumstances, end_date=event.until, release_asked_at=None, **AGREED)
    by = called(event.by, ticket, circumstances)
    told = EndEarlier(
        old_end_date=ticket.end_date, end_date=event.until, by=by, reason=event.reason,
        plan=steps_ahead(after, circumstances), calendar=calendar(after),
    )  # fmt: skip
    letter = announcing(to_owner(after, told), ends(after, NoticeStage.MOVED), after)
    summary = f"end date brought forward to {event.until} by {event.by.who}: {event.reason}"
    return Step(after, (letter,), summary, WARNINGS)


def power_set(ticket: Ticket, event: PowerSet, circumstances: Circumstances) -> Step | Refusal:
    """Off or on; the lease goes on either way.  A hold holds in front of an admin, too."""
    reason = event.reason.strip()
    after, key = moved(ticket, circumstances), f"{circumstances.now:%Y%m%dT%H%M%S}"
    if event.on:
        return Step(after, (machine(after, Action.START, key=key),), f"switched on by {event.by.who}")
    if not reason:
        return Refusal(say("Switching a machine off needs a reason, because its owner will read it."))
    if held := why_held(ticket):
        return Refusal(held)
    told = VmSwitchedOff(by=called(event.by, ticket, circumstances), reason=reason, **snapshot(after))
    effects = (machine(after, Action.SWITCH_OFF, key=key), to_owner(after, told, key=key))
    return Step(after, effects, f"switched off by {event.by.who}: {reason}")


def proceeded(ticket: Ticket, event: Proceeded, circumstances: Circumstances) -> Step | Refusal:
    """The next step happens now, and that one alone: what comes after it waits for proven notice again."""
    if not circumstances.rules.lease.is_too_long(ticket.delayed_days) or _is_under_way(ticket):
        return Refusal(say("Nothing here is waiting for an admin: the machine will end after notice to its owner."))
    if held := why_held(ticket):
        return Refusal(held)
    step = _STEPS[ticket.state](ticket, circumstances)
    if ticket.asked_end_date is not None:
        step = beside(ticket, step, circumstances)
    summary = f"{step.summary}, without proven notice, as {event.by.who} said"
    return replace(step, summary=summary, cancel=WARNINGS, destructive=False)


def _is_under_way(ticket: Ticket) -> bool:
    return ticket.state is TicketState.ARCHIVED and ticket.keep_until is None


_STEPS: Mapping[TicketState, Callable[[Ticket, Circumstances], Step]] = {
    TicketState.ACTIVE: stopped,
    TicketState.EXPIRED: removal_begins,
    TicketState.ARCHIVED: disk_goes,
}
"""What comes next in the states in which a step waits for notice."""
