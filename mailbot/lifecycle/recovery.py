"""What becomes of a ticket when a backup was restored: what happened since is not known, so everything is asked and told again.  Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from mailbot.letters.answers import Status
from mailbot.letters.questions import AdminDecision
from mailbot.lifecycle.circumstances import Circumstances
from mailbot.lifecycle.lease import begun, put_off, steps_ahead
from mailbot.lifecycle.notice import SLACK, plan
from mailbot.lifecycle.question import beside
from mailbot.lifecycle.removal import kept_longer
from mailbot.lifecycle.request import question
from mailbot.lifecycle.steps import moved, to_admins, to_owner
from mailbot.model import Action, Purpose, Step, Ticket, TicketState
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
        if after.asked_end_date is not None:
            step = beside(replace(after, version=ticket.version), step, circumstances)
        return replace(step, summary=f"recovered: {step.summary}")
    if ticket.state is S.ACTIVE and ticket.asked_end_date is None and _ends_soon(after, circumstances):
        notice = circumstances.now + timedelta(days=circumstances.rules.lease.notice_days)
        return put_off(after, circumstances, notice, say("A backup of the service was restored."))
    if ticket.state is S.PENDING or ticket.asked_end_date is not None:
        asking = to_admins(after, circumstances, AdminDecision(**question(after, circumstances)))
        return Step(after, asking, f"{_WHY}: asked again", _VOID)
    return Step(after, (), f"{_WHY}: letters of before count for nothing", _VOID)


def adopted(ticket: Ticket, end_date: date, circumstances: Circumstances, *, after_backup: bool = True) -> Step:
    """A machine that no ticket knew is known again, until the last day that it was built for.

    What happened to its lease since is not known, so a new one begins: it ends on no notice of before, and nothing is
    done to the machine now, whether it runs or is stopped.  Its owner gets a letter that can be answered.
    """
    after = begun(
        ticket, circumstances, state=S.ACTIVE, end_date=end_date, asked_at=None, reminders=0, reminded_at=None
    )
    after = replace(after, version=ticket.version + 1)
    why = _WHY if after_backup else "adopted"
    summary = f"{why}: its machine is at {ticket.site}"
    if _ends_soon(after, circumstances):
        notice = circumstances.now + timedelta(days=circumstances.rules.lease.notice_days)
        step = put_off(after, circumstances, notice, _BACKUP if after_backup else _ADOPTED)
        return replace(step, summary=f"{summary}; {step.summary}", cancel=(*step.cancel, *_VOID))
    told = Status(
        state=_AFTER_A_BACKUP if after_backup else _AFTER_AN_ADOPTION,
        dates=steps_ahead(after, circumstances),
        purpose=Purpose.OWN,
    )
    letter = to_owner(after, told, key="recovered")
    # The machine's own site adds how it is there now.
    asked = replace(letter, action=Action.REPORT, key=f"{Action.REPORT.value}:{letter.key}")
    return Step(after, (asked,), summary, _VOID)


_BACKUP = say("A backup of the service was restored.")
_ADOPTED = say("The service had lost track of your machine and manages it again.")
_AFTER_A_BACKUP = say(
    "Your machine is running. A backup of the service was restored: earlier messages about it can no longer be answered; please reply to this one."
)
_AFTER_AN_ADOPTION = say(
    "The service had lost track of your machine and manages it again. Earlier messages about it can no longer be answered; please reply to this one."
)


def _ends_soon(ticket: Ticket, circumstances: Circumstances) -> bool:
    """Whether less than the notice is left: the new lease is so short that its own share of it would be too little."""
    notice = timedelta(days=circumstances.rules.lease.notice_days)
    return plan(ticket, circumstances.rules).stop_at < circumstances.now + notice + SLACK


_VOID = ("warning:", "removal:", "archive:", "admin-decision:", "admin-reminder:", "build:")
"""Keys of letters that were to be sent when the backup was made and would say what is not known to be true."""
