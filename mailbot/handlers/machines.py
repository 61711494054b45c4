"""The turn for machines: claim, take each a step further, settle; apart from the mail, so that it never waits for a hypervisor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from mailbot import journal, lifecycle, policy
from mailbot.errors import Conflict, DirectoryUnavailable
from mailbot.handlers.office import CONFLICT_TRIES, Office, apply, turn, usable_keys
from mailbot.model import (
    MACHINE_ACTIONS,
    Action,
    BuildFailed,
    Built,
    Event,
    OutboxItem,
    Placed,
    Refusal,
    Ticket,
    TicketState,
)
from mailbot.ports import Settled
from provisioner.api import Provisioner, ProvisionerError, SiteHealth, VmFacts, VmPhase, VmSpec
from provisioner.placement import Need, choose

CLAIM = 20
LEASE_SECONDS = 300.0
POLL = timedelta(seconds=5)
"""How soon a machine that boots is looked at again."""
FIRST_RETRY = timedelta(seconds=30)
LONGEST_RETRY = timedelta(minutes=15)
HEALTH_EVERY = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Site:
    """One place to build: its provisioner and the domain of its machines' names."""

    provisioner: Provisioner
    dns_domain: str


Sites = Mapping[str, Site]


class _GaveUp(Exception):
    """Building cannot succeed; the message says why."""


def look_at_sites(office: Office, sites: Sites) -> int:
    """Ask every site for its room and health where the last answer is older than `HEALTH_EVERY`; give how many were asked."""
    now = office.clock.now()
    fresh = {health.site for health, at in office.store.health() if now - at < HEALTH_EVERY}
    stale = sorted(sites.keys() - fresh)
    for name in stale:
        health = sites[name].provisioner.health()
        for problem in health.problems:
            journal.site_unwell(site=name, problem=problem)
        office.store.put_health(health, now)
    return len(stale)


def work(office: Office, sites: Sites) -> int:
    """Take every machine that is due a step further; give how many rows were looked at.

    1. Claim: the attempt is on record before it is made, one row per ticket.
    2. Do what can be done without waiting for a guest.
    3. Settle together with what follows for the ticket: done, look again soon, try again later, or given up.
    """
    items = office.store.claim(sorted(MACHINE_ACTIONS), office.clock.now(), CLAIM, LEASE_SECONDS)
    for item in items:
        try:
            _one(office, sites, item)
        except Exception as error:  # noqa: BLE001 - one machine never stops the others
            journal.trouble(about=f"{item.effect.action.value} of ticket #{item.ticket_id}", error=error)
            _again(office, item, f"{type(error).__name__}: {error}")
    return len(items)


def _one(office: Office, sites: Sites, item: OutboxItem) -> None:
    ticket = office.store.ticket(item.ticket_id or 0)
    if ticket is None or item.effect.action is not Action.BUILD or ticket.state is not TicketState.APPROVED:
        office.store.settle([Settled(item, done=True, proof="no longer wanted")], office.clock.now())
        return
    journal.machine_started(ticket.id, action="build", machine=ticket.username, attempt=item.attempts, site=ticket.site)
    try:
        facts, spec = _build(office, sites, ticket)
    except DirectoryUnavailable as error:
        _again(office, item, str(error))
    except _GaveUp as error:
        _give_up(office, sites, item, str(error))
    except ProvisionerError as error:
        _failed_once(office, sites, item, error)
    else:
        _look(office, sites, item, facts, spec)


def _build(office: Office, sites: Sites, ticket: Ticket) -> tuple[VmFacts, VmSpec]:
    keys = _keys(office, ticket)
    placed = ticket if ticket.site in sites else _place(office, sites, ticket)
    site = sites[placed.site or ""]
    spec = policy.vm_spec(placed, site.provisioner.site, site.dns_domain, keys, office.rules.policy)
    return site.provisioner.ensure(spec), spec


def _keys(office: Office, ticket: Ticket) -> tuple[str, ...]:
    person = office.directory.by_login(ticket.username)
    if person is None or person.locked:
        why = f"the directory has no active account {ticket.username} any more"
        raise _GaveUp(why)
    keys, refusals = usable_keys(person)
    if not keys:
        why = f"the directory has no usable SSH key for {ticket.username} any more ({'; '.join(refusals)})"
        raise _GaveUp(why)
    return keys


def _tried(office: Office, ticket: Ticket) -> tuple[str, ...]:
    """Sites at which this build was placed so far: since the last approval or retry."""
    tried: list[str] = []
    for line in office.store.history(ticket.id):
        if line.event in {"Approved", "Retried"}:
            tried = []
        elif line.event == "Placed":
            tried.append(line.summary.removeprefix("placed at "))
    return tuple(tried)


def _place(office: Office, sites: Sites, ticket: Ticket) -> Ticket:
    """Choose a site and commit the choice, before anything is built there."""
    rules = office.rules.policy
    tried = _tried(office, ticket)
    healths: list[SiteHealth] = [sites[name].provisioner.health() for name in sorted(sites)]
    for health in healths:
        office.store.put_health(health, office.clock.now())
    choice = choose(healths, Need(rules.memory_mib, ticket.disk_gib), frozenset(tried))
    if choice.site is None:
        why = f"no site can take it. {choice.why_not}"
        raise ProvisionerError(why)
    after = apply(office, ticket.id, Placed(choice.site))
    if isinstance(after, Refusal):
        raise _GaveUp(after.why)
    return after


