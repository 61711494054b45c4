"""What an owner can say about a machine that exists: longer, back, not after all, again.  Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from mailbot import policy
from mailbot.letters.extensions import ExtensionDenied, ExtensionGranted, ExtensionLapsed, ExtensionReceived
from mailbot.letters.questions import AdminDecision, AdminLapsed, AdminReminder
from mailbot.lifecycle import ownership
from mailbot.lifecycle.circumstances import Circumstances
from mailbot.lifecycle.delay import AGREED, delayed
from mailbot.lifecycle.extended import EXTENDED
from mailbot.lifecycle.lease import begun, calendar, resting, steps_ahead, unsent
from mailbot.lifecycle.notice import DAY, SLACK, plan
from mailbot.lifecycle.request import next_nudge, nudge_after_reminder, question, reminders_reached
from mailbot.lifecycle.steps import called, decided, later, machine, moved, snapshot, to_admins, to_owner
from mailbot.model import (
    Action,
    Approved,
    Denied,
    Effect,
    ExtensionAsked,
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


def asked(ticket: Ticket, event: ExtensionAsked, circumstances: Circumstances) -> Step | Refusal:
    """More time: granted at once within the limits that policy sets, else every admin is asked, and nothing happens to the machine meanwhile."""
    problems = policy.end_date_problems(event.until, circumstances.rules, circumstances.now)
    if problems:
        return Refusal(policy.refusal(problems))
    if event.until <= ticket.end_date:
        return Refusal(
            say(
                "The machine's last day is {day} already; ask for a later one, or answer “{release}” to give it back.",
                day=ticket.end_date,
                release=say("release"),
            )
        )
    if ticket.asked_end_date is not None:
        return Refusal(still_asked(ticket.asked_end_date))
    if why := ownership.against(circumstances.owner, needs_key=False):
        return Refusal(why)
    if (
        event.automatic
        and ownership.is_well(circumstances.owner)
        and _within_limits(ticket, event.until, circumstances)
    ):
        return granted(
            ticket,
            event.until,
            say("the rules of the site"),
            circumstances,
            f"extended to {event.until} without an admin",
        )
    return _put_to_admins(ticket, event, circumstances)


def _put_to_admins(ticket: Ticket, event: ExtensionAsked, circumstances: Circumstances) -> Step:
    """The question goes to every admin.  The first one of a lease stops the clock until it is answered, a further one does not.

    Else whoever is refused could ask again, and again, and keep the machine.
    """
    until, stops_the_clock = event.until, ticket.froze is Freeze.UNUSED
    after = moved(
        ticket,
        circumstances,
        asked_end_date=until,
        release_asked_at=None,
        asked_at=circumstances.now,
        froze=Freeze.ONCE if stops_the_clock else Freeze.SPENT,
        reminders=0,
        stage=unsent(ticket, circumstances) if stops_the_clock else ticket.stage,
    )
    nudge = next_nudge(after, circumstances.rules.lease)
    after = replace(after, due_at=nudge if stops_the_clock else min(nudge, ticket.due_at or nudge))
    lapses_at = circumstances.now + timedelta(days=circumstances.rules.lease.lapse_days)
    plan = () if stops_the_clock else steps_ahead(after, circumstances)
    received = ExtensionReceived(
        asked_end_date=until, lapses_at=lapses_at, why=event.reason, plan=plan, **snapshot(after)
    )  # fmt: skip
    letters = (to_owner(after, received), *_asking(after, circumstances, event.reason))
    return Step(after, letters, f"extension to {until} asked", WARNINGS if stops_the_clock else ())


def _asking(ticket: Ticket, circumstances: Circumstances, why: str) -> tuple[Effect, ...]:
    """The question that is open, to every admin."""
    return to_admins(ticket, circumstances, AdminDecision(**question(ticket, circumstances, why=why)))


def wants_a_nudge(ticket: Ticket, circumstances: Circumstances) -> bool:
    """Whether the open question is due for a reminder, or lapses."""
    return circumstances.now >= next_nudge(ticket, circumstances.rules.lease)


def beside(ticket: Ticket, step: Step, circumstances: Circumstances) -> Step:
    """What the clock does to a machine while a question is open that does not stop it: the question stays, and is nudged in time.

    Where the step changes what is decided upon (the machine is stopped, its end moves), admins get the question as it is now.
    """
    after = step.ticket
    if after.asked_end_date is None:
        lapsed = AdminLapsed(
            question="extension", days=(circumstances.now - (ticket.asked_at or circumstances.now)).days
        )
        return replace(step, effects=(*step.effects, *to_admins(after, circumstances, lapsed)))
    nudge = next_nudge(after, circumstances.rules.lease)
    after = replace(after, due_at=min(nudge, after.due_at or nudge))
    again = _asking(after, circumstances, circumstances.extensions.reason) if after.version != ticket.version else ()
    return replace(step, ticket=after, effects=(*step.effects, *again))


def still_asked(until: date) -> Translatable:
    """Why no other date is taken while one is asked: each would be a new question to every admin."""
    return say(
        "An extension until {day} is with the admins already; it waits for their decision. "
        "To ask for another date, answer “{withdraw}” first.",
        day=until,
        withdraw=say("withdraw"),
    )


def _within_limits(ticket: Ticket, until: date, circumstances: Circumstances) -> bool:
    """Whether no admin is needed: not too long, and asked when the end is near, or one could be added to the other."""
    near = ticket.stage > 0 or ticket.state is TicketState.EXPIRED
    return near and (until - ticket.end_date).days <= circumstances.rules.policy.auto_extend_days


def approved(ticket: Ticket, event: Approved, circumstances: Circumstances) -> Step | Refusal:
    """An admin grants the extension, perhaps to another day."""
    until = event.until or ticket.asked_end_date
    if ticket.asked_end_date is None or until is None:
        return Refusal(say("Nobody has asked for an extension of this machine, or it was decided already."))
    problems = policy.end_date_problems(until, circumstances.rules, circumstances.now)
    if problems:
        return Refusal(policy.refusal(problems))
    if until <= ticket.end_date:
        return Refusal(
            say(
                "The machine's last day is {day} already: an extension ends later. "
                "To leave it at that, answer “{deny}” with a reason.",
                day=ticket.end_date,
                deny=say("deny"),
            )
        )
    if event.disk_gib is not None:
        return Refusal(say("The disk of a machine that exists cannot be changed; the end date can."))
    by = called(event.by, ticket, circumstances)
    step = granted(ticket, until, by, circumstances, f"extension to {until} approved by {event.by.who}")
    return replace(
        step,
        effects=(
            *step.effects,
            *decided(
                step.ticket,
                circumstances,
                "extension",
                "approved",
                by,
                actor=event.by.who,
                changed=_changed(ticket, until),
            ),
        ),
    )


def granted(ticket: Ticket, until: date, by: str, circumstances: Circumstances, summary: str) -> Step:
    """A new lease from now on; a stopped machine starts again; old warnings are void."""
    after = begun(
        ticket,
        circumstances,
        state=TicketState.ACTIVE,
        end_date=until,
        asked_end_date=None,
        asked_at=None,
        release_asked_at=None,
        **AGREED,
    )
    started = ticket.state is TicketState.EXPIRED
    granted = to_owner(
        after,
        ExtensionGranted(
            until=until, by=by, started=started, old_end_date=ticket.end_date,
            plan=steps_ahead(after, circumstances), calendar=calendar(after), changed=_changed(ticket, until),
        ),
    )  # fmt: skip
    effects = (machine(after, Action.START), granted) if started else (granted,)
    return Step(after, effects, summary, WARNINGS, facts={EXTENDED: until.isoformat()})


def _changed(ticket: Ticket, until: date) -> tuple[Translatable, ...]:
    """What an admin changed against what was asked for, as sentences."""
    if ticket.asked_end_date is None or ticket.asked_end_date == until:
        return ()
    return (say("The last day is {day}, not {asked}.", day=until, asked=ticket.asked_end_date),)


def denied(ticket: Ticket, event: Denied, circumstances: Circumstances) -> Step | Refusal:
    """The machine keeps its end date; the time that the question was open is given back."""
    if ticket.asked_end_date is None:
        return Refusal(say("Nobody has asked for an extension of this machine, or it was decided already."))
    after = _resumed(ticket, circumstances)
    by = called(event.by, ticket, circumstances)
    denied = ExtensionDenied(
        by=by, reason=event.reason, plan=steps_ahead(after, circumstances), **snapshot(after)
    )  # fmt: skip
    return Step(
        after,
        (
            to_owner(after, denied),
            *decided(after, circumstances, "extension", "denied", by, actor=event.by.who, reason=event.reason),
        ),
        f"extension denied by {event.by.who}: {event.reason}",
    )


def withdrawn(ticket: Ticket, event: Withdrawn, circumstances: Circumstances) -> Step | Refusal:
    """The owner does not want the extension any more."""
    if ticket.asked_end_date is None:
        return Refusal(
            say(
                "There is no question open that could be taken back; to give the machine back, answer “{release}”.",
                release=say("release"),
            )
        )
    after = _resumed(ticket, circumstances)
    by = called(event.by, ticket, circumstances)
    return Step(
        after, decided(after, circumstances, "extension", "withdrawn", by), f"extension withdrawn by {event.by.who}"
    )


def _resumed(ticket: Ticket, circumstances: Circumstances) -> Ticket:
    """The question is closed.  Where it had stopped the clock, what was left then (at most the notice) is left again."""
    asked_at = ticket.asked_at or circumstances.now
    changes: dict[str, Any] = {"asked_end_date": None, "asked_at": None}
    if not ticket.frozen:
        return replace(moved(ticket, circumstances, **changes), due_at=circumstances.now)
    if ticket.state is TicketState.ACTIVE:
        dates = plan(ticket, circumstances.rules)
        left = circumstances.now + max(min(dates.stop_at - asked_at, dates.notice), DAY)
        if dates.stop_at < left:
            changes["end_date"] = today(left + SLACK, circumstances.rules.service.timezone)
            changes["delayed_days"] = delayed(ticket, dates.stop_at, left, dates.stop_at)
            changes["stage"] = min(ticket.stage, len(dates.warnings) - 1)  # the last warning speaks of the new date
        return resting(moved(ticket, circumstances, **changes), circumstances)
    if ticket.remove_at is not None:
        changes["remove_at"] = ticket.remove_at + max(circumstances.now - asked_at, timedelta(0))
        changes["delayed_days"] = delayed(ticket, ticket.remove_at, changes["remove_at"], ticket.remove_at)
        changes["stage"] = min(ticket.stage, 1)
    return replace(moved(ticket, circumstances, **changes), due_at=circumstances.now)


def waits(ticket: Ticket, circumstances: Circumstances) -> Step:
    """No admin has decided yet: remind, or let the question lapse; where it stops the clock, nothing else happens to the machine."""
    opened = ticket.asked_at or circumstances.now
    lease = circumstances.rules.lease
    reached = reminders_reached(opened, circumstances)
    if reached > ticket.reminders:
        after = replace(moved(ticket, circumstances), reminders=reached)
        nudge = nudge_after_reminder(after, circumstances) if ticket.frozen else circumstances.now
        after = replace(after, due_at=nudge)
        asked_again = question(after, circumstances, why=circumstances.extensions.reason)
        reminder = AdminReminder(asked_at=opened, **asked_again)
        return Step(after, to_admins(after, circumstances, reminder, key=str(reached)), "admins reminded")
    if circumstances.now < opened + timedelta(days=lease.lapse_days):
        return Step(replace(moved(ticket, circumstances), due_at=next_nudge(ticket, lease)), (), "")
    if circumstances.blind:
        return later(ticket, circumstances)
    after = _resumed(ticket, circumstances)
    days = (circumstances.now - opened).days
    told = ExtensionLapsed(days=days, plan=steps_ahead(after, circumstances), **snapshot(after))
    letters = to_admins(after, circumstances, AdminLapsed(question="extension", days=days))
    return Step(after, (to_owner(after, told), *letters), f"extension lapsed: no decision in {days} days")
