"""What work on machines shares: the sites, and how a claimed row is settled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from mailbot import journal, policy
from mailbot.model import Arrived, Event, Login, MoveEnded, OutboxItem, Refusal, Ticket, Turn
from mailbot.ports import Settled
from mailbot.timetable import pause_after
from mailbot.turns.addresses import at_host, held_at
from mailbot.turns.context import TurnContext, apply, usable_keys
from mailbot.turns.names import name_after
from mailbot.turns.owners import owner_of
from parsers.translatable import as_one, say, words_of
from provisioner.api import Disks, Provisioner, ProvisionerError, VmFacts, VmSpec
from provisioner.migration import Migration
from provisioner.naming import legacy_machine_id

POLL = timedelta(seconds=1)
"""How soon a machine that boots or shuts down is looked at again."""
FIRST_RETRY = timedelta(seconds=30)
LONGEST_RETRY = timedelta(minutes=15)
LONGEST_LOOK = LONGEST_RETRY + timedelta(minutes=1)
"""What lies between two looks and is longer than this was an absence of the bot, not time that a machine had."""


@dataclass(frozen=True, slots=True)
class Site:
    """One place to build: its provisioner and the domain of its machines' names."""

    provisioner: Provisioner
    dns_domain: str
    disks: Disks | None = None
    """By which disks are copied, on a connection of its own: what takes minutes there holds up nothing else."""
    piece_bytes: int = 256 << 20
    """So much is copied at a time, before other work of the host has its turn; and again after a crash."""
    migration: Migration | None = None
    """By which machines come and go while they run; None where no other host has the same pool."""


Sites = Mapping[str, Site]


def where(sites: Sites, ticket: Ticket) -> Site:
    """The site at which the ticket's machine is.  Raises ProvisionerError where the configuration has it no more."""
    site = sites.get(ticket.site or "")
    if site is None:
        why = say("The machine is at the site {site}, which the configuration does not name.", site=ticket.site or "")
        raise ProvisionerError(why)
    return site


def spec_of(context: TurnContext, site: Site, ticket: Ticket, keys: tuple[str, ...] = ()) -> VmSpec:
    """The machine of a ticket at a site; keys are needed only to build it."""
    host = site.provisioner.site
    addresses = at_host(context, ticket, host)
    return policy.vm_spec(ticket, host, site.dns_domain, keys, context.rules.policy, addresses=addresses)


def login_of(spec: VmSpec, facts: VmFacts) -> Login:
    """What the owner of a machine that is ready needs to log in: the address that answers first."""
    address = facts.address or ""
    further = further_addresses(spec, address)
    return Login(spec.names.fqdn, address, tuple(facts.host_keys), tuple(facts.host_key_fingerprints), further)


def further_addresses(spec: VmSpec, address: str) -> tuple[str, ...]:
    """The machine's addresses on its bridge besides the one that is known already; none in a libvirt network."""
    return tuple(one for one in spec.addresses if one != address)


def id_of(site: Site, ticket: Ticket) -> UUID:
    """Which machine at a site a ticket's is."""
    return ticket.machine_id or legacy_machine_id(site.provisioner.site, ticket.username, str(ticket.id))


class NoKeys(Exception):
    """Nobody could log in: the message says why."""


def keys_of(context: TurnContext, ticket: Ticket) -> tuple[str, ...]:
    """The keys of a machine's owner as the directory has them now.  Raises NoKeys and DirectoryUnavailable."""
    person = owner_of(context, ticket)
    if person is None or person.locked:
        why = say("The directory no longer has an active account {login}.", login=ticket.login)
        raise NoKeys(why)
    keys, refusals = usable_keys(person)
    if not keys:
        none = say("The directory no longer has a usable SSH key for {login}.", login=ticket.login)
        why = as_one(none, *refusals)
        raise NoKeys(why)
    return keys


