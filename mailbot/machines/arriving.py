"""A machine at the host that it moves to: defined around its disk and started, or running already; back where it was if that cannot be."""

from __future__ import annotations

from datetime import timedelta

from mailbot.errors import DirectoryUnavailable
from mailbot.machines.moving import given_up
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
from mailbot.machines.upkeep import TELL_AFTER, at_its_site
from mailbot.model import Arrived, OutboxItem, Ticket
from mailbot.ports import Settled
from mailbot.turns import relocation
from mailbot.turns.context import TurnContext
from parsers.translatable import Translatable, say, words_of
from provisioner.api import OutOfRoom, ProvisionerError, SiteUnreachable, VmFacts, VmPhase, VmSpec


def arrive(context: TurnContext, sites: Sites, item: OutboxItem, ticket: Ticket) -> None:
    """At the host that it comes to: define it around its disk and start it until it answers; then its owner hears so.

    One that was off before is not started; one that came running goes on, whatever it lets in by now.
    """
    if item.effect.facts.get("live"):
        _came_running(context, sites, item, ticket)
    else:
        _came_switched_off(context, sites, item, ticket)


def _came_switched_off(context: TurnContext, sites: Sites, item: OutboxItem, ticket: Ticket) -> None:
    try:
        site = where(sites, ticket)
        spec = spec_of(context, site, ticket, keys_of(context, ticket))
        begin(context, item)
        off = bool(item.effect.facts.get("off"))
        facts = site.provisioner.prepare(spec) if off else site.provisioner.ensure(spec)
    except DirectoryUnavailable as error:
        again(context, item, words_of(error))
    except SiteUnreachable as error:
        if not error.begun:
            ended(context, item)
        raise
    except NoKeys as error:
        _back(context, sites, item, ticket, words_of(error))
    except ProvisionerError as error:
        if error.permanent or isinstance(error, OutOfRoom) or item.attempts >= TELL_AFTER:
            _back(context, sites, item, ticket, words_of(error))
        else:
            again(context, item, words_of(error))
    else:
        if _is_there(context, item, spec, facts, off=off):
            return
        if looked(context, item) > timedelta(hours=context.rules.lease.build_hours):
            late = say("It was not ready at {site}: {waiting}.", site=ticket.site or "", waiting=facts.waiting_for)
            _back(context, sites, item, ticket, late)
        else:
            later(context, item, facts.waiting_for or facts.phase.value)


def _is_there(context: TurnContext, item: OutboxItem, spec: VmSpec, facts: VmFacts, *, off: bool) -> bool:
    if facts.phase is not VmPhase.READY and not (off and facts.phase is VmPhase.STOPPED):
        return False
    login = login_of(spec, facts)
    notes = {relocation.note_of(item.about_ticket): None}
    settle_with(context, item, Arrived(login, off), Settled(item, done=True, proof=login.address), notes)
    return True


@at_its_site
def _came_running(context: TurnContext, site: Site, spec: VmSpec, item: OutboxItem, ticket: Ticket) -> None:
    """Have it start with its new host from now on; its owner hears that it runs there."""
    login = login_of(spec, site.provisioner.start(spec))
    notes = {relocation.note_of(ticket.id): None}
    settle_with(context, item, Arrived(login, live=True), Settled(item, done=True, proof=login.address), notes)


def _back(context: TurnContext, sites: Sites, item: OutboxItem, ticket: Ticket, why: Translatable) -> None:
    """To the host that it came from.  Raises SiteUnreachable where the disk is one and the machine may run here.

    Of two hosts with one pool, the second must have let go of the disk before the first starts on it.
    """
    if item.effect.facts.get("shared"):
        site = where(sites, ticket)
        try:
            site.provisioner.leave(spec_of(context, site, ticket))
        except SiteUnreachable:
            raise
        except ProvisionerError as error:
            again(context, item, words_of(error))
            return
    given_up(context, item, why, back_to=item.effect.facts["left"])


def stranded(context: TurnContext, item: OutboxItem) -> None:
    """The host that it came to does not answer: back at once where nothing began there, else after as long as a build may take.

    Two machines of one name are worse than a late one, and none at all is worse still.  Two that write to one disk are
    worst: where both hosts have one pool, and it may have been started, it is waited for until that host answers.
    """
    since, facts = begun(context, item), item.effect.facts
    late = since is not None and context.clock.now() - since > timedelta(hours=context.rules.lease.build_hours)
    if not facts.get("live") and (since is None or (late and not facts.get("shared"))):
        given_up(context, item, say("The host that it was moved to does not answer."), back_to=facts["left"])
    else:
        now = context.clock.now()
        retry_at = now + timedelta(seconds=30)
        why = "the host does not answer"
        context.store.settle([Settled(item, retry_at=retry_at, error=why, counted=False)], now)
