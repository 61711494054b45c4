"""The end of a lease: warned, stopped, kept for a while, removed; never without proven notice.  Pure.

A warning and a destructive step never come out of the same call: whoever is warned now is stopped by a
later turn.  Overdue warnings collapse into the most urgent one.  Where notice cannot be proven the date
moves, and the letter that says so counts as notice itself.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from mailbot.lifecycle.notice import DAY, SLACK, Plan, not_before, plan, removal_prefix, warned_prefix
from mailbot.lifecycle.steps import About, machine, moved, snapshot, to_admins, to_owner
from mailbot.model import (
    Action,
    DiskDeleted,
    Effect,
    EffectFailed,
    Held,
    Letter,
    Purpose,
    Retired,
    Returned,
    Step,
    Ticket,
    TicketState,
    Unheld,
)
from mailbot.timetable import today

TRY_AGAIN = timedelta(days=1)


def begun(ticket: Ticket, about: About, **changes: Any) -> Ticket:
    """The ticket with a (new) lease from now on: its first warning, and nothing of an earlier end date left over."""
    fresh = {"lease_from": about.now, "stage": 0, "ended_at": None, "remove_at": None, "keep_until": None}
    return resting(moved(ticket, about, **{**fresh, **changes}), about)


def resting(ticket: Ticket, about: About) -> Ticket:
    """The ticket, to be woken for the next of its lease's dates."""
    dates = plan(ticket, about.rules)
    ahead = [at for at in (*dates.warnings, dates.stop_at)[ticket.stage :] if at > about.now]
    return replace(ticket, due_at=min(ahead, default=dates.stop_at))


def active_waits(ticket: Ticket, about: About) -> Step:
    """Warn, or stop: whichever is due; at most one of them."""
    dates = plan(ticket, about.rules)
    passed = sum(at <= about.now for at in dates.warnings)
    if about.now >= dates.stop_at:
        return _stop(ticket, about, dates)
    if passed > ticket.stage:
        return _warned(ticket, about, dates, passed)
    return Step(resting(moved(ticket, about), about), (), "")


def _warned(ticket: Ticket, about: About, dates: Plan, passed: int) -> Step:
    """One warning for all that are overdue; when it comes too late for full notice, the end date moves first."""
    proven = not_before(about.accepted, warned_prefix(ticket), dates.notice)
    earliest = max(proven, about.now + DAY) if proven else about.now + dates.notice
    if earliest > dates.stop_at:
        return _put_off(ticket, about, earliest, "The warning could not be sent in time.")
    after = resting(replace(moved(ticket, about), stage=passed), about)
    days_left = (dates.stop_at - about.now).days
    last: dict[str, Any] = {"last": True} if passed == len(dates.warnings) else {}
    letter = to_owner(
        after, Letter.WARNING, Purpose.OWN, days_left=days_left, plan=steps_ahead(after, about), **snapshot(after),
        calendar=calendar(after), **last,
    )  # fmt: skip
    letter = replace(letter, key=f"{warned_prefix(ticket)}{passed}")
    return Step(after, (letter,), f"warned: {days_left} days left")


def _put_off(ticket: Ticket, about: About, earliest: datetime, why: str) -> Step:
    """The end date moves to when notice will have been given; the letter that says so is the warning."""
    zone = about.rules.service.timezone
    later = max(today(earliest + SLACK, zone), ticket.end_date)
    after = moved(ticket, about, end_date=later)
    after = resting(replace(after, stage=sum(at <= about.now for at in plan(after, about.rules).warnings)), about)
    letter = to_owner(
        after, Letter.DATE_MOVED, Purpose.OWN, old_end_date=ticket.end_date.isoformat(), end_date=later.isoformat(),
        why=why, plan=steps_ahead(after, about), calendar=calendar(after),
    )  # fmt: skip
    letter = replace(letter, key=f"{warned_prefix(ticket)}moved-{about.now:%Y%m%dT%H%M}")
    return Step(after, (letter,), f"the end date moved to {later}: {why}", cancel=("warning:",))


def steps_ahead(ticket: Ticket, about: About) -> list[dict[str, str]]:
    """What happens to the machine when, step by step, from the same dates that act: a letter's fact `plan`."""
    lease = about.rules.lease
    stop_at = ticket.ended_at or plan(ticket, about.rules).stop_at
    remove_at = ticket.remove_at or stop_at + timedelta(days=lease.grace_days)
    delete_at = ticket.keep_until or remove_at + timedelta(days=lease.keep_disk_days)
    steps = (
        (stop_at, "The machine is stopped; its disk stays as it is."),
        (remove_at, "The machine is removed; its disk is kept."),
        (delete_at, "The disk is deleted for good."),
    )
    return [{"when": at.isoformat(), "what": what} for at, what in steps if at > about.now]


