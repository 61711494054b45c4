"""Building a machine: placed, begun, looked at until it is ready; another site, or given up, where it cannot be."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from mailbot import journal
from mailbot.errors import DirectoryUnavailable, LeaseLost, NoAddress
from mailbot.machines import health
from mailbot.machines.placing import NoRoom, NotWanted, place, tried
from mailbot.machines.progress import (
    NoKeys,
    Site,
    Sites,
    again,
    begin,
    begun,
    ended,
    keys_of,
    later,
    login_of,
    looked,
    settle_with,
    spec_of,
    where,
)
from mailbot.model import BuildFailed, Built, OutboxItem, Ticket, TicketState
from mailbot.ports import Settled
from mailbot.turns import addresses
from mailbot.turns.context import TurnContext
from mailbot.turns.leases import LEASE_SECONDS
from parsers.translatable import Translatable, as_one, say, words_of
from provisioner.api import OutOfRoom, ProvisionerError, SiteUnreachable, VmFacts, VmPhase, VmSpec


class _GaveUp(Exception):
    """Building cannot succeed; the message says why."""


def build(context: TurnContext, sites: Sites, item: OutboxItem, ticket: Ticket) -> None:
    """Take a build one step further: to a site, or at its site."""
    try:
        keys = keys_of(context, ticket)
        if ticket.site is None:
            place(context, sites, item, ticket)
            _at_once(context, item, "placed")
        else:
            facts, spec = _begin(context, sites, item, ticket, keys)
            _require_ours(context, sites, item, ticket)
            _look(context, sites, item, facts, spec)
    except DirectoryUnavailable as error:
        again(context, item, words_of(error))
    except (_GaveUp, NoKeys, NotWanted) as error:
        _give_up(context, sites, item, words_of(error))
    except SiteUnreachable:
        if not elsewhere(context, sites, item):
            raise
    except ProvisionerError as error:
        _require_ours(context, sites, item, ticket)
        _failed_once(context, sites, item, error)


_STANDS = frozenset({TicketState.APPROVED, TicketState.ACTIVE, TicketState.EXPIRED})
"""States in which a machine at the ticket's site is that ticket's machine."""


def _require_ours(context: TurnContext, sites: Sites, item: OutboxItem, ticket: Ticket) -> None:
    """Raises LeaseLost where another daemon has the row by now: this one stood still for longer than its lease, in the middle of a call.

    What the call made after that is nobody's, where the ticket has moved on to another site or to its end: it is taken away
    again.  Where the other daemon builds at the same site, both made the same machine.
    """
    if context.store.renew([item], context.clock.now(), LEASE_SECONDS):
        return
    fresh, site = context.store.ticket(ticket.id), sites.get(ticket.site or "")
    moved_on = fresh is None or fresh.site != ticket.site or fresh.state not in _STANDS
    if site is not None and moved_on and ticket.lease_from is None:
        site.provisioner.undo(spec_of(context, site, ticket))
    raise LeaseLost(f"outbox row {item.id} is not ours any more")


def _begin(
    context: TurnContext, sites: Sites, item: OutboxItem, ticket: Ticket, keys: tuple[str, ...]
) -> tuple[VmFacts, VmSpec]:
    """Have the machine built as far as it goes; remembered before it is tried, so that what was begun is taken away."""
    site: Site = where(sites, ticket)
    try:
        addresses.have(context, ticket, ticket.site or "")
    except NoAddress as error:
        raise OutOfRoom(words_of(error)) from error
    spec = spec_of(context, site, ticket, keys)
    first = begun(context, item) is None
    if _is_fresh(item):
        spec = replace(spec, restored=False)
        if first:
            _require_lost(site, spec)
    if first:
        begin(context, item)
    try:
        if spec.restored and site.provisioner.facts(spec).phase is VmPhase.ABSENT:
            why = say(
                "The kept disk is no longer at {site}, so the machine cannot be restored.", site=ticket.site or ""
            )
            raise _GaveUp(why)
        return site.provisioner.ensure(spec), spec
    except SiteUnreachable as error:
        if first and not error.begun:
            ended(context, item)
        raise


def _is_fresh(item: OutboxItem) -> bool:
    """Whether a machine that was in use is to get another disk, because its own is lost."""
    return bool(item.effect.facts.get("fresh"))


def _require_lost(site: Site, spec: VmSpec) -> None:
    """What is left of a machine without its disk is taken away.  Raises _GaveUp where its disk is there after all."""
    if site.provisioner.retire(spec).phase is not VmPhase.ABSENT:
        why = say("Its disk is there again: answer “{retry}” to build the machine with it.", retry=say("retry"))
        raise _GaveUp(why)


def elsewhere(context: TurnContext, sites: Sites, item: OutboxItem) -> bool:
    """Place a build at another site whose own does not answer; False where something may have been begun, or no other site can take it."""
    ticket = context.store.ticket(item.about_ticket)
    if ticket is None or ticket.lease_from is not None or begun(context, item) is not None:
        return False
    try:
        place(context, sites, item, ticket)
    except (ProvisionerError, NotWanted):
        return False
    _at_once(context, item, f"{ticket.site} does not answer; placed elsewhere")
    return True


def _at_once(context: TurnContext, item: OutboxItem, why: str) -> None:
    """Have the row claimed at once by the worker of the ticket's new site; the attempt does not count."""
    now = context.clock.now()
    context.store.settle([Settled(item, retry_at=now, error=why, counted=False)], now)


