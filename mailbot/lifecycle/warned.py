"""How many warnings of a lease count as written, when the site changes its plan of warnings (`lease.warn_days`).  Pure.

`Ticket.stage` is a count, and the same count is another warning by another plan.  So it is counted again, by time: a
warning counts as written where the last one was written when it is planned, or later.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from mailbot.lifecycle.circumstances import Circumstances
from mailbot.lifecycle.notice import DAY, of_lease, plan, proofs
from mailbot.model import NoticeStage, Ticket, TicketState

REPEATS = DAY / 2
"""A warning that is planned so soon after another would only repeat it."""
COVERS = {NoticeStage.WARNING: REPEATS, NoticeStage.MOVED: DAY}
"""For how long after a letter about the end of a lease no further one is written."""


def counted(ticket: Ticket, circumstances: Circumstances) -> Ticket:
    """The ticket with its warnings counted by the plan in force; itself where they are."""
    days = circumstances.rules.lease.warn_days
    if ticket.state is not TicketState.ACTIVE or ticket.warned_by == days:
        return ticket
    if ticket.warned_by is None:  # of an earlier program, which did not write down by which plan it counted
        return replace(ticket, warned_by=days)
    covered = max(_covered(ticket, circumstances), default=None)
    warnings = plan(ticket, circumstances.rules).warnings
    stage = 0 if covered is None else sum(at < covered for at in warnings)
    return replace(ticket, stage=stage, warned_by=days)


def _covered(ticket: Ticket, circumstances: Circumstances) -> Iterator[datetime]:
    """Until when no further warning is needed, by each letter of this lease: those that arrived, and the last that was written."""
    for one in proofs(circumstances.accepted, of_lease(ticket)):
        if one.notice is not None:
            yield one.accepted_at + COVERS[one.notice.stage]
    if ticket.stage:
        written = plan(ticket, circumstances.rules, ticket.warned_by).warnings[: ticket.stage]
        yield min(written[-1], circumstances.now) + REPEATS