def calendar(ticket: Ticket, status: str = "CONFIRMED") -> dict[str, Any]:
    """The end date as a calendar entry; its SEQUENCE rises with every change (RFC 5545 section 3.8.7.4)."""
    return {"sequence": ticket.version, "status": status}


def _stop(ticket: Ticket, about: About, dates: Plan) -> Step:
    """The end has come: stop, if nothing speaks against it and notice is proven."""
    waits = not_now(ticket, about)
    if waits:
        return waits
    proven = not_before(about.accepted, warned_prefix(ticket), dates.notice)
    if proven is None:
        return _put_off(ticket, about, about.now + dates.notice, "No mail server had taken a warning in time.")
    if proven > about.now:
        return _put_off(ticket, about, max(proven, about.now + DAY), "The warning came later than it should have.")
    grace = timedelta(days=about.rules.lease.grace_days)
    after = moved(ticket, about, state=TicketState.EXPIRED, stage=0, ended_at=about.now, remove_at=about.now + grace)
    after = replace(after, due_at=_announcements(after, about)[0])
    letter = _foretell(after, Letter.VM_STOPPED, "stopped", about, stopped_at=about.now.isoformat())
    return Step(after, (machine(after, Action.STOP), letter), "stopped at the end of the lease", destructive=True)


def not_now(ticket: Ticket, about: About) -> Step | None:
    """A hold, a closure or a weekend puts a destructive step off by a day at a time; notice goes on counting."""
    if ticket.held or about.closed_on(today(about.now, about.rules.service.timezone)):
        return Step(replace(moved(ticket, about), due_at=about.now + TRY_AGAIN), (), "")
    return None


def _announcements(ticket: Ticket, about: About) -> tuple[datetime, datetime]:
    """When a stopped machine's owner is written to again: in the middle of the grace period, and before the removal."""
    stopped, removed = ticket.ended_at or about.now, ticket.remove_at or about.now
    grace = removed - stopped
    near = max(removed - max(timedelta(days=2), min(timedelta(days=3), grace / 4)), stopped + grace * 0.6)
    return stopped + grace / 2, near


def _foretell(ticket: Ticket, letter: Letter, key: str, about: About, **facts: Any) -> Effect:
    effect = to_owner(ticket, letter, Purpose.OWN, plan=steps_ahead(ticket, about), **snapshot(ticket), **facts)
    return replace(effect, key=f"{removal_prefix(ticket)}{key}")


def expired_waits(ticket: Ticket, about: About) -> Step:
    """A stopped machine: write once more or twice, then remove it, with proof like for the stop."""
    half, near = _announcements(ticket, about)
    remove_at = ticket.remove_at or about.now
    passed = (about.now >= half) + (about.now >= near)
    if about.now >= remove_at:
        return _remove(ticket, about)
    if passed > ticket.stage:
        after = replace(moved(ticket, about), stage=passed, due_at=near if passed == 1 else remove_at)
        letter, key = (Letter.GRACE_HALF, "half") if passed == 1 else (Letter.REMOVAL_NEAR, "near")
        days_left = (remove_at - about.now).days
        announced = _foretell(after, letter, key, about, days_left=days_left)
        return Step(after, (announced,), f"told about the removal ({key})")
    ahead = (half, near, remove_at)[ticket.stage]
    return Step(replace(moved(ticket, about), due_at=ahead), (), "")


def _remove(ticket: Ticket, about: About) -> Step:
    waits = not_now(ticket, about)
    if waits:
        return waits
    notice = min(timedelta(days=about.rules.lease.notice_days), timedelta(days=about.rules.lease.grace_days) / 2)
    proven = not_before(about.accepted, removal_prefix(ticket), notice)
    if proven is None or proven > about.now or ticket.stage < 2:
        remove_at = max(proven or about.now + notice, about.now + DAY) + SLACK
        after = replace(moved(ticket, about, remove_at=remove_at), stage=2, due_at=remove_at)
        key, days_left = f"moved-{about.now:%Y%m%dT%H%M}", (remove_at - about.now).days
        letter = _foretell(after, Letter.REMOVAL_NEAR, key, about, days_left=days_left)
        summary = f"the removal moved to {remove_at:%Y-%m-%d %H:%M} UTC: notice is not proven yet"
        return Step(after, (letter,), summary)
    after = moved(ticket, about, state=TicketState.RETIRING, due_at=None)
    return Step(after, (machine(after, Action.RETIRE),), "removal begins", destructive=True)


