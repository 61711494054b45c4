"""What is done to a machine that exists: stopped, started, installed again, taken away, its disk deleted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import wraps

from mailbot import journal
from mailbot.errors import DirectoryUnavailable
from mailbot.machines.answering import OFF, told
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
    was_looked_at,
    where,
)
from mailbot.model import (
    MACHINE_ACTIONS,
    DiskDeleted,
    Effect,
    EffectFailed,
    OutboxItem,
    Reinstalled,
    Retired,
    Ticket,
    Turn,
)
from mailbot.ports import Settled
from mailbot.turns.context import TurnContext, apply
from parsers.translatable import say, words_of
from provisioner.api import ProvisionerError, SiteUnreachable, VmPhase, VmSpec

TELL_AFTER = 5
"""Attempts before admins hear that something does not work; it is tried on all the same."""

FOLLOWED = timedelta(minutes=2)
"""So long a machine that was started is looked at until it answers: it may answer nobody, as where its owner's firewall lets nobody in."""

_Step = Callable[[TurnContext, Site, VmSpec, OutboxItem, Ticket], None]


def at_its_site(step: _Step) -> Callable[[TurnContext, Sites, OutboxItem, Ticket], None]:
    """Find the machine's site; what the hypervisor refuses is tried again for ever, and admins are told."""

    @wraps(step)
    def work(context: TurnContext, sites: Sites, item: OutboxItem, ticket: Ticket) -> None:
        try:
            site = where(sites, ticket)
            step(context, site, spec_of(context, site, ticket), item, ticket)
        except SiteUnreachable:
            raise  # no attempt while the other side does not answer
        except ProvisionerError as error:
            again(context, item, words_of(error))
            if item.attempts >= TELL_AFTER and item.attempts % TELL_AFTER == 0:
                apply(context, ticket.id, EffectFailed(item.effect.action.value, words_of(error)))

    return work


@at_its_site
def stop(context: TurnContext, site: Site, spec: VmSpec, item: OutboxItem, ticket: Ticket) -> None:
    """Shut the guest down; when it does not listen for `stop_minutes`, take its power away."""
    if is_off(context, site, spec, item):
        _done(context, item, ticket, spec)
    else:
        later(context, item, "the guest to shut down")


@at_its_site
def start(context: TurnContext, site: Site, spec: VmSpec, item: OutboxItem, ticket: Ticket) -> None:
    """Start a stopped machine again, with its disk as it was.

    A machine that still runs may be shutting down, because the stop was asked for just before: it is
    looked at until it has had the time for that, and started once it is down.
    """
    asked = item.effect.letter is not None  # its owner did, and waits for an answer
    if not asked and not was_looked_at(context, item) and _may_be_stopping(context, site, spec, item):
        site.provisioner.start(spec)
        later(context, item, "the end of a shutdown that was asked for before")
    elif _is_up(context, site, spec, item):
        _done(context, item, ticket, spec, *([told(context, site, spec, item, ticket)] if asked else []))


def _may_be_stopping(context: TurnContext, site: Site, spec: VmSpec, item: OutboxItem) -> bool:
    if site.provisioner.facts(spec).phase in OFF:
        return False
    return context.clock.now() - begin(context, item) <= timedelta(minutes=context.rules.lease.stop_minutes)


def _is_up(context: TurnContext, site: Site, spec: VmSpec, item: OutboxItem) -> bool:
    """Start it, and follow it until it answers, for `FOLLOWED` at most: KVM may stop a guest moments after its start.

    It is followed no longer where something else waits to be done to the machine: to be switched off, say.
    """
    facts = site.provisioner.start(spec)
    spent = looked(context, item)
    others = (one for one in context.store.waiting(item.about_ticket) if one.key != item.effect.key)
    if facts.phase is VmPhase.READY or spent > FOLLOWED or any(one.action in MACHINE_ACTIONS for one in others):
        return True
    later(context, item, facts.waiting_for or facts.phase.value)
    return False


@at_its_site
def restart(context: TurnContext, site: Site, spec: VmSpec, item: OutboxItem, ticket: Ticket) -> None:
    """Shut the guest down as `stop` does, and start it again; its owner hears how it is then."""
    if not was_looked_at(context, item) and not is_off(context, site, spec, item):
        later(context, item, "the guest to shut down")
    elif _is_up(context, site, spec, item):
        _done(context, item, ticket, spec, told(context, site, spec, item, ticket))