def begun(context: TurnContext, item: OutboxItem) -> datetime | None:
    """When work on the row began, as `begin` has noted; None where it only waited until now."""
    known = context.store.note(_note(item))
    return None if known is None else datetime.fromisoformat(known)


def begin(context: TurnContext, item: OutboxItem) -> datetime:
    """Note that work on the row begins now, if it has not begun; gives when it did.

    A row may wait for days before that (a pause, a hypervisor that is away): what may take so many minutes
    has them from here on, not from when it was asked for.
    """
    known = begun(context, item)
    if known is not None:
        return known
    now = context.clock.now()
    context.store.put_note(_note(item), now.isoformat())
    return now


def looked(context: TurnContext, item: OutboxItem) -> timedelta:
    """Note that the row is looked at now; gives for how long it has been looked at so far.

    While the bot was off or paused nobody looked: a machine that would still become ready is not given up for that.
    """
    now = context.clock.now()
    known = context.store.note(_looks(item))
    spent = timedelta()
    if known is not None:
        so_far, last = known.split()
        spent = timedelta(seconds=float(so_far)) + min(now - datetime.fromisoformat(last), LONGEST_LOOK)
    context.store.put_note(_looks(item), f"{spent.total_seconds():.3f} {now.isoformat()}")
    return spent


def was_looked_at(context: TurnContext, item: OutboxItem) -> bool:
    """Whether the row has been looked at before, by `looked`."""
    return context.store.note(_looks(item)) is not None


def ended(context: TurnContext, item: OutboxItem) -> None:
    """Forget when work on the row began, and how long it was looked at."""
    for name in (_note(item), _looks(item)):
        if context.store.note(name) is not None:
            context.store.put_note(name, None)


def _note(item: OutboxItem) -> str:
    return f"begun:{item.id}"


def _looks(item: OutboxItem) -> str:
    return f"looked:{item.id}"


def later(context: TurnContext, item: OutboxItem, waiting_for: str) -> None:
    """Not finished, and nothing went wrong: look again soon; the attempt does not count."""
    now = context.clock.now()
    context.store.settle([Settled(item, retry_at=now + POLL, error=f"waiting for {waiting_for}", counted=False)], now)


def again(context: TurnContext, item: OutboxItem, why: str) -> None:
    """Something went wrong that may pass: try again, less and less often."""
    now = context.clock.now()
    retry_at = now + pause_after(item.attempts, FIRST_RETRY, LONGEST_RETRY)
    journal.machine_postponed(
        item.ticket_id, action=item.effect.action.value, machine="", retry_at=retry_at, why=why, site=None
    )
    context.store.settle([Settled(item, retry_at=retry_at, error=why)], context.clock.now())


def settle_with(
    context: TurnContext,
    item: OutboxItem,
    event: Event,
    settled: Settled,
    notes: Mapping[str, str | None] | None = None,
) -> None:
    """Settle the row and commit what follows from it, with these notes, in one transaction; where nothing follows, settle it alone.

    The end of a move gives back the address at the host where the machine is not; where a zone has the machines' names,
    one that is ready is named there, and one that is gone is not any more.
    """

    def commit(following: Turn) -> Ticket | None:
        turn = replace(following, notes={**following.notes, **(notes or {})})
        if isinstance(event, Arrived | MoveEnded) and turn.ticket is not None:
            turn = replace(turn, addresses=held_at(context, turn.ticket.site))
        turn = replace(turn, effects=(*turn.effects, *name_after(context, event, turn)))
        stored = context.store.settle_with(settled, turn)
        ended(context, item)
        for line in following.history:
            journal.ticket_moved(
                line.ticket_id,
                happening=line.event,
                before=line.before.value if line.before else "",
                after=line.after.value,
                who=line.actor.who,
                summary=line.summary,
            )
        return stored

    try:
        after = apply(context, item.about_ticket, event, commit)
    except LookupError as error:
        after = Refusal(words_of(error))
    if isinstance(after, Refusal):
        context.store.settle([settled], context.clock.now())
        ended(context, item)