def retired(ticket: Ticket, _event: Retired, about: About) -> Step:
    """Domain, seed, reservation and name are gone; the disk is kept for a while."""
    keep_until = about.now + timedelta(days=about.rules.lease.keep_disk_days)
    after = moved(ticket, about, state=TicketState.ARCHIVED, keep_until=keep_until, due_at=keep_until)
    return Step(after, (_kept_until(after, about),), "removed; the disk is kept")


def _kept_until(ticket: Ticket, about: About) -> Effect:
    """The machine is gone; until when the disk can still bring it back."""
    keep_until = ticket.keep_until or about.now
    effect = to_owner(
        ticket, Letter.VM_ARCHIVED, Purpose.OWN, keep_until=keep_until.isoformat(), plan=steps_ahead(ticket, about),
        **snapshot(ticket), calendar=calendar(ticket, "CANCELLED"),
    )  # fmt: skip
    return replace(effect, key=f"{_archive_prefix(ticket)}{keep_until:%Y%m%dT%H%M}")


def _archive_prefix(ticket: Ticket) -> str:
    return f"archive:{ticket.ended_at.isoformat() if ticket.ended_at else ''}:"


def archived_waits(ticket: Ticket, about: About) -> Step:
    """The disk has been kept long enough: delete it, if its owner provably knows."""
    if about.now < (ticket.keep_until or about.now):
        return Step(replace(moved(ticket, about), due_at=ticket.keep_until), (), "")
    waits = not_now(ticket, about)
    if waits:
        return waits
    proven = not_before(about.accepted, _archive_prefix(ticket), DAY)
    if proven is None or proven > about.now:
        keep_until = max(proven or about.now, about.now + DAY) + SLACK
        after = replace(moved(ticket, about, keep_until=keep_until), due_at=keep_until)
        letters = (_kept_until(after, about),) if proven is None else ()
        return Step(after, letters, "the disk is kept longer: notice is not proven yet")
    after = moved(ticket, about, due_at=None)
    return Step(after, (machine(after, Action.DELETE_DISK),), "the kept disk is deleted", destructive=True)


def disk_deleted(ticket: Ticket, _event: DiskDeleted, about: About) -> Step:
    """Nothing is left of the machine."""
    after = moved(ticket, about, state=TicketState.REMOVED, due_at=None)
    return Step(after, (to_owner(after, Letter.VM_REMOVED, **snapshot(after)),), "disk deleted")


def effect_failed(ticket: Ticket, event: EffectFailed, about: About) -> Step:
    """A machine could not be stopped, started or removed: it is tried again, and admins read why."""
    letters = to_admins(
        ticket,
        about,
        Letter.ADMIN_MACHINE_TROUBLE,
        key=f"{event.effect}:{about.now:%Y%m%d}",
        effect=event.effect,
        why=event.why,
    )
    return Step(moved(ticket, about), letters, f"{event.effect} failed: {event.why}")


def returned(ticket: Ticket, event: Returned, about: About) -> Step:
    """A letter came back: for good means that it is no notice; another address is used, and admins are told."""
    if event.permanent is False:
        return Step(moved(ticket, about), (), f"a letter to {event.address} is delayed: {event.diagnostic[:200]}")
    after = moved(ticket, about, email=event.other) if event.other else moved(ticket, about)
    facts: dict[str, Any] = {"address": event.address, "what": event.letter, "answer": event.diagnostic[:500]}
    if event.other:
        facts["second"] = event.other
    letters = to_admins(after, about, Letter.ADMIN_NOTICE_BOUNCED, key=event.address, **facts)
    # Written again at once where the clock has announced something already: the letter that came back was no notice.
    wake_at = about.now if ticket.state in {TicketState.ACTIVE, TicketState.EXPIRED} and ticket.stage else ticket.due_at
    stage = max(ticket.stage - 1, 0) if event.other else ticket.stage
    after = replace(after, due_at=wake_at, stage=stage)
    return Step(after, letters, f"a letter to {event.address} came back: {event.diagnostic[:200]}")


def held(ticket: Ticket, event: Held, about: About) -> Step:
    """Nothing destructive happens to this one until an admin lets go; its owner is written to all the same."""
    return Step(moved(ticket, about, held=event.why), (), f"held by {event.by.who}: {event.why}")


def unheld(ticket: Ticket, event: Unheld, about: About) -> Step:
    """An admin lets go."""
    return Step(
        moved(ticket, about, held="", due_at=ticket.due_at or about.now), (), f"no longer held, by {event.by.who}"
    )
