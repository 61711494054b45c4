"""Who a ticket waits for, and what comes next: for lists and pages, from the same dates that act.  Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import assert_never

from mailbot.lifecycle.circumstances import Circumstances
from mailbot.lifecycle.dates import ahead, announcements
from mailbot.lifecycle.notice import plan, waits_for_a_word
from mailbot.model import Ticket, TicketState


class Party(StrEnum):
    """Whom a ticket waits for."""

    OWNER = "owner"
    ADMINS = "admins"
    SITE = "site"
    NOBODY = ""


@dataclass(frozen=True, slots=True)
class Outlook:
    """Whom a ticket waits for and for what; what comes next without that, and when (aware UTC; None: nothing has a date)."""

    party: Party
    waits: str
    next: str
    at: datetime | None = None


def outlook(ticket: Ticket, circumstances: Circumstances) -> Outlook:
    """The next thing of a ticket; what an admin holds waits for that admin."""
    if ticket.frozen:
        return Outlook(Party.ADMINS, _asked(ticket), "reminder, or it lapses", ticket.due_at)
    match ticket.state:
        case TicketState.UNCONFIRMED:
            return Outlook(Party.OWNER, "a confirmation", "lapses", ticket.due_at)
        case TicketState.PENDING:
            return Outlook(Party.ADMINS, "a decision", "reminder, or it lapses", ticket.due_at)
        case TicketState.APPROVED:
            return Outlook(Party.SITE, "the build", "ready")
        case TicketState.FAILED:
            return Outlook(Party.ADMINS, "retry or deny", "")
        case TicketState.ACTIVE | TicketState.EXPIRED | TicketState.ARCHIVED:
            return _of_a_machine(ticket, circumstances)
        case TicketState.RETIRING:
            return Outlook(Party.SITE, "the removal", "disk kept")
        case TicketState.DENIED | TicketState.LAPSED | TicketState.WITHDRAWN | TicketState.REMOVED:
            return Outlook(Party.NOBODY, "", "")
        case _:
            assert_never(ticket.state)


def _of_a_machine(ticket: Ticket, circumstances: Circumstances) -> Outlook:
    step, at = _next(ticket, circumstances)
    if ticket.asked_end_date is not None:
        return Outlook(Party.ADMINS, _asked(ticket), step, at)
    if ticket.held:
        held_back = step in _STEPS.values()  # messages are sent all the same
        return Outlook(Party.ADMINS, "unhold", f"{step}, but held" if held_back else step, None if held_back else at)
    if ticket.release_asked_at is not None:
        return Outlook(Party.OWNER, "release, confirmed", step, at)
    if ticket.reinstall_asked_at is not None:
        return Outlook(Party.OWNER, "reinstallation, confirmed", step, at)
    if waits_for_a_word(ticket, circumstances.accepted, circumstances.rules, circumstances.now):
        return Outlook(Party.ADMINS, f"an answer: notice was not proven for {ticket.delayed_days} days", step, at)
    return Outlook(Party.NOBODY, "", step, at)


def _asked(ticket: Ticket) -> str:
    """What admins are asked about a machine, or the kept disk of one."""
    what = "its return, until" if ticket.state is TicketState.ARCHIVED else "an extension to"
    return f"{what} {ticket.asked_end_date}"


_STEPS = {TicketState.ACTIVE: "stop", TicketState.EXPIRED: "removal", TicketState.ARCHIVED: "disk deleted"}


def _next(ticket: Ticket, circumstances: Circumstances) -> tuple[str, datetime | None]:
    """The next letter or step of a machine's lease."""
    letters: tuple[datetime, ...] = ()
    if ticket.state is TicketState.ACTIVE:
        letters = plan(ticket, circumstances.rules).warnings
    elif ticket.state is TicketState.EXPIRED:
        letters = announcements(ticket, circumstances)
    unsent = letters[ticket.stage :]
    if unsent:
        return "warning" if ticket.state is TicketState.ACTIVE else "removal announced", unsent[0]
    step = _STEPS[ticket.state]
    if ticket.state is TicketState.ARCHIVED and ticket.keep_until is None:
        return step, None
    steps = ahead(ticket, circumstances)
    overdue = ticket.due_at or circumstances.now
    return step, steps[0][0] if steps else overdue