def _look(context: TurnContext, sites: Sites, item: OutboxItem, facts: VmFacts, spec: VmSpec) -> None:
    """Started: is it ready for its owner?"""
    now = context.clock.now()
    if facts.phase is VmPhase.READY:
        login = login_of(spec, facts)
        settle_with(
            context, item, Built(login, fresh=_is_fresh(item)), Settled(item, done=True, proof=facts.address or "")
        )
        journal.machine_done(
            item.ticket_id, action="build", machine=spec.name, site=facts.site, took=now - item.created_at
        )
        health.look(context, facts.site, sites[facts.site])  # what it takes is not promised any more, but counted
        return
    waiting = facts.waiting_for or facts.phase.value
    journal.machine_progress(item.ticket_id, action="build", machine=spec.name, waiting_for=waiting, site=facts.site)
    if looked(context, item) > timedelta(hours=context.rules.lease.build_hours):
        hours = context.rules.lease.build_hours
        late = say("The machine was not ready after {hours} hours: {waiting}.", hours=hours, waiting=waiting)
        _give_up(context, sites, item, late)
        return
    later(context, item, waiting)


def _failed_once(context: TurnContext, sites: Sites, item: OutboxItem, error: ProvisionerError) -> None:
    """A site said no: another site, another time, or never; never while a site that is silent may still say yes."""
    if isinstance(error, NoRoom) and error.silent:
        again(context, item, words_of(error))
        return
    overdue = looked(context, item) > timedelta(hours=context.rules.lease.build_hours)
    if error.other_site_may_help and not overdue and _move_on(context, sites, item):
        ended(context, item)
        _at_once(context, item, words_of(error))
    elif error.permanent or overdue:
        _give_up(context, sites, item, words_of(error))
    else:
        again(context, item, words_of(error))


def _move_on(context: TurnContext, sites: Sites, item: OutboxItem) -> bool:
    """Take away what was begun and place the machine at a site that was not tried; False where there is none."""
    ticket = context.store.ticket(item.about_ticket)
    if ticket is None or ticket.lease_from is not None or not set(sites) - set(tried(context, ticket)):
        return False
    if not _undo(context, sites, item, ticket):
        return False
    try:
        place(context, sites, item, ticket)
    except (ProvisionerError, NotWanted):
        return False
    return True


def _undo(context: TurnContext, sites: Sites, item: OutboxItem, ticket: Ticket) -> bool:
    """Take away what was begun; the disk of a machine that its owner has used is never touched here.

    Raises LeaseLost: what another daemon goes on building is not taken away from it.
    """
    if not context.store.renew([item], context.clock.now(), LEASE_SECONDS):
        raise LeaseLost(f"outbox row {item.id} is not ours any more")
    site = sites.get(ticket.site or "")
    if site is None or ticket.lease_from is not None:
        return True
    try:
        spec = spec_of(context, site, ticket)
        site.provisioner.undo(spec)
        return site.provisioner.facts(spec).phase is VmPhase.ABSENT
    except ProvisionerError as error:
        journal.trouble(about=f"taking away what was begun for ticket #{ticket.id} at {ticket.site}", error=error)
        return False


def _give_up(context: TurnContext, sites: Sites, item: OutboxItem, why: Translatable) -> None:
    """Nothing half-built is left unseen: what was begun is taken away, and admins read why."""
    ticket = context.store.ticket(item.about_ticket)
    at = tried(context, ticket) if ticket else ()
    left_behind = ticket is not None and not _undo(context, sites, item, ticket)
    if ticket is not None and left_behind:
        left = say("What was begun at {site} could not be removed: `mailbot doctor` lists it.", site=ticket.site or "")
        why = as_one(why, left)
    journal.machine_failed(
        item.ticket_id, action="build", machine=ticket.username if ticket else "", why=why, site=None
    )
    settle_with(context, item, BuildFailed(why, item.attempts, at, left_behind), Settled(item, error=why))
