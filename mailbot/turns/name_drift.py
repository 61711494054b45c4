"""Machines' names in the zones, compared with what was published: a zone may have come back from a backup, or been edited by hand.

A name that is lost is published, once: the update's prerequisite is that nobody has it.  So is that of a machine that was ready
before its zone was configured.  One that leads elsewhere may be somebody's work: it is told like everything that
disagrees (`drift`), and left as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from mailbot import journal
from mailbot.errors import Conflict, NameServerUnavailable
from mailbot.model import Action, Effect, Ticket, TicketState, Turn
from mailbot.ports import Zones
from mailbot.turns import drift, sight
from mailbot.turns.addresses import at_host
from mailbot.turns.context import TurnContext
from mailbot.turns.drift import AGAIN, Drift, Finding
from mailbot.turns.names import Published, published
from parsers.translatable import Translatable, say, words_of
from provisioner.naming import machine_name

EVERY = timedelta(days=1)
_NAMED = (TicketState.ACTIVE, TicketState.EXPIRED)
"""The states in which a machine's name stays as it was published."""


def look(context: TurnContext) -> int:
    """Compare the names of one site whose look is due; gives how many sites were compared.

    1. Ask the name servers for every name of the site; nothing is kept of a look that one of them did not answer.
    2. What two looks in a row have seen is kept; of that, what is lost and was not kept before is published again.
    One site at a time: names that wait to be published are not held up by the look at all others.
    """
    zones, now = context.zones, context.clock.now()
    site = None if zones is None or context.paused() else _due(context, now)
    if site is None:
        return 0
    try:
        seen = compared(context, site)
    except NameServerUnavailable as error:
        journal.connection_lost(server="dns", why=str(error))
        sight.cannot(context, sight.Sense.ZONES, words_of(error), now)
        return 0
    if not _others_wait(context):
        sight.can(context, sight.Sense.ZONES, now)
    before = drift.last_look(context.store.note(_note(site)))
    lasting = before.again(seen)
    known = drift.kept_of(context.store, site, names=True)
    soon = any(
        one.said not in before.seen or one not in known for one in seen
    )  # what is new, or is published again now
    drift.keep_look(context.store, _note(site), seen, now + (AGAIN if soon else EVERY))
    if lasting != known:
        drift.keep(context.store, site, lasting, names=True)
    for one in lasting:
        if one.drift is Drift.NAME_MISSING and one not in known:
            _publish_again(context, one.ticket or 0)
    return 1


def _due(context: TurnContext, now: datetime) -> str | None:
    """A site whose look is due, the first by name."""
    sites = sorted(health.site for health, _at in context.store.health())
    notes = context.store.notes([_note(site) for site in sites])
    return next((one for one in sites if drift.last_look(notes.get(_note(one))).next_at <= now), None)


def _note(site: str) -> str:
    return f"names-compared:{site}"


def compared(context: TurnContext, site: str) -> tuple[Finding, ...]:
    """What disagrees with what was published for a site's machines, at this moment.  Raises NameServerUnavailable.

    A name that waits to be published, or taken away, is in motion and not judged.
    """
    if context.zones is None:
        return ()
    tickets = [one for one in context.store.tickets(_NAMED) if one.site == site]
    return tuple(finding for ticket in tickets for finding in _of_ticket(context, context.zones, ticket))


def _of_ticket(context: TurnContext, zones: Zones, ticket: Ticket) -> Iterator[Finding]:
    """The first that is wrong with a machine's name: to publish it again puts all of it right."""
    there = _expected(context, zones, ticket)
    if there is None or _waits(context, ticket):
        return
    for kind, words in _of_name(zones, there, str(ticket.machine_id)):
        said = say("{where}: {problem}", where=f"#{ticket.id}, {ticket.username}", problem=words)
        yield Finding(kind, ticket.id, machine_name(ticket.username), said)
        return


def _expected(context: TurnContext, zones: Zones, ticket: Ticket) -> Published | None:
    """What was published for a machine, or would have been, had its zone been configured when it became ready."""
    if there := published(context.store, ticket.id):
        return there
    logins = (line.facts["login"] for line in reversed(context.store.history(ticket.id)) if line.facts.get("login"))
    login = next(logins, {"fqdn": "", "address": ""})
    addresses = at_host(context, ticket, ticket.site or "") or (login["address"],)
    return Published(login["fqdn"], addresses) if zones.zone_of(login["fqdn"]) and all(addresses) else None


def _of_name(zones: Zones, there: Published, owner: str) -> Iterator[tuple[Drift, Translatable]]:
    """What a zone has of a name against what was published: the name itself, then the way back from each address."""
    name, records = there.fqdn, zones.records(there.fqdn, owner)
    if not records.addresses:
        yield (
            Drift.NAME_MISSING,
            say("the name {name} is not in its zone; mailbot publishes it, once.", name=name),
        )
    elif not records.owned:
        told = say("the records of the name {name} are not mailbot's; if they are deleted, it publishes its own.")
        yield Drift.NAME_ELSEWHERE, told.given(name=name)
    elif records.addresses != set(there.addresses):
        told = say("the name {name} leads to {found}, not to {wanted}; if it is deleted, it is published again.")
        found, wanted = ", ".join(sorted(records.addresses)), ", ".join(there.addresses)
        yield Drift.NAME_ELSEWHERE, told.given(name=name, found=found, wanted=wanted)
    for address in there.addresses:
        back = zones.leads_to(address)
        if back is not None and not back:
            told = say("the address {address} does not lead back to {name}; mailbot publishes that, once.")
            yield Drift.NAME_MISSING, told.given(address=address, name=name)
        elif back is not None and back != {name.lower()}:
            told = say(
                "the address {address} leads back to {found}, not to {name}; if that is deleted, {name} is published."
            )
            yield Drift.NAME_ELSEWHERE, told.given(address=address, found=", ".join(sorted(back)), name=name)


def _others_wait(context: TurnContext) -> bool:
    """Whether a name waits for a server, perhaps another one: then it is for publishing to say that it is back."""
    return any(one.action is Action.NAME for one in context.store.outbox_counts())


def _waits(context: TurnContext, ticket: Ticket) -> bool:
    return any(one.action is Action.NAME for one in context.store.waiting(ticket.id))


def _publish_again(context: TurnContext, number: int) -> None:
    """Have a name published as it was; nothing where the machine has gone on meanwhile: that publishes it, or takes it away."""
    ticket, now = context.store.ticket(number), context.clock.now()
    if ticket is None or ticket.state not in _NAMED or _waits(context, ticket):
        return
    there = _expected(context, context.zones, ticket) if context.zones else None
    if there is None:
        return
    facts = {"fqdn": there.fqdn, "addresses": list(there.addresses)}
    effect = Effect(Action.NAME, f"{Action.NAME.value}:again:{now.isoformat()}", facts=facts)
    try:
        context.store.commit(Turn(now, ticket=ticket, expected_revision=ticket.revision, effects=(effect,)))
    except Conflict:
        journal.ticket_contended(number, doing="publishing its name again")
