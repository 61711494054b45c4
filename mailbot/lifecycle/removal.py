"""What follows a stop: announced, removed, the disk kept, then deleted; held by an admin where need be.  Pure.

The same law as for the stop: nothing destructive without proof that its owner was told, early enough.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from mailbot.letters.kinds import LetterFacts
from mailbot.letters.life import GraceHalf, RemovalNear, VmArchived, VmRemoved
from mailbot.lifecycle.circumstances import Circumstances
from mailbot.lifecycle.dates import announcements
from mailbot.lifecycle.delay import asks, delayed, put_off_to
from mailbot.lifecycle.lease import announce, calendar, not_now, steps_ahead
from mailbot.lifecycle.notice import (
    DAY,
    SLACK,
    STALE,
    announcing,
    deletes,
    not_before,
    of_disk,
    of_last_call,
    of_removal,
    proofs,
    whole_days,
)
from mailbot.lifecycle.steps import machine, moved, snapshot, to_owner
from mailbot.model import (
    Action,
    DiskDeleted,
    Effect,
    NoticeStage,
    Retired,
    Step,
    Ticket,
    TicketState,
)

LAST_CALL = timedelta(days=3)
"""How long after a last letter that comes late the removal is, at least, where the notice is not shorter."""


def expired_waits(ticket: Ticket, circumstances: Circumstances) -> Step:
    """A stopped machine: write once more or twice, then remove it, with proof like for the stop."""
    half, near = announcements(ticket, circumstances)
    remove_at = ticket.remove_at or circumstances.now
    passed = (circumstances.now >= half) + (circumstances.now >= near)
    if circumstances.now >= remove_at:
        return _remove(ticket, circumstances, remove_at)
    if passed > ticket.stage:
        after = replace(moved(ticket, circumstances), stage=passed, due_at=near if passed == 1 else remove_at)
        days_left, ahead_of = whole_days(remove_at - circumstances.now), steps_ahead(after, circumstances)
        letter: LetterFacts = RemovalNear(days_left=days_left, plan=ahead_of, **snapshot(after))
        if passed == 1:
            letter = GraceHalf(days_left=days_left, plan=ahead_of, **snapshot(after))
        announced = announce(after, NoticeStage.HALF if passed == 1 else NoticeStage.LAST, letter)
        return Step(after, (announced,), f"told about the removal ({announced.letter})", cancel=("removal:",))
    ahead = (half, near, remove_at)[ticket.stage]
    return Step(replace(moved(ticket, circumstances), due_at=ahead), (), "")


def removal_notice(circumstances: Circumstances) -> timedelta:
    """How old the first announcement of a removal must be: the notice, in proportion where the grace period is short."""
    lease = circumstances.rules.lease
    return min(timedelta(days=lease.notice_days), timedelta(days=lease.grace_days) / 2)


def _remove(ticket: Ticket, circumstances: Circumstances, remove_at: datetime) -> Step:
    waits = not_now(ticket, circumstances)
    if waits:
        return waits
    proven = not_before(circumstances.accepted, of_removal(ticket), removal_notice(circumstances))
    if proven is None:
        return removed_later(
            ticket, circumstances, circumstances.now + removal_notice(circumstances), "no announcement has arrived yet"
        )
    if ticket.stage < 2:
        in_time = circumstances.now + max(DAY, min(removal_notice(circumstances), LAST_CALL))
        return removed_later(ticket, circumstances, max(proven, in_time), "the last letter before it is late")
    if not proofs(circumstances.accepted, of_last_call(ticket)):
        return removed_later(
            ticket, circumstances, max(proven, circumstances.now + DAY), "the last letter has not arrived"
        )
    if circumstances.now < proven <= circumstances.now + SLACK:
        return Step(replace(moved(ticket, circumstances), due_at=proven), (), "")
    if proven > circumstances.now:
        return removed_later(ticket, circumstances, max(proven, circumstances.now + DAY), "notice is not proven yet")
    if circumstances.now > circumstances.open_from(remove_at) + STALE:
        return removed_later(
            ticket,
            circumstances,
            circumstances.now + removal_notice(circumstances),
            "it was not removed then, long ago",
        )
    return removal_begins(ticket, circumstances)


def removal_begins(ticket: Ticket, circumstances: Circumstances) -> Step:
    """The machine is taken away; its disk is kept.  A question that is still open has nothing left to decide."""
    after = moved(ticket, circumstances, state=TicketState.RETIRING, due_at=None, asked_end_date=None, asked_at=None)
    return Step(after, (machine(after, Action.RETIRE),), "removal begins", destructive=True)


def removed_later(ticket: Ticket, circumstances: Circumstances, earliest: datetime, why: str) -> Step:
    """The removal moves; the letter that says so announces it."""
    before = ticket.remove_at or circumstances.now
    earliest = put_off_to(ticket, before, earliest, circumstances)
    remove_at = earliest + SLACK
    days = delayed(ticket, before, earliest, circumstances.now)
    after = moved(ticket, circumstances, remove_at=remove_at, delayed_days=days)
    after = replace(after, stage=2, due_at=remove_at)
    days_left = whole_days(earliest - circumstances.now)
    near = RemovalNear(days_left=days_left, plan=steps_ahead(after, circumstances), **snapshot(after))
    summary = f"the removal moved to {remove_at:%Y-%m-%d %H:%M} UTC: {why}"
    effects = (announce(after, NoticeStage.LAST, near), *asks(after, circumstances))
    return Step(after, effects, summary, cancel=("removal:",))


def retired(ticket: Ticket, event: Retired, circumstances: Circumstances) -> Step:
    """Domain, seed, reservation and name are gone; the disk is kept for a while, long enough for the letter to arrive.

    Of a machine that was never handed over nothing is kept, and where somebody deleted the disk there is nothing to keep: it is over.
    """
    if ticket.lease_from is None:
        gone = moved(ticket, circumstances, state=TicketState.REMOVED, due_at=None)
        return Step(gone, (), f"what was begun at {ticket.site} is taken away")
    if event.disk_gone:
        gone = moved(ticket, circumstances, state=TicketState.REMOVED, due_at=None, keep_until=None)
        told = VmRemoved(released=given_back(gone), disk_gone=True, **snapshot(gone))
        return Step(gone, (to_owner(gone, told),), "removed; there was no disk to keep")
    promised = ticket.keep_until or circumstances.now + timedelta(days=circumstances.rules.lease.keep_disk_days)
    keep_until = max(promised, circumstances.now + DAY + SLACK)
    after = moved(ticket, circumstances, state=TicketState.ARCHIVED, keep_until=keep_until, due_at=keep_until)
    return Step(after, (kept_until(after, circumstances),), "removed; the disk is kept")


def kept_until(ticket: Ticket, circumstances: Circumstances) -> Effect:
    """The machine is gone; until when the disk can still bring it back."""
    keep_until = ticket.keep_until or circumstances.now
    archived = VmArchived(
        keep_until=keep_until, plan=steps_ahead(ticket, circumstances), calendar=calendar(ticket, "CANCELLED"),
        released=given_back(ticket),
        **snapshot(ticket),
    )  # fmt: skip
    return announcing(to_owner(ticket, archived), deletes(ticket), ticket)


def given_back(ticket: Ticket) -> bool:
    """Whether the machine was removed because its owner gave it back: no removal had been planned."""
    return ticket.remove_at is None


def archived_waits(ticket: Ticket, circumstances: Circumstances) -> Step:
    """The disk has been kept long enough: delete it, if its owner provably knows.  Without `keep_until` it is going already."""
    if ticket.keep_until is None:
        return Step(moved(ticket, circumstances, due_at=None), (), "")
    if circumstances.now < ticket.keep_until:
        return Step(replace(moved(ticket, circumstances), due_at=ticket.keep_until), (), "")
    waits = not_now(ticket, circumstances)
    if waits:
        return waits
    proven = not_before(circumstances.accepted, of_disk(ticket), DAY)
    if proven is None:
        return kept_longer(ticket, circumstances, "its owner could not be told yet")
    if proven > circumstances.now:
        return Step(replace(moved(ticket, circumstances), due_at=proven), (), "")
    if circumstances.now > circumstances.open_from(ticket.keep_until) + STALE:
        return kept_longer(ticket, circumstances, "it was not deleted then, long ago")
    return disk_goes(ticket, circumstances)


def disk_goes(ticket: Ticket, circumstances: Circumstances) -> Step:
    """The kept disk is deleted for good.  A question that is still open has nothing left to decide."""
    after = moved(ticket, circumstances, due_at=None, keep_until=None, asked_end_date=None, asked_at=None)
    return Step(after, (machine(after, Action.DELETE_DISK),), "the kept disk is deleted", destructive=True)


def kept_longer(ticket: Ticket, circumstances: Circumstances, why: str) -> Step:
    """Another date, never an earlier one, and another letter that tells it."""
    notice = timedelta(days=circumstances.rules.lease.notice_days)
    before = ticket.keep_until or circumstances.now
    earliest = put_off_to(ticket, before, max(before, circumstances.now + notice), circumstances)
    keep_until = earliest + SLACK
    days = delayed(ticket, before, earliest, circumstances.now)
    after = replace(moved(ticket, circumstances, keep_until=keep_until, delayed_days=days), due_at=keep_until)
    summary = f"the disk is kept until {keep_until:%Y-%m-%d %H:%M} UTC: {why}"
    return Step(after, (kept_until(after, circumstances), *asks(after, circumstances)), summary, cancel=("archive:",))


def disk_deleted(ticket: Ticket, _event: DiskDeleted, circumstances: Circumstances) -> Step:
    """Nothing is left of the machine."""
    after = moved(ticket, circumstances, state=TicketState.REMOVED, due_at=None)
    return Step(after, (to_owner(after, VmRemoved(released=given_back(after), **snapshot(after))),), "disk deleted")
