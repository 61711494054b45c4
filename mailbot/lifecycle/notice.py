"""When a lease's warnings, stop and removal are due, and what proves that its owner was told.  Pure.

Law: a machine is stopped or removed only with stored proof (accepted by a mail server, not come back)
of the first warning at least `notice` old and of the last at least a day old.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from mailbot.model import Accepted, Ticket
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


def plan(ticket: Ticket, rules: Rules) -> Plan:
    """The dates of the present lease; warnings are at least a day apart from each other and from the stop.

    Each is planned `SLACK` early: its proof bears the moment at which a server took it, and has to be old
    enough when the stop comes; else every end date would move by the minutes that mail takes.
    """
    lease, timezone = rules.lease, rules.service.timezone
    stop_at = end_of(ticket.end_date, timezone)
    length = max(stop_at - (ticket.lease_from or ticket.opened_at), DAY)
    longest = timedelta(days=max(lease.warn_days, default=0)) * FULL_PLAN
    share = min(1.0, length / longest) if longest else 1.0
    leads = _apart(sorted((max(timedelta(days=days) * share, DAY) for days in lease.warn_days), reverse=True))
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


def warned_prefix(ticket: Ticket) -> str:
    """What the key of every warning about the present lease begins with: an extension makes old proofs void."""
    return f"warning:{(ticket.lease_from or ticket.opened_at).isoformat()}:"


def warning_prefix(ticket: Ticket) -> str:
    """The same for warnings about the present end date: one that speaks of an earlier date is not sent any more."""
    return f"{warned_prefix(ticket)}{ticket.end_date.isoformat()}:"


def notice_key(prefix: str, stage: str, ticket: Ticket) -> str:
    """The key of one announcement.

    Version and address are part of it: what a question cancelled, or what came back from an address, can be
    written again.  That it is written once is held by `Ticket.stage`.
    """
    return f"{prefix}{stage}:{ticket.version}:{ticket.email}"


def removal_prefix(ticket: Ticket) -> str:
    """What the key of every letter that announces this removal begins with."""
    return f"removal:{ticket.ended_at.isoformat() if ticket.ended_at else ''}:"


def proofs(accepted: Sequence[Accepted], prefix: str) -> list[Accepted]:
    """The letters that count as notice: accepted, and not come back for good, oldest first."""
    counted = [
        one
        for one in accepted
        if one.key.startswith(prefix) and not (one.bounced_at and one.bounce_permanent is not False)
    ]
    return sorted(counted, key=lambda one: one.accepted_at)


def not_before(accepted: Sequence[Accepted], prefix: str, notice: timedelta) -> datetime | None:
    """The first moment at which the proofs are old enough; None where there is none at all."""
    counted = proofs(accepted, prefix)
    if not counted:
        return None
    return max(counted[0].accepted_at + notice, counted[-1].accepted_at + DAY)