def _look(office: Office, sites: Sites, item: OutboxItem, facts: VmFacts, spec: VmSpec) -> None:
    """Started: is it ready for its owner?"""
    now = office.clock.now()
    if facts.phase is VmPhase.READY:
        fact = {
            "fqdn": spec.fqdn,
            "address": facts.address,
            "host_keys": list(facts.host_keys),
            "host_key_fingerprints": list(facts.host_key_fingerprints),
        }
        _settle_with(office, item, Built(fact), Settled(item, done=True, proof=facts.address or ""))
        journal.machine_done(
            item.ticket_id, action="build", machine=spec.name, site=facts.site, took=now - item.created_at
        )
        return
    waiting = facts.waiting_for or facts.phase.value
    journal.machine_progress(item.ticket_id, action="build", machine=spec.name, waiting_for=waiting, site=facts.site)
    if now - item.created_at > timedelta(hours=office.rules.lease.build_hours):
        hours = office.rules.lease.build_hours
        _give_up(office, sites, item, f"the machine was not ready after {hours} hours: it still waits for {waiting}")
        return
    office.store.settle(
        [Settled(item, retry_at=now + POLL, error=f"waiting for {waiting}", counted=False)], office.clock.now()
    )


def _failed_once(office: Office, sites: Sites, item: OutboxItem, error: ProvisionerError) -> None:
    """A site said no: another site, another time, or never."""
    overdue = office.clock.now() - item.created_at > timedelta(hours=office.rules.lease.build_hours)
    if error.other_site_may_help and not overdue and _move_on(office, sites, item):
        office.store.settle(
            [Settled(item, retry_at=office.clock.now(), error=str(error), counted=False)], office.clock.now()
        )
    elif error.permanent or overdue:
        _give_up(office, sites, item, str(error))
    else:
        _again(office, item, str(error))


def _move_on(office: Office, sites: Sites, item: OutboxItem) -> bool:
    """Take away what was begun and place the machine at a site that was not tried; False where there is none."""
    ticket = office.store.ticket(item.ticket_id or 0)
    if ticket is None or not set(sites) - set(_tried(office, ticket)):
        return False
    if not _undo(office, sites, ticket):
        return False
    try:
        _place(office, sites, ticket)
    except (ProvisionerError, _GaveUp):
        return False
    return True


def _undo(office: Office, sites: Sites, ticket: Ticket) -> bool:
    site = sites.get(ticket.site or "")
    if site is None:
        return True
    spec = policy.vm_spec(ticket, site.provisioner.site, site.dns_domain, (), office.rules.policy)
    try:
        site.provisioner.undo(spec)
    except ProvisionerError as error:
        journal.trouble(about=f"taking away what was begun for ticket #{ticket.id} at {ticket.site}", error=error)
        return False
    return True


def _give_up(office: Office, sites: Sites, item: OutboxItem, why: str) -> None:
    """Nothing half-built is left unseen: what was begun is taken away, and admins read why."""
    ticket = office.store.ticket(item.ticket_id or 0)
    tried = _tried(office, ticket) if ticket else ()
    if ticket is not None and not _undo(office, sites, ticket):
        why += f" (what was begun at {ticket.site} could not be taken away: `mailbot doctor` lists it)"
    journal.machine_failed(
        item.ticket_id, action="build", machine=ticket.username if ticket else "", why=why, site=None
    )
    _settle_with(office, item, BuildFailed(why, item.attempts, tried), Settled(item, error=why))


def _again(office: Office, item: OutboxItem, why: str) -> None:
    now: datetime = office.clock.now()
    retry_at = now + min(FIRST_RETRY * 2 ** min(item.attempts - 1, 10), LONGEST_RETRY)
    journal.machine_postponed(
        item.ticket_id, action=item.effect.action.value, machine="", retry_at=retry_at, why=why, site=None
    )
    office.store.settle([Settled(item, retry_at=retry_at, error=why)], office.clock.now())


def _settle_with(office: Office, item: OutboxItem, event: Event, settled: Settled) -> None:
    """Settle the row and commit what follows from it in one transaction."""
    for _ in range(CONFLICT_TRIES):
        ticket = office.store.ticket(item.ticket_id or 0)
        now = office.clock.now()
        step = lifecycle.decide(ticket, event, office.about(now, ticket)) if ticket else Refusal("no ticket")
        if ticket is None or isinstance(step, Refusal):
            office.store.settle([settled], office.clock.now())
            return
        try:
            office.store.settle_with(settled, turn(event, ticket, step, now))
        except Conflict:
            continue
        journal.ticket_moved(
            ticket.id,
            happening=type(event).__name__,
            before=ticket.state.value,
            after=step.ticket.state.value,
            who=event.by.who,
            summary=step.summary,
        )
        return
    msg = f"ticket #{item.ticket_id} was changed by others {CONFLICT_TRIES} times"
    raise Conflict(msg)
