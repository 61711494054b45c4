"""Building a machine: placed, begun, looked at until it is ready; another site, or given up, where it cannot be."""

from __future__ import annotations

from datetime import timedelta

from mailbot import journal
from mailbot.errors import DirectoryUnavailable
from mailbot.machines.progress import Site, Sites, again, later, looked, settle_with, spec_of, where
from mailbot.model import BuildFailed, Built, OutboxItem, Placed, Refusal, Ticket
from mailbot.ports import Settled
from mailbot.turns.context import TurnContext, apply, usable_keys
from provisioner.api import ProvisionerError, SiteHealth, VmFacts, VmPhase, VmSpec
from provisioner.placement import Need, choose


class _GaveUp(Exception):
    """Building cannot succeed; the message says why."""


def build(context: TurnContext, sites: Sites, item: OutboxItem, ticket: Ticket) -> None:
    """Take a build one step further."""
    try:
        facts, spec = _begin(context, sites, ticket)
    except DirectoryUnavailable as error:
        again(context, item, str(error))
    except _GaveUp as error:
        _give_up(context, sites, item, str(error))
    except ProvisionerError as error:
        _failed_once(context, sites, item, error)
    else:
        _look(context, sites, item, facts, spec)


def _begin(context: TurnContext, sites: Sites, ticket: Ticket) -> tuple[VmFacts, VmSpec]:
    keys = _keys(context, ticket)
    placed = _place(context, sites, ticket) if ticket.site is None else ticket
    site: Site = where(sites, placed)
    spec = spec_of(context, site, placed, keys)
    if spec.restored and site.provisioner.facts(spec).phase is VmPhase.ABSENT:
        why = f"the kept disk is not at {placed.site} any more; an empty machine would be no restored one"
        raise _GaveUp(why)
    return site.provisioner.ensure(spec), spec


def _keys(context: TurnContext, ticket: Ticket) -> tuple[str, ...]:
    person = context.directory.by_login(ticket.username)
    if person is None or person.locked:
        why = f"the directory has no active account {ticket.username} any more"
        raise _GaveUp(why)
    keys, refusals = usable_keys(person)
    if not keys:
        why = f"the directory has no usable SSH key for {ticket.username} any more ({'; '.join(refusals)})"
        raise _GaveUp(why)
    return keys


def _tried(context: TurnContext, ticket: Ticket) -> tuple[str, ...]:
    """Sites at which this build was placed so far: since the last approval or retry."""
    tried: list[str] = []
    for line in context.store.history(ticket.id):
        if line.event in {"Approved", "Retried"}:
            tried = []
        elif line.event == "Placed":
            tried.append(line.summary.removeprefix("placed at "))
    return tuple(tried)


def _place(context: TurnContext, sites: Sites, ticket: Ticket) -> Ticket:
    """Choose a site and commit the choice, before anything is built there."""
    rules = context.rules.policy
    tried = _tried(context, ticket)
    healths: list[SiteHealth] = [sites[name].provisioner.health() for name in sorted(sites)]
    for health in healths:
        context.store.put_health(health, context.clock.now())
    choice = choose(healths, Need(rules.memory_mib, ticket.disk_gib), frozenset(tried))
    if choice.site is None:
        why = f"no site can take it. {choice.why_not}"
        raise ProvisionerError(why)
    after = apply(context, ticket.id, Placed(choice.site))
    if isinstance(after, Refusal):
        raise _GaveUp(after.why)
    return after


def _look(context: TurnContext, sites: Sites, item: OutboxItem, facts: VmFacts, spec: VmSpec) -> None:
    """Started: is it ready for its owner?"""
    now = context.clock.now()
    if facts.phase is VmPhase.READY:
        fact = {
            "fqdn": spec.names.fqdn,
            "address": facts.address,
            "host_keys": list(facts.host_keys),
            "host_key_fingerprints": list(facts.host_key_fingerprints),
        }
        settle_with(context, item, Built(fact), Settled(item, done=True, proof=facts.address or ""))
        journal.machine_done(
            item.ticket_id, action="build", machine=spec.name, site=facts.site, took=now - item.created_at
        )
        return
    waiting = facts.waiting_for or facts.phase.value
    journal.machine_progress(item.ticket_id, action="build", machine=spec.name, waiting_for=waiting, site=facts.site)
    if looked(context, item) > timedelta(hours=context.rules.lease.build_hours):
        hours = context.rules.lease.build_hours
        _give_up(context, sites, item, f"the machine was not ready after {hours} hours: it still waits for {waiting}")
        return
    later(context, item, waiting)


def _failed_once(context: TurnContext, sites: Sites, item: OutboxItem, error: ProvisionerError) -> None:
    """A site said no: another site, another time, or never."""
    overdue = looked(context, item) > timedelta(hours=context.rules.lease.build_hours)
    if error.other_site_may_help and not overdue and _move_on(context, sites, item):
        context.store.settle(
            [Settled(item, retry_at=context.clock.now(), error=str(error), counted=False)], context.clock.now()
        )
    elif error.permanent or overdue:
        _give_up(context, sites, item, str(error))
    else:
        again(context, item, str(error))


def _move_on(context: TurnContext, sites: Sites, item: OutboxItem) -> bool:
    """Take away what was begun and place the machine at a site that was not tried; False where there is none."""
    ticket = context.store.ticket(item.ticket_id or 0)
    if ticket is None or ticket.lease_from is not None or not set(sites) - set(_tried(context, ticket)):
        return False
    if not _undo(context, sites, ticket):
        return False
    try:
        _place(context, sites, ticket)
    except (ProvisionerError, _GaveUp):
        return False
    return True


def _undo(context: TurnContext, sites: Sites, ticket: Ticket) -> bool:
    """Take away what was begun; the disk of a machine that its owner has used is never touched here."""
    site = sites.get(ticket.site or "")
    if site is None or ticket.lease_from is not None:
        return True
    try:
        site.provisioner.undo(spec_of(context, site, ticket))
    except ProvisionerError as error:
        journal.trouble(about=f"taking away what was begun for ticket #{ticket.id} at {ticket.site}", error=error)
        return False
    return True


def _give_up(context: TurnContext, sites: Sites, item: OutboxItem, why: str) -> None:
    """Nothing half-built is left unseen: what was begun is taken away, and admins read why."""
    ticket = context.store.ticket(item.ticket_id or 0)
    tried = _tried(context, ticket) if ticket else ()
    left_behind = ticket is not None and not _undo(context, sites, ticket)
    if ticket is not None and left_behind:
        why += f" (what was begun at {ticket.site} could not be taken away: `mailbot doctor` lists it)"
    journal.machine_failed(
        item.ticket_id, action="build", machine=ticket.username if ticket else "", why=why, site=None
    )
    settle_with(context, item, BuildFailed(why, item.attempts, tried, left_behind), Settled(item, error=why))
