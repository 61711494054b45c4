"""The machines' names in the zones of the site: published when a machine is ready, taken away when it is gone.

Like letters they go through the outbox, with a worker of their own: a name server that is away holds up nothing else.
What was published for a ticket is a note of the store, written before the server is asked, so that the way back from an
address that the machine has left is taken away whenever that is.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import timedelta

from mailbot import journal
from mailbot.errors import NameServerUnavailable, NameTaken
from mailbot.model import Action, Arrived, Built, Effect, EffectFailed, Event, OutboxItem, Retired, Turn
from mailbot.ports import Settled, Store, Zones
from mailbot.timetable import pause_after
from mailbot.turns import sight
from mailbot.turns.addresses import at_host
from mailbot.turns.context import TurnContext, apply
from mailbot.turns.leases import LEASE_SECONDS
from parsers.translatable import Translatable, named, words_of

CLAIM = 20
FIRST_RETRY = timedelta(seconds=30)
LONGEST_RETRY = timedelta(minutes=15)
TELL_AFTER = 5
"""Attempts before admins hear that a name cannot be published; it is tried on all the same."""


@dataclass(frozen=True, slots=True)
class Published:
    """What a machine's name stood for at any time since it was last certain: nothing else of it is in a zone."""

    fqdn: str
    addresses: tuple[str, ...] = ()


def name_after(context: TurnContext, event: Event, turn: Turn) -> Iterator[Effect]:
    """What is to be done to a machine's name after an event, where a zone of ours has the names."""
    ticket, zones = turn.ticket, context.zones
    if zones is None or ticket is None:
        return
    key = f"{Action.NAME.value}:{event.kind.value}:{turn.now.isoformat()}"
    if isinstance(event, Retired):
        yield Effect(Action.NAME, key)
    elif isinstance(event, Built | Arrived) and zones.zone_of(event.login.fqdn):
        addresses = at_host(context, ticket, ticket.site or "") or (event.login.address,)
        yield Effect(Action.NAME, key, facts={"fqdn": event.login.fqdn, "addresses": list(addresses)})


def publish(context: TurnContext) -> int:
    """Bring names in step with their machines; gives how many were.

    1. Claim a batch: each attempt is on record before it is made.
    2. Tell the name servers; settle.
    3. Where one is away, what else is for its zone is put back unasked: it costs a pass one wait, and other zones nothing.
    4. Admins hear of one that stays away.
    """
    zones = context.zones
    if zones is None or context.paused():
        return 0
    done, asked, away = 0, False, dict[str, Translatable]()
    while items := context.store.claim((Action.NAME,), context.clock.now(), CLAIM, LEASE_SECONDS):
        asked = True
        done += sum(_attempted(context, zones, item, away) for item in items)
    if away:
        sight.cannot(context, sight.Sense.ZONES, next(iter(away.values())), context.clock.now())
    elif asked:
        sight.can(context, sight.Sense.ZONES, context.clock.now())
    return done


def _attempted(context: TurnContext, zones: Zones, item: OutboxItem, away: dict[str, Translatable]) -> bool:
    """Try one row; gives whether it is settled.  `away` says of zones why their servers are not asked now."""
    zone = zones.zone_of(_name_of(context, item))
    if zone in away:
        _put_back(context, item, away[zone])
        return False
    try:
        _one(context, zones, item)
    except NameServerUnavailable as error:
        away[zone] = words_of(error)
        journal.connection_lost(server="dns", why=str(error))
        _put_back(context, item, words_of(error))
    except NameTaken as error:
        _refused(context, item, words_of(error))
    except Exception as error:  # noqa: BLE001 - one name never stops the others
        journal.trouble(about=f"the name of ticket #{item.ticket_id}", error=error)
        _again(context, item, named(error))
    else:
        return True
    return False


def _name_of(context: TurnContext, item: OutboxItem) -> str:
    """The name that a row is about: the one that it has, or the one that is to go."""
    before = published(context.store, item.about_ticket)
    return str(item.effect.facts.get("fqdn") or (before.fqdn if before else ""))


def _one(context: TurnContext, zones: Zones, item: OutboxItem) -> None:
    """One name as its row has it.

    1. Nothing where a later row has it otherwise: what is refused would hold that one up for as long.
    2. A name that it has left is taken away, before the record knows the new one alone.
    3. What may be published from now on is on record: the new name, the addresses that there were and will be.
    4. Ways back from addresses that it has left are taken away; the name is put there, then the ways back to it.
    """
    ticket = context.store.ticket(item.about_ticket)
    if ticket is None or ticket.machine_id is None or _is_outdated(context, item):
        context.store.settle([Settled(item, done=True, proof="nothing is named")], context.clock.now())
        return
    owner, note = str(ticket.machine_id), note_of(ticket.id)
    before = published(context.store, ticket.id)
    wanted = Published(item.effect.facts.get("fqdn", ""), tuple(item.effect.facts.get("addresses", ())))
    every = tuple(dict.fromkeys((*(before.addresses if before else ()), *wanted.addresses)))
    if before is not None and before.fqdn != wanted.fqdn:
        zones.withdraw(before.fqdn, owner)
    if wanted.fqdn:
        context.store.put_note(note, _written(Published(wanted.fqdn, every)))
    for address in every:
        if address not in wanted.addresses:
            zones.unpoint(address, owner)
    if wanted.fqdn:
        zones.publish(wanted.fqdn, owner, wanted.addresses)
        for address in wanted.addresses:
            zones.point(address, wanted.fqdn, owner)
    _settled(context, item, wanted)


def _is_outdated(context: TurnContext, item: OutboxItem) -> bool:
    waiting = [one.key for one in context.store.waiting(item.about_ticket) if one.action is Action.NAME]
    return item.effect.key not in waiting[-1:]


def _settled(context: TurnContext, item: OutboxItem, wanted: Published) -> None:
    now, number = context.clock.now(), item.about_ticket
    kept = _written(wanted) if wanted.fqdn else None
    turn = Turn(now=now, about_ticket=number, notes={note_of(number): kept})
    context.store.settle_with(Settled(item, done=True, proof=", ".join(wanted.addresses)), turn)
    journal.name_settled(number, fqdn=wanted.fqdn, addresses=list(wanted.addresses))


def _put_back(context: TurnContext, item: OutboxItem, why: str) -> None:
    """Nothing was learnt about this name: the attempt does not count."""
    now = context.clock.now()
    context.store.settle([Settled(item, retry_at=now + FIRST_RETRY, error=why, counted=False)], now)


def _refused(context: TurnContext, item: OutboxItem, why: str) -> None:
    """Somebody else has the name: tried on, in case they leave it, and admins are told."""
    _again(context, item, why)
    if item.attempts % TELL_AFTER == 0:
        apply(context, item.about_ticket, EffectFailed(item.effect.action.value, why))


def _again(context: TurnContext, item: OutboxItem, why: str) -> None:
    now = context.clock.now()
    retry_at = now + pause_after(item.attempts, FIRST_RETRY, LONGEST_RETRY)
    context.store.settle([Settled(item, retry_at=retry_at, error=why)], now)


def note_of(ticket_id: int) -> str:
    """Where the store keeps what was published for a ticket."""
    return f"named:{ticket_id}"


def published(store: Store, ticket_id: int) -> Published | None:
    """What was published for a ticket; None where nothing is."""
    kept = store.note(note_of(ticket_id))
    if kept is None:
        return None
    value = json.loads(kept)
    return Published(value["fqdn"], tuple(value["addresses"]))


def _written(published: Published) -> str:
    return json.dumps(asdict(published))
