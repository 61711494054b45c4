"""What an owner can say about a machine that exists: longer, back, not after all, again.  Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from mailbot import policy
from mailbot.lifecycle.lease import begun, calendar, resting, steps_ahead, unsent
from mailbot.lifecycle.notice import DAY, SLACK, plan
from mailbot.lifecycle.questions import next_nudge, question
from mailbot.lifecycle.steps import About, called, machine, moved, snapshot, to_admins, to_owner
from mailbot.model import (
    Action,
    Approved,
    Denied,
    Effect,
    ExtensionAsked,
    Kept,
    Letter,
    Purpose,
    Refusal,
    ReleaseAsked,
    Released,
    Restored,
    Step,
    Ticket,
    TicketState,
    Withdrawn,
)
from mailbot.timetable import today
from parsers.dates import long_form

WARNINGS = ("warning:", "removal:")
"""Keys of letters that an extension makes untrue: those that still wait are cancelled."""
RESTORED_FOR = timedelta(days=30)
"""How long a restored machine runs when no date is given; it can be extended like any other."""


def asked(ticket: Ticket, event: ExtensionAsked, about: About) -> Step | Refusal:
    """More time: granted at once within the limits that policy sets, else every admin is asked; the clock stands still."""
    problems = policy.end_date_problems(event.until, about.rules, about.now)
    if problems:
        return Refusal(policy.refusal(problems))
    if event.until <= ticket.end_date:
        return Refusal(
            f"The machine's last day is {long_form(ticket.end_date)} already; ask for a later one, "
            f"or answer “release” to give it back."
        )
    if event.until == ticket.asked_end_date:
        return Refusal(
            f"An extension until {long_form(event.until)} is with the admins already; it waits for their decision."
        )
    if event.automatic and _within_limits(ticket, event.until, about):
        return _granted(
            ticket, event.until, "the rules of the site", about, f"extended to {event.until} without an admin"
        )
    # Another date while one is asked is the same question: it does not stop the clock for longer.
    open_question: dict[str, Any] = {"asked_at": about.now, "reminders": 0, "stage": unsent(ticket, about)}
    changes = {} if ticket.asked_end_date else open_question
    after = moved(ticket, about, asked_end_date=event.until, release_asked_at=None, **changes)
    after = replace(after, due_at=next_nudge(after, about.rules.lease))
    received = to_owner(after, Letter.EXTENSION_RECEIVED, Purpose.OWN, **_wish(after, about))
    return Step(
        after, (received, *question(after, about, Letter.ADMIN_DECISION)), f"extension to {event.until} asked", WARNINGS
    )


def _within_limits(ticket: Ticket, until: date, about: About) -> bool:
    """Whether no admin is needed: not too long, and asked when the end is near, or one could be added to the other."""
    near = ticket.stage > 0 or ticket.state is TicketState.EXPIRED
    return near and (until - ticket.end_date).days <= about.rules.policy.auto_extend_days


def _wish(ticket: Ticket, about: About) -> dict[str, Any]:
    lapses_at = (ticket.asked_at or about.now) + timedelta(days=about.rules.lease.lapse_days)
    return {
        "asked_end_date": ticket.asked_end_date.isoformat() if ticket.asked_end_date else "",
        "lapses_at": lapses_at.isoformat(),
        **snapshot(ticket),
    }


def approved(ticket: Ticket, event: Approved, about: About) -> Step | Refusal:
    """An admin grants the extension, perhaps to another day."""
    until = event.until or ticket.asked_end_date
    if ticket.asked_end_date is None or until is None:
        return Refusal("Nobody has asked for an extension of this machine, or it was decided already.")
    problems = policy.end_date_problems(until, about.rules, about.now)
    if problems:
        return Refusal(policy.refusal(problems))
    if event.disk_gib is not None:
        return Refusal("The disk of a machine that exists cannot be changed; the end date can.")
    by = called(event.by, ticket, about)
    step = _granted(ticket, until, by, about, f"extension to {until} approved by {event.by.who}")
    return replace(step, effects=(*step.effects, *_decided(step.ticket, about, "approved", by)))


def _granted(ticket: Ticket, until: date, by: str, about: About, summary: str) -> Step:
    """A new lease from now on; a stopped machine starts again; old warnings are void."""
    after = begun(
        ticket,
        about,
        state=TicketState.ACTIVE,
        end_date=until,
        asked_end_date=None,
        asked_at=None,
        reminders=0,
        release_asked_at=None,
    )
    started = ticket.state is TicketState.EXPIRED
    granted = to_owner(
        after, Letter.EXTENSION_GRANTED, Purpose.OWN, until=until.isoformat(), by=by, started=started,
        old_end_date=ticket.end_date.isoformat(), plan=steps_ahead(after, about), calendar=calendar(after),
    )  # fmt: skip
    effects = (machine(after, Action.START), granted) if started else (granted,)
    return Step(after, effects, summary, WARNINGS)


def _decided(ticket: Ticket, about: About, decision: str, by: str, reason: str = "") -> tuple[Effect, ...]:
    facts: dict[str, Any] = {
        "decision": decision,
        "question": "extension",
        "by": by,
        "at": about.now.isoformat(),
        "end_date": ticket.end_date.isoformat(),
    }
    if reason:
        facts["reason"] = reason
    return to_admins(ticket, about, Letter.ADMIN_DECIDED, **facts)


def denied(ticket: Ticket, event: Denied, about: About) -> Step | Refusal:
    """The machine keeps its end date; the time that the question was open is given back."""
    if ticket.asked_end_date is None:
        return Refusal("Nobody has asked for an extension of this machine, or it was decided already.")
    after = _thawed(ticket, about)
    by = called(event.by, ticket, about)
    told = to_owner(
        after, Letter.EXTENSION_DENIED, Purpose.OWN, by=by, reason=event.reason, plan=steps_ahead(after, about),
        **snapshot(after),
    )  # fmt: skip
    return Step(
        after,
        (told, *_decided(after, about, "denied", by, event.reason)),
        f"extension denied by {event.by.who}: {event.reason}",
    )


def withdrawn(ticket: Ticket, event: Withdrawn, about: About) -> Step | Refusal:
    """The owner does not want the extension any more."""
    if ticket.asked_end_date is None:
        return Refusal(
            "There is no question open that could be taken back; to give the machine back, answer “release”."
        )
    after = _thawed(ticket, about)
    by = called(event.by, ticket, about)
    return Step(after, _decided(after, about, "withdrawn", by), f"extension withdrawn by {event.by.who}")


def _thawed(ticket: Ticket, about: About) -> Ticket:
    """The clock goes on: what was left when the question was asked (at most the notice) is left again."""
    asked_at = ticket.asked_at or about.now
    changes: dict[str, Any] = {"asked_end_date": None, "asked_at": None, "reminders": 0}
    if ticket.state is TicketState.ACTIVE:
        dates = plan(ticket, about.rules)
        left = about.now + max(min(dates.stop_at - asked_at, dates.notice), DAY)
        if dates.stop_at < left:
            changes["end_date"] = today(left + SLACK, about.rules.service.timezone)
            changes["stage"] = min(ticket.stage, len(dates.warnings) - 1)  # the last warning speaks of the new date
        return resting(moved(ticket, about, **changes), about)
    if ticket.remove_at is not None:
        changes["remove_at"] = ticket.remove_at + max(about.now - asked_at, timedelta(0))
        changes["stage"] = min(ticket.stage, 1)
    return replace(moved(ticket, about, **changes), due_at=about.now)


def waits(ticket: Ticket, about: About) -> Step:
    """No admin has decided yet: remind, or let the question lapse; nothing else happens to the machine meanwhile."""
    opened = ticket.asked_at or about.now
    lease = about.rules.lease
    if about.now >= opened + timedelta(days=lease.lapse_days):
        after = _thawed(ticket, about)
        days = (about.now - opened).days
        told = to_owner(after, Letter.EXTENSION_LAPSED, Purpose.OWN, days=days, plan=steps_ahead(after, about))
        letters = to_admins(after, about, Letter.ADMIN_LAPSED, question="extension", days=days)
        return Step(after, (told, *letters), f"extension lapsed: no decision in {days} days")
    reached = sum(1 for day in lease.remind_days if about.now >= opened + timedelta(days=day))
    if reached <= ticket.reminders:
        return Step(replace(moved(ticket, about), due_at=next_nudge(ticket, lease)), (), "")
    after = replace(moved(ticket, about), reminders=reached)
    after = replace(after, due_at=next_nudge(after, lease))
    letters = question(after, about, Letter.ADMIN_REMINDER, key=str(reached), asked_at=opened.isoformat())
    return Step(after, letters, "admins reminded")


def release_asked(ticket: Ticket, _event: ReleaseAsked, about: About) -> Step:
    """Giving back cannot be undone for long: the registered address is asked once more."""
    after = moved(ticket, about, release_asked_at=about.now)
    letter = to_owner(
        after, Letter.RELEASE_CONFIRM, Purpose.CONFIRM, key=about.now.isoformat(), plan=_gone(about), **snapshot(after)
    )
    return Step(after, (letter,), "release asked")


def released(ticket: Ticket, event: Released, about: About) -> Step | Refusal:
    """The owner gives the machine back: it goes now, its disk is kept for a while."""
    if ticket.release_asked_at is None:
        return Refusal("Nothing waits for a confirmation: answer “release” first to give the machine back.")
    if about.now > ticket.release_asked_at + timedelta(days=about.rules.lease.confirm_days):
        return Refusal("That question is too old by now: answer “release” once more to give the machine back.")
    after = moved(
        ticket,
        about,
        state=TicketState.RETIRING,
        release_asked_at=None,
        asked_end_date=None,
        asked_at=None,
        ended_at=ticket.ended_at or about.now,
        due_at=None,
    )
    letter = to_owner(after, Letter.VM_RELEASED, Purpose.OWN, plan=_gone(about), **snapshot(after))
    return Step(after, (machine(after, Action.RETIRE), letter), f"released by {event.by.who}", WARNINGS)


def _gone(about: About) -> list[dict[str, str]]:
    """What follows a release."""
    delete_at = about.now + timedelta(days=about.rules.lease.keep_disk_days)
    return [
        {"when": about.now.isoformat(), "what": "The machine is stopped and removed; its disk is kept."},
        {"when": delete_at.isoformat(), "what": "The disk is deleted for good."},
    ]


def kept(ticket: Ticket, event: Kept, about: About) -> Step | Refusal:
    """The owner takes a release back that was not confirmed yet."""
    if ticket.release_asked_at is None:
        return Refusal("The machine is not being given back, so there is nothing to keep it from.")
    after = moved(ticket, about, release_asked_at=None)
    letter = to_owner(after, Letter.VM_KEPT, Purpose.OWN, key=about.now.isoformat(), plan=steps_ahead(after, about))
    return Step(after, (letter,), f"release taken back by {event.by.who}")


def restored(ticket: Ticket, event: Restored, about: About) -> Step | Refusal:
    """Built again around the kept disk, where that disk is."""
    until = event.until or today(about.now, about.rules.service.timezone) + RESTORED_FOR
    problems = policy.end_date_problems(until, about.rules, about.now)
    if problems:
        return Refusal(policy.refusal(problems))
    if ticket.keep_until is None:
        return Refusal("The kept disk is being deleted now; it is too late to bring the machine back.")
    after = moved(
        ticket, about, state=TicketState.APPROVED, end_date=until, due_at=None, keep_until=None, ended_at=None, stage=0
    )
    letter = to_owner(after, Letter.VM_RESTORED, Purpose.OWN, **snapshot(after))
    return Step(after, (machine(after, Action.BUILD), letter), f"restored, asked by {event.by.who}")
