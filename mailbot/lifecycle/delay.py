"""By how long an end that people agreed on is put off before admins are asked.  Pure.

Nothing destructive happens without proven notice, so each step waits for it; an owner whom no letter reaches, or whose
letters are made to come back, would keep a machine for ever.  So the days are counted from one agreement to the next.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from mailbot.letters.questions import AdminUnproven
from mailbot.lifecycle.circumstances import Circumstances
from mailbot.lifecycle.notice import DAY
from mailbot.lifecycle.steps import to_admins
from mailbot.model import Effect, Freeze, Ticket

AGREED: dict[str, Any] = {"delayed_days": 0, "agreed_until": None, "froze": Freeze.UNUSED}
"""What a ticket has of delays when people have just agreed on its end."""


def delayed(ticket: Ticket, before: datetime, after: datetime, now: datetime) -> int:
    """`Ticket.delayed_days` when a step moves from one moment to another: by begun days; time that is over anyway is not counted."""
    return ticket.delayed_days + max(-((max(before, now) - after) // DAY), 0)


ASKED_AGAIN = timedelta(days=30)
"""How often admins are asked while they do not answer; each move asks, so that the newest question is always the one that counts."""


def put_off_to(ticket: Ticket, before: datetime, earliest: datetime, circumstances: Circumstances) -> datetime:
    """When a step comes that is put off: where that asks the admins not before a month, however little is lacking.

    Else somebody who makes each letter come back moves it day by day, and every day admins are asked.
    """
    latest = earliest + DAY  # a last day is over with its end
    if not circumstances.rules.lease.is_too_long(delayed(ticket, before, latest, circumstances.now)):
        return earliest
    return max(earliest, circumstances.now + ASKED_AGAIN)


def asks(ticket: Ticket, circumstances: Circumstances) -> tuple[Effect, ...]:
    """The question to every admin where it was put off for too long; also beside one for more time, which would else hide it."""
    if not circumstances.rules.lease.is_too_long(ticket.delayed_days):
        return ()
    asking = AdminUnproven(state=ticket.state, days=ticket.delayed_days, address=ticket.email, end_date=ticket.end_date)
    return to_admins(ticket, circumstances, asking, key=f"{circumstances.now:%Y%m%d}")
