"""What follows a stop: announced, removed, the disk kept, then deleted; held by an admin where need be.  Pure.

The same law as for the stop: nothing destructive without proof that its owner was told, early enough.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from mailbot.lifecycle.lease import announcements, calendar, foretell, last_call, not_now, put_off, steps_ahead
from mailbot.lifecycle.notice import DAY, SLACK, STALE, not_before, notice_key, plan, proofs, removal_prefix, whole_days
from mailbot.lifecycle.steps import About, machine, moved, snapshot, to_owner
from mailbot.model import (
    Action,
    Denied,
    DiskDeleted,
    Effect,
    Held,
    Letter,
    Purpose,
    Refusal,
    Retired,
    Step,
    Ticket,
    TicketState,
    Unheld,
)

LAST_CALL = timedelta(days=3)
"""How long after a last letter that comes late the removal is, at least, where the notice is not shorter."""


def expired_waits(ticket: Ticket, about: About) -> Step:
    """A stopped machine: write once more or twice, then remove it, with proof like for the stop."""
    half, near = announcements(ticket, about)
    remove_at = ticket.remove_at or about.now
    passed = (about.now >= half) + (about.now >= near)
    if about.now >= remove_at:
        return _remove(ticket, about, remove_at)
    if passed > ticket.stage:
        after = replace(moved(ticket, about), stage=passed, due_at=near if passed == 1 else remove_at)
        letter, stage = (Letter.GRACE_HALF, "half") if passed == 1 else (Letter.REMOVAL_NEAR, last_call(after))
        announced = foretell(after, letter, stage, about, days_left=whole_days(remove_at - about.now))
        return Step(after, (announced,), f"told about the removal ({letter})", cancel=("removal:",))
    ahead = (half, near, remove_at)[min(ticket.stage, 2)]
    return Step(replace(moved(ticket, about), due_at=ahead), (), "")


def _notice(about: About) -> timedelta:
    """How old the first announcement of a removal must be: the notice, in proportion where the grace period is short."""
    lease = about.rules.lease
    return min(timedelta(days=lease.notice_days), timedelta(days=lease.grace_days) / 2)


def _remove(ticket: Ticket, about: About, remove_at: datetime) -> Step:
    waits = not_now(ticket, about)
    if waits:
        return waits
    proven = not_before(about.accepted, removal_prefix(ticket), _notice(about))
    if proven is None:
        return _removed_later(ticket, about, about.now + _notice(about), "no announcement has arrived yet")
    if ticket.stage < 2:
        in_time = about.now + max(DAY, min(_notice(about), LAST_CALL))
        return _removed_later(ticket, about, max(proven, in_time), "the last letter before it is late")
    if not proofs(about.accepted, f"{removal_prefix(ticket)}{last_call(ticket)}:"):
        return _removed_later(ticket, about, max(proven, about.now + DAY), "the last letter has not arrived")
    if about.now < proven <= about.now + SLACK:
        return Step(replace(moved(ticket, about), due_at=proven), (), "")
    if proven > about.now:
        return _removed_later(ticket, about, max(proven, about.now + DAY), "notice is not proven yet")
    if about.now > about.open_from(remove_at) + STALE:
        return _removed_later(ticket, about, about.now + _notice(about), "it was not removed then, long ago")
    after = moved(ticket, about, state=TicketState.RETIRING, due_at=None)
    return Step(after, (machine(after, Action.RETIRE),), "removal begins", destructive=True)


def _removed_later(ticket: Ticket, about: About, earliest: datetime, why: str) -> Step:
    """The removal moves; the letter that says so announces it."""
    remove_at = earliest + SLACK
    after = replace(moved(ticket, about, remove_at=remove_at), stage=2, due_at=remove_at)
    days_left = whole_days(remove_at - SLACK - about.now)
    letter = foretell(after, Letter.REMOVAL_NEAR, last_call(after), about, days_left=days_left)
    summary = f"the removal moved to {remove_at:%Y-%m-%d %H:%M} UTC: {why}"
    return Step(after, (letter,), summary, cancel=("removal:",))


def retired(ticket: Ticket, _event: Retired, about: About) -> Step:
    """Domain, seed, reservation and name are gone; the disk is kept for a while, long enough for the letter to arrive."""
    keep_until = about.now + max(timedelta(days=about.rules.lease.keep_disk_days), DAY + SLACK)
    after = moved(ticket, about, state=TicketState.ARCHIVED, keep_until=keep_until, due_at=keep_until)
    return Step(after, (_kept_until(after, about),), "removed; the disk is kept")


def _kept_until(ticket: Ticket, about: About) -> Effect:
    """The machine is gone; until when the disk can still bring it back."""
    keep_until = ticket.keep_until or about.now
    effect = to_owner(
        ticket, Letter.VM_ARCHIVED, Purpose.OWN, keep_until=keep_until.isoformat(), plan=steps_ahead(ticket, about),
        **snapshot(ticket), calendar=calendar(ticket, "CANCELLED"),
    )  # fmt: skip
    return replace(effect, key=notice_key(_archive_prefix(ticket), "kept", ticket))


def _archive_prefix(ticket: Ticket) -> str:
    """What the key of the letter begins with that says until when the disk is kept."""
    return f"archive:{ticket.keep_until:%Y%m%dT%H%M%S}:"


def archived_waits(ticket: Ticket, about: About) -> Step:
    """The disk has been kept long enough: delete it, if its owner provably knows.  Without `keep_until` it is going already."""
    if ticket.keep_until is None:
        return Step(moved(ticket, about, due_at=None), (), "")
    if about.now < ticket.keep_until:
        return Step(replace(moved(ticket, about), due_at=ticket.keep_until), (), "")
    waits = not_now(ticket, about)
    if waits:
        return waits
    proven = not_before(about.accepted, _archive_prefix(ticket), DAY)
    if proven is None:
        return _kept_longer(ticket, about, "its owner could not be told yet")
    if proven > about.now:
        return Step(replace(moved(ticket, about), due_at=proven), (), "")
    if about.now > about.open_from(ticket.keep_until) + STALE:
        return _kept_longer(ticket, about, "it was not deleted then, long ago")
    after = moved(ticket, about, due_at=None, keep_until=None)
    return Step(after, (machine(after, Action.DELETE_DISK),), "the kept disk is deleted", destructive=True)


def _kept_longer(ticket: Ticket, about: About, why: str) -> Step:
    """Another date, and another letter that tells it."""
    keep_until = about.now + timedelta(days=about.rules.lease.notice_days) + SLACK
    after = replace(moved(ticket, about, keep_until=keep_until), due_at=keep_until)
    summary = f"the disk is kept until {keep_until:%Y-%m-%d %H:%M} UTC: {why}"
    return Step(after, (_kept_until(after, about),), summary, cancel=("archive:",))


def disk_deleted(ticket: Ticket, _event: DiskDeleted, about: About) -> Step:
    """Nothing is left of the machine."""
    after = moved(ticket, about, state=TicketState.REMOVED, due_at=None)
    return Step(after, (to_owner(after, Letter.VM_REMOVED, **snapshot(after)),), "disk deleted")


def given_up(ticket: Ticket, event: Denied, about: About) -> Step:
    """A restored machine that could not be built is not tried again: back to where its disk is kept."""
    after = moved(ticket, about, state=TicketState.RETIRING, ended_at=about.now, due_at=None)
    return Step(after, (machine(after, Action.RETIRE),), f"restoring given up by {event.by.who}: {event.reason}")


def held(ticket: Ticket, event: Held, about: About) -> Step | Refusal:
    """Nothing destructive happens to this one until an admin lets go; its owner is written to all the same."""
    if ticket.state is TicketState.ARCHIVED and ticket.keep_until is None:
        return Refusal("The kept disk is being deleted now; it is too late to hold it.")
    return Step(moved(ticket, about, held=event.why), (), f"held by {event.by.who}: {event.why}")


def unheld(ticket: Ticket, event: Unheld, about: About) -> Step:
    """An admin lets go.  What should have happened meanwhile is announced anew, so that it surprises nobody."""
    after = moved(ticket, about, held="")
    summary = f"no longer held, by {event.by.who}"
    if after.asked_end_date is None and after.due_at is not None and about.now >= _acts_at(after, about):
        step = _announced_anew(after, about)
        return replace(step, summary=f"{summary}; {step.summary}")
    return Step(after, (), summary)


def _acts_at(ticket: Ticket, about: About) -> datetime:
    """When the next destructive step is due."""
    match ticket.state:
        case TicketState.ACTIVE:
            return plan(ticket, about.rules).stop_at
        case TicketState.EXPIRED:
            return ticket.remove_at or about.now
        case _:
            return ticket.keep_until or about.now


def _announced_anew(ticket: Ticket, about: About) -> Step:
    why = "it was exempted until now"
    match ticket.state:
        case TicketState.ACTIVE:
            earliest = about.now + plan(ticket, about.rules).notice
            return put_off(ticket, about, earliest, "It was exempted from its end date for a while, and is no longer.")
        case TicketState.EXPIRED:
            return _removed_later(ticket, about, about.now + _notice(about), why)
        case _:
            return _kept_longer(ticket, about, why)
