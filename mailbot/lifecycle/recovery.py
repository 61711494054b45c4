"""What becomes of a ticket when a backup was restored: what happened since is not known, so everything is asked and told again.  Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from mailbot.letters.questions import AdminDecision
from mailbot.lifecycle.lease import put_off
from mailbot.lifecycle.notice import SLACK, plan
from mailbot.lifecycle.removal import kept_longer
from mailbot.lifecycle.request import question
from mailbot.lifecycle.steps import Circumstances, moved, to_admins
from mailbot.model import Step, Ticket, TicketState
from parsers.translatable import say

S = TicketState
_NOTICE_AGAIN: dict[TicketState, tuple[str, ...]] = {S.ACTIVE: ("lease_from",), S.EXPIRED: ("ended_at",)}
"""What proof of notice is bound to: set to now, no announcement of before counts."""
_WHY = "a backup was restored"


def recovered(ticket: Ticket, nonce: str, circumstances: Circumstances) -> Step:
    """The ticket with a new nonce, its open question asked again, and nothing announced for what cannot be taken back.

    An owner may have been granted another date after the backup, or an admin have decided: nothing irreversible follows
    from what was written then, and no letter of then can be answered any more.
    """
    begun: dict[str, Any] = dict.fromkeys(_NOTICE_AGAIN.get(ticket.state, ()), circumstances.now)
    if begun:
        begun |= {"stage": 0, "due_at": circumstances.now}
    after = replace(moved(ticket, circumstances, **begun), nonce=nonce, version=ticket.version + 1)
    if ticket.state is S.ARCHIVED and ticket.keep_until is not None:
        step = kept_longer(after, circumstances, _WHY)
        return replace(step, summary=f"recovered: {step.summary}")
    if ticket.state is S.ACTIVE and ticket.asked_end_date is None and _ends_soon(after, circumstances):
        notice = circumstances.now + timedelta(days=circumstances.rules.lease.notice_days)
        return put_off(after, circumstances, notice, say("A backup of the service was restored."))
    if ticket.state is S.PENDING or ticket.asked_end_date is not None:
        asking = to_admins(after, circumstances, AdminDecision(**question(after, circumstances)))
        return Step(after, asking, f"{_WHY}: asked again", _VOID)
    return Step(after, (), f"{_WHY}: letters of before count for nothing", _VOID)


def _ends_soon(ticket: Ticket, circumstances: Circumstances) -> bool:
    """Whether less than the notice is left: the new lease is so short that its own share of it would be too little."""
    notice = timedelta(days=circumstances.rules.lease.notice_days)
    return plan(ticket, circumstances.rules).stop_at < circumstances.now + notice + SLACK


_VOID = ("warning:", "removal:", "archive:", "admin-decision:", "admin-reminder:")
"""Keys of letters that were to be sent when the backup was made and would say what is not known to be true."""
