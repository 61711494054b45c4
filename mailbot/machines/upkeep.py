"""What is done to a machine that exists: stopped, started, taken away, its disk deleted; and how it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import wraps

from mailbot import journal
from mailbot.machines.health import why_away
from mailbot.machines.progress import Site, Sites, again, begin, begun, ended, later, settle_with, spec_of, where
from mailbot.model import (
    Action,
    DiskDeleted,
    Effect,
    EffectFailed,
    Facts,
    OutboxItem,
    Retired,
    Ticket,
    TicketState,
    Turn,
)
from mailbot.ports import Settled
from mailbot.turns.context import TurnContext, apply
from provisioner.api import ProvisionerError, SiteUnreachable, VmFacts, VmPhase, VmSpec

TELL_AFTER = 5
"""Attempts before admins hear that something does not work; it is tried on all the same."""

_OFF = frozenset({VmPhase.STOPPED, VmPhase.DISK_KEPT, VmPhase.ABSENT})
_Step = Callable[[TurnContext, Site, VmSpec, OutboxItem, Ticket], None]


def _at_its_site(step: _Step) -> Callable[[TurnContext, Sites, OutboxItem, Ticket], None]:
    """Find the machine's site; what the hypervisor refuses is tried again for ever, and admins are told."""

    @wraps(step)
    def work(context: TurnContext, sites: Sites, item: OutboxItem, ticket: Ticket) -> None:
        try:
            site = where(sites, ticket)
            step(context, site, spec_of(context, site, ticket), item, ticket)
        except SiteUnreachable:
            raise  # no attempt while the other side does not answer
        except ProvisionerError as error:
            again(context, item, str(error))
            if item.attempts >= TELL_AFTER and item.attempts % TELL_AFTER == 0:
                apply(context, ticket.id, EffectFailed(item.effect.action.value, str(error)))

    return work


@_at_its_site
def stop(context: TurnContext, site: Site, spec: VmSpec, item: OutboxItem, ticket: Ticket) -> None:
    """Shut the guest down; when it does not listen for `stop_minutes`, take its power away."""
    if _is_off(context, site, spec, item):
        _done(context, item, ticket, spec)
    else:
        later(context, item, "the guest to shut down")


@_at_its_site
def start(context: TurnContext, site: Site, spec: VmSpec, item: OutboxItem, ticket: Ticket) -> None:
    """Start a stopped machine again, with its disk as it was.

    A machine that still runs may be shutting down, because the stop was asked for just before: it is
    looked at until it has had the time for that, and started once it is down.
    """
    was_off = site.provisioner.facts(spec).phase in _OFF
    site.provisioner.start(spec)
    if item.effect.letter is not None:  # its owner asked, and waits for an answer
        _done(context, item, ticket, spec, _told(site, spec, item, ticket))
    elif was_off or context.clock.now() - begin(context, item) > timedelta(minutes=context.rules.lease.stop_minutes):
        _done(context, item, ticket, spec)
    else:
        later(context, item, "the end of a shutdown that was asked for before")


@_at_its_site
def restart(context: TurnContext, site: Site, spec: VmSpec, item: OutboxItem, ticket: Ticket) -> None:
    """Shut the guest down as `stop` does, and start it again; its owner hears how it is then."""
    if not _is_off(context, site, spec, item):
        later(context, item, "the guest to shut down")
        return
    site.provisioner.start(spec)
    _done(context, item, ticket, spec, _told(site, spec, item, ticket))


@_at_its_site
def retire(context: TurnContext, site: Site, spec: VmSpec, item: OutboxItem, ticket: Ticket) -> None:
    """Shut down, then take away domain, seed, reservation and name; the disk is kept.

    Of a machine that was never handed over everything is taken away: nobody has used its disk.
    """
    if ticket.lease_from is None:
        site.provisioner.undo(spec)
        settle_with(context, item, Retired(), Settled(item, done=True, proof=f"undone at {site.provisioner.site}"))
        return
    if not _is_off(context, site, spec, item):
        later(context, item, "the guest to shut down")
        return
    site.provisioner.retire(spec)
    settle_with(context, item, Retired(), Settled(item, done=True, proof=f"retired at {site.provisioner.site}"))


@_at_its_site
def delete_disk(context: TurnContext, site: Site, spec: VmSpec, item: OutboxItem, _ticket: Ticket) -> None:
    """Delete the kept disk."""
    site.provisioner.delete_disk(spec)
    settle_with(context, item, DiskDeleted(), Settled(item, done=True, proof=f"deleted at {site.provisioner.site}"))


def report(context: TurnContext, sites: Sites, item: OutboxItem, ticket: Ticket) -> None:
    """Answer `status` with what the hypervisor says now; one that does not answer is said to be so."""
    try:
        site = where(sites, ticket)
        silent = why_away(context, ticket.site or "")
        if silent:
            raise SiteUnreachable(silent)
        letter = _told(site, spec_of(context, site, ticket), item, ticket)
    except ProvisionerError as error:
        letter = _letter(item, {"machine": f"its site does not answer at the moment ({error})"})
    now = context.clock.now()
    done = Settled(item, done=True, proof=str(letter.facts["machine"]))
    context.store.settle_with(done, Turn(now=now, about_ticket=ticket.id, effects=(letter,)))


def _told(site: Site, spec: VmSpec, item: OutboxItem, ticket: Ticket) -> Effect:
    """The letter that a row about a machine carries, with what the hypervisor says now."""
    seen = site.provisioner.facts(spec)
    facts = {"machine": _in_words(seen), "fqdn": spec.names.fqdn, **({"address": seen.address} if seen.address else {})}
    if ticket.state is TicketState.ACTIVE and seen.phase in _OFF:
        # What the lease says is not what is there: the sentence on top must not say that it runs.
        facts["state"] = _NOT_RUNNING[seen.phase]
    return _letter(item, facts)


_NOT_RUNNING = {
    VmPhase.STOPPED: "The machine is switched off. Its lease goes on; answer «start» to switch it on.",
    VmPhase.DISK_KEPT: "The machine is not at its site any more, but its disk is. Please ask the support team.",
    VmPhase.ABSENT: "The machine is not at its site any more. Please ask the support team.",
}


def _letter(item: OutboxItem, facts: Facts) -> Effect:
    effect = item.effect
    return replace(effect, action=Action.LETTER, key=f"{effect.key}:letter", facts={**effect.facts, **facts})


def _in_words(facts: VmFacts) -> str:
    words = {
        VmPhase.ABSENT: "it does not exist",
        VmPhase.DISK_KEPT: "it is removed; its disk is kept",
        VmPhase.STOPPED: "it is stopped",
        VmPhase.BOOTING: "it is switched on",
        VmPhase.READY: "it runs and answers",
    }[facts.phase]
    return f"{words}; {facts.waiting_for}" if facts.phase is VmPhase.BOOTING and facts.waiting_for else words


def _is_off(context: TurnContext, site: Site, spec: VmSpec, item: OutboxItem) -> bool:
    """Whether the guest is down; it is asked first, and its power is taken only `stop_minutes` after that."""
    asked = begun(context, item)
    if asked and context.clock.now() - asked > timedelta(minutes=context.rules.lease.stop_minutes):
        return site.provisioner.power_off(spec).phase in _OFF
    off = site.provisioner.request_stop(spec).phase in _OFF
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
