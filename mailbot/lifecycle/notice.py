"""When a lease's warnings, stop and removal are due, and what proves that its owner was told.  Pure.

Law: a machine is stopped or removed only with stored proof (accepted by a mail server, not come back)
of the first warning at least `notice` old and of the last at least a day old.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeAlias

from mailbot.model import Accepted, Effect, Notice, NoticeOf, NoticeStage, Ticket, TicketState
from mailbot.rules import Rules
from mailbot.timetable import end_of

DAY = timedelta(days=1)
SLACK = timedelta(hours=2)
"""Every warning leaves this much earlier than its name says, and every moved date leaves this much room: for a clock
that ticks once a minute and a mail server that takes its time.  A proof that lacks less is waited for without a word."""
STALE = timedelta(days=30)
"""What was to happen so long ago is announced anew: nobody expects it any more."""
FULL_PLAN = 1.5
"""A lease at least this many times as long as the longest warning gets every warning in full; a shorter one in proportion."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The dates of one lease: `warnings` ascending, then the stop.  `notice` is how old the first proof must be."""

    warnings: tuple[datetime, ...]
    stop_at: datetime
    notice: timedelta


def plan(ticket: Ticket, rules: Rules, warn_days: Sequence[int] | None = None) -> Plan:
    """The dates of the present lease; warnings are at least a day apart from each other and from the stop.

    By the days of `lease.warn_days`, or by others where those are given.

    Each is planned `SLACK` early: its proof bears the moment at which a server took it, and has to be old
    enough when the stop comes; else every end date would move by the minutes that mail takes.
    """
    lease, timezone = rules.lease, rules.service.timezone
    days = lease.warn_days if warn_days is None else warn_days
    stop_at = end_of(ticket.end_date, timezone)
    length = max(stop_at - (ticket.lease_from or ticket.opened_at), DAY)
    share = min(1.0, length / (timedelta(days=max(days)) * FULL_PLAN)) if days else 1.0
    leads = _apart(sorted((max(timedelta(days=one) * share, DAY) for one in days), reverse=True))
    notice = min(timedelta(days=lease.notice_days), leads[0] if leads else DAY)
    return Plan(tuple(stop_at - lead - SLACK for lead in leads), stop_at, notice)


def _apart(leads: Sequence[timedelta]) -> list[timedelta]:
    """Without those that come less than a day after the one before; the first, on which the notice rests, always stays."""
    kept: list[timedelta] = []
    for lead in leads:
        if not kept or kept[-1] - lead >= DAY:
            kept.append(lead)
    return kept


def whole_days(time: timedelta) -> int:
    """Days as a letter counts them: a letter that is a little late still says the round number."""
    return max((time + SLACK) // DAY, 0)


Counts: TypeAlias = Callable[[Notice], bool]
"""Which announcements count for a step."""


def of_lease(ticket: Ticket) -> Counts:
    """Every announcement of the end of the present lease: an extension makes old proofs void."""
    since = ticket.lease_from or ticket.opened_at
    return lambda one: one.of is NoticeOf.STOP and one.since == since


def of_end_date(ticket: Ticket) -> Counts:
    """Those of the present end date: one that speaks of an earlier date is not sent any more."""
    about_lease = of_lease(ticket)
    return lambda one: about_lease(one) and one.day == ticket.end_date


def of_removal(ticket: Ticket) -> Counts:
    """Every announcement of the removal that follows the last stop."""
    return lambda one: one.of is NoticeOf.REMOVAL and one.since == ticket.ended_at


def of_planned_removal(ticket: Ticket) -> Counts:
    """Those of the removal as it is planned now."""
    about_removal = of_removal(ticket)
    return lambda one: about_removal(one) and one.at == ticket.remove_at


def of_last_call(ticket: Ticket) -> Counts:
    """The last letter before the removal, as the removal is planned now."""
    about_it = of_planned_removal(ticket)
    return lambda one: about_it(one) and one.stage is NoticeStage.LAST


def of_disk(ticket: Ticket) -> Counts:
    """The letter that says until when the disk is kept, as it is kept now; those of earlier programs do not say since which removal."""
    removals = {None, ticket.ended_at}
    return lambda one: one.of is NoticeOf.DISK and one.at == ticket.keep_until and one.since in removals


def ends(ticket: Ticket, stage: NoticeStage, number: int = 0, planned_at: datetime | None = None) -> Notice:
    """What a letter about the end of the lease announces, as the ticket is now."""
    since = ticket.lease_from or ticket.opened_at
    return Notice(NoticeOf.STOP, stage, since=since, day=ticket.end_date, at=planned_at, number=number)


def removes(ticket: Ticket, stage: NoticeStage) -> Notice:
    """What a letter about the removal announces, as the ticket is now."""
    return Notice(NoticeOf.REMOVAL, stage, since=ticket.ended_at, at=ticket.remove_at)


def deletes(ticket: Ticket) -> Notice:
    """What the letter about the kept disk announces."""
    return Notice(NoticeOf.DISK, NoticeStage.KEPT, since=ticket.ended_at, at=ticket.keep_until)


KEY_WORDS = {NoticeOf.STOP: "warning:", NoticeOf.REMOVAL: "removal:", NoticeOf.DISK: "archive:", NoticeOf.MOVE: "move:"}
"""What the keys of announcements begin with, so that those that wait can be cancelled together."""


def announcing(letter: Effect, notice: Notice, ticket: Ticket) -> Effect:
    """The letter as an announcement: with what it announces, and a key that holds all of it.

    Version and address are part of the key: what a question cancelled, or what came back from an address, can be
    written again.  That it is written once is held by `Ticket.stage`.
    """
    moments = (one.isoformat() for one in (notice.since, notice.day, notice.at) if one is not None)
    parts = (*moments, notice.stage.value, str(ticket.version), ticket.email)
    return replace(letter, key=KEY_WORDS[notice.of] + ":".join(parts), notice=notice)


def proofs(accepted: Sequence[Accepted], counts: Counts) -> list[Accepted]:
    """The letters that count as notice: accepted, and not come back for good, oldest first."""
    counted = [
        one
        for one in accepted
        if one.notice is not None and counts(one.notice) and not (one.bounced_at and one.bounce_permanent is not False)
    ]
    return sorted(counted, key=lambda one: one.accepted_at)


def waits_for_a_word(ticket: Ticket, accepted: Sequence[Accepted], rules: Rules, now: datetime) -> bool:
    """Whether the next step was put off for so long that admins are asked, and still waits for notice.

    Where a server took a letter about it, as it is planned now, a day ago or longer, it happens without them.
    """
    match ticket.state:
        case TicketState.ACTIVE:
            about_it = of_end_date(ticket)
        case TicketState.EXPIRED:
            about_it = of_planned_removal(ticket)
        case TicketState.ARCHIVED if ticket.keep_until is not None:
            about_it = of_disk(ticket)
        case _:
            return False
    taken = any(one.accepted_at + DAY <= now for one in proofs(accepted, about_it))
    return rules.lease.is_too_long(ticket.delayed_days) and not taken


def not_before(accepted: Sequence[Accepted], counts: Counts, notice: timedelta) -> datetime | None:
    """The first moment at which the proofs are old enough; None where there is none at all."""
    counted = proofs(accepted, counts)
    if not counted:
        return None
    return max(counted[0].accepted_at + notice, counted[-1].accepted_at + DAY)
