"""From an approved ticket to a running machine, or to the reason why not.  Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from mailbot.letters.life import VmRebuilt
from mailbot.letters.questions import AdminBuildFailed
from mailbot.letters.requests import VmReady
from mailbot.lifecycle.circumstances import Circumstances
from mailbot.lifecycle.lease import begun, calendar
from mailbot.lifecycle.notice import plan
from mailbot.lifecycle.steps import machine, moved, snapshot, to_admins, to_owner
from mailbot.model import (
    Action,
    BuildFailed,
    Built,
    Login,
    Placed,
    RebuildAsked,
    Refusal,
    Retried,
    Step,
    Ticket,
    TicketState,
)
from mailbot.timetable import today
from parsers.translatable import Translatable, say


def placed(ticket: Ticket, event: Placed, circumstances: Circumstances) -> Step | Refusal:
    """A site was chosen; from here on, what may exist there can be found again.

    Refused where the machine is somewhere else than when the site was chosen: what was begun there would be forgotten.
    """
    if ticket.site != event.instead_of:
        return Refusal(Translatable(f"The machine was placed at {ticket.site or 'no site'} meanwhile."))
    return Step(moved(ticket, circumstances, site=event.site), (), f"placed at {event.site}")


def built(ticket: Ticket, event: Built, circumstances: Circumstances) -> Step:
    """The machine answers and shows the owner's key: the owner gets the letter to log in with."""
    after = begun(ticket, circumstances, state=TicketState.ACTIVE)
    restored = ticket.lease_from is not None and not event.fresh
    letter = ready(after, event.login, circumstances, restored=restored, reinstalled=event.fresh)
    return Step(after, (to_owner(after, letter),), f"machine ready at {ticket.site}")


def ready(ticket: Ticket, login: Login, circumstances: Circumstances, *, restored: bool, reinstalled: bool) -> VmReady:
    """The letter to log in with."""
    dates, zone = plan(ticket, circumstances.rules), circumstances.rules.service.timezone
    ahead = [at for at in dates.warnings if at > circumstances.now]
    return VmReady(
        fqdn=login.fqdn,
        address=login.address,
        further=login.further,
        host_keys=login.host_keys,
        host_key_fingerprints=login.host_key_fingerprints,
        stop_at=dates.stop_at,
        first_warning_on=today(ahead[0], zone) if ahead else None,
        calendar=calendar(ticket),
        restored=restored,
        reinstalled=reinstalled,
        **snapshot(ticket),
    )


def build_failed(ticket: Ticket, event: BuildFailed, circumstances: Circumstances) -> Step:
    """Building gave up: admins read why and how to try again; the owner is not bothered with it."""
    # Where something was left behind, or the disk of a machine that was in use lies, the next try goes on.
    site = ticket.site if event.left_behind or ticket.lease_from else None
    after = moved(ticket, circumstances, state=TicketState.FAILED, site=site, asked_at=circumstances.now)
    after = replace(after, due_at=circumstances.now + timedelta(days=circumstances.rules.lease.failed_days))
    failed = AdminBuildFailed(why=event.why, attempts=event.attempts, sites=event.sites)
    letters = to_admins(after, circumstances, failed)
    return Step(after, letters, f"building failed: {event.why}")


def retried(ticket: Ticket, event: Retried, circumstances: Circumstances) -> Step:
    """An admin has mended what was wrong: build again, where something is there already, else anywhere."""
    after = moved(ticket, circumstances, state=TicketState.APPROVED, asked_at=None, due_at=None)
    return Step(after, (machine(after, Action.BUILD),), f"building again, asked by {event.by.who}")


def rebuild_asked(ticket: Ticket, event: RebuildAsked, circumstances: Circumstances) -> Step | Refusal:
    """The machine disappeared: built again where it was, around its disk where that is left; its owner hears so at once.

    Its lease begins anew when it is there again, with the whole notice; nothing that waited for the machine is done to it.
    """
    if ticket.asked_end_date is not None:
        return Refusal(say("Its owner has asked for more time: approve or deny that first."))
    after = moved(
        ticket, circumstances, state=TicketState.APPROVED, due_at=None, release_asked_at=None, reinstall_asked_at=None
    )
    told = VmRebuilt(disk_lost=event.fresh, **snapshot(after))
    work = machine(after, Action.BUILD, fresh=event.fresh)
    how = "on a fresh disk" if event.fresh else "around its disk"
    return Step(
        after, (work, to_owner(after, told)), f"building again {how}, asked by {event.by.who}", _ABOUT_WHAT_IS_GONE
    )


_ABOUT_WHAT_IS_GONE = ("warning:", *(f"{one.value}:" for one in (Action.START, Action.RESTART, Action.SWITCH_OFF)))
"""Keys of what waits and is true no more: warnings of the lease until now, and work on a machine that is not there."""
