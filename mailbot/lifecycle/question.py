"""A question to the admins about a machine that exists: more time for it, or its return from the kept disk.  Pure.

The first question of a lease stops the clock until it is answered, a further one does not: else whoever is refused could
ask again, and again, and keep the machine, or its disk.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from mailbot import policy
from mailbot.letters.extensions import ExtensionDenied, ExtensionLapsed, ExtensionReceived
from mailbot.letters.questions import AdminDecision, AdminLapsed, AdminReminder
from mailbot.lifecycle.circumstances import Circumstances
from mailbot.lifecycle.delay import delayed
from mailbot.lifecycle.lease import resting, steps_ahead, unsent
from mailbot.lifecycle.notice import DAY, SLACK, announcing, deletes, plan
from mailbot.lifecycle.removal import kept_until
from mailbot.lifecycle.request import (
    asked_about,
    lapses,
    lapses_unanswered,
    next_nudge,
    question,
    reminders_reached,
)
from mailbot.lifecycle.steps import called, decided, later, moved, snapshot, to_admins, to_owner
from mailbot.lifecycle.warned import counted
from mailbot.model import (
    LIVING,
    Approved,
    Denied,
    Effect,
    Freeze,
    Refusal,
    Step,
    Ticket,
    TicketState,
    Withdrawn,
)
from mailbot.timetable import today
from parsers.translatable import Translatable, say

WARNINGS = ("warning:", "removal:")
"""Keys of letters that an extension makes untrue: those that still wait are cancelled."""
KEPT = ("archive:",)
"""Keys of letters about a kept disk."""


def put(ticket: Ticket, until: date, reason: str, circumstances: Circumstances) -> Step:
    """The question goes to every admin; where it is the first of its lease, nothing happens to machine or disk meanwhile."""
    ticket, stops_the_clock = counted(ticket, circumstances), ticket.froze is Freeze.UNUSED
    after = moved(
        ticket,
        circumstances,
        asked_end_date=until,
        release_asked_at=None,
        asked_at=circumstances.now,
        froze=Freeze.ONCE if stops_the_clock else Freeze.SPENT,
        reminders=0,
        reminded_at=None,
        stage=unsent(ticket, circumstances) if stops_the_clock else ticket.stage,
    )
    nudge = next_nudge(after, circumstances.rules.lease)
    after = replace(after, due_at=nudge if stops_the_clock else min(nudge, ticket.due_at or nudge))
    plan = () if stops_the_clock else steps_ahead(after, circumstances)
    about = asked_about(after)
    received = ExtensionReceived(
        question=about,
        asked_end_date=until,
        lapses_at=lapses(after, circumstances),
        why=reason,
        plan=plan,
        **snapshot(after),
    )
    letters = (to_owner(after, received), *asking(after, circumstances, reason))
    return Step(after, letters, f"{_CALLED[about]} to {until} asked", (*WARNINGS, *KEPT) if stops_the_clock else ())


_CALLED = {"extension": "extension", "restore": "return"}
"""What is asked for, in the history."""


def asking(ticket: Ticket, circumstances: Circumstances, why: str) -> tuple[Effect, ...]:
    """The question that is open, to every admin."""
    return to_admins(ticket, circumstances, AdminDecision(**question(ticket, circumstances, why=why)))


def wants_a_nudge(ticket: Ticket, circumstances: Circumstances) -> bool:
    """Whether the open question is due for a reminder, or lapses."""
    return circumstances.now >= next_nudge(ticket, circumstances.rules.lease)


def beside(ticket: Ticket, step: Step, circumstances: Circumstances) -> Step:
    """What happens to a machine while a question is open that does not stop its clock: the question stays, and is nudged in time.

    Where the step changes what is decided upon (the machine is stopped, its end moves), admins get the question as it is now.
    """
    after = step.ticket
    if after.asked_end_date is None:
        days = (circumstances.now - (ticket.asked_at or circumstances.now)).days
        lapsed = AdminLapsed(question=asked_about(ticket), days=days, gone=True)
        return replace(step, effects=(*step.effects, *to_admins(after, circumstances, lapsed)))
    nudge = next_nudge(after, circumstances.rules.lease)
    after = replace(after, due_at=min(nudge, after.due_at or nudge))
    again = asking(after, circumstances, circumstances.extensions.reason) if after.version != ticket.version else ()
    return replace(step, ticket=after, effects=(*step.effects, *again))


def still_asked(ticket: Ticket, until: date) -> Translatable:
    """Why no other date is taken while one is asked: each would be a new question to every admin."""
    return _STILL_ASKED[asked_about(ticket)].given(day=until, withdraw=say("withdraw"))


_STILL_ASKED = {
    "extension": say(
        "You have already asked for an extension until {day}; it is waiting for a decision. To ask for another date, reply “{withdraw}” first."
    ),
    "restore": say(
        "You have already asked for the machine until {day}; that is waiting for a decision. To ask for another date, reply “{withdraw}” first."
    ),
}


def grantable(ticket: Ticket, event: Approved, circumstances: Circumstances) -> date | Refusal:
    """The last day that an admin grants, the one asked for or another; it is later than the present one."""
    until = event.until or ticket.asked_end_date
    if ticket.asked_end_date is None or until is None:
        return Refusal(say("No extension has been requested for this machine, or it has already been decided."))
    problems = policy.end_date_problems(until, circumstances.rules, circumstances.now)
    if problems:
        return Refusal(policy.refusal(problems))
    last = policy.last_day(ticket)
    if until <= last:
        return Refusal(
            say(
                "The machine's last day is already {day}: an extension must end later. To leave it as it is, reply “{deny}” with a reason.",
                day=last,
                deny=say("deny"),
            )
        )
    if event.disk_gib is not None:
        return Refusal(say("The disk of an existing machine cannot be changed; its end date can."))
    return until


def changed(ticket: Ticket, until: date) -> tuple[Translatable, ...]:
    """What an admin changed against what was asked for, as sentences."""
    if ticket.asked_end_date is None or ticket.asked_end_date == until:
        return ()
    return (say("The last day is {day}, not {asked}.", day=until, asked=ticket.asked_end_date),)


def denied(ticket: Ticket, event: Denied, circumstances: Circumstances) -> Step | Refusal:
    """The machine keeps its end date, or stays removed; the time that the question was open is given back."""
    if ticket.asked_end_date is None:
        return Refusal(say("No extension has been requested for this machine, or it has already been decided."))
    after, about = _resumed(ticket, circumstances), asked_about(ticket)
    by = called(event.by, ticket, circumstances)
    told = to_owner(
        after,
        ExtensionDenied(
            question=about, by=by, reason=event.reason, plan=steps_ahead(after, circumstances), **snapshot(after)
        ),
    )
    closed = decided(after, circumstances, about, "denied", by, actor=event.by.who, reason=event.reason)
    summary = f"{_CALLED[about]} denied by {event.by.who}: {event.reason}"
    return Step(after, (_as_notice(told, ticket, after), *closed), summary)


def withdrawn(ticket: Ticket, event: Withdrawn, circumstances: Circumstances) -> Step | Refusal:
    """The owner does not want more time, or the machine back, any more; until when its disk is kept then, a letter says."""
    if ticket.asked_end_date is None:
        return Refusal(_NOTHING_OPEN if ticket.state in LIVING else _NOTHING_ASKED)
    after, about = _resumed(ticket, circumstances), asked_about(ticket)
    told = (kept_until(after, circumstances),) if _keeps_a_disk(ticket) else ()
    closed = decided(after, circumstances, about, "withdrawn", called(event.by, ticket, circumstances))
    return Step(after, (*told, *closed), f"{_CALLED[about]} withdrawn by {event.by.who}")


_NOTHING_OPEN = say(
    "There is no open request to withdraw. To give the machine back, reply “{release}”.",
    release=say("release"),
)
_NOTHING_ASKED = say("There is no open request to withdraw.")


def _keeps_a_disk(ticket: Ticket) -> bool:
    """Whether the open question is why a disk is kept: its owner has been told that it is not deleted meanwhile."""
    return ticket.frozen and ticket.state is TicketState.ARCHIVED


def _as_notice(letter: Effect, before: Ticket, after: Ticket) -> Effect:
    """What an owner reads about a kept disk whose clock goes on again says until when it is kept: notice of its deletion."""
    return announcing(letter, deletes(after), after) if _keeps_a_disk(before) else letter


def _resumed(ticket: Ticket, circumstances: Circumstances) -> Ticket:
    """The question is closed.  Where it had stopped the clock, what was left then (at most the notice) is left again."""
    ticket, asked_at = counted(ticket, circumstances), ticket.asked_at or circumstances.now
    changes: dict[str, Any] = {"asked_end_date": None, "asked_at": None}
    if not ticket.frozen:
        return replace(moved(ticket, circumstances, **changes), due_at=circumstances.now)
    if ticket.state is TicketState.ACTIVE:
        dates = plan(ticket, circumstances.rules)
        left = circumstances.now + max(min(dates.stop_at - asked_at, dates.notice), DAY)
        if dates.stop_at < left:
            changes["end_date"] = today(left + SLACK, circumstances.rules.service.timezone)
            changes["agreed_until"] = ticket.agreed_end
            changes["delayed_days"] = delayed(ticket, dates.stop_at, left, dates.stop_at)
            changes["stage"] = min(ticket.stage, len(dates.warnings) - 1)  # the last warning speaks of the new date
        return resting(moved(ticket, circumstances, **changes), circumstances)
    if ticket.state is TicketState.ARCHIVED:
        changes |= _kept_again(ticket, asked_at, circumstances)
    elif ticket.remove_at is not None:
        changes["remove_at"] = ticket.remove_at + max(circumstances.now - asked_at, timedelta(0))
        changes["delayed_days"] = delayed(ticket, ticket.remove_at, changes["remove_at"], ticket.remove_at)
        changes["stage"] = min(ticket.stage, 1)
    return replace(moved(ticket, circumstances, **changes), due_at=circumstances.now)


def _kept_again(ticket: Ticket, asked_at: datetime, circumstances: Circumstances) -> dict[str, Any]:
    """What a kept disk had left when its owner asked for the machine back, at most the notice, it has again."""
    keep_until = ticket.keep_until or circumstances.now
    notice = timedelta(days=circumstances.rules.lease.notice_days)
    left = circumstances.now + max(min(keep_until - asked_at, notice), DAY + SLACK)
    if keep_until >= left:
        # Another moment all the same: what was written before the question is no notice of the deletion after it.
        return {"keep_until": keep_until + timedelta(seconds=1)}
    return {"keep_until": left, "delayed_days": delayed(ticket, keep_until, left, keep_until)}


def waits(ticket: Ticket, circumstances: Circumstances) -> Step:
    """No admin has decided yet: remind, or let the question lapse; where it stops the clock, nothing else happens to the machine."""
    opened = ticket.asked_at or circumstances.now
    lease = circumstances.rules.lease
    reached = reminders_reached(opened, circumstances)
    if reached > ticket.reminders:
        after = moved(ticket, circumstances, reminders=reached, reminded_at=circumstances.now)
        after = replace(after, due_at=next_nudge(after, lease) if ticket.frozen else circumstances.now)
        asked_again = question(after, circumstances, why=circumstances.extensions.reason)
        reminder = AdminReminder(asked_at=opened, **asked_again)
        return Step(after, to_admins(after, circumstances, reminder, key=str(reached)), "admins reminded")
    if circumstances.now < lapses_unanswered(ticket, lease):
        return Step(replace(moved(ticket, circumstances), due_at=next_nudge(ticket, lease)), (), "")
    if circumstances.blind:
        return later(ticket, circumstances)
    return _lapsed(ticket, (circumstances.now - opened).days, circumstances)


def _lapsed(ticket: Ticket, days: int, circumstances: Circumstances) -> Step:
    after, about = _resumed(ticket, circumstances), asked_about(ticket)
    told = to_owner(
        after,
        ExtensionLapsed(question=about, days=days, plan=steps_ahead(after, circumstances), **snapshot(after)),
    )
    letters = to_admins(after, circumstances, AdminLapsed(question=about, days=days))
    summary = f"{_CALLED[about]} lapsed: no decision in {days} days"
    return Step(after, (_as_notice(told, ticket, after), *letters), summary)