@at_its_site
def retire(context: TurnContext, site: Site, spec: VmSpec, item: OutboxItem, ticket: Ticket) -> None:
    """Shut down, then take away domain, seed, reservation and name; the disk is kept.

    Of a machine that was never handed over everything is taken away: nobody has used its disk.
    """
    if ticket.lease_from is None:
        site.provisioner.undo(spec)
        if site.provisioner.facts(spec).phase is not VmPhase.ABSENT:
            later(context, item, "the disk to be overwritten")
            return
        settle_with(context, item, Retired(), Settled(item, done=True, proof=f"undone at {site.provisioner.site}"))
        return
    if not is_off(context, site, spec, item):
        later(context, item, "the guest to shut down")
        return
    gone = site.provisioner.retire(spec).phase is VmPhase.ABSENT
    settle_with(
        context, item, Retired(disk_gone=gone), Settled(item, done=True, proof=f"retired at {site.provisioner.site}")
    )


@at_its_site
def delete_disk(context: TurnContext, site: Site, spec: VmSpec, item: OutboxItem, _ticket: Ticket) -> None:
    """Delete the kept disk; one that is a device is overwritten before."""
    facts = site.provisioner.delete_disk(spec)
    if facts.phase is not VmPhase.ABSENT:
        later(context, item, facts.waiting_for or facts.phase.value)
        return
    settle_with(context, item, DiskDeleted(), Settled(item, done=True, proof=f"deleted at {site.provisioner.site}"))


def is_off(context: TurnContext, site: Site, spec: VmSpec, item: OutboxItem) -> bool:
    """Whether the guest is down; it is asked first, and its power is taken only `stop_minutes` after that."""
    asked = begun(context, item)
    if asked and context.clock.now() - asked > timedelta(minutes=context.rules.lease.stop_minutes):
        return site.provisioner.power_off(spec).phase in OFF
    off = site.provisioner.request_stop(spec).phase in OFF
    if not off:
        begin(context, item)
    return off


def _done(context: TurnContext, item: OutboxItem, ticket: Ticket, spec: VmSpec, *letters: Effect) -> None:
    now = context.clock.now()
    done = Settled(item, done=True, proof=ticket.site or "")
    if letters:
        context.store.settle_with(done, Turn(now=now, about_ticket=ticket.id, effects=letters))
    else:
        context.store.settle([done], now)
    ended(context, item)
    journal.machine_done(
        ticket.id, action=item.effect.action.value, machine=spec.name, site=ticket.site, took=now - item.created_at
    )


@at_its_site
def reinstall(context: TurnContext, site: Site, spec: VmSpec, item: OutboxItem, ticket: Ticket) -> None:
    """Delete the disk, once, and build the machine again until it is ready; then its owner hears so.

    Nothing is deleted before it is known whom the fresh machine would let in, nor while an admin holds it.
    """
    try:
        fresh = replace(spec, ssh_keys=keys_of(context, ticket), restored=False)
    except (DirectoryUnavailable, NoKeys) as error:
        again(context, item, words_of(error))
        return
    if begun(context, item) is None:
        if ticket.held:
            context.store.settle([Settled(item, error=f"held: {ticket.held}")], context.clock.now())
            return
        wiped = site.provisioner.wipe(fresh)
        if wiped.phase is not VmPhase.ABSENT:
            later(context, item, wiped.waiting_for or wiped.phase.value)
            return
        begin(context, item)
    facts = site.provisioner.ensure(fresh)
    if facts.phase is VmPhase.READY:
        login = login_of(spec, facts)
        settle_with(context, item, Reinstalled(login), Settled(item, done=True, proof=facts.address or ""))
        return
    hours = context.rules.lease.build_hours
    if looked(context, item) > timedelta(hours=hours):
        raise ProvisionerError(
            say("{machine} was not ready {hours} hours after it was reinstalled.", machine=spec.name, hours=hours)
        )
    later(context, item, facts.waiting_for or facts.phase.value)
