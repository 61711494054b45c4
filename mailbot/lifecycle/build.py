"""From an approved ticket to a running machine, or to the reason why not.  Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from mailbot.lifecycle.lease import begun, calendar
from mailbot.lifecycle.notice import plan
from mailbot.lifecycle.steps import Circumstances, machine, moved, snapshot, to_admins, to_owner
from mailbot.model import Action, BuildFailed, Built, Letter, Placed, Refusal, Retried, Step, Ticket, TicketState


def placed(ticket: Ticket, event: Placed, circumstances: Circumstances) -> Step | Refusal:
    """A site was chosen; from here on, what may exist there can be found again.

    Refused where the machine is somewhere else than when the site was chosen: what was begun there would be forgotten.
    """
    if ticket.site != event.instead_of:
        return Refusal(f"The machine was placed at {ticket.site or 'no site'} meanwhile.")
    return Step(moved(ticket, circumstances, site=event.site), (), f"placed at {event.site}")


def built(ticket: Ticket, event: Built, circumstances: Circumstances) -> Step:
    """The machine answers and shows the owner's key: the owner gets the letter to log in with."""
    after = begun(ticket, circumstances, state=TicketState.ACTIVE)
    dates: dict[str, Any] = {
        "stop_at": plan(after, circumstances.rules).stop_at.isoformat(),
        "calendar": calendar(after),
    }
    again: dict[str, Any] = {"restored": True} if ticket.lease_from else {}
    return Step(
        after,
        (to_owner(after, Letter.VM_READY, **snapshot(after), **event.facts, **dates, **again),),
        f"machine ready at {ticket.site}",
    )


def build_failed(ticket: Ticket, event: BuildFailed, circumstances: Circumstances) -> Step:
    """Building gave up: admins read why and how to try again; the owner is not bothered with it."""
    # Where something was left behind, or the disk of a machine that was in use lies, the next try goes on.
    site = ticket.site if event.left_behind or ticket.lease_from else None
    after = moved(ticket, circumstances, state=TicketState.FAILED, site=site, asked_at=circumstances.now)
    after = replace(after, due_at=circumstances.now + timedelta(days=circumstances.rules.lease.failed_days))
    letters = to_admins(
        after,
        circumstances,
        Letter.ADMIN_BUILD_FAILED,
        why=event.why,
        attempts=event.attempts,
        sites=list(event.sites),
    )
    return Step(after, letters, f"building failed: {event.why}")


def retried(ticket: Ticket, event: Retried, circumstances: Circumstances) -> Step:
    """An admin has mended what was wrong: build again, where something is there already, else anywhere."""
    after = moved(ticket, circumstances, state=TicketState.APPROVED, asked_at=None, due_at=None)
    return Step(after, (machine(after, Action.BUILD),), f"building again, asked by {event.by.who}")
